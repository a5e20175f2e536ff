import Dataflow
import Engine
import HostSystem
import Synchronization

/// Drives one job: gives `JobStateMachine` its events one at a time, and does what it says.
///
/// All methods return at once. Plans and starts, which may take long, run as tasks of their own.
public final class JobSupervisor: Sendable {
    public let pipelineID: String
    public let jobID: String
    /// The folder of the job's state; nil: it keeps none, or the backend knows where.
    public let stateDirectory: String?
    private let host: Host
    private let backend: any ExecutionBackend
    private let plan: @Sendable (JobPlan.Order) throws -> JobPlan
    private let notify: @Sendable (JobNotice) -> Void
    private let outlets: PipelineOutlets
    /// Where plans are made and runs are begun; nil: on the shared threads.
    private let thread: (any TaskExecutor)?
    private let inputs: AsyncStream<Input>.Continuation
    private let state: Mutex<State>

    /// What a supervisor takes from the host.
    public struct Host: Sendable {
        public var timers: any TimerClock
        public var wallClock: any WallClock
        /// For the jitter of waits.
        public var random: any RandomSource

        public init(
            timers: any TimerClock = SystemMonotonicClock(), wallClock: any WallClock = SystemWallClock(),
            random: any RandomSource = SystemRandomSource()
        ) {
            self.timers = timers
            self.wallClock = wallClock
            self.random = random
        }
    }

    /// Everything that happens, in one queue.
    private enum Input: Sendable {
        case event(JobStateMachine.Event)
        case compiled(attempt: Int, JobPlan)
        case compileFailed(attempt: Int, JobFailure)
        case startFailed(run: Int, JobFailure)
        case runs(run: Int, any JobRun)
        case told(run: Int, RunEvent)
    }

    private struct State {
        var machine: JobStateMachine
        var status: JobStatus
        var random: any RandomSource
        /// The plan that was made last.
        var plan: JobPlan?
        var runs: [Int: any JobRun] = [:]
        /// Asked of runs that had not quite begun.
        var wanted: [Int: StopMode] = [:]
        var waiters: [Waiter] = []
    }

    private struct Waiter {
        var condition: @Sendable (JobStatus) -> Bool
        var continuation: UnsafeContinuation<JobStatus, Never>
    }

    /// A job of one query. `plan` makes the graph for a parallelism and may be called again.
    public convenience init(
        pipelineID: String, jobID: String, desire: JobDesire, policy: RestartPolicy = RestartPolicy(),
        backend: any ExecutionBackend, host: Host = Host(), notify: @escaping @Sendable (JobNotice) -> Void = { _ in },
        plan: @escaping @Sendable (_ parallelism: Int) throws -> DataflowGraph
    ) {
        self.init(
            pipelineID: pipelineID, jobID: jobID, desire: desire, policy: policy, backend: backend, host: host,
            notify: notify, planning: { JobPlan(graph: try plan($0.parallelism)) })
    }

    /// A job that has not begun; the first desire begins it. `planning` makes the graph that is to run and may be
    /// called again; `notify` is called in order, and must not wait. A job that was known before begins `after` so many
    /// runs, in the state it came to rest in; `startTime`, nanoseconds since 1970, is of one that goes on.
    /// `changesQuery`: its state is that of another query than is wanted.
    /// `outlets` are those of every run; `thread` is where plans and starts, which may take long, are made.
    public init(
        pipelineID: String, jobID: String, desire: JobDesire, policy: RestartPolicy = RestartPolicy(),
        stateDirectory: String? = nil, state initial: JobState = .created, after run: Int = 0,
        startTime: Int64? = nil, changesQuery: Bool = false, backend: any ExecutionBackend, host: Host = Host(),
        thread: (any TaskExecutor)? = nil,
        outlets: PipelineOutlets = PipelineOutlets(),
        notify: @escaping @Sendable (JobNotice) -> Void = { _ in },
        planning: @escaping @Sendable (JobPlan.Order) throws -> JobPlan
    ) {
        self.stateDirectory = stateDirectory
        self.pipelineID = pipelineID
        self.jobID = jobID
        self.backend = backend
        self.host = host
        plan = planning
        self.notify = notify
        self.outlets = outlets
        self.thread = thread
        var status = JobStatus(desire: desire)
        status.state = initial
        status.run = run
        status.startTime = startTime
        state = Mutex(
            State(
                machine: JobStateMachine(
                    desire: desire, policy: policy, state: initial, after: run, changesQuery: changesQuery),
                status: status, random: host.random))
        let (stream, continuation) = AsyncStream<Input>.makeStream()
        inputs = continuation
        Task.detached { [weak self] in
            for await input in stream { self?.take(input) }
        }
    }

