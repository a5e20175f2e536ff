/// What a job is doing.
public enum JobState: String, Sendable, Hashable, Codable, CaseIterable {
    case created = "Created"
    /// Its query is being planned.
    case compiling = "Compiling"
    /// A run has been started; its tasks open what they read and write, and take back their state.
    case scheduling = "Scheduling"
    case running = "Running"
    /// Ends without a checkpoint, or gracefully.
    case stopping = "Stopping"
    /// Ends behind a checkpoint.
    case checkpointStopping = "CheckpointStopping"
    /// All sources have ended; what is in flight is processed.
    case finishing = "Finishing"
    /// Ends behind a checkpoint, to begin again.
    case restarting = "Restarting"
    /// Ends behind a checkpoint, to begin again with another parallelism.
    case rescaling = "Rescaling"
    /// Has failed and will begin again from the last checkpoint.
    case recovering = "Recovering"
    /// Has failed for good; what is left of the run is ending.
    case failing = "Failing"
    case stopped = "Stopped"
    case finished = "Finished"
    case failed = "Failed"

    /// Whether nothing is under way: the job stays here until something new is wanted.
    public var isTerminal: Bool { self == .stopped || self == .finished || self == .failed }
}

/// How a job is to end, if at all.
public enum JobStopMode: String, Sendable, Hashable, Codable, CaseIterable {
    /// It is to run, from its last checkpoint where there is one.
    case none
    /// A checkpoint, then the end.
    case checkpoint
    /// Sources end, what is in flight is processed, a last checkpoint is taken.
    case graceful
    /// At once, without a checkpoint.
    case immediate
    /// At once, and the run is given up if it does not end in time.
    case force

    /// A stop under way gives way only to a harder one.
    var hardness: Int {
        switch self {
        case .none: 0
        case .checkpoint, .graceful: 1
        case .immediate: 2
        case .force: 3
        }
    }
}

/// What the user wants of a job. The job moves until what it is fits what is wanted.
public struct JobDesire: Sendable, Hashable, Codable {
    public var stop: JobStopMode
    public var parallelism: Int
    /// Time between two checkpoints; nil: only when asked.
    public var checkpointIntervalMillis: Int?
    /// Another number asks for a restart, also of a job that has failed or finished.
    public var restartNonce: Int
    /// Whether such a restart goes back to the last checkpoint instead of taking one.
    public var forcesRestart: Bool
    /// Another number asks for going on with another query, from the state of the one before.
    public var queryVersion: Int

    public init(
        stop: JobStopMode = .none, parallelism: Int = 1, checkpointIntervalMillis: Int? = 10_000, restartNonce: Int = 0,
        forcesRestart: Bool = false, queryVersion: Int = 1
    ) {
        self.queryVersion = queryVersion
        self.stop = stop
        self.parallelism = max(1, parallelism)
        self.checkpointIntervalMillis = checkpointIntervalMillis
        self.restartNonce = restartNonce
        self.forcesRestart = forcesRestart
    }
}
