import Columnar
public final class ProtobufRecordDecoder: RecordDecoder {
    public let schema: Schema
    public init(schema: Schema, projection: [Int]? = nil, options: FormatOptions, schemas: (any SchemaProvider)? = nil) throws(FormatOptionError) { self.schema = schema }
    public func feed(_ block: TextBlock) {}
    public func nextBatch(rowLimit: Int) throws(BadRecordError) -> RecordBatch? { nil }
    public func flush(isEndOfInput: Bool) throws(BadRecordError) -> RecordBatch? { nil }
    public var badRecordCount: Int { 0 }
    public func takeBadRecords() -> [BadRecord] { [] }
}
public final class ProtobufRecordEncoder: RecordEncoder {
    public let schema: Schema
    public init(schema: Schema, options: FormatOptions, schemaID: Int32? = nil) throws(FormatOptionError) { self.schema = schema }
    public func encode(_ batch: RecordBatch, into output: inout TextBuffer) {}
}
