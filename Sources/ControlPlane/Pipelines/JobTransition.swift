/// A change of a job's state that has been kept.
public struct JobTransition: Sendable, Hashable {
    public var runID: Int
    public var state: JobState
    /// Microseconds since 1970.
    public var time: Int64
    /// Why, in a few words; nil when the state says it all.
    public var cause: String?

    public init(runID: Int, state: JobState, time: Int64, cause: String?) {
        self.runID = runID
        self.state = state
        self.time = time
        self.cause = cause
    }

    /// Why a job has come into a state.
    static func cause(of state: JobState, _ status: JobStatus) -> String? {
        let desire = status.desire
        switch state {
        case .failed, .failing, .recovering: return status.failure?.message
        case .stopping, .checkpointStopping: return "stop '\(desire.stop.rawValue)' is wanted"
        case .stopped:
            if let failure = status.failure { return "it failed while it stopped: \(failure.message)" }
            return desire.stop == .none ? nil : "stop '\(desire.stop.rawValue)' is wanted"
        case .rescaling: return "parallelism \(desire.parallelism) is wanted"
        case .restarting where status.isChangingQuery: return "another query is wanted"
        case .restarting: return "restart \(desire.restartNonce) is wanted"
        case .compiling:
            if status.restarts > 0 { return "restart after failure \(status.restarts)" }
            return status.run == 0 ? "it is wanted" : "run \(status.run) is over, another is wanted"
        case .finishing: return "all sources have ended"
        case .created, .scheduling, .running, .finished: return nil
        }
    }
}
