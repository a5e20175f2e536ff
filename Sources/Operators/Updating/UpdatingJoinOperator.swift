import Columnar
import Dataflow
import Expressions
import HostSystem
import State

/// Joins endless or changing inputs: a row meets the rows of the other side that are there when it comes, and those
/// that come later meet it.
///
/// Inner and semi joins of rows that stay give rows that stay. Outer and anti joins take back what they said of a row
/// without a match when its first match comes, and say it again when the last one goes. Rows are forgotten, silently,
/// when they are older than the time to live.
final class UpdatingJoinOperator: Operator {
    private static let name = "UpdatingJoin"

    private let spec: UpdatingJoinSpec
    private let context: OperatorContext
    private var keys: [OperatorExpressions]
    private var residual: OperatorPredicate?
    private let tables: [KeyedRowTable]
    /// The visible columns of each side.
    private let sides: JoinSides
    private var lastExpiry = 0 as Int64

    init(_ spec: UpdatingJoinSpec, context: OperatorContext) {
        self.spec = spec
        self.context = context
        sides = JoinSides(spec.sides, kind: spec.join.kind)
        let join = spec.join
        keys = [join.leftKeys, join.rightKeys].map {
            OperatorExpressions($0, operatorName: Self.name, context: context)
        }
        residual = join.residual.map { OperatorPredicate($0, operatorName: Self.name, context: context) }
        tables = [join.leftKeys, join.rightKeys].enumerated().map { side, keys in
            KeyedRowTable(
                keyTypes: keys.map(\.type), rowTypes: spec.sides[side].map(\.type),
                sharesEntries: spec.retractions[side] != nil, nullsMatch: join.nullsAreEqual,
                isCheckpointed: context.isCheckpointed)
        }
    }

    var stateByteCount: Int { tables.reduce(0) { $0 + $1.byteCount } }
    var stateRowCount: Int { tables.reduce(0) { $0 + $1.entryCount } }
    /// With a time to live a look at the clock may always be due.
    var hasUnflushedChanges: Bool { spec.ttlMillis != nil && tables.contains { $0.entryCount > 0 } }
    private var now: Int64 { context.clock.nowNanoseconds() / 1_000_000 }

