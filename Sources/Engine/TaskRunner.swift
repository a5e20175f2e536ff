import Checkpointing
import Columnar
import Dataflow
import HostSystem
import State
import Synchronization

/// What all tasks of a pipeline are given.
struct TaskEnvironment: Sendable {
    var configuration: EngineConfiguration
    var components: EngineComponents
    var clock: any WallClock
    var executor: ThreadPoolExecutor
    var control: PipelineControl
    /// What is given out beside what sinks write.
    var outlets: PipelineOutlets
    /// Takes checkpoints; nil when the pipeline keeps none.
    var coordinator: CheckpointCoordinator?
    /// What the pipeline goes on from.
    var restored: RestoredPipeline?
    /// Where state goes that does not fit into memory.
    var spill: SpillFolder?
}

/// Runs one task from its start to its end: makes source, operators and sink, moves batches, keeps deadlines.
///
/// Belongs to its Swift task alone, as all it makes; only queues, signals and counters are shared.
final class TaskRunner {
    /// How a task came to its end.
    enum Ending {
        /// All input was read.
        case complete
        /// A stop cut the input off: windows stay open, nothing is closed that more rows could change.
        case stopped
        /// The chain wants no more rows from this operator on.
        case satisfied(stage: Int)
        /// Nobody wants the output any more.
        case unwanted
        /// It had ended before the checkpoint that the pipeline went on from.
        case alreadyFinished
    }

    let plan: TaskPlan
    let environment: TaskEnvironment
    let output: TaskOutput
    let chain: OperatorChain
    private(set) var source: (any SourceOperator)?
    private(set) var sink: (any SinkOperator)?
    /// Whether the sink shows its rows only after a commit.
    private var sinkCommits = false
    /// Where the rows of the task's source, and those written by its sink, can be watched.
    private let ends: (first: NodeTap?, last: NodeTap?)
    /// The nodes of the operators of the chain, in order.
    private var operatorNodes: [Int] = []
    /// How many operators of the chain, from its head, had come to their end before another query began to go on.
    private var endedStages = 0
    /// Epoch of the last barrier a source has sent. One that was asked for before the task began is still to be sent.
    var lastEpoch = 0
    /// The newest epoch that the source knows to stand.
    var toldEpoch = 0
    /// Epoch of the last barrier that went through, and whether sources end behind it.
    private var snapshotEpoch: Int
    private var stopsBehindSnapshot = false
    /// The newest epoch that the sink has been told to commit.
    private var committedEpoch: Int
    let idleNanos: UInt64?
    private var sliceStart: UInt64 = 0
    private var stateUpdateTime: UInt64 = 0
    /// When rows kept back must go, when the sink must show what it has, when changed results must go, when the input
    /// counts as idle.
    var lingerDeadline: UInt64?
    var flushDeadline: UInt64?
    var changesDeadline: UInt64?
    var idleDeadline: UInt64?
    /// Until when no checkpoint is asked for again.
    var checkpointDeadline: UInt64 = 0
    /// When the oldest of the rows was read that changed results which have not gone out.
    var unflushedStamp: UInt64 = 0

