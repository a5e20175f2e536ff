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

    /// JSON with every option at its default.
    public init() {}

    /// Makes the decoder of a table: `schema` has all declared columns, `projection` the positions of the wanted ones.
    /// Throws when the format cannot hold the schema.
    public func makeDecoder(schema: Schema, projection: [Int]? = nil) throws(FormatOptionError) -> any RecordDecoder {
        switch format {
        case .json: try JSONRecordDecoder(schema: schema, projection: projection, options: self)
        case .debeziumJSON: try DebeziumRecordDecoder(schema: schema, projection: projection, options: self)
        case .csv: try CSVRecordDecoder(schema: schema, projection: projection, options: self)
        case .rawString, .rawBytes: try RawRecordDecoder(schema: schema, projection: projection, options: self)
        }
    }

    /// Makes the encoder of a table; `key`: positions of the columns that tell rows apart, nil when nothing does.
    /// Throws when the format cannot hold the schema.
    public func makeEncoder(
        schema: Schema, key: [Int]? = nil
    ) throws(FormatOptionError) -> any RecordEncoder {
        switch format {
        case .json: JSONRecordEncoder(schema: schema, options: self)
        case .debeziumJSON: DebeziumRecordEncoder(schema: schema, key: key, options: self)
        case .csv: CSVRecordEncoder(schema: schema, options: self)
        case .rawString, .rawBytes: try RawRecordEncoder(schema: schema, options: self)
        }
    }

    /// Whether records are changes of rows rather than rows.
    public var holdsChanges: Bool { format == .debeziumJSON }

    /// The framer that goes with the options.
    public func makeFramer(blockBytes: Int = Limits.blockBytes.value) -> NewlineFramer {
        NewlineFramer(blockBytes: blockBytes, lineBytesMax: lineBytesMax, policy: badRecords)
    }
}
