/// Equally long columns under a schema: what flows between operators.
public struct RecordBatch: Sendable {
    public let schema: Schema
    public let columns: [Column]
    public let rowCount: Int

    /// Traps when a column's length or type differs from what the schema and `rowCount` say.
    public init(schema: Schema, columns: [Column], rowCount: Int) {
        precondition(columns.count == schema.count, "\(columns.count) columns under \(schema.count) fields")
        assert(columns.allSatisfy { $0.count == rowCount }, "columns of different length")
        assert(
            zip(columns, schema.fields).allSatisfy { $0.type == $1.type },
            "column types \(columns.map(\.type.sqlName)) differ from the schema \(schema)")
        self.schema = schema
        self.columns = columns
        self.rowCount = rowCount
    }

    /// A batch without rows.
    public static func empty(_ schema: Schema) -> RecordBatch {
        RecordBatch(schema: schema, columns: schema.fields.map { Column.empty($0.type) }, rowCount: 0)
    }

    /// Rows `start..<start + length`, sharing every buffer.
    public func slice(_ start: Int, _ length: Int) -> RecordBatch {
        RecordBatch(schema: schema, columns: columns.map { $0.slice(start, length) }, rowCount: length)
    }

    /// The columns at `indices`, in that order.
    public func selectingColumns(_ indices: [Int]) -> RecordBatch {
        RecordBatch(schema: schema.selecting(indices), columns: indices.map { columns[$0] }, rowCount: rowCount)
    }

    /// The bytes of all buffers; buffers shared between columns count each time.
    public var byteCount: Int { columns.reduce(0) { $0 + $1.byteCount } }

    /// Row `row` as scalars, for edges and tests; never on the data path.
    public func row(_ row: Int) -> [ScalarValue] { columns.map { $0.scalar(at: row) } }
}
