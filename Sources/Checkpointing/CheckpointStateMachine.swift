/// Decides when a checkpoint is begun, published and given up. One at a time; a second never overtakes.
///
/// A task that has come to its end counts as done for the epoch under way and for all later ones.
public struct CheckpointStateMachine: Sendable {
    public enum Event: Hashable, Sendable {
        /// The interval has passed, or somebody asks; `stops`: sources end after this one.
        case requested(stops: Bool)
        /// A task's state of an epoch is on the disk.
        case written(task: Int, epoch: Int)
        /// A task's state of an epoch could not be written.
        case writeFailed(task: Int, epoch: Int)
        /// A task has come to its end; `afterSnapshot`: its state of the epoch under way is still being written.
        case finished(task: Int, afterSnapshot: Bool)
        /// The manifest of the epoch is on the disk.
        case published(epoch: Int)
        case publishFailed(epoch: Int)
    }

    public enum Action: Hashable, Sendable {
        /// Sends barriers of this epoch from all sources.
        case inject(epoch: Int, stops: Bool)
        /// All tasks are done: writes the manifest.
        case publish(epoch: Int)
        /// The epoch stands: what is older may go.
        case collect(epoch: Int)
        /// Forgets the epoch; its files may go.
        case discard(epoch: Int)
    }

    private enum Phase: Hashable {
        case resting
        /// Waiting for these tasks.
        case collecting(epoch: Int, waitingFor: Set<Int>, hasFailed: Bool)
        case publishing(epoch: Int)
    }

    private var phase = Phase.resting
    private var running: Set<Int>
    private var nextEpoch: Int
    private var stopIsWanted = false
    private var hasInjectedStop = false
    /// Whether the last epoch of all, with every task at its end, has been asked for.
    private var isClosed = false

    /// `lastEpoch` is the newest epoch that has ever been used.
    public init(tasks: Set<Int>, lastEpoch: Int) {
        running = tasks
        nextEpoch = lastEpoch + 1
    }

    /// Whether nothing is under way.
    public var isResting: Bool { phase == .resting }

    /// What an event leads to, in order.
    public mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .requested(let stops):
            if stops { stopIsWanted = true }
            return begin()
        case .written(let task, let epoch): return done(task, epoch, failing: false)
        // The barriers still travel: the next epoch waits until all tasks are through with this one.
        case .writeFailed(let task, let epoch): return done(task, epoch, failing: true)
        case .finished(let task, let afterSnapshot):
            running.remove(task)
            if case .collecting(let epoch, _, _) = phase {
                return afterSnapshot ? [] : done(task, epoch, failing: false)
            }
            return again()
        case .publishFailed(let epoch):
            guard phase == .publishing(epoch: epoch) else { return [] }
            phase = .resting
            return [.discard(epoch: epoch)]
        case .published(let epoch):
            guard phase == .publishing(epoch: epoch) else { return [] }
            phase = .resting
            return [.collect(epoch: epoch)] + again()
        }
    }

    private mutating func done(_ task: Int, _ epoch: Int, failing: Bool) -> [Action] {
        guard case .collecting(epoch, var waiting, let hasFailed) = phase else { return [] }
        waiting.remove(task)
        phase = .collecting(epoch: epoch, waitingFor: waiting, hasFailed: hasFailed || failing)
        return advance()
    }

    private mutating func begin() -> [Action] {
        guard case .resting = phase, !isClosed else { return [] }
        if hasInjectedStop && !stopIsWanted { return [] }
        let epoch = nextEpoch
        nextEpoch += 1
        phase = .collecting(epoch: epoch, waitingFor: running, hasFailed: false)
        let stops = stopIsWanted
        if stops { hasInjectedStop = true }
        stopIsWanted = false
        if running.isEmpty {
            isClosed = true
            phase = .publishing(epoch: epoch)
            return [.publish(epoch: epoch)]
        }
        return [.inject(epoch: epoch, stops: stops)]
    }

    private mutating func advance() -> [Action] {
        guard case .collecting(let epoch, let waiting, let hasFailed) = phase, waiting.isEmpty else { return [] }
        if hasFailed {
            phase = .resting
            return [.discard(epoch: epoch)]
        }
        phase = .publishing(epoch: epoch)
        return [.publish(epoch: epoch)]
    }

    /// Begins at once what could not wait for the next interval: a stop, and the record that everything has ended.
    private mutating func again() -> [Action] {
        if stopIsWanted { return begin() }
        if running.isEmpty { return begin() }
        return []
    }
}
