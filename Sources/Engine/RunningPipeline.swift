import Dataflow
import HostSystem
import Synchronization

/// How a pipeline is asked to end.
public enum StopMode: Sendable {
    /// A checkpoint, then the sources end; all that came before it is processed and written. Without checkpoints like
    /// `graceful`.
    case checkpoint
    /// Sources end, everything in flight is processed and written; windows that are open stay open.
    case graceful
    /// Everything ends now; what is in flight is lost.
    case immediate
}

/// What a pipeline did.
public struct PipelineSummary: Sendable {
    public enum Outcome: Sendable {
        /// All input was read, or nobody needed more of it.
        case finished
        /// Stopped gracefully.
        case stopped
        /// Stopped at once.
        case cancelled
    }

    public var outcome: Outcome
    public var rowsRead: Int
    public var rowsWritten: Int
    public var badRecords: Int
    public var lateRows: Int
    public var elapsedNanos: UInt64
    /// What its checkpoints did; nil when it takes none.
    public var checkpoints: CheckpointSummary?
}

/// A pipeline at work. Letting go of it does not stop it.
public final class RunningPipeline: Sendable {
    private let plans: [TaskPlan]
    private let control: PipelineControl
    private let executor: ThreadPoolExecutor
    private let coordinator: CheckpointCoordinator?
    private let startTime: UInt64
    private let supervisor: Task<UInt64, Never>

    init(engine: Engine, plans: [TaskPlan], environment: TaskEnvironment) {
        self.plans = plans
        control = environment.control
        let executor = environment.executor
        self.executor = executor
        let coordinator = environment.coordinator
        self.coordinator = coordinator
        startTime = executor.now()
        supervisor = Task(executorPreference: executor) {
            await withTaskGroup(of: Void.self) { group in
                for plan in plans {
                    group.addTask(executorPreference: executor) { await TaskRunner.run(plan, environment) }
                }
            }
            await coordinator?.close()
            // The engine's threads must live as long as its tasks.
            return withExtendedLifetime(engine) { executor.now() }
        }
    }

    /// Asks the pipeline to end; returns at once, `wait()` tells when it has. May be called at any time and again:
    /// `.immediate` overrules `.graceful`.
    public func stop(_ mode: StopMode) {
        switch mode {
        case .checkpoint:
            control.noteStop()
            if let coordinator { coordinator.request(stops: true) } else { control.stop() }
        case .graceful: control.stop()
        case .immediate: control.cancel()
        }
    }

    /// Waits for the end; may be called by many. Errors: the first one any task met, e.g. `OperatorError`,
    /// `OperationalError`, `OptionError`. Cancelling the caller does not end the wait: call `stop`.
    public func wait() async throws -> PipelineSummary {
        let endTime = await supervisor.value
        if let error = control.firstError { throw error }
        return summary(at: endTime)
    }

    private func summary(at time: UInt64) -> PipelineSummary {
        let outcome: PipelineSummary.Outcome =
            control.isCancelled ? .cancelled : control.wasStopped ? .stopped : .finished
        var result = PipelineSummary(
            outcome: outcome, rowsRead: 0, rowsWritten: 0, badRecords: 0, lateRows: 0,
            elapsedNanos: time &- startTime, checkpoints: coordinator?.summary)
        for snapshot in metrics() {
            if snapshot.isSource { result.rowsRead += snapshot.rowsSent }
            if snapshot.isSink { result.rowsWritten += snapshot.rowsReceived }
            result.badRecords += snapshot.badRecords
            result.lateRows += snapshot.lateRows
        }
        return result
    }

    /// Takes a checkpoint now, if the pipeline keeps any; returns at once.
    public func checkpoint() { coordinator?.request(stops: false) }

    /// What the checkpoints have done so far; nil when the pipeline takes none.
    public var checkpoints: CheckpointSummary? { coordinator?.summary }

    /// Nanoseconds since the start.
    public var elapsedNanos: UInt64 { executor.now() &- startTime }

    /// What every subtask of every node has done so far, by node and subtask. Callable at any time; the figures of
    /// different subtasks are not of exactly the same moment.
    public func metrics() -> [TaskMetricsSnapshot] {
        var snapshots: [TaskMetricsSnapshot] = []
        for plan in plans {
            let gauge = plan.queue?.gauge ?? BatchQueue.Gauge(batches: 0, rows: 0, bytes: 0)
            for (node, counters) in zip(plan.nodes, plan.nodeMetrics) {
                snapshots.append(Self.snapshot(of: node, counters, plan, gauge))
            }
        }
        return snapshots.sorted { ($0.nodeID, $0.subtask) < ($1.nodeID, $1.subtask) }
    }

    private static func snapshot(
        of node: DataflowGraph.Node, _ counters: OperatorMetrics, _ plan: TaskPlan, _ gauge: BatchQueue.Gauge
    ) -> TaskMetricsSnapshot {
        var isSource = false
        var isSink = false
        switch node.spec {
        case .source, .values: isSource = true
        case .sink: isSink = true
        default: break
        }
        let watermark = counters.watermark.load(ordering: .relaxed)
        return TaskMetricsSnapshot(
            nodeID: node.id, operatorName: node.description, subtask: plan.subtask, taskID: plan.taskID,
            isSource: isSource, isSink: isSink,
            rowsReceived: counters.rowsReceived.load(ordering: .relaxed),
            rowsSent: counters.rowsSent.load(ordering: .relaxed),
            batchesReceived: counters.batchesReceived.load(ordering: .relaxed),
            batchesSent: counters.batchesSent.load(ordering: .relaxed),
            bytesReceived: counters.bytesReceived.load(ordering: .relaxed),
            badRecords: counters.badRecords.load(ordering: .relaxed),
            lateRows: counters.lateRows.load(ordering: .relaxed),
            watermark: watermark == .min ? nil : watermark,
            stateBytes: counters.stateBytes.load(ordering: .relaxed),
            busyNanos: plan.metrics.busyNanos.load(ordering: .relaxed),
            backpressureNanos: plan.metrics.backpressureNanos.load(ordering: .relaxed),
            bytesSent: plan.metrics.bytesSent.load(ordering: .relaxed),
            queueBatches: gauge.batches, queueRows: gauge.rows, queueBytes: gauge.bytes,
            queueRowLimit: plan.queue?.limits.rows ?? 0,
            isFinished: plan.metrics.isFinished.load(ordering: .relaxed))
    }
}
