import Columnar

/// The rows of a batch that are taken back, as a bitmap; nil when the stream has none.
func retractions(of batch: RecordBatch, column: Int?) -> Bitmap? {
    guard let column else { return nil }
    let bits = batch.columns[column].bits
    return bits.trueCount == 0 ? nil : bits
}

extension Column {
    /// The retraction column of `count` rows that are all alike.
    static func retraction(_ value: Bool, count: Int) -> Column {
        .booleans(Bitmap(repeating: value, count: count), validity: nil)
    }
}

/// Rows on their way out of an updating operator: what is taken back and what comes in its place, in order.
struct ChangeBatchBuilder {
    private let schema: Schema
    private let hasRetraction: Bool
    private var parts: [[Column]] = []
    private(set) var rowCount = 0

    /// `schema` ends with the retraction column when `hasRetraction`.
    init(_ schema: Schema, hasRetraction: Bool) {
        self.schema = schema
        self.hasRetraction = hasRetraction
    }

    /// Appends rows that are all given, or all taken back.
    mutating func append(_ columns: [Column], count: Int, isRetraction: Bool) {
        append(columns, count: count, retraction: .retraction(isRetraction, count: count))
    }

    /// Appends rows with a retraction column of their own.
    mutating func append(_ columns: [Column], count: Int, retraction: Column) {
        if count == 0 { return }
        parts.append(hasRetraction ? columns + [retraction] : columns)
        rowCount += count
    }

    /// All rows as one batch; nil without rows. The builder is empty then.
    mutating func finish() -> RecordBatch? {
        defer {
            parts = []
            rowCount = 0
        }
        guard rowCount > 0 else { return nil }
        let columns = schema.fields.indices.map { index in Column.concatenating(parts.map { $0[index] }) }
        return RecordBatch(schema: schema, columns: columns, rowCount: rowCount)
    }
}
