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

    private init(_ style: Style) { self.style = style }

    /// JSON, one object a line: for pipes.
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
        return try options.makeEncoder(schema: schema)
    }

    private static func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer) throws { try Terminal.write(bytes) }
}
