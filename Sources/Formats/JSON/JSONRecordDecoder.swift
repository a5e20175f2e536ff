import CSimdJSON
import Columnar
import HostSystem

/// Decodes lines of JSON objects into columns. Fields nobody wants are skipped without being read.
///
/// Missing fields and `null` are NULL, which is a bad record where a column is NOT NULL. Of duplicate keys the last
/// wins. Numbers, booleans and times may also come as strings; no other type is converted. Texts without escapes
/// are not copied: the columns share the block.
public final class JSONRecordDecoder: RecordDecoder {
    public let schema: Schema
    private let fields: FieldDecoder
    private let policy: BadRecordPolicy
    private var log: BadRecordLog
    /// Rows are not held back once the blocks they refer to have this many bytes.
    private static let pendingBytesMax = 16 << 20

    /// Makes the decoder of a table: `schema` has all declared columns, `projection` the positions of the wanted ones.
    /// Throws for column types that JSON has no form for.
    public init(schema: Schema, projection: [Int]? = nil, options: FormatOptions) throws(FormatOptionError) {
        if options.isUnstructured && (schema.count != 1 || schema[0].type != .json) {
            throw FormatOptionError(
                key: "json.unstructured",
                "json.unstructured expects a single column of type JSON, found \(schema)")
        }
        var options = options
        self.schema = projection.map { schema.selecting($0) } ?? schema
        // Nothing is wanted: records are only checked and counted, whatever they are.
        if self.schema.count == 0 { options.isUnstructured = false }
        fields = try FieldDecoder(schema: self.schema, options: options, format: "json")
        policy = options.badRecords
        log = BadRecordLog(options)
    }

    public var badRecordCount: Int { log.count }

    public func takeBadRecords() -> [BadRecord] { log.take() }

    public var lineCount: Int { fields.lineCount }

    public func feed(_ block: TextBlock) { fields.feed(block) }

    public func nextBatch(rowLimit: Int) throws(BadRecordError) -> RecordBatch? {
        let limit = max(1, rowLimit)
        fields.decode(rowLimit: limit)
        try collectErrors()
        let isFull = fields.rowCount + log.keptCount >= limit
        let isHeavy = fields.rowCount > 0 && fields.pendingByteCount > Self.pendingBytesMax
        return isFull || isHeavy ? fields.take() : nil
    }

    public func flush(isEndOfInput: Bool) throws(BadRecordError) -> RecordBatch? {
        fields.rowCount > 0 ? fields.take() : nil
    }

    private func collectErrors() throws(BadRecordError) {
        let total = Int(clamping: laminar_json_bad_count(fields.handle))
        guard total > log.count else { return }
        let records = fields.takeErrors()
        if policy == .fail, let first = records.first {
            throw BadRecordError(format: "json", record: first)
        }
        for record in records { log.add(record) }
        log.add(undescribed: max(0, total - log.count))
    }
}