    /// Makes everything the plan names. Errors: those of connectors and operators, about settings and specs.
    init(_ plan: TaskPlan, _ environment: TaskEnvironment) throws {
        self.plan = plan
        self.environment = environment
        // What comes now belongs to later epochs than those of the process before, which sinks may have noted.
        let lastEpoch = environment.coordinator?.startEpoch ?? 0
        snapshotEpoch = lastEpoch
        committedEpoch = max(environment.control.committable, lastEpoch)
        let batchSize = environment.configuration.batchSize
        let exchanges = try plan.outputs.map { output in
            try Exchange(
                kind: output.kind, targets: output.targets, subtask: plan.subtask, batchSize: batchSize,
                makeKeyHasher: environment.components.makeKeyHasher)
        }
        var operators: [OperatorChain.Link] = []
        var idleMillis: Int64?
        let taps = environment.outlets.taps
        ends = (plan.nodes.first.flatMap { taps?.tap(node: $0.id) }, plan.nodes.last.flatMap { taps?.tap(node: $0.id) })
        for (node, metrics) in zip(plan.nodes, plan.nodeMetrics) {
            var context = OperatorContext(
                nodeID: node.id, subtask: plan.subtask, parallelism: plan.parallelism, clock: environment.clock,
                metrics: metrics, batchSize: batchSize, isCheckpointed: environment.coordinator != nil,
                spillSpace: environment.spill?.space)
            context.outlets = environment.outlets
            context.isRestored = environment.restored != nil
            let tap = taps?.tap(node: node.id)
            context.makeLookup = { spec, keys, context in
                try TaskRunner.connector(spec, environment).makeLookup(spec, keys: keys, context: context)
            }
            switch node.spec {
            case .source(let spec):
                source = try TaskRunner.connector(spec, environment).makeSource(spec, context: context)
            case .sink(let spec):
                let connector = try TaskRunner.connector(spec, environment)
                sink = try connector.makeSink(spec, context: context)
                sinkCommits = connector.sinkCommits(spec)
            case .values(let spec): source = ValuesSource(spec, subtask: plan.subtask)
            case .union:
                operators.append(.init(operator: PassingOperator(schema: node.schema), metrics: metrics, tap: tap))
                operatorNodes.append(node.id)
            default:
                if case .watermark(let spec) = node.spec, let millis = spec.idleMillis, millis > 0 {
                    idleMillis = min(millis, idleMillis ?? millis)
                }
                let made = try environment.components.makeOperator(node.spec, context)
                operators.append(.init(operator: made, metrics: metrics, tap: tap))
                operatorNodes.append(node.id)
            }
        }
        idleNanos = idleMillis.map { UInt64(min($0, 1 << 40)) * 1_000_000 }
        output = TaskOutput(exchanges: exchanges, isSink: sink != nil)
        chain = OperatorChain(
            operators, subtask: plan.subtask, output: output, clock: environment.executor,
            budget: environment.spill?.space.budget)
        if let splits = source?.splits {
            splits.idleNanos = idleNanos
            chain.follow(splits)
        }
    }

    private static func connector(
        _ spec: ConnectorSpec, _ environment: TaskEnvironment
    ) throws -> any Connector {
        if let connector = environment.components.connectors[spec.connector] { return connector }
        throw OperationalError(
            "table '\(spec.table)': there is no connector '\(spec.connector)'", domain: .user)
    }

    /// Makes and runs a task; whatever goes wrong ends the whole pipeline.
    static func run(_ plan: TaskPlan, _ environment: TaskEnvironment) async {
        plan.metrics.enter(.opening, at: environment.executor.now())
        do {
            let runner = try TaskRunner(plan, environment)
            do {
                try await runner.run()
            } catch {
                await runner.close()
                throw error
            }
            await runner.close()
        } catch is CancellationError {
            environment.control.cancel()
        } catch {
            environment.control.fail(error)
        }
        plan.queue?.abandon()
        plan.metrics.isFinished.store(true, ordering: .relaxed)
        plan.metrics.enter(.ended, at: environment.executor.now())
    }

    private func close() async {
        await source?.onClose()
        await chain.close()
    }

    private func run() async throws {
        let endedCount = endedNodeCount
        let isAlreadyFinished = endedCount == plan.nodes.count
        let isSourceEnded = source != nil && endedCount > 0
        if !isAlreadyFinished {
            endedStages = operatorNodes.count { node in plan.nodes.prefix(endedCount).contains { $0.id == node } }
            try restore()
            if !isSourceEnded { try await source?.onStart() }
            try await sink?.onStart()
            try await commitRestored()
            try chain.start()
        } else if sinkCommits {
            // It ended only after its last commit.
            environment.coordinator?.committedRestored(task: plan.taskID)
        }
        plan.metrics.enter(.waitingForOthers, at: now())
        try await environment.control.awaitCommonStart()
        environment.restored?.forget()
        sliceStart = now()
        plan.metrics.enter(.running, at: sliceStart)
        let ending: Ending
        if isAlreadyFinished {
            ending = .alreadyFinished
        } else if isSourceEnded {
            ending = .complete
        } else if source != nil {
            ending = try await runSource()
        } else {
            ending = try await runInbox()
        }
        if plan.queue == nil { environment.control.noteSourceEnd() }
        try await end(ending)
        chain.updateStateMetrics()
        noteBusy(until: now())
    }

    private func end(_ ending: Ending) async throws {
        switch ending {
        case .complete: try await chain.end(from: endedStages, tellsHead: source != nil)
        case .satisfied(let stage): try await chain.end(from: stage, tellsHead: false)
        // What has come is counted; only windows wait for more.
        case .stopped:
            stampUnflushed()
            try await chain.flush(everything: true)
        case .unwanted, .alreadyFinished: break
        }
        if case .stopped = ending { output.end(isComplete: false) } else { output.end(isComplete: true) }
        try await drain()
        // A sink may have to wait for a checkpoint, which must not wait for rows that nobody reads.
        plan.queue?.abandon()
        if case .alreadyFinished = ending {} else { try await endSink(ending) }
        // A task that was stopped has more to do another time.
        if case .stopped = ending { return }
        environment.coordinator?.finished(
            task: plan.taskID, plan.nodes.map { .init(node: $0.id, subtask: plan.subtask) })
    }

