import Columnar
import HostSystem

/// Decodes JSON records that have their schema beside them, `{"schema": …, "payload": {…}}`, as Kafka Connect's
/// JsonConverter writes them (`json.include_schema`). The payload has the columns; the schema is passed over.
public final class JSONEnvelopeDecoder: RecordDecoder {
    public let schema: Schema
    private let inner: JSONRecordDecoder
    private let policy: BadRecordPolicy
    private var log: BadRecordLog
    private var recordCount = 0

    /// Makes the decoder of a table: `schema` has all declared columns, `projection` the positions of the wanted ones.
    public init(schema: Schema, projection: [Int]? = nil, options: FormatOptions) throws(FormatOptionError) {
        let wanted = projection.map { schema.selecting($0) } ?? schema
        self.schema = wanted
        policy = options.badRecords
        log = BadRecordLog(limit: options.badRecordReports)
        var bare = options
        bare.isUnstructured = false
        // Of an unstructured record the payload is the JSON; what NOT NULL columns lack is noticed afterwards.
        let payload: DataType =
            options.isUnstructured ? .json : .structure(wanted.fields.map { Field($0.name, $0.type) })
        inner = try JSONRecordDecoder(schema: Schema([Field("payload", payload)]), options: bare)
    }

    public var badRecordCount: Int { inner.badRecordCount + log.count }
    public func takeBadRecords() -> [BadRecord] { inner.takeBadRecords() + log.take() }
    public func feed(_ block: TextBlock) { inner.feed(block) }

    public func nextBatch(rowLimit: Int) throws(BadRecordError) -> RecordBatch? {
        guard let batch = try inner.nextBatch(rowLimit: rowLimit) else { return nil }
        return try rows(of: batch)
    }

    public func flush(isEndOfInput: Bool) throws(BadRecordError) -> RecordBatch? {
        guard let batch = try inner.flush(isEndOfInput: isEndOfInput) else { return nil }
        return try rows(of: batch)
    }

    private func rows(of batch: RecordBatch) throws(BadRecordError) -> RecordBatch {
        let payload = batch.columns[0]
        var places: [Int32] = []
        for row in 0..<batch.rowCount {
            if let reason = problem(payload, row) {
                let record = BadRecord(line: recordCount + row + 1, offset: -1, reason: reason)
                log.add(record)
                if policy == .fail { throw BadRecordError(format: "json", record: record) }
            } else {
                places.append(Int32(truncatingIfNeeded: row))
            }
        }
        recordCount += batch.rowCount
        let selection = Selection(buffer: .copying(places), count: places.count)
        let columns = schema.count == 0 ? [] : payload.type == .json ? [payload] : payload.children
        return RecordBatch(schema: schema, columns: columns.map { $0.taking(selection) }, rowCount: places.count)
    }

    /// What is wrong with a record; nil when nothing is.
    private func problem(_ payload: Column, _ row: Int) -> String? {
        if payload.isNull(row) { return "field 'payload': expected an object, found none" }
        if payload.type == .json { return nil }
        for (field, column) in zip(schema.fields, payload.children) where !field.isNullable && column.isNull(row) {
            return "field 'payload.\(field.name)': a value is missing: expected \(field.type.sqlName) NOT NULL, "
                + "found none"
        }
        return nil
    }
}
