import Columnar
import ControlPlane
import Engine
import HostSystem
import JSONModel
import Planner
import SQLSyntax
import Synchronization
import TestKit

/// Pipelines kept in memory; nothing runs. SQL with `orign` in it is wrong, with `explode` it breaks the server's part;
/// a query with `hang` in it runs until it is given up, one with `slow` for 300 ms.
final class FakePipelines: PipelineService {
    struct Fault: Error {}

    private struct State {
        var number = 0
        var pipelines: [PipelineInfo] = []
    }

    private let state = Mutex(State())
    /// What readers of outputs get, in order.
    let script: Mutex<[OutputEvent]>
    let readers = Mutex<[ScriptedReader]>([])
    /// Queries that hang, and those that were given up.
    let hangingQueries = Atomic<Int>(0)
    let leftQueries = Atomic<Int>(0)

    init(script: [OutputEvent] = [.done]) { self.script = Mutex(script) }

    static let graph = GraphInfo(
        nodes: [
            .init(
                nodeID: 0, operator: "impulse", description: "Source ticks", parallelism: 1,
                schema: [ColumnInfo(name: "counter", type: "BIGINT", isNullable: false)], state: nil),
            .init(nodeID: 1, operator: "preview", description: "Sink", parallelism: 1, schema: [], state: "nothing"),
        ], edges: [.init(source: 0, destination: 1, kind: .forward, schema: [])])

    private static let mistake = Diagnostic(
        "E0204", "there is no column orign", span: SourceSpan(7, 12), hint: "did you mean origin?")

    private func check(_ query: String) throws {
        if query.contains("orign") {
            throw ControlError(.invalid, "Failed to plan query", diagnostics: [FakePipelines.mistake])
        }
        if query.contains("explode") { throw Fault() }
    }

    func validate(query: String) async throws -> QueryValidation {
        if query.contains("explode") { throw Fault() }
        if query.contains("orign") {
            return QueryValidation(graph: nil, diagnostics: [FakePipelines.mistake], schema: [])
        }
        let warning = Diagnostic("W0001", "keeps state for ever", span: nil, severity: .warning)
        return QueryValidation(
            graph: FakePipelines.graph, diagnostics: [warning], schema: FakePipelines.graph.nodes[0].schema)
    }

    func createPipeline(_ draft: PipelineDraft) async throws -> PipelineInfo {
        try check(draft.query)
        return state.withLock { state in
            state.number += 1
            let pipeline = PipelineInfo(
                id: "pl_\(state.number)", name: draft.name, query: draft.query, parallelism: draft.parallelism,
                checkpointIntervalMicros: draft.checkpointIntervalMicros ?? 10_000_000,
                stop: draft.starts ? .none : .checkpoint, createdAt: 1_700_000_000_000_000 + Int64(state.number),
                isPreview: draft.isPreview, ttlMicros: draft.ttlMicros, tags: draft.tags, graph: FakePipelines.graph,
                jobID: "job_\(state.number)", state: draft.starts ? .running : .created)
            state.pipelines.insert(pipeline, at: 0)
            return pipeline
        }
    }

    func pipelines(_ page: PageRequest, includesPreviews: Bool) async throws -> Page<PipelineInfo> {
        try state.withLock { state in
            var items = state.pipelines.filter { includesPreviews || !$0.isPreview }[...]
            if let cursor = page.startingAfter {
                guard let index = items.firstIndex(where: { $0.id == cursor }) else {
                    throw ControlError(.invalid, "parameter 'starting_after': no such pipeline")
                }
                items = items[(index + 1)...]
            }
            return Page(Array(items.prefix(page.limit)), hasMore: items.count > page.limit)
        }
    }

    func pipeline(id: String) async throws -> PipelineInfo {
        try state.withLock { state in
            guard let found = state.pipelines.first(where: { $0.id == id }) else {
                throw ControlError.notFound("Pipeline", id)
            }
            return found
        }
    }

    func changePipeline(id: String, _ change: PipelineChange) async throws -> PipelineInfo {
        var pipeline = try await pipeline(id: id)
        if let query = change.query { try check(query) }
        pipeline.name = change.name ?? pipeline.name
        pipeline.query = change.query ?? pipeline.query
        pipeline.parallelism = change.parallelism ?? pipeline.parallelism
        pipeline.checkpointIntervalMicros = change.checkpointIntervalMicros ?? pipeline.checkpointIntervalMicros
        pipeline.stop = change.stop ?? pipeline.stop
        pipeline.state = pipeline.stop == .none ? .running : .stopped
        if !change.isDryRun { replace(pipeline) }
        if change.query != nil {
            pipeline.queryChange = QueryChangeInfo(operators: [
                .init(
                    nodeID: 0, previousNodeID: 1, operator: "impulse", description: "Source n", action: .kept,
                    state: "how far its input has been read", reason: "it reads on where it is"),
                .init(
                    nodeID: nil, previousNodeID: 0, operator: "Filter", description: "Filter a", action: .dropped,
                    state: nil, reason: ""),
            ])
        }
        return pipeline
    }

    private func replace(_ pipeline: PipelineInfo) {
        state.withLock { state in
            state.pipelines = state.pipelines.map { $0.id == pipeline.id ? pipeline : $0 }
        }
    }

    func deletePipeline(id: String) async throws {
        let pipeline = try await pipeline(id: id)
        if !pipeline.state.isTerminal { throw ControlError(.conflict, "The pipeline runs: stop it first") }
        state.withLock { state in state.pipelines.removeAll { $0.id == id } }
    }

    func restartPipeline(id: String, force: Bool) async throws -> PipelineInfo { try await pipeline(id: id) }