    // MARK: State

    /// How many nodes of the task, from its head, had come to their end at the checkpoint: all of them or none, unless
    /// another query goes on from it. Nothing comes to one that has an ended one below it.
    private var endedNodeCount: Int {
        guard let restored = environment.restored else { return 0 }
        let last = plan.nodes.lastIndex {
            restored.isFinished(node: $0.id, subtask: plan.subtask, parallelism: plan.parallelism)
        }
        return last.map { $0 + 1 } ?? 0
    }

    private func restore() throws {
        guard let restored = environment.restored else { return }
        func state(_ node: Int) throws -> RestoredState? {
            try restored.state(node: node, subtask: plan.subtask, parallelism: plan.parallelism)
        }
        if let source, let state = try state(plan.nodes[0].id) { try source.restore(try state.loadingPieces()) }
        if let sink, let last = plan.nodes.last, let state = try state(last.id) {
            try sink.restore(try state.loadingPieces())
        }
        try chain.restore(try operatorNodes.map(state))
    }

    /// Everything before the barrier is done: gives the state out, and the barrier on. `alignmentStart`: when the first
    /// barrier of several channels came, nanoseconds since 1970.
    func takeSnapshot(_ barrier: Barrier, alignmentStart: Int64? = nil) async throws {
        let syncStart = environment.clock.nowNanoseconds()
        snapshotEpoch = barrier.epoch
        stopsBehindSnapshot = barrier.stops
        stampUnflushed()
        try await chain.flush(everything: true)
        try await drain()
        let state = try await state(epoch: barrier.epoch, isWhole: barrier.isWhole)
        output.pass(barrier)
        try await drain()
        environment.coordinator?.recorder.snapshotted(
            barrier.epoch,
            CheckpointRecord.Span(
                taskID: plan.taskID, nodes: plan.nodes.map(\.id), subtask: plan.subtask,
                alignmentStart: alignmentStart ?? syncStart, syncStart: syncStart,
                syncEnd: environment.clock.nowNanoseconds()))
        environment.coordinator?.snapshotted(state)
    }

    /// What source, operators and sink keep, or what of it has changed.
    private func state(epoch: Int, isWhole: Bool) async throws -> CheckpointFiles.TaskState {
        var result = CheckpointFiles.TaskState(
            task: plan.taskID, chain: plan.chainName, epoch: epoch, states: [], pieces: [], isIncremental: false)
        func add(_ node: Int, _ snapshot: StateSnapshot) {
            result.states.append(NodeState(node: node, subtask: plan.subtask, tables: snapshot.tables))
            result.pieces += snapshot.pieces.map { (node, plan.subtask, $0) }
            if snapshot.isIncremental { result.isIncremental = true }
        }
        if let source { add(plan.nodes[0].id, try source.snapshot()) }
        for (node, snapshot) in zip(operatorNodes, try chain.snapshots(isWhole: isWhole)) { add(node, snapshot) }
        if let sink, let last = plan.nodes.last { add(last.id, try await sink.prepare(epoch: epoch)) }
        return result
    }

    // MARK: Committing

    /// Has the sink commit what a checkpoint that stands by now has prepared.
    func commitIfDue() async throws {
        guard let sink, sinkCommits else { return }
        let epoch = environment.control.committable
        if epoch > committedEpoch { try await commit(sink, epoch) }
    }

    private func commit(_ sink: any SinkOperator, _ epoch: Int) async throws {
        committedEpoch = epoch
        try await sink.commit(epoch: epoch)
        environment.coordinator?.committed(task: plan.taskID, epoch: epoch)
    }

    /// Waits until the checkpoint that the sink has its part in stands, and commits it. Nothing of it is still to come
    /// through this task or those above it, so that it does not wait for the rows that wait here.
    private func waitForCommit(_ sink: any SinkOperator) async throws {
        guard sinkCommits, snapshotEpoch > committedEpoch, let coordinator = environment.coordinator else { return }
        plan.metrics.enter(.waitingForRoom, at: now())
        let stands = await coordinator.outcome(of: snapshotEpoch, task: plan.taskID)
        try environment.control.checkCancellation()
        if stands { try await commit(sink, snapshotEpoch) }
    }

