import Dataflow
import Synchronization

/// All figures of a pipeline at one moment, or nearly: those of different subtasks are read one after another.
public struct PipelineSnapshot: Sendable, Hashable {
    /// Nanoseconds since the start of the pipeline.
    public var elapsed: UInt64
    /// Whether every task has opened what it reads and writes.
    public var hasStarted: Bool
    /// By node and subtask.
    public var tasks: [TaskMetricsSnapshot]
    /// By task, in the order of its channels.
    public var channels: [ChannelSnapshot]

    public init(
        elapsed: UInt64, hasStarted: Bool = true, tasks: [TaskMetricsSnapshot], channels: [ChannelSnapshot] = []
    ) {
        self.elapsed = elapsed
        self.hasStarted = hasStarted
        self.tasks = tasks
        self.channels = channels
    }

    init(_ plans: [TaskPlan], start: UInt64, now: UInt64, hasStarted: Bool) {
        elapsed = now &- start
        self.hasStarted = hasStarted
        tasks = plans.flatMap { plan in
            let gauge = plan.queue?.gauge ?? BatchQueue.Gauge(batches: 0, rows: 0, bytes: 0)
            return zip(plan.nodes, plan.nodeMetrics).map { node, counters in
                Self.task(node, counters, plan, gauge, start)
            }
        }.sorted { ($0.nodeID, $0.subtask) < ($1.nodeID, $1.subtask) }
        channels = plans.flatMap { plan in plan.channels?.snapshots(of: plan, start: start) ?? [] }
    }

    private static func task(
        _ node: DataflowGraph.Node, _ counters: OperatorMetrics, _ plan: TaskPlan, _ gauge: BatchQueue.Gauge,
        _ start: UInt64
    ) -> TaskMetricsSnapshot {
        let role = OperatorRole(node.spec)
        var result = TaskMetricsSnapshot(
            nodeID: node.id, operatorName: node.description, subtask: plan.subtask, taskID: plan.taskID,
            isSource: role == .source, isSink: role == .sink)
        func since(_ time: UInt64) -> UInt64? { time == 0 ? nil : max(time, start) &- start }
        result.role = role
        switch node.spec {
        case .source(let spec), .sink(let spec): result.table = spec.table
        default: break
        }
        result.rowsReceived = counters.rowsReceived.load(ordering: .relaxed)
        result.rowsSent = counters.rowsSent.load(ordering: .relaxed)
        result.batchesReceived = counters.batchesReceived.load(ordering: .relaxed)
        result.batchesSent = counters.batchesSent.load(ordering: .relaxed)
        result.bytesReceived = counters.bytesReceived.load(ordering: .relaxed)
        result.badRecords = counters.badRecords.load(ordering: .relaxed)
        result.lateRows = counters.lateRows.load(ordering: .relaxed)
        let watermark = counters.watermark.load(ordering: .relaxed)
        result.watermark = watermark == .min ? nil : watermark
        result.watermarkSince = since(counters.watermarkNanos.load(ordering: .relaxed))
        result.stateBytes = counters.stateBytes.load(ordering: .relaxed)
        result.stateRows = counters.stateRows.load(ordering: .relaxed)
        let due = counters.nextDue.load(ordering: .relaxed)
        result.nextDue = due == .max ? nil : due
        result.lastSent = since(counters.lastSentNanos.load(ordering: .relaxed))
        result.partitionLags = counters.partitionLags.withLock { $0 }.sorted { $0.partition < $1.partition }
        result.externalErrors = counters.externalErrors.load(ordering: .relaxed)
        result.commitNanos = counters.commitNanos.load(ordering: .relaxed)
        result.latencies = counters.latencies.withLock { $0 }
        let metrics = plan.metrics
        result.busyNanos = metrics.busyNanos.load(ordering: .relaxed)
        result.backpressureNanos = metrics.backpressureNanos.load(ordering: .relaxed)
        result.bytesSent = metrics.bytesSent.load(ordering: .relaxed)
        result.queueBatches = gauge.batches
        result.queueRows = gauge.rows
        result.queueBytes = gauge.bytes
        result.queueRowLimit = plan.queue?.limits.rows ?? 0
        result.queueBatchLimit = plan.queue?.limits.batches ?? 0
        result.isFinished = metrics.isFinished.load(ordering: .relaxed)
        result.phase = metrics.phase
        result.phaseSince = since(metrics.phaseSince) ?? 0
        result.lastRows = since(metrics.lastRowsNanos.load(ordering: .relaxed))
        result.isIdle = metrics.isIdle.load(ordering: .relaxed)
        return result
    }
}
