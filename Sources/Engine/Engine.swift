import Checkpointing
import Dataflow
import HostSystem

/// Runs dataflow graphs on threads of its own.
///
/// An engine may run several pipelines at a time; they share its threads. Its threads end when the engine and all its
/// pipelines are gone.
public final class Engine: Sendable {
    public let configuration: EngineConfiguration
    private let components: EngineComponents
    private let clock: any WallClock
    let executor: ThreadPoolExecutor

    /// Starts the threads. `operators` and `keyHashers` make what the graph's specs name; tests give their own.
    /// Errors: `OperationalError` when the host gives no threads.
    public init(
        configuration: EngineConfiguration, connectors: ConnectorCatalog, clock: any WallClock = SystemWallClock(),
        operators: @escaping OperatorFactory, keyHashers: @escaping KeyHasherFactory
    ) throws {
        self.configuration = configuration
        self.clock = clock
        components = EngineComponents(connectors: connectors, makeOperator: operators, makeKeyHasher: keyHashers)
        executor = try ThreadPoolExecutor(threadCount: configuration.threads, name: "engine")
    }

    deinit { executor.shutDown() }

    /// Starts a graph and returns at once. Errors: `OperationalError` when the graph is not one that can run; all that
    /// goes wrong later, opening files included, comes from `RunningPipeline.wait()`.
    ///
    /// With `checkpoints` the pipeline goes on from the newest sound one in their folder; errors are then also those of
    /// reading it, and an `OperationalError` when it holds the state of another query.
    ///
    /// `observer` is told of milestones on a thread of the engine, and must not wait; maybe before this returns.
    public func start(
        _ graph: DataflowGraph, checkpoints: CheckpointOptions? = nil,
        observer: @escaping @Sendable (PipelineMilestone) -> Void = { _ in }
    ) throws -> RunningPipeline {
        try GraphValidation.check(graph)
        let plans = TaskLayout.tasks(of: graph, configuration: configuration, executor: executor)
        let control = PipelineControl(
            taskCount: plans.count, sourceCount: plans.count { $0.queue == nil }, observer: observer)
        control.watch(queues: plans.compactMap(\.queue), signals: plans.map(\.signal))
        var environment = TaskEnvironment(
            configuration: configuration, components: components, clock: clock, executor: executor,
            control: control)
        if let checkpoints { try restore(checkpoints, graph, &environment, taskCount: plans.count) }
        let running = RunningPipeline(engine: self, plans: plans, environment: environment)
        environment.coordinator?.start()
        return running
    }

    private func restore(
        _ options: CheckpointOptions, _ graph: DataflowGraph, _ environment: inout TaskEnvironment, taskCount: Int
    ) throws {
        let loaded: LoadedCheckpoint?
        do throws(FileError) {
            let store = try CheckpointStore(options.fileSystem, directory: options.directory)
            let newest = try store.newest(warn: options.warn)
            let control = environment.control
            environment.coordinator = CheckpointCoordinator(
                options, store, graph, lastEpoch: try store.epochs().max() ?? 0, restored: newest,
                taskCount: taskCount, executor: executor, clock: clock, inject: { control.inject($0) })
            loaded = newest
        } catch {
            throw OperationalError(error)
        }
        guard let loaded else { return }
        if loaded.manifest.graph != GraphFingerprint.value(graph) {
            throw OperationalError(
                "the state in '\(options.directory)' belongs to another query: give this one a folder of its own",
                domain: .user)
        }
        environment.restored = RestoredPipeline(loaded)
    }

    /// Runs a graph to its end. Cancelling the calling task stops the pipeline at once. Errors: as of `start` and
    /// `RunningPipeline.wait()`.
    public func run(_ graph: DataflowGraph) async throws -> PipelineSummary {
        let pipeline = try start(graph)
        return try await withTaskCancellationHandler {
            try await pipeline.wait()
        } onCancel: {
            pipeline.stop(.immediate)
        }
    }
}
