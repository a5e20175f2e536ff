import Columnar
import Dataflow
import State

/// Sorts bounded input; with a limit only the rows that may still come first are kept.
final class SortOperator: Operator {
    private let spec: SortSpec
    private let orders: [SortOrder]
    private let batchSize: Int
    private var keys: OperatorExpressions
    private var rows = CollectedBatches()

    init(_ spec: SortSpec, context: OperatorContext) {
        self.spec = spec
        orders = spec.keys.map { SortOrder(isDescending: $0.isDescending, nullsFirst: $0.nullsFirst) }
        batchSize = max(1, context.batchSize)
        keys = OperatorExpressions(spec.keys.map(\.expression), operatorName: "Sort", context: context)
    }

    var stateByteCount: Int { rows.byteCount }
    var stateRowCount: Int { rows.rowCount }

    func snapshot() throws -> StateSnapshot {
        StateSnapshot(
            rows.concatenated().map { [StateTable(name: "rows", distribution: .everywhere, batch: $0)] } ?? [])
    }

    func restore(_ state: RestoredState) throws {
        for batch in state.batches("rows") { rows.append(batch) }
    }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        rows.append(batch)
        // Cutting pays when most rows go.
        if let wanted, rows.rowCount >= max(4 * batchSize, wanted.addingReportingOverflow(wanted).partialValue),
            rows.rowCount > wanted, let cut = try sorted(limit: wanted)
        {
            rows.removeAll()
            rows.append(cut.compacted())
        }
    }

    /// Sorted rows come at the end, so no watermark may go before them.
    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        watermark == .max ? watermark : nil
    }

    func onEnd(into collector: any Collector) throws {
        guard let all = try sorted(limit: wanted) else { return }
        rows.removeAll()
        var start = min(spec.offset, all.rowCount)
        while start < all.rowCount {
            let length = min(batchSize, all.rowCount - start)
            try collector.emit(all.slice(start, length))
            start += length
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
}
