import Columnar
import Formats
import HostSystem

/// Prints the rows of a SELECT.
actor ResultPrinter {
    private enum Style {
        case lines
        case table
    }

    private let style: Style
    private var encoder: (any RecordEncoder)?
    private var table: TablePrinter?
    private var key: [Int]?

    private init(_ style: Style) { self.style = style }

    /// Says by which columns the rows of changes are told apart. Called before the first batch, if at all.
    func setKey(_ key: [Int]?) { self.key = key }

    /// JSON, one object a line: for pipes. Changes come as Debezium writes them.
    static func lines() -> ResultPrinter { ResultPrinter(.lines) }
    /// Aligned columns: for people.
    static func table() -> ResultPrinter { ResultPrinter(.table) }

    /// Prints a batch; the first decides how wide a table's columns are.
    func print(_ batch: RecordBatch) throws {
        switch style {
        case .lines:
            let encoder = try encoder ?? jsonEncoder(batch.schema)
            self.encoder = encoder
            var buffer = TextBuffer()
            encoder.encode(batch, into: &buffer)
            try Self.write(buffer.bytes)
        case .table:
            let batch = Self.marked(batch)
            var printer = table ?? TablePrinter(batch.schema)
            let text = printer.add(batch)
            table = printer
            try Self.write(text)
        }
    }

    /// Prints what is held back; a table without rows still shows its columns.
    func finish(schema: Schema?) throws {
        guard style == .table else { return }
        if table == nil, let schema { table = TablePrinter(schema) }
        guard var printer = table else { return }
        let text = printer.finish()
        table = printer
        try Self.write(text)
    }

    private func jsonEncoder(_ schema: Schema) throws -> any RecordEncoder {
        var options = FormatOptions()
        options.includesNulls = true
        if schema.index(of: HiddenColumn.retraction) != nil { options.format = .debeziumJSON }
        return try options.makeEncoder(schema: schema, key: key)
    }

    /// Changes for people: a first column `op` with + for rows given and - for rows taken back.
    private static func marked(_ batch: RecordBatch) -> RecordBatch {
        guard let last = batch.schema.fields.last, last.name == HiddenColumn.retraction else { return batch }
        let visible = batch.selectingColumns(Array(0..<(batch.columns.count - 1)))
        let retraction = batch.columns[batch.columns.count - 1].bits
        let builder = ColumnBuilder(.utf8)
        for row in 0..<batch.rowCount { builder.append(.utf8(retraction[row] ? "-" : "+")) }
        return RecordBatch(
            schema: Schema([Field("op", .utf8)] + visible.schema.fields), columns: [builder.finish()] + visible.columns,
            rowCount: batch.rowCount)
    }

    private static func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer) throws { try Terminal.write(bytes) }
}
