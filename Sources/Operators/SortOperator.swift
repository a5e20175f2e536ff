import Columnar
import Dataflow
import State

/// Sorts bounded input; with a limit only the rows that may still come first are kept. Rows beyond the memory there is
/// go to files in sorted runs, which are merged at the end.
final class SortOperator: Operator {
    private let spec: SortSpec
    private let orders: [SortOrder]
    private let batchSize: Int
    private var keys: OperatorExpressions
    private var rows = CollectedBatches()
    /// Nil: all rows stay in memory.
    private var runs: SortRuns?

    init(_ spec: SortSpec, context: OperatorContext, leastRunByteCount: Int = 1 << 20) {
        self.spec = spec
        orders = spec.keys.map { SortOrder(isDescending: $0.isDescending, nullsFirst: $0.nullsFirst) }
        batchSize = max(1, context.batchSize)
        keys = OperatorExpressions(spec.keys.map(\.expression), operatorName: "Sort", context: context)
        runs = context.spillSpace.map { SortRuns($0, context, leastByteCount: leastRunByteCount) }
    }

    var stateByteCount: Int { rows.byteCount + (runs?.byteCount ?? 0) }
    var stateRowCount: Int { rows.rowCount + (runs?.rowCount ?? 0) }
    var tellsBudget: Bool { runs != nil }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        rows.append(batch)
        // Cutting pays when most rows go.
        if let wanted, rows.rowCount >= max(4 * batchSize, wanted.addingReportingOverflow(wanted).partialValue),
            rows.rowCount > wanted, let cut = try sorted(limit: wanted)
        {
            rows.removeAll()
            rows.append(cut.compacted())
        }
        try spillIfDue()
    }

    private func spillIfDue() throws {
        guard let runs, runs.isRunDue(byteCount: rows.byteCount) else { return }
        try spill(runs)
    }

    private func spill(_ runs: SortRuns) throws {
        guard let run = try sorted(limit: wanted) else { return }
        rows.removeAll()
        try runs.add(run)
    }

    /// Sorted rows come at the end, so no watermark may go before them.
    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        watermark == .max ? watermark : nil
    }

    func onEnd(into collector: any Collector) throws {
        var skipped = spec.offset
        var left = spec.limit ?? .max
        func give(_ batch: RecordBatch) throws {
            let first = min(skipped, batch.rowCount)
            skipped -= first
            let count = min(left, batch.rowCount - first)
            left -= count
            if count > 0 { try collector.emit(batch.slice(first, count), inPiecesOf: batchSize) }
        }
        if let runs, runs.rowCount > 0 {
            try spill(runs)
            while left > 0, let next = try runs.next(keys: { try keys.evaluate($0) }, orders) { try give(next) }
            runs.removeAll()
        } else if let all = try sorted(limit: wanted) {
            rows.removeAll()
            try give(all)
        }
    }

    /// How many rows from the first on are needed; nil: all.
    private var wanted: Int? {
        guard let limit = spec.limit else { return nil }
        let (sum, overflow) = spec.offset.addingReportingOverflow(limit)
        return overflow ? nil : sum
    }

    private func sorted(limit: Int?) throws -> RecordBatch? {
        guard let all = rows.concatenated() else { return nil }
        let columns = try keys.evaluate(all)
        return all.taking(Sorting.sortedIndices(columns, orders: orders, rowCount: all.rowCount, limit: limit))
    }

    // MARK: - State

    func snapshot() throws -> StateSnapshot {
        let table = rows.batches.isEmpty ? nil : StateTable("rows", .everywhere, DeferredRows(rows.batches))
        return StateSnapshot([table].compactMap { $0 }, pieces: runs?.pieces ?? [])
    }

    var readsPieces: Bool { true }

    func restore(_ state: RestoredState) throws {
        // What lies in runs came before what was in memory, which counts where keys are equal.
        for piece in state.pieces.sorted(by: { $0.part < $1.part }) {
            for table in try piece.load() where table.rowCount > 0 {
                rows.append(table.batch)
                try spillIfDue()
            }
        }
        for batch in state.batches("rows") { rows.append(batch) }
        try spillIfDue()
    }
}
