import Dataflow
import Synchronization

/// What a task is doing at the moment.
public enum TaskPhase: Int, Sendable, Hashable, CaseIterable {
    /// Making its operators, opening what it reads and writes, taking back its state.
    case opening
    /// Everything is open here, but not yet in all other tasks.
    case waitingForOthers
    /// Working, or waiting for messages.
    case running
    /// Inside a call that reads the source.
    case reading
    /// Waiting for room in an inbox below.
    case waitingForRoom
    /// Inside a call that writes to the sink.
    case writing
    case ended
}

/// Counters of one task, beside those of its operators. Times are nanoseconds of the engine's clock.
final class TaskMetrics: Sendable {
    let busyNanos = Atomic<Int>(0)
    let backpressureNanos = Atomic<Int>(0)
    let bytesSent = Atomic<Int>(0)
    let isFinished = Atomic<Bool>(false)
    /// Whether the task has told those below not to wait for it.
    let isIdle = Atomic<Bool>(false)
    /// When rows last came in.
    let lastRowsNanos = Atomic<UInt64>(0)
    private let phaseNumber = Atomic<Int>(TaskPhase.opening.rawValue)
    private let phaseNanos = Atomic<UInt64>(0)

    init() {}

    var phase: TaskPhase { TaskPhase(rawValue: phaseNumber.load(ordering: .relaxed)) ?? .running }
    var phaseSince: UInt64 { phaseNanos.load(ordering: .relaxed) }

    /// Notes what the task does from `time` on.
    func enter(_ phase: TaskPhase, at time: UInt64) {
        phaseNanos.store(time, ordering: .relaxed)
        phaseNumber.store(phase.rawValue, ordering: .relaxed)
    }
}

/// What one subtask of one node has done so far. Times are nanoseconds since the start of the pipeline.
public struct TaskMetricsSnapshot: Sendable, Hashable {
    public var nodeID: Int
    /// The node's description, for people.
    public var operatorName: String
    public var role = OperatorRole.other
    /// The table's name, for a source or a sink.
    public var table: String?
    public var subtask: Int
    /// Nodes with the same task share a thread of execution, and the figures from `busyNanos` on.
    public var taskID: Int
    public var isSource: Bool
    public var isSink: Bool
    public var rowsReceived = 0
    public var rowsSent = 0
    public var batchesReceived = 0
    public var batchesSent = 0
    /// Bytes of the batches that came through queues, and for a source whatever it counts.
    public var bytesReceived = 0
    public var badRecords = 0
    public var lateRows = 0
    /// Nanoseconds; nil before the first.
    public var watermark: Int64?
    /// When the watermark last moved; nil: never.
    public var watermarkSince: UInt64?
    public var stateBytes = 0
    public var stateRows = 0
    /// The watermark that lets the next results out; nil when none wait for event time.
    public var nextDue: Int64?
    /// When rows last went out, for a sink when they were last written; nil: never.
    public var lastSent: UInt64?
    /// Time at work since the start, nanoseconds.
    public var busyNanos = 0
    /// Time spent waiting for room in the inboxes below, nanoseconds.
    public var backpressureNanos = 0
    /// Bytes of the batches put into queues.
    public var bytesSent = 0
    /// What waits in the task's inbox, and what fits.
    public var queueBatches = 0
    public var queueRows = 0
    public var queueBytes = 0
    public var queueRowLimit = 0
    public var queueBatchLimit = 0
    public var isFinished = false
    public var phase = TaskPhase.running
    /// When the phase began.
    public var phaseSince: UInt64 = 0
    /// When rows last came into the task; nil: never.
    public var lastRows: UInt64?
    /// Whether the task has told those below not to wait for it.
    public var isIdle = false
    /// What a source has not read yet of each partition of a broker.
    public var partitionLags: [OperatorMetrics.PartitionLag] = []
    /// Troubles with an outside system.
    public var externalErrors = 0
    /// How long the last commit took, nanoseconds; 0: there was none.
    public var commitNanos = 0
    /// How long rows took from the source until they left the operator; empty where that is not known.
    public var latencies = LatencyHistogram()

    /// The figures of a subtask that has done nothing yet.
    public init(
        nodeID: Int, operatorName: String, subtask: Int, taskID: Int, isSource: Bool = false, isSink: Bool = false
    ) {
        self.nodeID = nodeID
        self.operatorName = operatorName
        self.subtask = subtask
        self.taskID = taskID
        self.isSource = isSource
        self.isSink = isSink
    }
}

extension OperatorMetrics {
    func noteReceived(_ rowCount: Int) {
        rowsReceived.wrappingAdd(rowCount, ordering: .relaxed)
        batchesReceived.wrappingAdd(1, ordering: .relaxed)
    }

    func noteSent(_ rowCount: Int, at time: UInt64) {
        rowsSent.wrappingAdd(rowCount, ordering: .relaxed)
        batchesSent.wrappingAdd(1, ordering: .relaxed)
        lastSentNanos.store(time, ordering: .relaxed)
    }

    /// Notes when rows of that stamp left; `time` is of the clock that made the stamp, 0 is no stamp.
    func noteLatency(stamp: UInt64, rows: Int, at time: UInt64) {
        if stamp == 0 { return }
        latencies.withLock { $0.record(nanos: time &- min(stamp, time), rows: rows) }
    }

    func noteWatermark(_ watermark: Int64, at time: UInt64) {
        self.watermark.store(watermark, ordering: .relaxed)
        watermarkNanos.store(time, ordering: .relaxed)
    }
}
