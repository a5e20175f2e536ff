import Columnar
import Dataflow

/// One output row per element of a list, the other columns repeated.
final class UnnestOperator: Operator {
    private let spec: UnnestSpec
    private let batchSize: Int
    private var list: OperatorExpressions

    init(_ spec: UnnestSpec, context: OperatorContext) {
        self.spec = spec
        batchSize = max(1, context.batchSize)
        list = OperatorExpressions([spec.list], operatorName: "Unnest", context: context)
    }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let lists = try list.evaluate(batch)[0]
        if lists.type == .null { return try emitUnlisted(batch, into: collector) }
        var rows = Expansion()
        for row in 0..<batch.rowCount {
            let start = lists.listOffsets[row]
            let end = lists.isNull(row) ? start : lists.listOffsets[row + 1]
            if start == end {
                if spec.keepsEmpty { rows.append(row, element: -1, ordinality: 0) }
            } else {
                for element in start..<end {
                    rows.append(row, element: element, ordinality: Int64(element - start) + 1)
                }
            }
            if rows.count >= batchSize {
                try emit(rows, batch, lists.children[0], into: collector)
                rows = Expansion()
            }
        }
        try emit(rows, batch, lists.children[0], into: collector)
    }

    /// `UNNEST(NULL)`: no row has elements.
    private func emitUnlisted(_ batch: RecordBatch, into collector: any Collector) throws {
        guard spec.keepsEmpty else { return }
        let added = spec.schema.fields.dropFirst(batch.columns.count).map {
            Column.nulls($0.type, count: batch.rowCount)
        }
        try collector.emit(RecordBatch(schema: spec.schema, columns: batch.columns + added, rowCount: batch.rowCount))
    }

    private func emit(
        _ rows: Expansion, _ batch: RecordBatch, _ elements: Column, into collector: any Collector
    ) throws {
        if rows.count == 0 { return }
        let repeated = batch.taking(Selection(buffer: .copying(rows.sources), count: rows.count))
        let picked = Selection(buffer: .copying(rows.elements), count: rows.count)
        var columns = repeated.columns
        columns.append(spec.keepsEmpty ? elements.takingOrNull(picked) : elements.taking(picked))
        if spec.withOrdinality {
            let present = Bitmap(rows.ordinalities.map { $0 > 0 })
            columns.append(
                Column(
                    type: .int64, count: rows.count, validity: spec.keepsEmpty ? present : nil,
                    values: .copying(rows.ordinalities)))
        }
        try collector.emit(RecordBatch(schema: spec.schema, columns: columns, rowCount: rows.count))
    }

    /// Output rows: where each comes from.
    private struct Expansion {
        var sources: [Int32] = []
        /// Positions in the list's child; −1 for none.
        var elements: [Int32] = []
        var ordinalities: [Int64] = []
        var count: Int { sources.count }

        mutating func append(_ row: Int, element: Int32, ordinality: Int64) {
            sources.append(Int32(truncatingIfNeeded: row))
            elements.append(element)
            ordinalities.append(ordinality)
        }
    }
}
