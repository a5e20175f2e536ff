import Columnar
import Connectors
import Dataflow
import Engine
import HostSystem
import Planner
import SQLSyntax
import Synchronization

extension PipelineRegistry {
    public func validate(query: String) async throws -> QueryValidation {
        try checkOpen()
        try PipelineChangeRules.check(query: query)
        let result = try await planner.compileAsking(query, parallelism: 1).result
        var diagnostics = result.diagnostics
        if !result.hasErrors, let graph = result.graph {
            diagnostics += try await planner.prepareSinks(graph, isTrial: true)
        }
        if !result.hasErrors && result.graph == nil && result.answers.isEmpty {
            diagnostics.append(QueryPlanner.nothingToRun(query))
        }
        let written = result.graph?.nodes.last { if case .sink = $0.spec { true } else { false } }?.schema
        let hasErrors = diagnostics.contains { $0.severity == .error }
        return QueryValidation(
            graph: hasErrors ? nil : result.graph.map(GraphInfo.init), diagnostics: diagnostics,
            schema: (result.previewSchema ?? written).map(ColumnInfo.visible) ?? [], answers: result.answers)
    }

    public func run(query: String, limit: Int) async throws -> (schema: Schema, batches: [RecordBatch]) {
        try checkOpen()
        try PipelineChangeRules.check(query: query)
        if limit < 1 { throw ControlError(.invalid, "limit takes 1 or more, found \(limit)") }
        let planned = try await planner.planAsking(query, parallelism: 1)
        guard let schema = planned.previewSchema else {
            throw ControlError(.invalid, "the query gives no rows: end it with a SELECT")
        }
        let sinks = planned.graph.nodes.compactMap { if case .sink(let spec) = $0.spec { spec } else { nil } }
        if let written = sinks.first(where: { $0.connector != QueryPlanner.previewConnector }) {
            throw ControlError(
                .invalid, "the query writes to table '\(written.table)': make a pipeline of it, or leave the INSERT out"
            )
        }
        if !planned.isBounded {
            throw ControlError(
                .invalid, "the query does not end by itself: preview it, or read bounded tables only")
        }
        try enterQuery()
        defer { state.withLock { $0.queryCount -= 1 } }
        return (schema, try await collect(planned.graph, schema, limit))
    }

    private func enterQuery() throws(ControlError) {
        let countMax = settings.queryCountMax
        let isAllowed = state.withLock { state in
            if state.queryCount >= countMax { return false }
            state.queryCount += 1
            return true
        }
        if !isAllowed { throw ControlError(.tooMany, "\(countMax) queries run already") }
    }

    /// Runs a graph until it has ended or given enough.
    private func collect(_ graph: DataflowGraph, _ schema: Schema, _ limit: Int) async throws -> [RecordBatch] {
        let rows = CollectedRows(limit: limit, bytesMax: settings.queryBytesMax)
        // A catalog's first connector of a name counts.
        let connectors = ConnectorCatalog([PreviewConnector { batch in rows.add(batch) }] + planner.connectors.all)
        let engine = try Engine(configuration: engine, connectors: connectors)
        let pipeline = try engine.start(graph)
        rows.whenFull { pipeline.stop(.immediate) }
        site.host.timers.schedule(afterNanoseconds: UInt64(settings.queryMillisMax) * 1_000_000) { [weak rows] in
            guard let rows else { return }
            rows.giveUp()
        }
        do {
            let summary = try await withTaskCancellationHandler {
                try await pipeline.wait()
            } onCancel: {
                pipeline.stop(.immediate)
            }
            if rows.isTooLarge {
                throw ControlError(
                    .invalid,
                    "the rows take more than \(settings.queryBytesMax >> 20) MiB: ask for fewer rows or columns, or "
                        + "make a pipeline")
            }
            if summary.outcome != .finished && !rows.isFull {
                throw ControlError(
                    .tooMany,
                    "the query has run for \(settings.queryMillisMax) ms, which is all it may: make a pipeline")
            }
        } catch let error as ControlError {
            throw error
        } catch {
            throw ControlError(.invalid, "the query failed: \(JobFailure(error).message)")
        }
        // Hidden columns come last.
        return rows.batches.map { batch in
            batch.schema.count == schema.count ? batch : batch.selectingColumns(Array(0..<schema.count))
        }
    }
}

/// The first rows a query gives.
private final class CollectedRows: Sendable {
    private struct State {
        var batches: [RecordBatch] = []
        var rowCount = 0
        var byteCount = 0
        var isTooLarge = false
        var isOver = false
        var stop: (@Sendable () -> Void)?
    }

    private let limit: Int
    private let bytesMax: Int
    private let state = Mutex(State())

    init(limit: Int, bytesMax: Int) {
        self.limit = limit
        self.bytesMax = bytesMax
    }

    var batches: [RecordBatch] { state.withLock { $0.batches } }
    var isFull: Bool { state.withLock { $0.rowCount >= limit } }
    /// Whether the memory that rows may take did not do; none are kept then.
    var isTooLarge: Bool { state.withLock { $0.isTooLarge } }

    func add(_ batch: RecordBatch) {
        let stop = state.withLock { state -> (@Sendable () -> Void)? in
            let room = limit - state.rowCount
            if room <= 0 || state.isTooLarge { return nil }
            // A slice holds on to all of its batch.
            let kept = batch.rowCount <= room ? batch : batch.slice(0, room).compacted()
            state.batches.append(kept)
            state.rowCount += kept.rowCount
            state.byteCount += kept.byteCount
            if state.byteCount > bytesMax {
                state.isTooLarge = true
                state.batches = []
            }
            if state.rowCount < limit && !state.isTooLarge { return nil }
            state.isOver = true
            return state.stop
        }
        stop?()
    }

    /// Calls `stop` once there is enough, or at once.
    func whenFull(_ stop: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            state.stop = stop
            return state.isOver
        }
        if isOver { stop() }
    }

    /// The time is over.
    func giveUp() { state.withLock { $0.stop }?() }
}
