import Columnar

/// Batches from tables written as text, and back.
///
/// The first line names the columns with their types, the others hold one row each; cells are parted by `|`, an
/// unquoted `NULL` is null: `"id int64 | name utf8\n1 | anna\n2 | NULL"`. Temporal cells are plain numbers.
public enum BatchBuilder {
    /// Reads a table. Traps on a malformed one, which is a mistake in the test.
    public static func batch(_ table: String) -> RecordBatch {
        let lines = table.split(separator: "\n").map { cells($0) }.filter { $0 != [""] }
        precondition(!lines.isEmpty, "a table without a header")
        let fields = lines[0].map { cell in
            let words = cell.split(separator: " ", maxSplits: 1).map(String.init)
            precondition(words.count == 2, "a header cell needs a name and a type: found \(cell)")
            return Field(words[0], type(words[1]))
        }
        let columns = fields.enumerated().map { index, field in
            Column.of(
                field.type,
                lines.dropFirst().map { row in
                    precondition(row.count == fields.count, "a row of \(row.count) cells: \(row)")
                    return value(row[index], field.type)
                })
        }
        return RecordBatch(schema: Schema(fields), columns: columns, rowCount: lines.count - 1)
    }

    /// A batch of rows, each with a value per field of the schema.
    public static func batch(_ schema: Schema, _ rows: [[ScalarValue]]) -> RecordBatch {
        let columns = schema.fields.indices.map { index in Column.of(schema[index].type, rows.map { $0[index] }) }
        return RecordBatch(schema: schema, columns: columns, rowCount: rows.count)
    }

    private static func cells(_ line: Substring) -> [String] {
        line.split(separator: "|", omittingEmptySubsequences: false).map { trimmed($0) }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    private static func type(_ name: String) -> DataType {
        let simple: [String: DataType] = [
            "boolean": .boolean, "int8": .int8, "int16": .int16, "int32": .int32, "int64": .int64, "uint8": .uint8,
            "uint16": .uint16, "uint32": .uint32, "uint64": .uint64, "float32": .float32, "float64": .float64,
            "utf8": .utf8, "binary": .binary, "json": .json, "date": .date, "time": .time, "timestamp": .timestamp,
            "timestampTZ": .timestampTZ,
        ]
        if let type = simple[name] { return type }
        if name.hasSuffix("[]") { return .list(type(String(name.dropLast(2)))) }
        preconditionFailure("no type called \(name)")
    }

    private static func value(_ text: String, _ type: DataType) -> ScalarValue {
        if text == "NULL" { return .null(type) }
        switch type {
        case .boolean: return .boolean(text == "true")
        case .utf8, .binary, .json: return ScalarValue(type: type, storage: .bytes(Array(text.utf8)))
        case .float32, .float64:
            guard let number = Double(text) else { preconditionFailure("not a number: \(text)") }
            return ScalarValue(type: type, storage: .float(number))
        case .uint8, .uint16, .uint32, .uint64:
            guard let number = UInt64(text) else { preconditionFailure("not an unsigned integer: \(text)") }
            return ScalarValue(type: type, storage: .uint(number))
        case .list(let element):
            let items = text.dropFirst().dropLast().split(separator: ",").map { value(trimmed($0), element) }
            return ScalarValue(type: type, storage: .nested(items))
        default:
            guard let number = Int64(text) else { preconditionFailure("not an integer: \(text)") }
            return ScalarValue(type: type, storage: .int(number))
        }
    }

    /// A value as text; structs and lists in brackets.
    public static func text(_ value: ScalarValue) -> String {
        switch value.storage {
        case .null: "NULL"
        case .boolean(let flag): flag ? "true" : "false"
        case .int(let number): String(number)
        case .uint(let number): String(number)
        case .float(let number): "\(number)"
        case .decimal(let number): String(number)
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .interval(let interval): "\(interval.months)m \(interval.days)d \(interval.nanoseconds)ns"
        case .nested(let items): "[" + items.map { text($0) }.joined(separator: ", ") + "]"
        }
    }

    /// The rows as text, cells parted by `|`.
    public static func lines(_ batch: RecordBatch) -> [String] {
        (0..<batch.rowCount).map { row in batch.row(row).map { text($0) }.joined(separator: "|") }
    }
}
