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
    public func start(_ graph: DataflowGraph) throws -> RunningPipeline {
        try GraphValidation.check(graph)
        let plans = TaskLayout.tasks(of: graph, configuration: configuration, executor: executor)
        let control = PipelineControl(taskCount: plans.count)
        control.watch(queues: plans.compactMap(\.queue), signals: plans.map(\.signal))
        let environment = TaskEnvironment(
            configuration: configuration, components: components, clock: clock, executor: executor,
            control: control)
        return RunningPipeline(engine: self, plans: plans, environment: environment)
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
