import JSONModel

/// What users can say of a format: its name and its settings.
public struct FormatDescriptor: Sendable {
    /// As in `format = '…'`.
    public let id: String
    public let shape: ConfigShape
    /// Whether tables of connectors that run today can have it.
    public var isEnabled = false

    private init(_ id: String, _ summary: String, _ members: [(key: String, schema: JSONValue)] = []) {
        self.id = id
        shape = ConfigShape(ConfigSchema.document("Format \(id)", ConfigSchema.record(summary, members)))
    }

    /// Every format that tables can be defined with.
    public static let all: [FormatDescriptor] = [
        enabled(json), enabled(debezium), enabled(avro), enabled(protobuf), parquet, enabled(csv),
        enabled(FormatDescriptor("raw_string", "The record is the text of the only column, value")),
        enabled(FormatDescriptor("raw_bytes", "The record is the bytes of the only column, value")),
    ]

    /// The format of that name.
    public static func find(_ id: String) -> FormatDescriptor? { all.first { $0.id == id } }

    private static func enabled(_ format: FormatDescriptor) -> FormatDescriptor {
        var format = format
        format.isEnabled = true
        return format
    }

    private static let timestampFormat = (
        "timestamp_format",
        ConfigSchema.choice(["rfc3339", "unix_millis"], "How points in time are written", default: "rfc3339")
    )
    private static let decimalEncoding = (
        "decimal_encoding",
        ConfigSchema.choice(["number", "string", "bytes"], "How decimals are written", default: "number")
    )
    private static let registry = (
        "confluent_schema_registry",
        ConfigSchema.flag("Whether the schema is kept in a registry", default: false)
    )
    private static let unstructured = (
        "into_unstructured_json",
        ConfigSchema.flag("Whether the record becomes the one JSON column value", default: false)
    )

    private static let json = FormatDescriptor(
        "json", "JSON, one object a record",
        [
            registry, ("schema_id", ConfigSchema.integer(0...Int64(UInt32.max), "The schema's number in the registry")),
            (
                "include_schema",
                ConfigSchema.flag(
                    "Whether each record has its schema beside it, as Kafka Connect writes", default: false)
            ),
            ("debezium", ConfigSchema.flag("Whether records are changes, as debezium_json", default: false)),
            (
                "unstructured",
                ConfigSchema.flag("Whether the whole record is the one JSON column value", default: false)
            ),
            ("include_nulls", ConfigSchema.flag("Whether NULL fields are written", default: false)),
            timestampFormat, decimalEncoding,
            (
                "compression",
                ConfigSchema.choice(["uncompressed", "gzip", "zstd", "lz4"], "How files of it are compressed")
            ),
        ])

    private static let debezium = FormatDescriptor(
        "debezium_json", "Changes of rows with their states before and after", [timestampFormat, decimalEncoding])

    private static let avro = FormatDescriptor(
        "avro", "Apache Avro",
        [
            registry, ("raw_datums", ConfigSchema.flag("Whether records have no header", default: false)), unstructured,
            ("reader_schema", ConfigSchema.text("The schema to read with")),
            ("schema_id", ConfigSchema.integer(0...Int64(UInt32.max), "The schema's number in the registry")),
        ])

    private static let protobuf = FormatDescriptor(
        "protobuf", "Protocol Buffers",
        [
            ("message_name", ConfigSchema.text("The message's full name")),
            ("compiled_schema", ConfigSchema.text("A compiled schema in base64")),
            ("length_delimited", ConfigSchema.flag("Whether each record begins with its length", default: false)),
            registry, ("schema_id", ConfigSchema.integer(0...Int64(UInt32.max), "The schema's number in the registry")),
            unstructured,
        ])

    private static let parquet = FormatDescriptor(
        "parquet", "Apache Parquet",
        [
            (
                "compression",
                ConfigSchema.choice(
                    ["uncompressed", "snappy", "gzip", "zstd", "lz4", "lz4_raw"], "How pages are compressed",
                    default: "zstd")
            ),
            ("row_group_bytes", ConfigSchema.integer(1024...Int64(1) << 40, "Bytes of a row group")),
        ])

    private static let csv = FormatDescriptor(
        "csv", "Comma-separated values",
        [
            ("header", ConfigSchema.flag("Whether the first line names the columns", default: true)),
            ("delimiter", ConfigSchema.text("The character between fields", default: ",")),
            ("null", ConfigSchema.text("The text that stands for NULL", mayBeEmpty: true)),
        ])
}
