/// Decides when a checkpoint is begun, published, committed and given up. One at a time; a second never overtakes.
///
/// A task that has come to its end counts as done for the epoch under way and for all later ones. One whose sink
/// commits lingers until an epoch with its last output has been committed.
public struct CheckpointStateMachine: Sendable {
    /// What has happened.
    public enum Event: Hashable, Sendable {
        /// The interval has passed, or somebody asks; `stops`: sources end after this one.
        case requested(stops: Bool)
        /// A task's state of an epoch is on the disk.
        case written(task: Int, epoch: Int)
        /// A task's state of an epoch could not be written.
        case writeFailed(task: Int, epoch: Int)
        /// A task has done all but to commit; it answers every barrier at once.
        case lingering(task: Int)
        /// A task has come to its end; `afterSnapshot`: its state of the epoch under way is still being written.
        case finished(task: Int, afterSnapshot: Bool)
        /// The manifest of the epoch is on the disk.
        case published(epoch: Int)
        case publishFailed(epoch: Int)
        /// A task's sink has committed an epoch.
        case committed(task: Int, epoch: Int)
    }

    /// What is to be done about it.
    public enum Action: Hashable, Sendable {
        /// Sends barriers of this epoch from all sources; `isWhole`: all state is asked for, not only what has changed.
        case inject(epoch: Int, stops: Bool, isWhole: Bool)
        /// All tasks are done: writes the manifest.
        case publish(epoch: Int)
        /// The outcome is decided: sinks show what belongs to the epoch.
        case commit(epoch: Int)
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
        /// Waiting for the sinks of these tasks.
        case committing(epoch: Int, waitingFor: Set<Int>)
    }

    private var phase = Phase.resting
    private var running: Set<Int>
    /// Of the running ones: those whose sink commits, and those that have nothing else left to do.
    private var committers: Set<Int>
    private var lingering: Set<Int> = []
    private var nextEpoch: Int
    /// Whether what is on the disk is not what increments could be added to.
    private var nextIsWhole: Bool
    private var stopIsWanted = false
    private var hasInjectedStop = false
    /// Whether the last epoch of all, with every task at its end, has been asked for.
    private var isClosed = false

    /// `committers` are the tasks whose sinks commit; `lastEpoch` is the newest epoch that has ever been used; with
    /// `continues` the first epoch adds to what the pipeline went on from.
    public init(tasks: Set<Int>, committers: Set<Int> = [], lastEpoch: Int, continues: Bool = false) {
        running = tasks
        self.committers = committers
        nextEpoch = lastEpoch + 1
        nextIsWhole = !continues
    }

    /// Whether nothing is under way.
    public var isResting: Bool { phase == .resting }

    /// Whether all that is left to do is to commit.
    public var isLingering: Bool { !running.isEmpty && running.isSubset(of: lingering) }

    /// Whether sources end behind the epoch under way, or have ended behind the last one.
    public var isStopping: Bool { hasInjectedStop }

    /// Whether no epoch comes any more.
    public var isOver: Bool { isClosed || hasInjectedStop && !stopIsWanted && phase == .resting }

    /// What an event leads to, in order.
    public mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .requested(let stops):
            if stops { stopIsWanted = true }
            return begin()
        case .written(let task, let epoch): return done(task, epoch, failing: false)
        // The barriers still travel: the next epoch waits until all tasks are through with this one.
        case .writeFailed(let task, let epoch): return done(task, epoch, failing: true)
        case .lingering(let task):
            lingering.insert(task)
            return again()
        case .finished(let task, let afterSnapshot): return finish(task, afterSnapshot)
        case .publishFailed(let epoch):
            guard phase == .publishing(epoch: epoch) else { return [] }
            return giveUp(epoch)
        case .published(let epoch):
            guard phase == .publishing(epoch: epoch) else { return [] }
            nextIsWhole = false
            phase = .committing(epoch: epoch, waitingFor: committers)
            return committers.isEmpty ? settle() : [.commit(epoch: epoch)]
        case .committed(let task, let epoch):
            guard case .committing(epoch, var waiting) = phase else { return [] }
            waiting.remove(task)
            phase = .committing(epoch: epoch, waitingFor: waiting)
            return settle()
        }
    }

    private mutating func finish(_ task: Int, _ afterSnapshot: Bool) -> [Action] {
        running.remove(task)
        committers.remove(task)
        lingering.remove(task)
        switch phase {
        case .collecting(let epoch, _, _): return afterSnapshot ? [] : done(task, epoch, failing: false)
        case .committing(let epoch, _): return handle(.committed(task: task, epoch: epoch))
        case .resting, .publishing: return again()
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
        return [.inject(epoch: epoch, stops: stops, isWhole: nextIsWhole)]
    }

    private mutating func advance() -> [Action] {
        guard case .collecting(let epoch, let waiting, let hasFailed) = phase, waiting.isEmpty else { return [] }
        if hasFailed { return giveUp(epoch) }
        phase = .publishing(epoch: epoch)
        return [.publish(epoch: epoch)]
    }

    /// What operators have given out for the epoch is lost, so the next one has to be whole.
    private mutating func giveUp(_ epoch: Int) -> [Action] {
        phase = .resting
        nextIsWhole = true
        return [.discard(epoch: epoch)] + (stopIsWanted ? begin() : [])
    }

    /// Ends the epoch once all sinks have committed.
    private mutating func settle() -> [Action] {
        guard case .committing(let epoch, let waiting) = phase, waiting.isEmpty else { return [] }
        phase = .resting
        return [.collect(epoch: epoch)] + again()
    }

    /// Begins at once what could not wait for the next interval: a stop, the last commit, and the record that
    /// everything has ended.
    private mutating func again() -> [Action] {
        if stopIsWanted || running.isEmpty || isLingering { return begin() }
        return []
    }
}
