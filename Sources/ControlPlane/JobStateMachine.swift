import HostSystem

/// Decides what becomes of a job. Pure: the driver reports events, and does what it is told, in order.
///
/// Plans, runs and timers have numbers, so that what an earlier one reports late changes nothing.
public struct JobStateMachine: Sendable, Hashable {
    /// What has happened.
    public enum Event: Sendable, Hashable {
        /// What the user wants, also when it is what was wanted before.
        case desired(JobDesire)
        /// `settles`: what was planned is the query before, which has to finish something first.
        case compiled(attempt: Int, settles: Bool = false)
        case compileFailed(attempt: Int, OperationalError.Domain)
        /// Every task of the run has opened what it needs.
        case started(run: Int)
        /// All sources of the run have ended.
        case inputEnded(run: Int)
        /// A task of the run met an error; the others are ending.
        case faulted(run: Int, OperationalError.Domain)
        case ended(run: Int, Ending)
        case elapsed(Timer)
    }

    /// How a run ended.
    public enum Ending: Sendable, Hashable {
        /// All input was read.
        case finished
        case stopped
        /// Stopped, and the checkpoint that was to be the last does not stand.
        case stoppedWithoutCheckpoint
        case failed(OperationalError.Domain)
    }

    /// Which query is to be planned.
    public enum Step: Sendable, Hashable {
        /// The one whose state there is.
        case same
        /// The one wanted, if it can go on from the state of the one before; `isSettled`: that has finished all it
        /// had to. Else the one before, to finish it.
        case change(version: Int, isSettled: Bool)
        /// The one before: what is wanted cannot be had, and is not wanted any more.
        case keep(version: Int)
    }

    /// What is waited for.
    public enum Timer: Sendable, Hashable {
        /// The wait before the next attempt.
        case backOff(attempt: Int)
        /// The run has been healthy for long enough.
        case healthy(run: Int)
        /// A run that was to end at once has had its time.
        case giveUp(run: Int)
    }

    /// What is to be done about it.
    public enum Action: Sendable, Hashable {
        case enter(JobState)
        case compile(attempt: Int, parallelism: Int, step: Step = .same)
        /// Runs what was compiled, from the last checkpoint if there is one. `settles`: it only finishes what was
        /// begun, takes a checkpoint and ends.
        case start(run: Int, attempt: Int, checkpointIntervalMillis: Int?, settles: Bool = false)
        case stop(run: Int, JobStopMode)
        /// Lets go of a run that does not end.
        case abandon(run: Int)
        case setCheckpointInterval(run: Int, millis: Int?)
        /// Starts a timer; for `.backOff` after so many failures in a row.
        case schedule(Timer, failures: Int)
    }

    public private(set) var state: JobState
    public private(set) var desire: JobDesire
    /// The number of the last run.
    public private(set) var run: Int
    /// Whether that run has not ended.
    public private(set) var hasRun = false
    /// Failures in a row.
    public private(set) var failures = 0
    let policy: RestartPolicy
    private var attempt = 0
    /// What the last plan was made for.
    private var plannedParallelism = 0
    /// The hardest stop the run has been asked for.
    private var stopping = JobStopMode.none
    /// The error the run is ending with.
    private var fault: OperationalError.Domain?
    /// Whether a restart is wanted of a run that ends anyway.
    private var beginsAgain = false
    /// The version of the query whose state there is, and of the one that was last wanted to be planned.
    private var keptQuery: Int
    private var plannedQuery: Int
    /// Whether the run is to leave its state to another query.
    private var handsOver = false
    /// Whether the run only finishes what was begun.
    private var settlesOnly = false
    /// Whether the query before has finished all it had to.
    private var isSettled = false
    /// The version that could not be had.
    private var refusedQuery: Int?

    /// A job that nothing has been done for yet, or, `after` so many runs, one that came to rest before: `state` is
    /// `created` or a terminal one. `changesQuery`: its state is that of another query than is wanted.
    public init(
        desire: JobDesire, policy: RestartPolicy, state: JobState = .created, after run: Int = 0,
        changesQuery: Bool = false
    ) {
        precondition(state == .created || state.isTerminal, "a job begins at rest, found \(state)")
        keptQuery = changesQuery ? desire.queryVersion - 1 : desire.queryVersion
        plannedQuery = keptQuery
        self.desire = desire
        self.policy = policy
        self.state = state
        self.run = max(0, run)
    }

