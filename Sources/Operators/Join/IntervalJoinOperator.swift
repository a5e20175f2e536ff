import Columnar
import Dataflow
import Expressions
import State
import Synchronization

/// Joins endless inputs by keys and nearness in event time; what is given stands.
///
/// A row meets the rows of the other side that are there, and is kept as long as the watermark says that others may
/// come that it matches. A row that outer joins give without a match comes out when that time is over; so the watermark
/// that goes on stays behind by as much.
final class IntervalJoinOperator: Operator {
    private static let name = "IntervalJoin"

    private let spec: IntervalJoinSpec
    private let context: OperatorContext
    private var keys: [OperatorExpressions]
    private var residual: OperatorPredicate?
    private let tables: [TimedRowTable]
    private var watermark = Int64.min
    private let sides: JoinSides

    /// Rows of one batch that wait to be looked at, and what has matched so far.
    private struct Step {
        var side: Int
        var rows: [Column]
        var isMatched: [Bool]
    }

    init(_ spec: IntervalJoinSpec, context: OperatorContext) {
        self.spec = spec
        self.context = context
        let join = spec.join
        keys = [join.leftKeys, join.rightKeys].map {
            OperatorExpressions($0, operatorName: Self.name, context: context)
        }
        residual = join.residual.map { OperatorPredicate($0, operatorName: Self.name, context: context) }
        tables = [join.leftKeys, join.rightKeys].enumerated().map { side, keys in
            TimedRowTable(
                keyTypes: keys.map(\.type), rowTypes: spec.sides[side].map(\.type),
                timeColumn: spec.eventTimes[side], nullsMatch: join.nullsAreEqual,
                isCheckpointed: context.isCheckpointed)
        }
        sides = JoinSides(spec.sides, kind: join.kind)
    }

    var stateByteCount: Int { tables.reduce(0) { $0 + $1.byteCount } }
    /// Rows kept of both sides.
    var stateRowCount: Int { tables.reduce(0) { $0 + $1.rowCount } }

    // MARK: - Kinds

    /// Whether the rows of a side come out without a match.
    private func isPreserved(_ side: Int) -> Bool {
        switch spec.join.kind {
        case .left, .leftAnti: side == 0
        case .right: side == 1
        case .full: true
        default: false
        }
    }

    /// Whether it matters of a side's rows if they have a match.
    private func countsMatches(_ side: Int) -> Bool {
        isPreserved(side) || (side == 0 && spec.join.kind == .leftSemi)
    }

    /// How long behind its event time a row of a side may come out by itself.
    private func delay(_ side: Int) -> Int64 {
        countsMatches(side) ? max(0, reach(side).upperBound) : 0
    }

    /// Where the times of the other side's matches lie, seen from a row of a side.
    private func reach(_ side: Int) -> (lowerBound: Int64, upperBound: Int64) {
        side == 0 ? (spec.lower, spec.upper) : (-spec.upper, -spec.lower)
    }

    // MARK: - Rows

    func process(_ batch: RecordBatch, input side: Int, into collector: any Collector) throws {
        let batch = withoutLateRows(batch, side)
        if batch.rowCount == 0 { return }
        let keyColumns = try keys[side].evaluate(batch)
        var step = Step(
            side: side, rows: batch.columns, isMatched: Array(repeating: false, count: batch.rowCount))
        try match(&step, keyColumns, into: collector)
        try keep(step, keyColumns, batch, into: collector)
    }

    private func withoutLateRows(_ batch: RecordBatch, _ side: Int) -> RecordBatch {
        let times = batch.columns[spec.eventTimes[side]].pointer(Int64.self)
        var kept: [Int] = []
        for row in 0..<batch.rowCount where times[row] >= watermark { kept.append(row) }
        if kept.count == batch.rowCount { return batch }
        context.metrics.lateRows.wrappingAdd(batch.rowCount - kept.count, ordering: .relaxed)
        return batch.taking(Selection(kept))
    }

    /// Finds the rows of the other side that match, a batch of pairs at a time.
    private func match(_ step: inout Step, _ keyColumns: [Column], into collector: any Collector) throws {
        let other = tables[1 - step.side]
        if other.rowCount == 0 { return }
        let count = step.isMatched.count
        let found = other.find(keyColumns, rowCount: count)
        let times = step.rows[spec.eventTimes[step.side]].pointer(Int64.self)
        let (lower, upper) = reach(step.side)
        var rows: [Int32] = []
        var entries: [Int32] = []
        for row in 0..<count where found[row] >= 0 {
            let from = WindowTimes.sum(times[row], lower)
            let through = WindowTimes.sum(times[row], upper)
            other.forEachEntry(ofKey: Int(found[row]), from: from, through: through) { entry in
                rows.append(Int32(truncatingIfNeeded: row))
                entries.append(Int32(truncatingIfNeeded: entry))
            }
            if rows.count >= context.batchSize {
                try take(rows, entries, &step, into: collector)
                rows.removeAll(keepingCapacity: true)
                entries.removeAll(keepingCapacity: true)
            }
        }
        if !rows.isEmpty { try take(rows, entries, &step, into: collector) }
    }

