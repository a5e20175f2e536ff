import Dataflow
import HostSystem
import Synchronization

/// How a pipeline is asked to end.
public enum StopMode: Sendable {
    /// A checkpoint, then the sources end; all that came before it is processed and written. Without checkpoints like
    /// `graceful`.
    case checkpoint
    /// Sources end, everything in flight is processed and written, windows that are open stay open; with checkpoints
    /// a last one follows.
    case graceful
    /// Everything ends now, without a checkpoint; what is in flight is lost.
    case immediate
    /// Like `immediate`, for those who will not wait for calls of connectors that do not return.
    case force
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

    public init(
        outcome: Outcome, rowsRead: Int = 0, rowsWritten: Int = 0, badRecords: Int = 0, lateRows: Int = 0,
        elapsedNanos: UInt64 = 0, checkpoints: CheckpointSummary? = nil
    ) {
        self.outcome = outcome
        self.rowsRead = rowsRead
        self.rowsWritten = rowsWritten
        self.badRecords = badRecords
        self.lateRows = lateRows
        self.elapsedNanos = elapsedNanos
        self.checkpoints = checkpoints
    }
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
            environment.spill?.remove()
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
        case .graceful:
            control.noteStop()
            if let coordinator {
                control.hold()
                coordinator.request(stops: true)
            } else {
                control.stop()
            }
        case .immediate, .force: control.cancel()
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

    /// Changes the time between two checkpoints from now on; nil: only when asked. Without checkpoints of no effect.
    public func setCheckpointInterval(millis: Int?) { coordinator?.setInterval(millis: millis) }

    /// The last checkpoints, oldest first, at most twenty; none when the pipeline takes none.
    public var checkpointRecords: [CheckpointRecord] { coordinator?.recorder.records ?? [] }

    /// What the checkpoints have done so far; nil when the pipeline takes none.
    public var checkpoints: CheckpointSummary? { coordinator?.summary }

    /// Nanoseconds since the start.
    public var elapsedNanos: UInt64 { executor.now() &- startTime }

    /// What every subtask of every node has done so far, by node and subtask. Callable at any time; the figures of
    /// different subtasks are not of exactly the same moment.
    public func metrics() -> [TaskMetricsSnapshot] { snapshot().tasks }

    /// All figures of the pipeline, with the channels between its tasks.
    public func snapshot() -> PipelineSnapshot {
        PipelineSnapshot(plans, start: startTime, now: executor.now(), hasStarted: control.hasStarted)
    }
}
