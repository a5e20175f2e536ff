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
    /// Encodes and writes checkpoints.
    private let fileThreads: ThreadPoolExecutor

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
        fileThreads = try ThreadPoolExecutor(threadCount: 2, name: "files")
    }

    deinit {
        executor.shutDown()
        fileThreads.shutDown()
    }

    /// Starts a graph and returns at once. Errors: `OperationalError` when the graph is not one that can run; all that
    /// goes wrong later, opening files included, comes from `RunningPipeline.wait()`.
    ///
    /// With `checkpoints` the pipeline goes on from the newest sound one in their folder; errors are then also those of
    /// reading it, and an `OperationalError` when none is sound, or when it holds the state of another query.
    ///
    /// `observer` is told of milestones on a thread of the engine, and must not wait; maybe before this returns.
    /// `outlets` take what the pipeline gives out beside what it writes.
    public func start(
        _ graph: DataflowGraph, checkpoints: CheckpointOptions? = nil, outlets: PipelineOutlets = PipelineOutlets(),
        observer: @escaping @Sendable (PipelineMilestone) -> Void = { _ in }
    ) throws -> RunningPipeline {
        try GraphValidation.check(graph)
        let plans = TaskLayout.tasks(of: graph, configuration: configuration, executor: executor)
        let control = PipelineControl(
            taskCount: plans.count, sourceCount: plans.count { $0.queue == nil }, observer: observer)
        control.watch(queues: plans.compactMap(\.queue), signals: plans.map(\.signal))
        var environment = TaskEnvironment(
            configuration: configuration, components: components, clock: clock, executor: executor,
            control: control, outlets: outlets)
        if let limit = configuration.stateMemory {
            environment.spill = try SpillFolder(limit, name: "\(clock.nowNanoseconds())-\(executor.now())")
        }
        if let checkpoints {
            try restore(checkpoints, graph, plans, &environment)
            // From here on the state folder is this process's alone.
            if configuration.stateMemory?.directory == checkpoints.directory { environment.spill?.removeOthers() }
        }
        environment.spill?.removeAbandoned()
        outlets.onStart?(graph)
        if checkpoints?.onlySettles == true {
            // Before any source could read.
            control.noteStop()
            control.hold()
        }
        let running = RunningPipeline(engine: self, plans: plans, environment: environment)
        if checkpoints?.onlySettles == true {
            environment.coordinator?.request(stops: true)
        } else {
            environment.coordinator?.start()
        }
        return running
    }

    private func restore(
        _ options: CheckpointOptions, _ graph: DataflowGraph, _ plans: [TaskPlan], _ environment: inout TaskEnvironment
    ) throws {
        let fingerprint = GraphFingerprint.value(graph, components.connectors)
        let operators = CheckpointManifest.Operator.all(of: OperatorMeaning.all(of: graph, components.connectors))
        let store: CheckpointStore
        let restored: CheckpointManifest?
        let lastEpoch: Int
        do {
            store = try CheckpointStore(options.fileSystem, directory: options.directory)
            restored = try store.newest(warn: options.warn)
            environment.restored = try restored.map { restored in
                let former = try formerNodes(of: operators, fingerprint, in: restored, options)
                if let former { try RestoredGraph.check(graph, former, restored, options.warn) }
                return try RestoredPipeline(
                    restored, store, memoryLimit: configuration.stateMemory?.bytes, formerNodes: former)
            }
            lastEpoch = try store.takeOver(from: restored)
        } catch let error as FileError {
            throw OperationalError(error)
        }
        let pipeline = CheckpointCoordinator.Pipeline(
            graph: fingerprint,
            parallelism: Dictionary(uniqueKeysWithValues: graph.nodes.map { ($0.id, $0.parallelism) }),
            operators: operators, tasks: Set(plans.indices), committers: committers(plans), lastEpoch: lastEpoch,
            restored: restored, continues: environment.restored?.hasChains(of: plans) ?? false)
        let coordinator = CheckpointCoordinator(
            options, store, pipeline, control: environment.control, executor: executor,
            fileThreads: fileThreads, clock: clock)
        environment.coordinator = coordinator
        environment.control.onCancel { coordinator.cancel() }
    }

    /// The node of a checkpoint that each operator goes on from; nil: the checkpoint is of the very same graph. Errors:
    /// `OperationalError` when it is of one that this may not go on from.
    private func formerNodes(
        of operators: [CheckpointManifest.Operator], _ fingerprint: UInt64, in restored: CheckpointManifest,
        _ options: CheckpointOptions
    ) throws -> [Int: Int]? {
        // Two texts may differ in what a fingerprint does not see, such as the type of a column or the frame of a
        // window function: state of another shape would be read as if it were this one's.
        let isSame = restored.operators.isEmpty || restored.operators == operators
        if restored.graph == fingerprint && isSame { return nil }
        if !options.acceptedGraphs.contains(restored.graph) {
            throw OperationalError(
                "the state in '\(options.directory)' belongs to another query"
                    + (restored.graph == fingerprint ? ", whose operators keep something else" : "")
                    + ": give this one a folder of its own", domain: .user)
        }
        if restored.operators.isEmpty {
            throw OperationalError(
                "the state in '\(options.directory)' was written by an earlier version, which another query cannot go "
                    + "on from: run the query before once more", domain: .user)
        }
        return StateMatch.match(old: restored.operators, new: operators)
    }

    /// The tasks whose sinks commit.
    private func committers(_ plans: [TaskPlan]) -> Set<Int> {
        Set(
            plans.filter { plan in
                guard case .sink(let spec)? = plan.nodes.last?.spec else { return false }
                return components.connectors[spec.connector]?.sinkCommits(spec) ?? false
            }.map(\.taskID))
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