    func jobs(pipelineID: String?, _ page: PageRequest) async throws -> Page<JobInfo> {
        if let pipelineID { _ = try await pipeline(id: pipelineID) }
        let all = state.withLock { state in
            state.pipelines.filter { pipelineID == nil || $0.id == pipelineID }.map { pipeline in
                JobInfo(
                    id: pipeline.jobID, pipelineID: pipeline.id, runID: 1, state: pipeline.state,
                    isRunningDesired: pipeline.stop == .none, createdAt: pipeline.createdAt,
                    startTime: pipeline.createdAt, tasks: 2, failureMessage: "a record is bad", failureDomain: .user)
            }
        }
        return try Page(of: all, page, "job") { $0.id }
    }

    private func checkJob(_ pipelineID: String, _ jobID: String) async throws {
        if try await pipeline(id: pipelineID).jobID != jobID { throw ControlError.notFound("Job", jobID) }
    }

    private static let span = TimeSpan(event: "sync", description: "", startTime: 1, finishTime: nil)

    func checkpoints(
        pipelineID: String, jobID: String, _ page: PageRequest
    ) async throws -> Page<CheckpointInfo> {
        try await checkJob(pipelineID, jobID)
        let all = [2, 1].map { epoch in
            CheckpointInfo(
                epoch: epoch, backend: "columnar", startTime: 1, finishTime: 2, bytes: 3, events: [FakePipelines.span])
        }
        return try Page(of: all, page, "checkpoint") { String($0.epoch) }
    }

    func operatorCheckpoints(
        pipelineID: String, jobID: String, epoch: Int
    ) async throws -> [OperatorCheckpointInfo] {
        try await checkJob(pipelineID, jobID)
        if epoch != 1 { throw ControlError.notFound("Checkpoint", "\(epoch)") }
        let subtask = OperatorCheckpointInfo.Subtask(index: 0, bytes: 3, spans: [FakePipelines.span])
        return [
            OperatorCheckpointInfo(
                operatorID: "1", bytes: 3, startedMetadataWrite: nil, finishTime: 2, subtasks: [subtask])
        ]
    }

    func messages(pipelineID: String, jobID: String, _ page: PageRequest) async throws -> Page<JobMessage> {
        try await checkJob(pipelineID, jobID)
        return Page(
            [JobMessage(id: "msg_1", createdAt: 1, level: .error, message: "a bad record", domain: .user)],
            hasMore: false)
    }

    func metrics(pipelineID: String, jobID: String) async throws -> [NodeMetrics] {
        try await checkJob(pipelineID, jobID)
        let points = [NodeMetrics.Point(time: 1, value: 2.5), .init(time: 2, value: .nan)]
        let group = NodeMetrics.Group(name: "messages_recv", subtasks: [.init(index: 0, points: points)])
        return [NodeMetrics(nodeID: 0, groups: [group])]
    }

    func output(
        pipelineID: String, jobID: String, nodeID: Int?, lastEventID: Int?
    ) async throws -> any OutputReader {
        try await checkJob(pipelineID, jobID)
        if let nodeID, nodeID > 1 { throw ControlError(.invalid, "there is no node \(nodeID)") }
        let events = script.withLock { $0 }.filter { event in
            if case .rows(let id, _) = event, let lastEventID { return id > lastEventID }
            return true
        }
        let reader = ScriptedReader(events)
        readers.withLock { $0.append(reader) }
        return reader
    }

    func droppedMessageCount(pipelineID: String, jobID: String) async throws -> Int { 7 }

    func transitions(pipelineID: String, jobID: String) async throws -> [JobTransition] {
        try await checkJob(pipelineID, jobID)
        return (1...150).map { JobTransition(runID: $0, state: .running, time: Int64($0), cause: nil) }
            + [JobTransition(runID: 151, state: .failed, time: 151, cause: "the disk is full")]
    }

    func diagnosis(pipelineID: String, jobID: String) async throws -> StallReport? {
        try await checkJob(pipelineID, jobID)
        return StallReport(PipelineSnapshot(elapsed: 5_000_000_000, hasStarted: true, tasks: [], channels: []))
    }

    func run(query: String, limit: Int) async throws -> (schema: Schema, batches: [RecordBatch]) {
        try check(query)
        if query.contains("slow") { try await Task.sleep(for: .milliseconds(300)) }
        if query.contains("hang") {
            hangingQueries.wrappingAdd(1, ordering: .relaxed)
            defer { leftQueries.wrappingAdd(1, ordering: .relaxed) }
            try await Task.sleep(for: .seconds(60))
        }
        let schema = Schema([Field("id", .int64), Field("name", .utf8)])
        let batch = BatchBuilder.batch(schema, [[.int64(1), .utf8("a\nb")], [.int64(2), .null(.utf8)]])
        return (batch.schema, [batch])
    }

    var limits: [ControlLimit] { ControlSettings(stateRoot: "").limits }

    func metricsText() async -> String { "laminar_messages_recv_total{job_id=\"job_1\"} 5" }
}

/// Gives its events one after the other, then waits.
final class ScriptedReader: OutputReader {
    private struct State {
        var events: [OutputEvent]
        var isClosed = false
    }

    private let state: Mutex<State>

    init(_ events: [OutputEvent]) { state = Mutex(State(events: events)) }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func add(_ event: OutputEvent) { state.withLock { $0.events.append(event) } }

    func next(timeoutMillis: Int) async -> OutputEvent? {
        for _ in 0..<max(1, timeoutMillis / 10) {
            let event = state.withLock { state in state.events.isEmpty ? nil : state.events.removeFirst() }
            if let event { return event }
            if isClosed { return .done }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return nil
    }

    func close() { state.withLock { $0.isClosed = true } }
}
