import Columnar
import HostSystem

/// A format option that cannot be used; the caller adds where it stands.
public struct FormatOptionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The option's key; nil when the schema is at fault.
    public let key: String?
    /// What happened: expected …, found ….
    public let message: String

    /// An error about one option or the schema.
    public init(key: String?, _ message: String) {
        self.key = key
        self.message = message
    }

    public var description: String { message }
}

/// How the records of a table are written, checked and typed.
public struct FormatOptions: Hashable, Sendable {
    /// The formats there are.
    public enum Format: String, Hashable, Sendable, CaseIterable {
        /// One JSON object a line.
        case json
        /// Changes of rows with their states before and after, one a line.
        case debeziumJSON = "debezium_json"
        /// RFC 4180.
        case csv
        /// The line is the value of the only column, `value`.
        case rawString = "raw_string"
        case rawBytes = "raw_bytes"
        /// Apache Avro: container files, or messages.
        case avro
        /// Protocol Buffers: messages, in files each after its length.
        case protobuf
    }

    /// What brings the bytes of records.
    public enum Carrier: Hashable, Sendable {
        /// A stream of bytes, as of a file: the format tells records apart.
        case stream
        /// A block holds messages, one record each.
        case messages
    }

    /// How records are told apart.
    public enum Framing: String, Hashable, Sendable, CaseIterable {
        /// The connector knows.
        case none
        /// A line each.
        case newline
    }

    /// How points in time are written in JSON.
    public enum TimestampFormat: String, Hashable, Sendable, CaseIterable {
        case rfc3339
        /// Whole milliseconds since the epoch, as a number.
        case unixMillis = "unix_millis"
    }

    /// How decimals are written in JSON.
    public enum DecimalEncoding: String, Hashable, Sendable, CaseIterable {
        case number
        case string
        /// The unscaled integer, big-endian two's complement, in base64.
        case bytes
    }

    public var format = Format.json
    public var badRecords = BadRecordPolicy.fail
    /// `bad_data = 'table:NAME'`: bad records are left out here, and the connector gives them to another table.
    public var keepsBadRecords = false
    /// How many bad records are described between two calls of `takeBadRecords`; set by the connector, not by users.
    public var badRecordReports = Limits.badRecordReports.value
    /// Every bad record is kept until `takeBadRecords`, with all its bytes; set by the connector, not by users.
    public var keepsWholeRecords = false
    public var framing = Framing.newline
    /// The longest line that is taken, in bytes.
    public var lineBytesMax = Limits.lineBytes.value

    /// `json.timestamp_format`
    public var timestampFormat = TimestampFormat.rfc3339
    /// `json.decimal_encoding`
    public var decimalEncoding = DecimalEncoding.number
    /// `json.include_nulls`: NULL fields are written as `null` rather than left out.
    public var includesNulls = false
    /// `json.unstructured`: the record is the value of the only column, which is JSON.
    public var isUnstructured = false

    /// `csv.header`: the first line names the columns.
    public var hasHeader = true
    /// `csv.delimiter`: one byte.
    public var delimiter = UInt8(ascii: ",")
    /// `csv.null`: the unquoted text that stands for NULL.
    public var nullText = ""

    /// What brings the bytes; set by the connector, not by users.
    public var carrier = Carrier.stream
    /// `avro.schema`, `protobuf.schema`, `protobuf.compiled_schema` or `json.schema`: what the records hold, in the
    /// format's own language; of compiled Protobuf schemas the bytes in base64.
    public var definition: String?
    /// `protobuf.compiled_schema` was given.
    public var isDefinitionCompiled = false
    /// `avro.references.NAME`, `protobuf.dependencies.NAME`: other schemas that the definition uses by name.
    public var references: [RegisteredSchema.Reference] = []
    /// `….confluent_schema_registry`: a record begins with the id of its schema.
    public var usesRegistry = false
    /// `….schema_id`: the id that written messages begin with; nil where the connector knows it.
    public var schemaID: Int32?
    /// `….into_unstructured_json`: the record as JSON is the value of the only column.
    public var intoUnstructuredJSON = false
    /// `json.include_schema`: each record has its schema beside it, as Kafka Connect writes them.
    public var includesSchema = false
    /// `avro.raw_datums`: messages are bare values.
    public var rawDatums = false
    /// `avro.codec`: how container files are compressed.
    public var avroCodec = AvroCodec.null
    /// `protobuf.message_name`: which message the records are.
    public var messageName: String?
    /// `protobuf.length_delimited`: each message has its length before it.
    public var isLengthDelimited = false

