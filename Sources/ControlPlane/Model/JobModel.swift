import HostSystem
import Synchronization

/// A job as users see it; times are microseconds since 1970.
public struct JobInfo: Sendable, Hashable {
    public var id: String
    public var pipelineID: String
    /// Counts the starts of the job, the first is 1; 0 before.
    public var runID: Int
    public var state: JobState
    public var isRunningDesired: Bool
    public var createdAt: Int64
    public var startTime: Int64?
    public var finishTime: Int64?
    /// Subtasks of all its operators; nil before it was planned.
    public var tasks: Int?
    public var failureMessage: String?
    public var failureDomain: OperationalError.Domain?

    public init(
        id: String, pipelineID: String, runID: Int, state: JobState, isRunningDesired: Bool, createdAt: Int64,
        startTime: Int64? = nil, finishTime: Int64? = nil, tasks: Int? = nil, failureMessage: String? = nil,
        failureDomain: OperationalError.Domain? = nil
    ) {
        self.id = id
        self.pipelineID = pipelineID
        self.runID = runID
        self.state = state
        self.isRunningDesired = isRunningDesired
        self.createdAt = createdAt
        self.startTime = startTime
        self.finishTime = finishTime
        self.tasks = tasks
        self.failureMessage = failureMessage
        self.failureDomain = failureDomain
    }
}

/// A part of the time a checkpoint took; microseconds since 1970.
public struct TimeSpan: Sendable, Hashable {
    public var event: String
    public var description: String
    public var startTime: Int64
    /// Nil: it is not over.
    public var finishTime: Int64?

    public init(event: String, description: String, startTime: Int64, finishTime: Int64?) {
        self.event = event
        self.description = description
        self.startTime = startTime
        self.finishTime = finishTime
    }
}

/// A checkpoint of a job.
public struct CheckpointInfo: Sendable, Hashable {
    public var epoch: Int
    /// How its files are encoded, e.g. `columnar+zstd`.
    public var backend: String
    public var startTime: Int64
    /// Nil: under way, or it failed.
    public var finishTime: Int64?
    public var bytes: Int
    public var events: [TimeSpan]
    /// Why it failed.
    public var failure: String?

    public init(
        epoch: Int, backend: String, startTime: Int64, finishTime: Int64?, bytes: Int, events: [TimeSpan],
        failure: String? = nil
    ) {
        self.epoch = epoch
        self.backend = backend
        self.startTime = startTime
        self.finishTime = finishTime
        self.bytes = bytes
        self.events = events
        self.failure = failure
    }
}

/// One operator's share of a checkpoint. Operators of one task are written as one file: its bytes stand at the first
/// of them, the spans of all of them are the task's.
public struct OperatorCheckpointInfo: Sendable, Hashable {
    public struct Subtask: Sendable, Hashable {
        public var index: Int
        public var bytes: Int
        /// Events `alignment`, `sync`, `async`, `committing`.
        public var spans: [TimeSpan]

        public init(index: Int, bytes: Int, spans: [TimeSpan]) {
            self.index = index
            self.bytes = bytes
            self.spans = spans
        }
    }

    public var operatorID: String
    public var bytes: Int
    public var startedMetadataWrite: Int64?
    public var finishTime: Int64?
    public var subtasks: [Subtask]

    public init(
        operatorID: String, bytes: Int, startedMetadataWrite: Int64?, finishTime: Int64?, subtasks: [Subtask]
    ) {
        self.operatorID = operatorID
        self.bytes = bytes
        self.startedMetadataWrite = startedMetadataWrite
        self.finishTime = finishTime
        self.subtasks = subtasks
    }
}

/// Something a job has to tell: a bad record, a failure, a restart.
public struct JobMessage: Sendable, Hashable {
    public enum Level: String, Sendable, Hashable, Codable { case info, warn, error }

    public var id: String
    public var createdAt: Int64
    public var level: Level
    public var message: String
    /// More of it, e.g. the raw record; empty when there is no more.
    public var details: String
    public var operatorID: String?
    public var taskIndex: Int?
    public var domain: OperationalError.Domain?

    public init(
        id: String, createdAt: Int64, level: Level, message: String, details: String = "", operatorID: String? = nil,
        taskIndex: Int? = nil, domain: OperationalError.Domain? = nil
    ) {
        self.id = id
        self.createdAt = createdAt
        self.level = level
        self.message = message
        self.details = details
        self.operatorID = operatorID
        self.taskIndex = taskIndex
        self.domain = domain
    }
}

/// The figures of one node over the last five minutes, one a second.
public struct NodeMetrics: Sendable, Hashable {
    public struct Point: Sendable, Hashable {
        /// Microseconds since 1970.
        public var time: Int64
        public var value: Double

        public init(time: Int64, value: Double) {
            self.time = time
            self.value = value
        }
    }

    public struct Subtask: Sendable, Hashable {
        public var index: Int
        public var points: [Point]

        public init(index: Int, points: [Point]) {
            self.index = index
            self.points = points
        }
    }

    public struct Group: Sendable, Hashable {
        /// E.g. `messages_recv`; rates are per second.
        public var name: String
        public var subtasks: [Subtask]

        public init(name: String, subtasks: [Subtask]) {
            self.name = name
            self.subtasks = subtasks
        }
    }

    public var nodeID: Int
    public var groups: [Group]

    public init(nodeID: Int, groups: [Group]) {
        self.nodeID = nodeID
        self.groups = groups
    }
}

/// What a reader of a job's output is told, in order.
public enum OutputEvent: Sendable, Hashable {
    /// Rows of one batch. `id` grows over the job; `rows` is the text of a JSON array of objects.
    case rows(id: Int, OutputRows)
    /// So many rows were not shown to this reader, because it was slow or came back too late.
    case dropped(Int)
    /// The job has ended; nothing follows.
    case done
}

/// The rows of one batch of a job's output.
public struct OutputRows: Sendable, Hashable {
    public var operatorID: String
    public var subtask: Int
    /// The event time of each row, microseconds since 1970.
    public var timestamps: [Int64]
    /// The number of the first row within its subtask.
    public var startID: Int
    /// A JSON array of objects.
    public var batch: String
    /// The form in which all readers are sent these rows.
    public let rendering = SharedRendering()

    public init(operatorID: String, subtask: Int, timestamps: [Int64], startID: Int, batch: String) {
        self.operatorID = operatorID
        self.subtask = subtask
        self.timestamps = timestamps
        self.startID = startID
        self.batch = batch
    }
}

/// Bytes that are made once, by whoever needs them first, for all who have a copy of the same value. Of no account when
/// values are compared.
public final class SharedRendering: Sendable, Hashable {
    private let bytes = Mutex<[UInt8]?>(nil)

    public init() {}

    /// The bytes; `make` gives them the first time, while others wait.
    public func bytes(_ make: () -> [UInt8]) -> [UInt8] {
        bytes.withLock { bytes in
            if let bytes { return bytes }
            let made = make()
            bytes = made
            return made
        }
    }

    public static func == (left: SharedRendering, right: SharedRendering) -> Bool { true }
    public func hash(into hasher: inout Hasher) {}
}

/// One reader of a job's output. Its buffer is bounded; a reader that is too slow misses rows and is told so.
public protocol OutputReader: Sendable {
    /// The next event, after waiting at most so long; nil when nothing came in that time. After `.done` always `.done`.
    func next(timeoutMillis: Int) async -> OutputEvent?
    /// Says that nobody reads any more; idempotent.
    func close()
}
