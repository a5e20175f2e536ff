import Columnar
import Dataflow
import Expressions
import State
import Synchronization

/// Aggregates rows per key and session; a session comes out once, when the watermark has passed its end.
///
/// Rows may come in any order: one that falls between two sessions brings them together, by merging the states of
/// their aggregates. A row whose session would already be closed is counted and dropped.
final class SessionWindowOperator: Operator {
    private static let name = "WindowAggregate"

    private let spec: WindowAggregateSpec
    private let context: OperatorContext
    private let failures = RowFailures(operatorName: name)
    private let plan: AggregatePlan
    private let gap: Int64
    private var expressions: OperatorExpressions
    private var groups: GroupTable
    private var accumulators: AccumulatorSet
    private var sessions: SessionTable
    private var watermark = Int64.min
    private var ids = ScratchBuffer()
    private var slots = ScratchBuffer()

    init(_ spec: WindowAggregateSpec, gap: Int64, context: OperatorContext) throws {
        self.spec = spec
        self.context = context
        self.gap = gap
        do {
            plan = try AggregatePlan(keys: spec.keys, calls: spec.aggregates)
        } catch {
            throw failures.describe(error)
        }
        expressions = OperatorExpressions(plan.expressions, operatorName: Self.name, context: context)
        groups = GroupTable(keyTypes: plan.keyTypes)
        accumulators = plan.makeAccumulators()
        sessions = SessionTable(gap: gap)
    }

    var stateByteCount: Int { groups.byteCount + accumulators.byteCount + sessions.byteCount }
    var stateRowCount: Int { sessions.openCount }

