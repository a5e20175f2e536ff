import Dataflow
import Synchronization

/// Counters of one task, beside those of its operators.
final class TaskMetrics: Sendable {
    let busyNanos = Atomic<Int>(0)
    let backpressureNanos = Atomic<Int>(0)
    let bytesSent = Atomic<Int>(0)
    let isFinished = Atomic<Bool>(false)

    init() {}
}

/// What one subtask of one node has done so far.
public struct TaskMetricsSnapshot: Sendable {
    public var nodeID: Int
    /// The node's description, for people.
    public var operatorName: String
    public var subtask: Int
    /// Nodes with the same task share a thread of execution, and the figures from `busyNanos` on.
    public var taskID: Int
    public var isSource: Bool
    public var isSink: Bool
    public var rowsReceived: Int
    public var rowsSent: Int
    public var batchesReceived: Int
    public var batchesSent: Int
    /// Bytes of the batches that came through queues, and for a source whatever it counts.
    public var bytesReceived: Int
    public var badRecords: Int
    public var lateRows: Int
    /// Nanoseconds; nil before the first.
    public var watermark: Int64?
    public var stateBytes: Int
    /// Time at work since the start, nanoseconds.
    public var busyNanos: Int
    /// Time spent waiting for room in the inboxes below, nanoseconds.
    public var backpressureNanos: Int
    /// Bytes of the batches put into queues.
    public var bytesSent: Int
    /// What waits in the task's inbox, and what fits.
    public var queueBatches: Int
    public var queueRows: Int
    public var queueBytes: Int
    public var queueRowLimit: Int
    public var isFinished: Bool
}

extension OperatorMetrics {
    func noteReceived(_ rowCount: Int) {
        rowsReceived.wrappingAdd(rowCount, ordering: .relaxed)
        batchesReceived.wrappingAdd(1, ordering: .relaxed)
    }

    func noteSent(_ rowCount: Int) {
        rowsSent.wrappingAdd(rowCount, ordering: .relaxed)
        batchesSent.wrappingAdd(1, ordering: .relaxed)
    }
}
