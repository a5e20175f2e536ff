import Dataflow
import Engine
import Synchronization

/// Runs jobs on an engine of this process.
///
/// After a run was abandoned the next ones get a fresh engine, since a call that never returns holds one of its
/// threads.
public final class EmbeddedBackend: ExecutionBackend {
    private let makeEngine: @Sendable () throws -> Engine
    private let checkpoints: @Sendable (RunOrder) -> CheckpointOptions?
    private let engine = Mutex<Engine?>(nil)

    /// `checkpoints` says where a job keeps its state; nil: nowhere. The order's interval overrules theirs.
    public init(
        makeEngine: @escaping @Sendable () throws -> Engine,
        checkpoints: @escaping @Sendable (RunOrder) -> CheckpointOptions? = { _ in nil }
    ) {
        self.makeEngine = makeEngine
        self.checkpoints = checkpoints
    }

    public func start(
        _ graph: DataflowGraph, _ order: RunOrder, onEvent: @escaping @Sendable (RunEvent) -> Void
    ) throws -> any JobRun {
        try start(graph, order, outlets: PipelineOutlets(), onEvent: onEvent)
    }

    public func start(
        _ graph: DataflowGraph, _ order: RunOrder, outlets: PipelineOutlets,
        onEvent: @escaping @Sendable (RunEvent) -> Void
    ) throws -> any JobRun {
        let engine = try engine.withLock { kept in
            if let kept { return kept }
            let fresh = try makeEngine()
            kept = fresh
            return fresh
        }
        var options = checkpoints(order)
        options?.intervalMillis = order.checkpointIntervalMillis
        options?.acceptedGraphs = order.acceptedGraphs
        options?.onlySettles = order.settles
        let run = try engine.start(graph, checkpoints: options, outlets: outlets) { milestone in
            switch milestone {
            case .started: onEvent(.started)
            case .inputEnded: onEvent(.inputEnded)
            case .failed(let error): onEvent(.faulted(error))
            }
        }
        Task.detached {
            do {
                onEvent(.ended(.success(try await run.wait())))
            } catch {
                onEvent(.ended(.failure(error)))
            }
        }
        return run
    }

    public func abandon(_ order: RunOrder) { engine.withLock { $0 = nil } }
}
