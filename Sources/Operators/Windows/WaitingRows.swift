import Columnar
import Dataflow
import Expressions
import State

/// The rows of one input that wait until the watermark has passed their event time.
struct WaitingRows {
    /// Column of the event time.
    private let timeColumn: Int
    private let keyCount: Int
    /// What the input is dealt out by.
    private var keys: OperatorExpressions
    private var rows = CollectedBatches()
    /// How many of these, the first ones, were there at the last snapshot.
    private var knownCount = 0
    /// No waiting row is older than this.
    private(set) var earliest = Int64.max

    init(timeColumn: Int, keys: [BoundExpression], operatorName: String, context: OperatorContext) {
        self.timeColumn = timeColumn
        keyCount = keys.count
        self.keys = OperatorExpressions(keys, operatorName: operatorName, context: context)
    }

    var byteCount: Int { rows.byteCount }
    var rowCount: Int { rows.rowCount }
    /// The watermark that lets the first row go; `Int64.max` when none waits.
    var nextDueTime: Int64 { earliest == .max ? .max : earliest + 1 }

    /// Adds the rows that are not older than the watermark. Gives the number of those that are.
    mutating func append(_ batch: RecordBatch, watermark: Int64) -> Int {
        let (late, onTime, earliest) = Self.split(batch.columns[timeColumn], at: watermark)
        let kept = late.count == 0 ? batch : batch.taking(onTime)
        rows.append(kept)
        self.earliest = min(self.earliest, earliest)
        return late.count
    }

    /// Removes and gives the rows before the watermark; nil when there are none.
    mutating func takeClosed(before watermark: Int64) -> RecordBatch? {
        guard earliest < watermark, let all = rows.concatenated() else { return nil }
        let (closed, open, earliest) = Self.split(all.columns[timeColumn], at: watermark)
        rows.removeAll()
        self.earliest = earliest
        // They keep their order.
        var stillKnown = 0
        while stillKnown < open.count, open[stillKnown] < knownCount { stillKnown += 1 }
        knownCount = stillKnown
        if open.count == 0 { return all }
        rows.append(all.taking(open))
        return all.taking(closed)
    }

    /// The rows before and from a watermark on, and the earliest time of the latter.
    private static func split(
        _ times: Column, at watermark: Int64
    ) -> (closed: Selection, open: Selection, earliest: Int64) {
        let values = times.pointer(Int64.self)
        let closedBuffer = Buffer(byteCount: times.count * 4)
        let openBuffer = Buffer(byteCount: times.count * 4)
        let closed = closedBuffer.assuming(Int32.self)
        let open = openBuffer.assuming(Int32.self)
        var openCount = 0
        var earliest = Int64.max
        for row in 0..<times.count {
            // Both are written, one is counted on: no branch to be guessed wrong.
            open[openCount] = Int32(truncatingIfNeeded: row)
            closed[row - openCount] = Int32(truncatingIfNeeded: row)
            let isOpen = values[row] >= watermark
            openCount += isOpen ? 1 : 0
            earliest = min(earliest, isOpen ? values[row] : .max)
        }
        return (
            Selection(buffer: closedBuffer, count: times.count - openCount),
            Selection(buffer: openBuffer, count: openCount), earliest
        )
    }

    // MARK: - State

    /// All rows that wait; nil without any.
    mutating func snapshot(_ name: String) throws -> StateTable? {
        knownCount = rows.rowCount
        if rows.rowCount == 0 { return nil }
        return try KeyedRows.table(name, rows.batches) { try keys.evaluate($0) }
    }

    /// The rows that have come since the last snapshot or increment; those before the watermark are gone. Nil when none
    /// waits.
    mutating func increment(_ name: String, watermark: Int64) throws -> StateTable? {
        defer { knownCount = rows.rowCount }
        guard let some = rows.batches.first else { return nil }
        let fresh = freshBatches
        let added = fresh.isEmpty ? some.slice(0, 0) : RecordBatch.concatenating(fresh)
        var table = KeyedRows.table(name, keys: try keys.evaluate(added), rows: added)
        table.increment = .init(identity: [], expiry: .init(column: keyCount + timeColumn, bound: watermark))
        return table
    }

    private var freshBatches: [RecordBatch] {
        var known = knownCount
        return rows.batches.compactMap { batch in
            let skipped = min(known, batch.rowCount)
            known -= skipped
            return skipped == batch.rowCount ? nil : batch.slice(skipped, batch.rowCount - skipped)
        }
    }

    /// Adds what `snapshot` gave.
    mutating func restore(_ state: RestoredState, _ name: String) {
        for batch in KeyedRows.rows(state, name, keyCount: keyCount) {
            earliest = min(earliest, Self.split(batch.columns[timeColumn], at: .min).earliest)
            rows.append(batch)
        }
        knownCount = rows.rowCount
    }
}