    deinit { inputs.finish() }

    // MARK: For users

    public var status: JobStatus { state.withLock { $0.status } }
    /// The run under way; nil between two.
    public var currentRun: (any JobRun)? { state.withLock { $0.machine.hasRun ? $0.runs[$0.machine.run] : nil } }
    /// The run under way, or the one that has ended, until the next begins.
    public var lastRun: (any JobRun)? { state.withLock { $0.runs[$0.machine.run] } }

    /// Lets go of the plan and the runs of a job at rest; of no effect on one that does not rest.
    func forgetRuns() {
        let gone = state.withLock { state -> ([Int: any JobRun], JobPlan?)? in
            guard state.status.state.isTerminal, !state.machine.hasRun else { return nil }
            defer {
                state.runs = [:]
                state.plan = nil
            }
            return (state.runs, state.plan)
        }
        withExtendedLifetime(gone) {}
    }

    /// Says what is wanted of the job from now on.
    public func want(_ desire: JobDesire) { inputs.yield(.event(.desired(desire))) }

    /// Waits until the job's status meets a condition.
    public func wait(until condition: @escaping @Sendable (JobStatus) -> Bool) async -> JobStatus {
        await withUnsafeContinuation { continuation in
            let met = state.withLock { state -> JobStatus? in
                if condition(state.status) { return state.status }
                state.waiters.append(Waiter(condition: condition, continuation: continuation))
                return nil
            }
            if let met { continuation.resume(returning: met) }
        }
    }

    // MARK: Events

    private func take(_ input: Input) {
        switch input {
        case .event(let event): handle(event)
        case .compiled(let attempt, let plan):
            state.withLock { state in
                state.plan = plan
                state.status.taskCount = plan.graph.nodes.reduce(0) { $0 + $1.parallelism }
            }
            handle(.compiled(attempt: attempt, settles: plan.settles))
        case .compileFailed(let attempt, let failure):
            handle(.compileFailed(attempt: attempt, failure.domain), failure)
        case .startFailed(let run, let failure): handle(.ended(run: run, .failed(failure.domain)), failure)
        case .runs(let run, let handle):
            let wanted = state.withLock { state -> StopMode? in
                let isCurrent = state.machine.hasRun && state.machine.run == run
                if isCurrent { state.runs[run] = handle }
                // The interval may have been changed while it began.
                if isCurrent { handle.setCheckpointInterval(millis: state.machine.desire.checkpointIntervalMillis) }
                // One that was let go before it had begun is of no use any more.
                return isCurrent ? state.wanted[run] : .force
            }
            if let wanted { handle.stop(wanted) }
        case .told(let run, let event): told(run, event)
        }
    }

    private func told(_ run: Int, _ event: RunEvent) {
        switch event {
        case .started: handle(.started(run: run))
        case .inputEnded: handle(.inputEnded(run: run))
        case .faulted(let error):
            let failure = JobFailure(error)
            handle(.faulted(run: run, failure.domain), failure)
        case .ended(.success(let summary)):
            let isCurrent = state.withLock { $0.machine.hasRun && $0.machine.run == run }
            if isCurrent {
                state.withLock { state in
                    state.status.summary = summary
                    state.status.summaryRun = run
                }
            }
            handle(.ended(run: run, JobStateMachine.Ending(summary)))
        case .ended(.failure(let error)):
            let failure = JobFailure(error)
            handle(.ended(run: run, .failed(failure.domain)), failure)
        }
    }

    /// Only ever called from the one task that takes inputs.
    private func handle(_ event: JobStateMachine.Event, _ failure: JobFailure? = nil) {
        let time = host.wallClock.nowNanoseconds()
        let actions = state.withLock { state -> [JobStateMachine.Action] in
            let actions = state.machine.handle(event)
            if let failure, !actions.isEmpty { state.status.failure = failure }
            state.status.desire = state.machine.desire
            state.status.run = state.machine.run
            state.status.isChangingQuery = state.machine.isChangingQuery
            for action in actions {
                if case .enter(let entered) = action { state.status.enter(entered, at: time) }
                if case .abandon = action { state.status.hasAbandoned = true }
            }
            if state.runs.count > 1 { state.runs = state.runs.filter { $0.key == state.machine.run } }
            return actions
        }
        for action in actions { perform(action) }
        let met = state.withLock { state -> [(Waiter, JobStatus)] in
            let met = state.waiters.filter { $0.condition(state.status) }
            state.waiters.removeAll { $0.condition(state.status) }
            return met.map { ($0, state.status) }
        }
        for (waiter, status) in met { waiter.continuation.resume(returning: status) }
    }