    // MARK: - Rows

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let columns = try expressions.evaluate(batch)
        let times = batch.columns[spec.eventTime].pointer(Int64.self)
        let keys = ids.words(batch.rowCount)
        groups.intern(Array(columns.prefix(plan.keyCount)), rowCount: batch.rowCount, into: keys)
        let targets = slots.words(batch.rowCount)
        var kept: [Int] = []
        var merges: [(from: Int, to: Int)] = []
        for row in 0..<batch.rowCount {
            guard times[row] < Int64.max - gap else {
                throw OperatorError(
                    operatorName: Self.name, row: failures.text(row, batch),
                    message: "an event time so far out that its session has no end: \(times[row]) ns since 1970")
            }
            guard let place = sessions.place(key: Int(keys[row]), time: times[row], watermark: watermark) else {
                continue
            }
            targets[kept.count] = UInt32(truncatingIfNeeded: place.session)
            kept.append(row)
            for other in place.merged { merges.append((other, place.session)) }
        }
        let lateCount = batch.rowCount - kept.count
        if lateCount > 0 { context.metrics.lateRows.wrappingAdd(lateCount, ordering: .relaxed) }
        let selection = lateCount == 0 ? nil : Selection(kept)
        let inputs = selection.map { rows in columns.map { $0.taking(rows) } } ?? columns
        do {
            try accumulators.update(inputs, groups: targets, rowCount: kept.count, groupCount: sessions.count)
        } catch {
            var located = error
            located.row = error.row.map { kept[$0] }
            throw failures.describe(located, batch)
        }
        try merge(merges)
    }

    /// Brings the states of sessions together, in the order in which the sessions met.
    private func merge(_ merges: [(from: Int, to: Int)]) throws {
        if merges.isEmpty { return }
        // A session may have been merged on, so states are followed to the session that is left.
        var target: [Int: Int] = [:]
        for (from, to) in merges { target[from] = to }
        let from = merges.map(\.from)
        let last = from.map { session -> UInt32 in
            var session = session
            while let next = target[session] { session = next }
            return UInt32(truncatingIfNeeded: session)
        }
        let rows = Selection(from)
        let states = accumulators.states().map { $0.map { $0.taking(rows).compacted() } }
        do {
            try last.withUnsafeBufferPointer { last throws(KernelError) in
                guard let base = last.baseAddress else { return }
                try accumulators.merge(states, groups: base, rowCount: last.count, groupCount: sessions.count)
            }
        } catch {
            throw failures.describe(error)
        }
    }

    // MARK: - Results

    /// A session that has grown since may end later, as its first end is what is remembered.
    var nextDueTime: Int64? { sessions.openCount == 0 ? .max : sessions.leastEnd }

    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        guard watermark > self.watermark else { return watermark }
        self.watermark = watermark
        let closed = sessions.close(through: watermark)
        if !closed.isEmpty {
            try emit(closed, into: collector)
            if sessions.count > 1024 && sessions.openCount < sessions.count / 2 { try compact() }
        }
        return watermark
    }

    private func emit(_ closed: [Int], into collector: any Collector) throws {
        let rows = Selection(closed)
        let keys = groups.keys().map { $0.taking(Selection(closed.map { Int(sessions.keys[$0]) })) }
        let results: [Column]
        do {
            results = try accumulators.finish().map { $0.taking(rows) }
        } catch {
            throw failures.describe(error)
        }
        let starts = Column(type: .timestamp, count: closed.count, values: .copying(closed.map { sessions.starts[$0] }))
        let ends = Column(type: .timestamp, count: closed.count, values: .copying(closed.map { sessions.ends[$0] }))
        let last = Column(
            type: .timestamp, count: closed.count, values: .copying(closed.map { sessions.ends[$0] - 1 }))
        let window = Column(
            type: spec.schema[spec.schema.count - 2].type, count: closed.count, children: [starts, ends])
        let all = RecordBatch(schema: spec.schema, columns: keys + results + [window, last], rowCount: closed.count)
        let size = max(1, context.batchSize)
        for first in stride(from: 0, to: all.rowCount, by: size) {
            try collector.emit(all.slice(first, min(size, all.rowCount - first)))
        }
    }

    // MARK: - State

    /// Keys, start, end, states of the aggregates: a row per open session.
    private func openSessions() -> RecordBatch? {
        let open = sessions.open
        if open.isEmpty { return nil }
        let rows = Selection(open)
        let keys = groups.keys().map { $0.taking(Selection(open.map { Int(sessions.keys[$0]) })).compacted() }
        let times = [sessions.starts, sessions.ends].map { values in
            Column(type: .timestamp, count: open.count, values: .copying(open.map { values[$0] }))
        }
        let states = accumulators.states().flatMap { $0 }.map { $0.taking(rows).compacted() }
        let columns = keys + times + states
        let fields = columns.enumerated().map { Field("c\($0)", $1.type) }
        return RecordBatch(schema: Schema(fields), columns: columns, rowCount: open.count)
    }

    private func add(_ batch: RecordBatch) throws {
        let keys = ids.words(batch.rowCount)
        groups.intern(Array(batch.columns.prefix(plan.keyCount)), rowCount: batch.rowCount, into: keys)
        let startColumn = batch.columns[plan.keyCount]
        let endColumn = batch.columns[plan.keyCount + 1]
        let starts = startColumn.pointer(Int64.self)
        let ends = endColumn.pointer(Int64.self)
        let targets = slots.words(batch.rowCount)
        for row in 0..<batch.rowCount {
            let session = sessions.add(key: Int(keys[row]), start: starts[row], end: ends[row])
            targets[row] = UInt32(truncatingIfNeeded: session)
        }
        do {
            try accumulators.merge(
                flat: Array(batch.columns.dropFirst(plan.keyCount + 2)), groups: targets, rowCount: batch.rowCount,
                groupCount: sessions.count)
        } catch {
            throw failures.describe(error)
        }
    }

    /// Forgets keys and sessions that are over.
    private func compact() throws {
        let open = openSessions()
        groups = GroupTable(keyTypes: plan.keyTypes)
        accumulators = plan.makeAccumulators()
        sessions = SessionTable(gap: gap)
        if let open { try add(open) }
    }

    func snapshot() throws -> StateSnapshot {
        let progress = StateTable("progress", numbers: [watermark])
        guard let batch = openSessions() else { return StateSnapshot([progress]) }
        let table = StateTable(name: "sessions", distribution: .keyed(columnCount: plan.keyCount), batch: batch)
        return StateSnapshot([progress, table])
    }

    func restore(_ state: RestoredState) throws {
        watermark = state.numbers("progress").map { $0[0] }.max() ?? .min
        for batch in state.batches("sessions") { try add(batch) }
    }
}
