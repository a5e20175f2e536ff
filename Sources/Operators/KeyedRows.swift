import Columnar
import State

/// Whole rows as state: the keys their operator's input is shuffled by, then the row itself under its own names.
enum KeyedRows {
    /// A table of rows; `keys` has a column per key.
    static func table(_ name: String, keys: [Column], rows: RecordBatch) -> StateTable {
        let fields = keys.enumerated().map { Field("key\($0)", $1.type) } + rows.schema.fields
        let batch = RecordBatch(schema: Schema(fields), columns: keys + rows.columns, rowCount: rows.rowCount)
        return StateTable(name: name, distribution: .keyed(columnCount: keys.count), batch: batch)
    }

    /// A table of the rows of several batches, which it refers to; `keys` gives those of a batch. There must be one.
    static func table(
        _ name: String, _ batches: [RecordBatch], keys: (RecordBatch) throws -> [Column]
    ) rethrows -> StateTable {
        var keyCount = 0
        let parts = try batches.map { rows in
            let keys = try keys(rows)
            keyCount = keys.count
            return table(name, keys: keys, rows: rows).batch
        }
        return StateTable(name, .keyed(columnCount: keyCount), DeferredRows(parts))
    }

    /// The rows of a table without their keys.
    static func rows(_ state: RestoredState, _ name: String, keyCount: Int) -> [RecordBatch] {
        state.batches(name).map { $0.selectingColumns(Array(keyCount..<$0.columns.count)) }
    }
}