    /// What an event leads to, in order.
    public mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .desired(let desire): return desired(desire)
        case .compiled(let attempt, let settles):
            guard state == .compiling, attempt == self.attempt else { return [] }
            return compiled(settles: settles)
        case .compileFailed(let attempt, let domain):
            guard state == .compiling, attempt == self.attempt else { return [] }
            return failed(domain)
        case .started(let run):
            guard isCurrent(run), state == .scheduling else { return [] }
            return enter(.running) + [.schedule(.healthy(run: run), failures: failures)]
        case .inputEnded(let run):
            guard isCurrent(run), state == .scheduling || state == .running else { return [] }
            return enter(.finishing)
        case .faulted(let run, let domain):
            guard isCurrent(run), fault == nil else { return [] }
            return faulted(domain)
        case .ended(let run, let ending):
            guard isCurrent(run) else { return [] }
            return ended(ending)
        case .elapsed(let timer): return elapsed(timer)
        }
    }

    private func isCurrent(_ run: Int) -> Bool { hasRun && run == self.run }

    private mutating func enter(_ state: JobState) -> [Action] {
        if self.state == state { return [] }
        self.state = state
        return [.enter(state)]
    }

    /// Plans and runs anew.
    private mutating func begin() -> [Action] {
        attempt += 1
        beginsAgain = false
        plannedParallelism = desire.parallelism
        plannedQuery = desire.queryVersion
        var step = Step.same
        if isChangingQuery {
            step =
                refusedQuery == plannedQuery
                ? .keep(version: plannedQuery) : .change(version: plannedQuery, isSettled: isSettled)
        }
        return enter(.compiling) + [.compile(attempt: attempt, parallelism: desire.parallelism, step: step)]
    }

    /// Whether another query is wanted than the one whose state there is.
    public var isChangingQuery: Bool { desire.queryVersion != keptQuery }

    private mutating func compiled(settles: Bool) -> [Action] {
        run += 1
        hasRun = true
        // A run that only settles is ending from the start.
        stopping = settles ? .checkpoint : .none
        handsOver = settles
        settlesOnly = settles
        fault = nil
        if !settles {
            keptQuery = plannedQuery
            refusedQuery = nil
            isSettled = false
        }
        let millis = desire.checkpointIntervalMillis
        let start = Action.start(run: run, attempt: attempt, checkpointIntervalMillis: millis, settles: settles)
        return enter(.scheduling) + [start] + (settles ? enter(.restarting) : [])
    }

    /// Begins as if nothing had failed before.
    private mutating func beginAfresh() -> [Action] {
        failures = 0
        return begin()
    }

    /// Rests; what is still being planned or waited for is forgotten.
    private mutating func rest(_ state: JobState) -> [Action] {
        attempt += 1
        return enter(state)
    }

    // MARK: Runs

    private mutating func faulted(_ domain: OperationalError.Domain) -> [Action] {
        fault = domain
        var actions: [Action] = []
        if domain == .user {
            actions = enter(.failing)
        } else if state != .stopping && state != .checkpointStopping {
            actions = enter(.recovering)
        }
        return actions + [.schedule(.giveUp(run: run), failures: failures)]
    }

    private mutating func ended(_ ending: Ending) -> [Action] {
        hasRun = false
        let hasHandedOver = handsOver
        // A run that has read something may leave files open.
        if settlesOnly && (ending == .stopped || ending == .finished) { isSettled = true }
        handsOver = false
        let domain: OperationalError.Domain? = if case .failed(let domain) = ending { domain } else { fault }
        if let domain {
            // Whoever stops a job does not want it back only because it failed on its way.
            if domain != .user && desire.stop != .none { return rest(.stopped) }
            return failed(domain)
        }
        if hasHandedOver && desire.stop == .none {
            if ending == .stoppedWithoutCheckpoint { refusedQuery = desire.queryVersion }
            if ending == .finished { return begin() }
        }
        if ending == .finished {
            let actions = enter(.finishing) + rest(.finished)
            return beginsAgain && desire.stop == .none ? actions + beginAfresh() : actions
        }
        if desire.stop != .none { return rest(.stopped) }
        switch state {
        case .restarting, .rescaling, .stopping, .checkpointStopping: return begin()
        // Nobody here has stopped it.
        default: return failed(.internal)
        }
    }

    /// Tries again, or gives up.
    private mutating func failed(_ domain: OperationalError.Domain) -> [Action] {
        if domain != .user {
            if beginsAgain && desire.stop == .none { return beginAfresh() }
            failures += 1
            if policy.allows(failures: failures) {
                attempt += 1
                return enter(.recovering) + [.schedule(.backOff(attempt: attempt), failures: failures)]
            }
        }
        let actions = enter(.failing) + rest(.failed)
        return beginsAgain && desire.stop == .none ? actions + beginAfresh() : actions
    }

    private mutating func elapsed(_ timer: Timer) -> [Action] {
        switch timer {
        case .backOff(let attempt):
            guard state == .recovering, !hasRun, attempt == self.attempt else { return [] }
            return begin()
        case .healthy(let run):
            if isCurrent(run) && fault == nil { failures = 0 }
            return []
        case .giveUp(let run):
            guard isCurrent(run), stopping == .force || fault != nil else { return [] }
            return [.abandon(run: run)] + ended(.stoppedWithoutCheckpoint)
        }
    }

    // MARK: Desires

    private mutating func desired(_ new: JobDesire) -> [Action] {
        let old = desire
        desire = new
        let isFresh = new.restartNonce != old.restartNonce
        var actions: [Action] = []
        if hasRun && new.checkpointIntervalMillis != old.checkpointIntervalMillis {
            actions.append(.setCheckpointInterval(run: run, millis: new.checkpointIntervalMillis))
        }
        // Whoever goes back to the last checkpoint by force does without what came after it.
        if isFresh && new.forcesRestart { isSettled = true }
        if new.stop != .none { return actions + stopWanted() }
        switch state {
        case .created, .stopped: return actions + beginAfresh()
        case .finished: return isFresh ? beginAfresh() : []
        case .failed: return isFresh || old.stop != .none ? beginAfresh() : []
        case .compiling:
            if isFresh { return beginAfresh() }
            return new.parallelism == plannedParallelism && new.queryVersion == plannedQuery ? [] : begin()
        case .scheduling, .running:
            if isFresh || isChangingQuery {
                let mode = isFresh ? restartMode : .checkpoint
                handsOver = isChangingQuery && mode == .checkpoint
                return actions + enter(.restarting) + stop(mode)
            }
            if new.parallelism == plannedParallelism { return actions }
            return actions + enter(.rescaling) + stop(.checkpoint)
        case .restarting, .rescaling:
            if isFresh { actions += stop(restartMode) }
            handsOver = isChangingQuery && stopping == .checkpoint
            return actions
        case .recovering where !hasRun: return isFresh || new.queryVersion != old.queryVersion ? beginAfresh() : []
        // The run ends anyway; then there is something more to do.
        case .recovering, .finishing, .failing:
            if isFresh { beginsAgain = true }
            return actions
        // What has begun to stop stops; then it begins again, for a restart also when its input has ended meanwhile.
        case .stopping, .checkpointStopping:
            if isFresh { beginsAgain = true }
            return actions
        }
    }

    private var restartMode: JobStopMode { desire.forcesRestart ? .immediate : .checkpoint }

    private mutating func stopWanted() -> [Action] {
        beginsAgain = false
        switch state {
        case .created, .compiling: return rest(.stopped)
        case .stopped, .finished, .failed: return []
        case .recovering, .failing:
            // The run is ending already, or gone.
            return hasRun ? stop(desire.stop) : rest(.stopped)
        case .scheduling, .running, .restarting, .rescaling, .finishing, .checkpointStopping, .stopping:
            let isSoft = desire.stop == .checkpoint && state != .stopping
            return enter(isSoft ? .checkpointStopping : .stopping) + stop(desire.stop)
        }
    }

    /// Asks the run to end, if that is more than it has been asked for.
    private mutating func stop(_ mode: JobStopMode) -> [Action] {
        if mode.hardness <= stopping.hardness { return [] }
        stopping = mode
        let actions = [Action.stop(run: run, mode)]
        return mode == .force ? actions + [.schedule(.giveUp(run: run), failures: failures)] : actions
    }
}