    /// JSON with every option at its default.
    public init() {}

    /// Makes the decoder of a table: `schema` has all declared columns, `projection` the positions of the wanted ones.
    /// Throws when the format cannot hold the schema.
    /// `schemas` gives the schemas that records name by an id.
    public func makeDecoder(
        schema: Schema, projection: [Int]? = nil, schemas: (any SchemaProvider)? = nil
    ) throws(FormatOptionError) -> any RecordDecoder {
        switch format {
        case .json: try makeJSONDecoder(schema, projection)
        case .debeziumJSON: try DebeziumRecordDecoder(schema: schema, projection: projection, options: self)
        case .csv: try CSVRecordDecoder(schema: schema, projection: projection, options: self)
        case .rawString, .rawBytes: try RawRecordDecoder(schema: schema, projection: projection, options: self)
        case .avro:
            try AvroRecordDecoder(schema: schema, projection: projection, options: self, schemas: schemas)
        case .protobuf:
            try ProtobufRecordDecoder(schema: schema, projection: projection, options: self, schemas: schemas)
        }
    }

    /// Makes the encoder of a table; `key`: positions of the columns that tell rows apart, nil when nothing does.
    /// `schemaID`: the id of the records' schema in a registry, which goes before each message.
    /// Throws when the format cannot hold the schema.
    public func makeEncoder(
        schema: Schema, key: [Int]? = nil, schemaID: Int32? = nil
    ) throws(FormatOptionError) -> any RecordEncoder {
        switch format {
        case .json: try makeJSONEncoder(schema, schemaID ?? self.schemaID)
        case .debeziumJSON: DebeziumRecordEncoder(schema: schema, key: key, options: self)
        case .csv: CSVRecordEncoder(schema: schema, options: self)
        case .rawString, .rawBytes: try RawRecordEncoder(schema: schema, options: self)
        case .avro: try AvroRecordEncoder(schema: schema, options: self, schemaID: schemaID ?? self.schemaID)
        case .protobuf: try ProtobufRecordEncoder(schema: schema, options: self, schemaID: schemaID ?? self.schemaID)
        }
    }

    private func makeJSONDecoder(_ schema: Schema, _ projection: [Int]?) throws(FormatOptionError) -> any RecordDecoder
    {
        try checkJSONRegistry()
        let plain: any RecordDecoder =
            includesSchema
            ? try JSONEnvelopeDecoder(schema: schema, projection: projection, options: self)
            : try JSONRecordDecoder(schema: schema, projection: projection, options: self)
        return usesRegistry ? JSONPrefixedDecoder(plain, self) : plain
    }

    private func makeJSONEncoder(_ schema: Schema, _ schemaID: Int32?) throws(FormatOptionError) -> any RecordEncoder {
        try checkJSONRegistry()
        return JSONRecordEncoder(schema: schema, options: self, schemaID: usesRegistry ? schemaID : nil)
    }

    private func checkJSONRegistry() throws(FormatOptionError) {
        if usesRegistry && carrier == .stream {
            throw FormatOptionError(
                key: "json.confluent_schema_registry",
                "files have no ids of schemas: json.confluent_schema_registry goes with connectors of messages")
        }
    }

    /// Whether records are JSON objects, of whatever meaning.
    public var isJSON: Bool { format == .json || format == .debeziumJSON }

    /// Whether records are changes of rows rather than rows.
    public var holdsChanges: Bool { format == .debeziumJSON }

    /// The framer that goes with the options. `streamOffset`: where in the stream reading begins.
    public func makeFramer(blockBytes: Int = Limits.blockBytes.value, streamOffset: Int = 0) -> any BlockFramer {
        isBinary
            ? ByteFramer(blockBytes: blockBytes, streamOffset: streamOffset)
            : NewlineFramer(
                blockBytes: blockBytes, lineBytesMax: lineBytesMax, policy: badRecords, streamOffset: streamOffset,
                keepsWholeRecords: keepsWholeRecords)
    }

    /// Whether records are bytes rather than lines of text.
    public var isBinary: Bool { format == .avro || format == .protobuf }

    /// Whether a block of a stream can be read without the ones before it.
    public var hasIndependentBlocks: Bool { !isBinary && format != .csv }
}
