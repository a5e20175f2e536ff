import Columnar
import HostSystem

/// Decodes JSON records that have their schema beside them, `{"schema": …, "payload": {…}}`, as Kafka Connect's
/// JsonConverter writes them (`json.include_schema`). The payload has the columns; the schema is passed over.
public final class JSONEnvelopeDecoder: RecordDecoder {
    public let schema: Schema
    private let inner: JSONRecordDecoder

    /// Makes the decoder of a table: `schema` has all declared columns, `projection` the positions of the wanted ones.
    public init(schema: Schema, projection: [Int]? = nil, options: FormatOptions) throws(FormatOptionError) {
        let wanted = projection.map { schema.selecting($0) } ?? schema
        self.schema = wanted
        var bare = options
        bare.isUnstructured = false
        // Of an unstructured record the payload is the JSON.
        let payload: DataType = options.isUnstructured ? .json : .structure(wanted.fields)
        inner = try JSONRecordDecoder(
            schema: Schema([Field("payload", payload, isNullable: false)]), options: bare)
    }

    public var badRecordCount: Int { inner.badRecordCount }
    public func takeBadRecords() -> [BadRecord] { inner.takeBadRecords() }
    public var lineCount: Int { inner.lineCount }
    public func feed(_ block: TextBlock) { inner.feed(block) }

    public func nextBatch(rowLimit: Int) throws(BadRecordError) -> RecordBatch? {
        try inner.nextBatch(rowLimit: rowLimit).map(rows)
    }

    public func flush(isEndOfInput: Bool) throws(BadRecordError) -> RecordBatch? {
        try inner.flush(isEndOfInput: isEndOfInput).map(rows)
    }

    private func rows(of batch: RecordBatch) -> RecordBatch {
        let payload = batch.columns[0]
        let columns = schema.count == 0 ? [] : payload.type == .json ? [payload] : payload.children
        return RecordBatch(schema: schema, columns: columns, rowCount: batch.rowCount)
    }
}
