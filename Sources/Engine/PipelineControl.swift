import Dataflow
import HostSystem
import Synchronization

/// What a pipeline tells of itself while it runs, each once at most.
public enum PipelineMilestone: Sendable {
    /// Every task has opened what it reads and writes; rows flow.
    case started
    /// All sources have ended; what is in flight is processed.
    case inputEnded
    /// A task met an error; all others are ending.
    case failed(any Error)
}

/// What the tasks of one pipeline share: whether to stop or give up, the first error, the common start.
final class PipelineControl: Sendable {
    private struct State {
        var firstError: (any Error)?
        var unstartedCount: Int
        var openSourceCount: Int
        var starters: [UnsafeContinuation<Bool, Never>] = []
        var queues: [BatchQueue] = []
        var signals: [TaskSignal] = []
        var cancelHandlers: [@Sendable () -> Void] = []
    }

    private let stopping = Atomic<Bool>(false)
    private let cancelled = Atomic<Bool>(false)
    private let stopAsked = Atomic<Bool>(false)
    private let holding = Atomic<Bool>(false)
    private let started = Atomic<Bool>(false)
    private let observer: @Sendable (PipelineMilestone) -> Void
    /// The barrier asked for last: four times its epoch, two more when all state is asked for, one more when sources
    /// stop behind it.
    private let wantedBarrier = Atomic<Int>(0)
    private let committableEpoch = Atomic<Int>(0)
    private let standingEpoch = Atomic<Int>(0)
    private let state: Mutex<State>

    /// `observer` is told of milestones, on a thread of the engine, and must not wait.
    init(taskCount: Int, sourceCount: Int = 0, observer: @escaping @Sendable (PipelineMilestone) -> Void = { _ in }) {
        self.observer = observer
        state = Mutex(State(unstartedCount: taskCount, openSourceCount: sourceCount))
    }

    /// Whether all tasks have opened what they need.
    var hasStarted: Bool { started.load(ordering: .relaxed) }

    /// Whether sources are to end.
    var isStopping: Bool { stopping.load(ordering: .relaxed) }
    /// Whether somebody asked for an end, now or behind a checkpoint.
    var wasStopped: Bool { stopAsked.load(ordering: .relaxed) || isStopping }
    /// Whether everything is to end without more output.
    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }
    var firstError: (any Error)? { state.withLock { $0.firstError } }

    /// Names what has to be woken when the pipeline is given up. Called before the tasks begin.
    func watch(queues: [BatchQueue], signals: [TaskSignal]) {
        state.withLock {
            $0.queues = queues
            $0.signals = signals
        }
    }

    /// The sources will end behind a checkpoint.
    func noteStop() { stopAsked.store(true, ordering: .relaxed) }

    /// Whether sources read nothing more but wait for the barrier behind which they end.
    var isHolding: Bool { holding.load(ordering: .relaxed) }

    /// Makes sources wait for the barrier behind which they end.
    func hold() {
        holding.store(true, ordering: .relaxed)
        for signal in state.withLock({ $0.signals }) { signal.nudge() }
    }

    /// A source has ended.
    func noteSourceEnd() {
        let isLast = state.withLock { state in
            state.openSourceCount -= 1
            return state.openSourceCount == 0
        }
        if isLast && !isCancelled { observer(.inputEnded) }
    }

    /// Sources end; what is in flight is processed.
    func stop() {
        stopping.store(true, ordering: .relaxed)
        for signal in state.withLock({ $0.signals }) { signal.wake() }
    }

    /// The barrier that sources are to send if they have not yet; nil before the first.
    var barrier: Barrier? {
        let word = wantedBarrier.load(ordering: .acquiring)
        return word == 0 ? nil : Barrier(epoch: word >> 2, stops: word & 1 == 1, isWhole: word & 2 == 2)
    }

    /// Makes all sources send a barrier.
    func inject(_ barrier: Barrier) {
        let word = barrier.epoch << 2 | (barrier.isWhole ? 2 : 0) | (barrier.stops ? 1 : 0)
        wantedBarrier.store(word, ordering: .releasing)
        for signal in state.withLock({ $0.signals }) { signal.nudge() }
    }

    /// The newest epoch that sinks may commit; 0 before the first.
    var committable: Int { committableEpoch.load(ordering: .acquiring) }

    /// The newest epoch that stands; 0 before the first.
    var standing: Int { standingEpoch.load(ordering: .acquiring) }

    /// An epoch's manifest is on the disk.
    func announce(standing epoch: Int) { standingEpoch.store(epoch, ordering: .releasing) }

    /// Makes all sinks commit what belongs to an epoch.
    func announce(committable epoch: Int) {
        committableEpoch.store(epoch, ordering: .releasing)
        let (queues, signals) = state.withLock { ($0.queues, $0.signals) }
        for queue in queues { queue.nudge() }
        for signal in signals { signal.nudge() }
    }

    /// Calls `handler` when the pipeline is given up. Called before the tasks begin.
    func onCancel(_ handler: @escaping @Sendable () -> Void) {
        state.withLock { $0.cancelHandlers.append(handler) }
    }

    /// Everything ends now.
    func cancel() {
        cancelled.store(true, ordering: .relaxed)
        let (queues, signals, starters, handlers) = state.withLock { state in
            let starters = state.starters
            state.starters = []
            return (state.queues, state.signals, starters, state.cancelHandlers)
        }
        for queue in queues { queue.cancel() }
        for signal in signals { signal.wake() }
        for starter in starters { starter.resume(returning: false) }
        for handler in handlers { handler() }
    }

    /// Notes an error, if it is the first, and gives the pipeline up.
    func fail(_ error: any Error) {
        // An error after the end was decided is only its consequence.
        let isFirst = state.withLock { state in
            if state.firstError != nil || isCancelled { return false }
            state.firstError = error
            return true
        }
        cancel()
        if isFirst { observer(.failed(error)) }
    }

    /// Errors: `CancellationError` once the pipeline is given up.
    func checkCancellation() throws {
        if isCancelled { throw CancellationError() }
    }

    /// Waits until every task has opened what it reads and writes, so that nothing flows into a pipeline that cannot
    /// start. Errors: `CancellationError`.
    func awaitCommonStart() async throws {
        let goes = await withUnsafeContinuation { (continuation: UnsafeContinuation<Bool, Never>) in
            var released: [UnsafeContinuation<Bool, Never>] = []
            let outcome = state.withLock { state -> Bool? in
                state.unstartedCount -= 1
                if isCancelled { return false }
                if state.unstartedCount > 0 {
                    state.starters.append(continuation)
                    return nil
                }
                swap(&released, &state.starters)
                return true
            }
            if outcome == true {
                started.store(true, ordering: .relaxed)
                observer(.started)
            }
            for starter in released { starter.resume(returning: true) }
            if let outcome { continuation.resume(returning: outcome) }
        }
        if !goes { throw CancellationError() }
    }
}
