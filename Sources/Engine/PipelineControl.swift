import Dataflow
import HostSystem
import Synchronization

/// What the tasks of one pipeline share: whether to stop or give up, the first error, the common start.
final class PipelineControl: Sendable {
    private struct State {
        var firstError: (any Error)?
        var unstartedCount: Int
        var starters: [UnsafeContinuation<Bool, Never>] = []
        var queues: [BatchQueue] = []
        var signals: [TaskSignal] = []
        var cancelHandlers: [@Sendable () -> Void] = []
    }

    private let stopping = Atomic<Bool>(false)
    private let cancelled = Atomic<Bool>(false)
    private let stopAsked = Atomic<Bool>(false)
    /// The barrier asked for last: four times its epoch, two more when all state is asked for, one more when sources
    /// stop behind it.
    private let wantedBarrier = Atomic<Int>(0)
    private let committableEpoch = Atomic<Int>(0)
    private let state: Mutex<State>

    init(taskCount: Int) {
        state = Mutex(State(unstartedCount: taskCount))
    }

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
        state.withLock { if $0.firstError == nil && !isCancelled { $0.firstError = error } }
        cancel()
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
            for starter in released { starter.resume(returning: true) }
            if let outcome { continuation.resume(returning: outcome) }
        }
        if !goes { throw CancellationError() }
    }
}
