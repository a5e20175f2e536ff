import Dataflow
import Engine

/// Which run of which job is to begin, and how.
public struct RunOrder: Sendable, Hashable {
    public var pipelineID: String
    public var jobID: String
    /// Counted from 1 over the life of the job.
    public var run: Int
    /// Time between two checkpoints; nil: only when asked.
    public var checkpointIntervalMillis: Int?
    /// The folder of the job's state; nil: the job does not say, or keeps none.
    public var stateDirectory: String?
    /// Fingerprints of other graphs whose state it may go on from (`CheckpointOptions.acceptedGraphs`).
    public var acceptedGraphs: Set<UInt64> = []
    /// Whether it only finishes what the run before has begun (`CheckpointOptions.onlySettles`).
    public var settles = false

    public init(
        pipelineID: String, jobID: String, run: Int, checkpointIntervalMillis: Int?, stateDirectory: String? = nil
    ) {
        self.stateDirectory = stateDirectory
        self.pipelineID = pipelineID
        self.jobID = jobID
        self.run = run
        self.checkpointIntervalMillis = checkpointIntervalMillis
    }
}

/// What a run tells of itself, in this order; `ended` is the last.
public enum RunEvent: Sendable {
    /// Every task has opened what it needs.
    case started
    /// All sources have ended.
    case inputEnded
    /// A task met an error; the others are ending.
    case faulted(any Error)
    case ended(Result<PipelineSummary, any Error>)
}

/// Runs graphs: the engine of this process, or something further away.
public protocol ExecutionBackend: Sendable {
    /// Starts a graph, from the job's last checkpoint if there is one; may read files. `onEvent` is told what becomes
    /// of it, on any thread, maybe before this returns, and does not wait. Errors: whatever keeps it from starting;
    /// then `onEvent` is not told of an end.
    func start(
        _ graph: DataflowGraph, _ order: RunOrder, onEvent: @escaping @Sendable (RunEvent) -> Void
    ) throws -> any JobRun

    /// The same with what the run gives out beside what it writes. A backend that cannot give that starts without.
    func start(
        _ graph: DataflowGraph, _ order: RunOrder, outlets: PipelineOutlets,
        onEvent: @escaping @Sendable (RunEvent) -> Void
    ) throws -> any JobRun

    /// A run was let go that does not end: what it holds is not to be counted on any more.
    func abandon(_ order: RunOrder)
}

extension ExecutionBackend {
    public func start(
        _ graph: DataflowGraph, _ order: RunOrder, outlets: PipelineOutlets,
        onEvent: @escaping @Sendable (RunEvent) -> Void
    ) throws -> any JobRun {
        try start(graph, order, onEvent: onEvent)
    }
}

/// One run of a job.
public protocol JobRun: Sendable {
    /// Asks it to end; returns at once.
    func stop(_ mode: StopMode)
    /// Takes a checkpoint now, if it takes any.
    func checkpoint()
    func setCheckpointInterval(millis: Int?)
    /// All its figures.
    func snapshot() -> PipelineSnapshot
    /// Nil when it takes no checkpoints.
    var checkpoints: CheckpointSummary? { get }
    var checkpointRecords: [CheckpointRecord] { get }
}

extension RunningPipeline: JobRun {}
