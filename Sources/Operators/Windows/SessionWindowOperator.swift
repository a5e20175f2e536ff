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
    /// The sessions that have changed since the last snapshot.
    private var changes: ChangedRows
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
        changes = ChangedRows(isKept: context.isCheckpointed)
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
        changes.note(targets, count: kept.count, rowCount: sessions.count)
        for merge in merges { changes.note(merge.from) }
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
        let states = accumulators.states(Selection(from)).map { $0.compacted() }
        do {
            try last.withUnsafeBufferPointer { last throws(KernelError) in
                guard let base = last.baseAddress else { return }
                try accumulators.merge(
                    flat: states, groups: base, rowCount: last.count, groupCount: sessions.count)
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
        let keys = groups.keys(of: Selection(closed.map { Int(sessions.keys[$0]) }))
        let results: [Column]
        do {
            results = try accumulators.finish(Selection(closed))
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
        try collector.emit(all, inPiecesOf: context.batchSize)
    }

    // MARK: - State

    /// Keys, start, end, serial, states of the aggregates: a row per session.
    private func rows(of wanted: [Int]) -> [Column] {
        func numbers(_ values: UnsafePointer<Int64>, _ type: DataType = .timestamp) -> Column {
            Column(type: type, count: wanted.count, values: .copying(wanted.map { values[$0] }))
        }
        return groups.keys(of: Selection(wanted.map { Int(sessions.keys[$0]) }))
            + [
                numbers(sessions.starts.pointer), numbers(sessions.ends.pointer),
                numbers(sessions.serials.pointer, .int64),
            ]
            + accumulators.states(Selection(wanted))
    }

    /// Adds sessions as `rows` gives them.
    private func add(_ columns: [Column], count: Int) throws {
        let keys = ids.words(count)
        groups.intern(Array(columns.prefix(plan.keyCount)), rowCount: count, into: keys)
        let numbers = columns[plan.keyCount..<plan.keyCount + 3].map { $0.pointer(Int64.self) }
        let targets = slots.words(count)
        for row in 0..<count {
            let session = sessions.add(
                key: Int(keys[row]), start: numbers[0][row], end: numbers[1][row], serial: numbers[2][row])
            targets[row] = UInt32(truncatingIfNeeded: session)
        }
        do {
            try accumulators.merge(
                flat: Array(columns.dropFirst(plan.keyCount + 3)), groups: targets, rowCount: count,
                groupCount: sessions.count)
        } catch {
            throw failures.describe(error)
        }
    }

    /// Forgets keys and sessions that are over.
    private func compact() throws {
        let open = sessions.open
        if changes.isKept {
            let changed = changes.rows
            changes.noteRemoved(rows(of: (0..<changed.count).map { changed[$0] }.filter { !sessions.isOpen[$0] }))
            changes.renumber(open)
        }
        let kept = rows(of: open).map { $0.compacted() }
        groups = GroupTable(keyTypes: plan.keyTypes)
        accumulators = plan.makeAccumulators()
        sessions.removeAll()
        if !open.isEmpty { try add(kept, count: open.count) }
    }

    func snapshot() throws -> StateSnapshot {
        changes.clear()
        if sessions.openCount == 0 { return StateSnapshot([progress]) }
        let (keys, content, states) = (groups.snapshot(), sessions.snapshot(), accumulators.snapshot())
        let types = plan.keyTypes + [.timestamp, .timestamp, .int64] + accumulators.stateTypes
        let rows = DeferredRows(StateTable.schema(types), rowCount: sessions.openCount) {
            let open = content.open
            let states = states.makeReader()
            return { range in
                // Mostly all sessions between two open ones are open, as closed ones are forgotten.
                let first = Int(open[range.lowerBound])
                let span = first..<Int(open[range.upperBound - 1]) + 1
                let wanted = Selection(open[range].map { Int($0) - first })
                return keys.keys(of: content.keys(span)).map { $0.taking(wanted) }
                    + (content.times(span) + states(span)).map { $0.taking(wanted) }
            }
        }
        return StateSnapshot([progress, StateTable("sessions", .keyed(columnCount: plan.keyCount), rows)])
    }

    private var progress: StateTable { StateTable("progress", numbers: [watermark]) }

    /// The sessions that have grown, and those that others took in; the watermark says which are over.
    func increment() throws -> StateSnapshot {
        defer { changes.clear() }
        let changed = changes.rows
        let numbers = (0..<changed.count).map { changed[$0] }
        let rows = changes.increment(rows(of: numbers), isGone: numbers.map { !sessions.isOpen[$0] })
        let expiry =
            watermark == .min
            ? nil
            : StateTable.Expiry(
                column: plan.keyCount + 1, bound: WindowTimes.sum(watermark, 1))
        if sessions.openCount == 0 { return StateSnapshot([progress]) }
        return StateSnapshot([
            progress,
            StateTable(
                "sessions", .keyed(columnCount: plan.keyCount), rows, rowCount: rows[0].count,
                increment: .init(
                    identity: Array(0..<plan.keyCount) + [plan.keyCount + 2], marksRemovals: true, expiry: expiry)),
        ])
    }

    func restore(_ state: RestoredState) throws {
        watermark = state.numbers("progress").map { $0[0] }.max() ?? .min
        for batch in state.batches("sessions") { try add(batch.columns, count: batch.rowCount) }
        changes.clear()
    }
}