    // MARK: Actions

    private func perform(_ action: JobStateMachine.Action) {
        switch action {
        case .enter(let entered): notify(.entered(entered))
        case .compile(let attempt, let parallelism, let step):
            compile(attempt, JobPlan.Order(parallelism: parallelism, step: step))
        case .start(let run, _, let millis, _): start(run, millis)
        case .stop(let run, let mode): stop(run, StopMode(mode))
        case .abandon(let run):
            stop(run, .force)
            backend.abandon(order(run, nil))
            notify(.abandoned(run: run))
        case .setCheckpointInterval(let run, let millis):
            state.withLock { $0.runs[run] }?.setCheckpointInterval(millis: millis)
        case .schedule(let timer, let failures): schedule(timer, failures)
        }
    }

    private func order(_ run: Int, _ millis: Int?) -> RunOrder {
        RunOrder(
            pipelineID: pipelineID, jobID: jobID, run: run, checkpointIntervalMillis: millis,
            stateDirectory: stateDirectory)
    }

    private func compile(_ attempt: Int, _ order: JobPlan.Order) {
        Task.detached(executorPreference: thread) { [plan, inputs] in
            do {
                inputs.yield(.compiled(attempt: attempt, try plan(order)))
            } catch {
                inputs.yield(.compileFailed(attempt: attempt, JobFailure(error)))
            }
        }
    }

    private func start(_ run: Int, _ millis: Int?) {
        guard let plan = state.withLock({ $0.plan }) else { return }
        var order = order(run, millis)
        order.acceptedGraphs = plan.acceptedGraphs
        order.settles = plan.settles
        let graph = plan.graph
        Task.detached(executorPreference: thread) { [backend, inputs, outlets, order] in
            do {
                let handle = try backend.start(graph, order, outlets: outlets) { inputs.yield(.told(run: run, $0)) }
                inputs.yield(.runs(run: run, handle))
            } catch {
                inputs.yield(.startFailed(run: run, JobFailure(error)))
            }
        }
    }

    private func stop(_ run: Int, _ mode: StopMode) {
        let handle = state.withLock { state in
            state.wanted = [run: mode]
            return state.runs[run]
        }
        handle?.stop(mode)
    }

    private func schedule(_ timer: JobStateMachine.Timer, _ failures: Int) {
        var nanos: UInt64
        let policy = state.withLock { $0.machine.policy }
        switch timer {
        case .healthy: nanos = UInt64(policy.healthyMillis) * 1_000_000
        case .giveUp: nanos = UInt64(policy.giveUpMillis) * 1_000_000
        case .backOff:
            let (random, failure) = state.withLock { state in
                state.status.restarts += 1
                return (state.random.next(), state.status.failure)
            }
            nanos = policy.backOffNanos(failures: failures, random: random)
            if let failure { notify(.restarting(failure, failures: failures, delayNanos: nanos)) }
        }
        host.timers.schedule(afterNanoseconds: nanos) { [inputs] in inputs.yield(.event(.elapsed(timer))) }
    }
}

extension JobStatus {
    /// Notes a change of state.
    mutating func enter(_ entered: JobState, at time: Int64) {
        let rested = state.isTerminal || state == .created
        // One that goes on with another server began with the one before.
        let known = state == .created ? startTime : nil
        state = entered
        if entered == .compiling && rested {
            startTime = known ?? time
            finishTime = nil
            failure = nil
            summary = nil
            restarts = 0
        }
        if entered.isTerminal { finishTime = time }
        history.append(Change(state: entered, time: time, run: run))
        if history.count > Self.historyCountMax { history.removeFirst(history.count - Self.historyCountMax) }
    }
}

extension JobStateMachine.Ending {
    /// How a run ended that did not fail.
    init(_ summary: PipelineSummary) {
        switch summary.outcome {
        case .finished: self = .finished
        // Without checkpoints nothing is missing.
        case .stopped, .cancelled:
            self = summary.checkpoints.map(\.hasStoppedBehindOne) ?? true ? .stopped : .stoppedWithoutCheckpoint
        }
    }
}

extension StopMode {
    /// A run has no other way to be told `none` than not to be told.
    init(_ mode: JobStopMode) {
        switch mode {
        case .none, .checkpoint: self = .checkpoint
        case .graceful: self = .graceful
        case .immediate: self = .immediate
        case .force: self = .force
        }
    }
}
