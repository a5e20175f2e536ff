extension FormatOptions {
    /// One option a user can set: what may be written and what it does.
    public struct Option: Hashable, Sendable {
        public let key: String
        /// The values allowed, for messages and documentation.
        public let values: String
        public let documentation: String
    }

    /// All options of all formats, in the order of the documentation.
    public static let known: [Option] = [
        Option(
            key: "format", values: "json, debezium_json, csv, raw_string, raw_bytes, avro or protobuf",
            documentation: "how records are written"),
        Option(
            key: "bad_data", values: "fail, drop or table:NAME", documentation: "what happens to undecodable records"),
        Option(key: "framing", values: "none or newline", documentation: "how records are told apart"),
        Option(
            key: "framing.newline.max_length", values: "a positive number of bytes",
            documentation: "longer lines are bad records"),
        Option(
            key: "json.timestamp_format", values: "rfc3339 or unix_millis", documentation: "how timestamps are written"
        ),
        Option(
            key: "json.decimal_encoding", values: "number, string or bytes", documentation: "how decimals are written"),
        Option(
            key: "json.include_nulls", values: "true or false", documentation: "write NULL fields instead of none"),
        Option(
            key: "json.unstructured", values: "true or false",
            documentation: "the whole record is the one JSON column `value`"),
        Option(
            key: "json.include_schema", values: "true or false",
            documentation: "each record has its schema beside it, as Kafka Connect writes them"),
        Option(
            key: "json.confluent_schema_registry", values: "true or false",
            documentation: "a record begins with the id of its schema in the registry"),
        Option(key: "json.schema", values: "a JSON Schema", documentation: "what the records hold"),
        Option(key: "csv.header", values: "true or false", documentation: "the first line names the columns"),
        Option(key: "csv.delimiter", values: "one character", documentation: "what separates fields; \\t is a tab"),
        Option(key: "csv.null", values: "a text", documentation: "the unquoted text that stands for NULL"),
        Option(
            key: "json.schema_id", values: "a whole number", documentation: "the id that written records begin with"),
        Option(
            key: "avro.schema_id", values: "a whole number", documentation: "the id that written records begin with"),
        Option(
            key: "protobuf.schema_id", values: "a whole number",
            documentation: "the id that written records begin with"),
        Option(key: "avro.reader_schema", values: "an Avro schema", documentation: "the same as avro.schema"),
        Option(key: "avro.schema", values: "an Avro schema", documentation: "what the records hold"),
        Option(
            key: "avro.confluent_schema_registry", values: "true or false",
            documentation: "a record begins with the id of its schema in the registry"),
        Option(key: "avro.raw_datums", values: "true or false", documentation: "messages are bare values"),
        Option(
            key: "avro.into_unstructured_json", values: "true or false",
            documentation: "the record as JSON is the one column `value`"),
        Option(
            key: "avro.codec", values: "null, deflate or zstandard",
            documentation: "how container files are compressed"),
        Option(
            key: "avro.references.NAME", values: "an Avro schema",
            documentation: "another schema that the first one uses, in the order of the names"),
        Option(
            key: "protobuf.dependencies.NAME", values: "the text of a .proto file",
            documentation: "the file that the first one imports by that name"),
        Option(key: "protobuf.message_name", values: "a message's name", documentation: "which message records are"),
        Option(key: "protobuf.schema", values: "the text of a .proto file", documentation: "defines the message"),
        Option(
            key: "protobuf.compiled_schema", values: "a FileDescriptorSet in base64",
            documentation: "defines the message"),
        Option(
            key: "protobuf.length_delimited", values: "true or false",
            documentation: "each message has its length before it"),
        Option(
            key: "protobuf.confluent_schema_registry", values: "true or false",
            documentation: "a record begins with the id of its schema in the registry"),
        Option(
            key: "protobuf.into_unstructured_json", values: "true or false",
            documentation: "the record as JSON is the one column `value`"),
    ]

    /// Reads the format's part of a table's options; keys of others (without a format's prefix) are passed over.
    public init(_ options: [String: String]) throws(FormatOptionError) {
        self.init()
        if let name = options["format"] { format = try Self.choice("format", name) }
        if format == .debeziumJSON {
            timestampFormat = .unixMillis
            decimalEncoding = .bytes
            includesNulls = true
        }
        for key in options.keys.sorted() {
            guard let value = options[key] else { continue }
            try set(key, value)
        }
    }

    private mutating func set(_ key: String, _ value: String) throws(FormatOptionError) {
        switch key {
        case "format": break
        case "bad_data":
            // What goes to a table is left out here, and kept by the connector.
            keepsBadRecords = value.hasPrefix("table:") && value.utf8.count > 6
            badRecords = keepsBadRecords ? .drop : try Self.choice(key, value)
        case "framing": framing = try Self.choice(key, value)
        case "framing.newline.max_length":
            guard let bytes = Int(value), bytes > 0 else { throw Self.illegal(key, value) }
            lineBytesMax = bytes
        case "json.timestamp_format": timestampFormat = try Self.choice(key, value)
        case "json.decimal_encoding": decimalEncoding = try Self.choice(key, value)
        case "json.include_nulls": includesNulls = try Self.flag(key, value)
        case "json.unstructured": isUnstructured = try Self.flag(key, value)
        case "json.include_schema": includesSchema = try Self.flag(key, value)
        case "json.confluent_schema_registry", "avro.confluent_schema_registry", "protobuf.confluent_schema_registry":
            usesRegistry = try Self.flag(key, value)
        case "json.schema_id", "avro.schema_id", "protobuf.schema_id":
            guard let id = UInt32(value) else { throw Self.illegal(key, value) }
            schemaID = Int32(bitPattern: id)
        case "avro.schema", "avro.reader_schema", "protobuf.schema", "json.schema": definition = value
        case "protobuf.compiled_schema":
            definition = value
            isDefinitionCompiled = true
        case "avro.raw_datums": rawDatums = try Self.flag(key, value)
        case "avro.into_unstructured_json", "protobuf.into_unstructured_json":
            intoUnstructuredJSON = try Self.flag(key, value)
        case "avro.codec": avroCodec = try Self.choice(key, value)
        case "protobuf.message_name": messageName = value
        case "protobuf.length_delimited": isLengthDelimited = try Self.flag(key, value)
        case "csv.header": hasHeader = try Self.flag(key, value)
        case "csv.delimiter":
            let bytes = Array((value == "\\t" ? "\t" : value).utf8)
            guard bytes.count == 1, bytes[0] < 0x80, !Array("\"\r\n".utf8).contains(bytes[0]) else {
                throw Self.illegal(key, value)
            }
            delimiter = bytes[0]
        case "csv.null": nullText = value
        default:
            if let prefix = Self.referencePrefixes.first(where: { key.hasPrefix($0) && key != $0 }) {
                references.append(.init(name: String(key.dropFirst(prefix.count)), text: value))
            } else {
                try refuseIfOurs(key)
            }
        }
        if let dot = key.firstIndex(of: "."), Self.prefixes.contains(String(key[..<dot])), key[..<dot] != "framing",
            key[..<dot] != (format == .debeziumJSON ? "json" : format.rawValue)
        {
            throw FormatOptionError(key: key, "option '\(key)' does not go with format '\(format.rawValue)'")
        }
    }

    private static let referencePrefixes = ["avro.references.", "protobuf.dependencies."]
    private static let prefixes: Set<String> = ["json", "csv", "framing", "avro", "protobuf"]

    private func refuseIfOurs(_ key: String) throws(FormatOptionError) {
        guard let dot = key.firstIndex(of: "."), Self.prefixes.contains(String(key[..<dot])) else { return }
        let prefix = key[...dot]
        let others = Self.known.map(\.key).filter { $0.hasPrefix(prefix) }.joined(separator: ", ")
        throw FormatOptionError(key: key, "unknown option '\(key)': expected one of \(others)")
    }

    private static func illegal(_ key: String, _ value: String) -> FormatOptionError {
        let expected = known.first { $0.key == key }?.values ?? "another value"
        return FormatOptionError(key: key, "illegal value of option '\(key)': expected \(expected), found '\(value)'")
    }

    private static func choice<Choice: RawRepresentable<String>>(
        _ key: String, _ value: String
    ) throws(FormatOptionError) -> Choice {
        guard let choice = Choice(rawValue: value) else { throw illegal(key, value) }
        return choice
    }

    private static func flag(_ key: String, _ value: String) throws(FormatOptionError) -> Bool {
        guard let flag = Bool(value) else { throw illegal(key, value) }
        return flag
    }
}
