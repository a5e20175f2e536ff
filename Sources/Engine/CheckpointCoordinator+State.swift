import Checkpointing
import Synchronization

extension CheckpointCoordinator {
    /// How a task waits for the outcome of an epoch.
    enum Waiter {
        /// For this epoch: true when it stands.
        case outcome(epoch: Int, UnsafeContinuation<Bool, Never>)
        /// A lingering task, for the next epoch to commit; nil when the pipeline is given up.
        case lingering(CheckpointFiles.TaskState, UnsafeContinuation<LingeringCommit?, Never>)
    }

    /// What a lingering task is to commit.
    struct LingeringCommit: Sendable {
        var epoch: Int
        /// Whether the epoch holds all that the task has written.
        var isLast: Bool
    }

    struct State {
        var machine: CheckpointStateMachine
        /// Tasks that gave their state to the epoch under way.
        var snapshotted: Set<Int> = []
        /// Of these the ones whose state is their last, as they linger.
        var answered: Set<Int> = []
        /// The epoch whose barriers are on their way, or whose files are being written.
        var collecting: Int?
        /// The subtasks of tasks at their end.
        var finished: [Int: [CheckpointManifest.Subtask]] = [:]
        var summary = CheckpointSummary()
        /// Where in the log epochs stand that are not settled yet.
        var sequences: [Int: Int] = [:]
        /// How each epoch of late came out.
        var outcomes: [Int: Bool] = [:]
        var waiters: [Int: Waiter] = [:]
        /// Sinks that have not yet committed what was restored.
        var uncommitted: Set<Int> = []
        var closers: [UnsafeContinuation<Void, Never>] = []
        var writing = 0
        var isOver = false
        var isCancelled = false
        var intervalNanos: UInt64?
        /// Tells the timer in force from those before.
        var timer = 0
    }
}
