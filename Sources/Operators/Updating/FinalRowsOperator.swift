import Columnar
import Dataflow
import State

/// Takes a bounded stream of changes to its end and gives the rows that are left, in the order they first came.
final class FinalRowsOperator: Operator {
    private let spec: FinalRowsSpec
    private let context: OperatorContext
    private let rows: KeyedRowTable

    init(_ spec: FinalRowsSpec, context: OperatorContext) {
        self.spec = spec
        self.context = context
        rows = KeyedRowTable(
            keyTypes: [], rowTypes: spec.schema.fields.map(\.type), sharesEntries: true, nullsMatch: true,
            isCheckpointed: context.isCheckpointed)
    }

    var stateByteCount: Int { rows.byteCount }
    var stateRowCount: Int { rows.entryCount }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        _ = rows.change(
            [], Array(batch.columns.prefix(spec.schema.count)), rowCount: batch.rowCount,
            retractions: retractions(of: batch, column: spec.retraction), at: 0)
        rows.compactIfDue()
    }

    /// Rows come at the end, so no watermark may go before them.
    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        watermark == .max ? watermark : nil
    }

    func onEnd(into collector: any Collector) throws {
        let left = (0..<rows.entryCount).flatMap {
            repeatElement(Int32(truncatingIfNeeded: $0), count: Int(rows.count(of: $0)))
        }
        let size = max(1, context.batchSize)
        for start in stride(from: 0, to: left.count, by: size) {
            let part = Array(left[start..<min(start + size, left.count)])
            let columns = rows.rows(Selection(buffer: .copying(part), count: part.count))
            try collector.emit(RecordBatch(schema: spec.schema, columns: columns, rowCount: part.count))
        }
    }

    func snapshot() throws -> StateSnapshot { StateSnapshot([rows.snapshot("rows")].compactMap { $0 }) }

    func increment() throws -> StateSnapshot { StateSnapshot([rows.increment("rows")].compactMap { $0 }) }

    func restore(_ state: RestoredState) throws { rows.restore(state, "rows") }
}