    /// Finishes the commit that the process before may not have come to.
    private func commitRestored() async throws {
        guard let sink, sinkCommits, let restored = environment.restored, restored.mustCommit else { return }
        let continues = plan.nodes.last.map { restored.continues(node: $0.id) } ?? false
        if continues { try await sink.commit(epoch: restored.epoch) }
        environment.coordinator?.committedRestored(task: plan.taskID)
    }

    /// Ends the sink. One that commits does so once more: behind the checkpoint that holds its last rows, if there are
    /// checkpoints, and not at all when that fails.
    private func endSink(_ ending: Ending) async throws {
        guard let sink else { return }
        try await sink.onEnd()
        guard sinkCommits else { return }
        guard let coordinator = environment.coordinator else {
            _ = try await sink.prepare(epoch: 0)
            return try await sink.commit(epoch: 0)
        }
        if case .stopped = ending, !stopsBehindSnapshot { return }
        // What belongs to the epoch under way must not wait for, nor mix with, what came after it.
        if snapshotEpoch > committedEpoch, await coordinator.outcome(of: snapshotEpoch, task: plan.taskID) {
            try await commit(sink, snapshotEpoch)
        }
        if case .stopped = ending { return }
        let last = try await state(epoch: snapshotEpoch + 1, isWhole: true)
        while let next = await coordinator.linger(last) {
            if next.epoch > committedEpoch { try await commit(sink, next.epoch) }
            if next.isLast { return }
        }
        try environment.control.checkCancellation()
    }

    // MARK: Sending

    /// Sends and writes all that the chain gave out.
    func drain() async throws {
        try await chain.settle()
        if !output.outbox.isEmpty { try await send() }
        if !output.sinkBatches.isEmpty { try await write() }
    }

    private func send() async throws {
        for delivery in output.outbox {
            if delivery.entry.byteCount > 0 {
                plan.metrics.bytesSent.wrappingAdd(delivery.entry.byteCount, ordering: .relaxed)
            }
            switch delivery.queue.offer(delivery.entry) {
            case .sent, .dropped: continue
            case .cancelled: throw CancellationError()
            case .full:
                let start = now()
                noteBusy(until: start)
                plan.metrics.enter(.waitingForRoom, at: start)
                try await delivery.queue.push(delivery.entry)
                let end = now()
                plan.metrics.enter(.running, at: end)
                plan.metrics.backpressureNanos.wrappingAdd(Int(clamping: end - start), ordering: .relaxed)
                sliceStart = end
            }
        }
        output.outbox.removeAll(keepingCapacity: true)
    }

    private func write() async throws {
        guard let sink, let metrics = plan.nodeMetrics.last else { return }
        for batch in output.sinkBatches {
            // A sink may be slow; a pipeline that is given up does not wait for the rest.
            try environment.control.checkCancellation()
            if sink.isFull { try await waitForCommit(sink) }
            metrics.noteReceived(batch.rowCount)
            plan.metrics.enter(.writing, at: now())
            try await sink.write(batch)
            let time = now()
            plan.metrics.enter(.running, at: time)
            metrics.lastSentNanos.store(time, ordering: .relaxed)
            metrics.noteLatency(stamp: output.stamp, rows: batch.rowCount, at: time)
            if let tap = ends.last, tap.isWatched { tap.offer(batch, subtask: plan.subtask, at: time) }
            if flushDeadline == nil { flushDeadline = time &+ environment.configuration.sinkFlushNanos }
        }
        output.sinkBatches.removeAll(keepingCapacity: true)
    }

    /// Rows that the source has read.
    func show(read batch: RecordBatch, at time: UInt64) {
        if let tap = ends.first, tap.isWatched { tap.offer(batch, subtask: plan.subtask, at: time) }
    }

    // MARK: Time

    func now() -> UInt64 { environment.executor.now() }

    /// Lets other tasks have the thread when this one has had its share.
    func yieldIfDue(at time: UInt64) async throws {
        if time &- sliceStart < environment.configuration.quantumNanos { return }
        noteBusy(until: time)
        if time &- stateUpdateTime > 50_000_000 {
            stateUpdateTime = time
            chain.updateStateMetrics()
        }
        try environment.control.checkCancellation()
        await Task.yield()
        sliceStart = now()
    }

    /// Counts the time since the slice began as work; a new slice begins after the next wait.
    func noteBusy(until time: UInt64) {
        plan.metrics.busyNanos.wrappingAdd(Int(clamping: time &- sliceStart), ordering: .relaxed)
        sliceStart = time
    }

    /// A new slice begins: the task was waiting until now.
    func noteWait(until time: UInt64) { sliceStart = time }
}
