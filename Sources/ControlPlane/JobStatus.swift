import Engine

/// What is known of a job.
public struct JobStatus: Sendable {
    /// One change of state.
    public struct Change: Sendable, Hashable {
        public var state: JobState
        /// Nanoseconds since 1970.
        public var time: Int64
        /// The run it belongs to; 0 before the first.
        public var run: Int
    }

    public var state = JobState.created
    public var desire: JobDesire
    /// Whether another query is wanted than the one whose state there is.
    public var isChangingQuery = false
    /// The number of the last run; 0 before the first.
    public var run = 0
    /// Subtasks of all operators of the last plan; nil before the first.
    public var taskCount: Int?
    /// How often the job has begun again after a failure since it was last started by its user.
    public var restarts = 0
    /// Nanoseconds since 1970; when it was last started by its user, and when it came to rest.
    public var startTime: Int64?
    public var finishTime: Int64?
    /// The last failure; forgotten when the user starts the job again.
    public var failure: JobFailure?
    /// What the last run that ended by itself or by a stop did.
    public var summary: PipelineSummary?
    /// The run that is of.
    public var summaryRun = 0
    /// Whether a run was given up that did not end; whoever it hangs on may never come back.
    public var hasAbandoned = false
    /// The last changes of state, oldest first.
    public var history: [Change] = []

    /// Changes kept.
    static let historyCountMax = 100
}

/// What a supervisor tells those who look on.
public enum JobNotice: Sendable {
    case entered(JobState)
    /// A failure from which the job begins again after a wait; the `failures`-th in a row.
    case restarting(JobFailure, failures: Int, delayNanos: UInt64)
    /// A run that was to end did not, and was let go.
    case abandoned(run: Int)
}
