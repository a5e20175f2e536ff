import Columnar

/// Lays batches out as an aligned table. The first thousand rows decide the widths; later rows follow them.
struct TablePrinter {
    private var table: AlignedTable

    init(_ schema: Schema) {
        table = AlignedTable(schema.fields.map { .init(name: $0.name, isNumber: $0.type.isNumeric) })
    }

    /// Takes a batch and gives the text that can be printed by now.
    mutating func add(_ batch: RecordBatch) -> String {
        var lines = ""
        for row in 0..<batch.rowCount { lines += table.add(batch.row(row).map { $0.isNull ? "NULL" : $0.text }) }
        return lines
    }

    /// The rest, with the number of rows.
    mutating func finish() -> String { table.finish() }
}