    func flush(into collector: any Collector) throws {
        for table in tables { table.compactIfDue() }
        guard let ttl = spec.ttlMillis else { return }
        let now = now
        if lastExpiry == 0 { lastExpiry = now }
        if now - lastExpiry < max(1, ttl / 8) { return }
        lastExpiry = now
        for table in tables { table.expire(before: now - ttl, byKey: false) }
    }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let keyColumns = try keys[input].evaluate(batch)
        let visible = Array(batch.columns.prefix(sides.fields[input].count))
        let taken = retractions(of: batch, column: spec.retractions[input])
        let entries = tables[input].change(
            keyColumns, visible, rowCount: batch.rowCount, retractions: taken, at: now)
        var step = JoinStep(
            side: input, rows: visible, keys: keyColumns, entries: entries,
            retractions: taken ?? Bitmap(repeating: false, count: batch.rowCount))
        if entries.contains(-2) { step.leaveOutUnknown() }
        var changes = ChangeBatchBuilder(spec.join.schema, hasRetraction: spec.emitsChanges)
        try match(&step, into: &changes)
        if let all = changes.finish() { try collector.emit(all, inPiecesOf: context.batchSize) }
        tables[input].compactIfDue()
    }

    /// Whether the rows of a side come out without a match, with nulls for the other side.
    private func isPreserved(_ side: Int) -> Bool {
        switch spec.join.kind {
        case .left, .leftSingle: side == 0
        case .right: side == 1
        case .full: true
        default: false
        }
    }

    /// Whether it matters of a side's rows how many matches they have.
    private func countsPartners(_ side: Int) -> Bool {
        switch spec.join.kind {
        case .leftSemi, .leftAnti: side == 0
        default: isPreserved(side)
        }
    }

    // MARK: - Matching

    private func match(_ step: inout JoinStep, into changes: inout ChangeBatchBuilder) throws {
        var pairs = ChangeBatchBuilder(spec.join.schema, hasRetraction: spec.emitsChanges)
        try findPairs(&step, into: &pairs)
        let other = 1 - step.side
        let (lost, gained) = step.transitions(tables[other])
        // What is no longer true goes before what now is.
        try check(step, lost)
        emitOther(lost, of: other, nowMatched: true, into: &changes)
        if let all = pairs.finish() {
            let count = spec.emitsChanges ? all.columns.count - 1 : all.columns.count
            changes.append(
                Array(all.columns.prefix(count)), count: all.rowCount,
                retraction: spec.emitsChanges ? all.columns[count] : .retraction(false, count: all.rowCount))
        }
        emitOwn(step, into: &changes)
        emitOther(gained, of: other, nowMatched: false, into: &changes)
    }

    /// Finds the rows of the other side that match, a batch of pairs at a time.
    private func findPairs(_ step: inout JoinStep, into pairs: inout ChangeBatchBuilder) throws {
        let other = tables[1 - step.side]
        let found = other.find(step.keys, rowCount: step.rowCount)
        var rows: [Int32] = []
        var entries: [Int32] = []
        for row in 0..<step.rowCount where found[row] >= 0 {
            other.forEachEntry(ofKey: Int(found[row])) { entry in
                rows.append(Int32(truncatingIfNeeded: row))
                entries.append(Int32(truncatingIfNeeded: entry))
            }
            if rows.count >= context.batchSize {
                try take(rows, entries, &step, into: &pairs)
                rows.removeAll(keepingCapacity: true)
                entries.removeAll(keepingCapacity: true)
            }
        }
        if !rows.isEmpty { try take(rows, entries, &step, into: &pairs) }
    }

    private func take(
        _ rows: [Int32], _ entries: [Int32], _ step: inout JoinStep, into pairs: inout ChangeBatchBuilder
    ) throws {
        let other = tables[1 - step.side]
        var (rows, entries) = (rows, entries)
        var columns: [Column] = []
        if residual != nil {
            columns = pairColumns(rows, entries, step)
            try sides.keep(&rows, &entries, &columns, where: &residual)
        }
        let repeats = step.note(rows, entries, other, countsPartners: countsPartners(1 - step.side))
        if !sides.emitsPairs || rows.isEmpty { return }
        if repeats {
            (rows, entries) = step.repeated(rows, entries, other)
            columns = []
        }
        if columns.isEmpty { columns = pairColumns(rows, entries, step) }
        let flags = Column.booleans(Bitmap(rows.map { step.retractions[Int($0)] }), validity: nil)
        pairs.append(columns, count: rows.count, retraction: flags)
    }

    private func pairColumns(_ rows: [Int32], _ entries: [Int32], _ step: JoinStep) -> [Column] {
        let own = Selection(buffer: .copying(rows), count: rows.count)
        let others = Selection(buffer: .copying(entries), count: entries.count)
        let ownColumns = step.rows.map { $0.taking(own) }
        let otherColumns = tables[1 - step.side].rows(others)
        return sides.pairs(ownColumns, otherColumns, side: step.side)
    }

    /// A sub-query used as a value has at most one row.
    private func check(_ step: JoinStep, _ matched: [Int32]) throws {
        guard spec.join.kind == .leftSingle else { return }
        let isDouble =
            step.side == 0
            ? step.matchCounts.contains { $0 > 1 }
            : step.touched.contains { tables[0].partners(of: Int($0.entry)) > 1 }
        if isDouble {
            throw OperatorError(
                operatorName: Self.name, message: "a sub-query used as a value gave more than one row")
        }
    }

    // MARK: - Rows alone

    /// The step's own rows, where they come out for what they match: with nulls, or by themselves.
    private func emitOwn(_ step: JoinStep, into changes: inout ChangeBatchBuilder) {
        let wantsMatch = spec.join.kind == .leftSemi
        guard countsPartners(step.side) else { return }
        let rows = (0..<step.rowCount).filter { (matchCount(step, $0) > 0) == wantsMatch }
        if rows.isEmpty { return }
        let selection = Selection(rows)
        let flags = Column.booleans(Bitmap(rows.map { step.retractions[$0] }), validity: nil)
        changes.append(
            sides.padded(step.rows.map { $0.taking(selection) }, rows.count, side: step.side), count: rows.count,
            retraction: flags)
    }

    /// How many matches a row was said to have when it came, which the table remembers. Those of a row taken back may
    /// have been forgotten since.
    private func matchCount(_ step: JoinStep, _ row: Int) -> Int32 {
        let found = step.matchCounts[row]
        guard step.entries[row] >= 0 else { return found }
        let (table, entry) = (tables[step.side], Int(step.entries[row]))
        let count = table.count(of: entry)
        let said = step.retractions[row] || count > 1 ? max(found, table.partners(of: entry)) : found
        table.setPartners(count > 0 ? said : 0, of: entry)
        return step.retractions[row] ? said : found
    }

    /// Rows of the other side that were without a match and have one now, or the other way round.
    private func emitOther(
        _ entries: [Int32], of side: Int, nowMatched: Bool, into changes: inout ChangeBatchBuilder
    ) {
        if entries.isEmpty { return }
        let all = entries.flatMap { repeatElement($0, count: Int(tables[side].count(of: Int($0)))) }
        let rows = tables[side].rows(Selection(buffer: .copying(all), count: all.count))
        // A semi join gives rows with a match, all others those without.
        let isGiven = nowMatched == (spec.join.kind == .leftSemi)
        changes.append(sides.padded(rows, all.count, side: side), count: all.count, isRetraction: !isGiven)
    }

    // MARK: - State

    func snapshot() throws -> StateSnapshot {
        StateSnapshot(tables.enumerated().compactMap { side, table in table.snapshot("side\(side)") })
    }

    func increment() throws -> StateSnapshot {
        StateSnapshot(tables.enumerated().compactMap { side, table in table.increment("side\(side)") })
    }

    func restore(_ state: RestoredState) throws {
        for (side, table) in tables.enumerated() { table.restore(state, "side\(side)") }
    }
}