    /// Notes candidates that match, and gives out what follows from it.
    private func take(
        _ rows: [Int32], _ entries: [Int32], _ step: inout Step, into collector: any Collector
    ) throws {
        let other = tables[1 - step.side]
        var (rows, entries) = (rows, entries)
        var columns: [Column] = []
        if sides.emitsPairs || residual != nil {
            let own = step.rows.map { $0.taking(Selection(buffer: .copying(rows), count: rows.count)) }
            let others = other.rows(Selection(buffer: .copying(entries), count: entries.count))
            columns = sides.pairs(own, others, side: step.side)
            try sides.keep(&rows, &entries, &columns, where: &residual)
        }
        for row in rows { step.isMatched[Int(row)] = true }
        if countsMatches(1 - step.side) {
            var fresh: [Int32] = []
            for entry in entries where !other.isMarked[Int(entry)] {
                other.mark(Int(entry))
                fresh.append(entry)
            }
            // A left row of a semi join comes out with its first match.
            if spec.join.kind == .leftSemi { try emit(fresh, of: 1 - step.side, into: collector) }
        }
        if sides.emitsPairs, !rows.isEmpty { try emit(columns, count: rows.count, into: collector) }
    }

    /// Keeps the rows that may still match, and gives out what is already known of the others.
    private func keep(
        _ step: Step, _ keyColumns: [Column], _ batch: RecordBatch, into collector: any Collector
    ) throws {
        let table = tables[step.side]
        let times = batch.columns[spec.eventTimes[step.side]].pointer(Int64.self)
        let canMatch = table.hasKeys(keyColumns, rowCount: batch.rowCount)
        let threshold = threshold(step.side)
        var kept: [Int] = []
        var alone: [Int] = []
        var matched: [Int] = []
        for row in 0..<batch.rowCount {
            if step.isMatched[row] && spec.join.kind == .leftSemi && step.side == 0 {
                matched.append(row)
            } else if canMatch[row] && times[row] >= threshold {
                if !(spec.join.kind == .leftAnti && step.side == 0 && step.isMatched[row]) { kept.append(row) }
            } else if isPreserved(step.side) && !step.isMatched[row] {
                alone.append(row)
            }
        }
        let given = Selection(spec.join.kind == .leftSemi ? matched : alone)
        if given.count > 0 {
            try emit(
                sides.padded(batch.columns.map { $0.taking(given) }, given.count, side: step.side), count: given.count,
                into: collector)
        }
        if kept.isEmpty { return }
        let isWhole = kept.count == batch.rowCount
        let selection = Selection(kept)
        table.append(
            isWhole ? keyColumns : keyColumns.map { $0.taking(selection) },
            isWhole ? batch.columns : batch.columns.map { $0.taking(selection) }, rowCount: kept.count,
            marks: kept.map { step.isMatched[$0] })
    }

    // MARK: - Giving out

    /// Rows kept of a side, with nulls for the other where the join has its columns.
    private func emit(_ entries: [Int32], of side: Int, into collector: any Collector) throws {
        if entries.isEmpty { return }
        let rows = tables[side].rows(Selection(buffer: .copying(entries), count: entries.count))
        try emit(sides.padded(rows, entries.count, side: side), count: entries.count, into: collector)
    }

    private func emit(_ columns: [Column], count: Int, into collector: any Collector) throws {
        let all = RecordBatch(schema: spec.join.schema, columns: columns, rowCount: count)
        try collector.emit(all, inPiecesOf: context.batchSize)
    }

    // MARK: - Time

    /// Rows of a side before this match nothing that is still to come.
    private func threshold(_ side: Int) -> Int64 {
        if watermark == .max { return .max }
        return watermark == .min ? .min : WindowTimes.sum(watermark, -reach(side).upperBound)
    }

    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        if watermark > self.watermark {
            self.watermark = watermark
            for side in 0...1 { try drop(side, into: collector) }
        }
        if self.watermark == .max { return .max }
        return WindowTimes.sum(self.watermark, -max(delay(0), delay(1)))
    }

    private func drop(_ side: Int, into collector: any Collector) throws {
        let table = tables[side]
        let threshold = threshold(side)
        // Nobody waits for rows that just go: they are looked for when a sixteenth of the interval has passed.
        let slack = isPreserved(side) || threshold == .max ? 0 : (spec.upper - spec.lower) / 16
        if table.earliest >= WindowTimes.sum(threshold, -slack) { return }
        try emit(table.drop(before: threshold, wantsUnmarked: isPreserved(side)), of: side, into: collector)
        table.compactIfDue()
    }

    // MARK: - State

    func snapshot() throws -> StateSnapshot {
        StateSnapshot(
            [StateTable("progress", numbers: [watermark])]
                + tables.enumerated().compactMap { side, table in table.snapshot("side\(side)") })
    }

    func increment() throws -> StateSnapshot {
        StateSnapshot(
            [StateTable("progress", numbers: [watermark])]
                + tables.enumerated().compactMap { side, table in table.increment("side\(side)") })
    }

    func restore(_ state: RestoredState) throws {
        watermark = state.numbers("progress").map { $0[0] }.max() ?? .min
        for (side, table) in tables.enumerated() { table.restore(state, "side\(side)") }
    }
}
