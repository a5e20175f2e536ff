import Columnar

/// The message that a table's records are, as the options define it.
struct ProtobufDefinition {
    let schema: ProtobufSchema
    let message: Int

    /// Throws when the options define no message.
    init(_ options: FormatOptions) throws(FormatOptionError) {
        guard let definition = options.definition else {
            throw FormatOptionError(
                key: "protobuf.schema",
                "format 'protobuf' needs the message's schema: set protobuf.schema or protobuf.compiled_schema")
        }
        let key = options.isDefinitionCompiled ? "protobuf.compiled_schema" : "protobuf.schema"
        let imports = Dictionary(options.references.map { ($0.name, $0.text) }) { one, _ in one }
        do {
            schema =
                try options.isDefinitionCompiled
                ? ProtobufSchema(compiled: Self.bytes(definition), imports: imports) : Self.read(definition, imports)
        } catch {
            throw FormatOptionError(key: key, "option '\(key)': \(error)")
        }
        do {
            message = try schema.message(options.messageName)
        } catch {
            throw FormatOptionError(key: "protobuf.message_name", "option 'protobuf.message_name': \(error)")
        }
    }

    /// The columns that stand for the message.
    func columns() throws(FormatOptionError) -> [Field] {
        var columns = ProtobufColumns(schema)
        do {
            return try columns.columns(message)
        } catch {
            throw FormatOptionError(key: "protobuf.schema", "option 'protobuf.schema': \(error)")
        }
    }

    /// Tells what a plan complains about as an error of the options.
    func locating<Value>(
        _ body: () throws(RecordFault) -> Value
    ) throws(FormatOptionError) -> Value {
        do {
            return try body()
        } catch {
            throw FormatOptionError(
                key: "protobuf.schema", "the Protobuf schema does not go with the columns: \(error.reason)")
        }
    }

    /// Errors: records that are a message of an imported file, as what registries keep of a record's message is its
    /// place in the file that is registered.
    func checkIsOwn() throws(FormatOptionError) {
        if schema.messages[message].isOwn { return }
        throw FormatOptionError(
            key: "protobuf.message_name",
            "option 'protobuf.message_name': message '\(schema.messages[message].name)' stands in a file that the "
                + "definition imports, and a registry knows messages by their place in the definition itself: make the "
                + "file that has it the definition")
    }

    /// A schema as registries keep it: the text of a file, or a compiled one in base64.
    static func read(_ text: String, _ imports: [String: String]) throws(SchemaDefinitionError) -> ProtobufSchema {
        isCompiled(text)
            ? try ProtobufSchema(compiled: bytes(text), imports: imports)
            : try ProtobufSchema(text: text, imports: imports)
    }

    /// The same of one file by itself, by the name that others import it by.
    static func file(_ text: String, name: String) throws(SchemaDefinitionError) -> ProtobufFile {
        guard isCompiled(text) else { return try ProtobufParser.parse(text, name: name) }
        var file = try ProtobufDescriptors.files(bytes(text)).last ?? ProtobufFile()
        file.name = name
        return file
    }

    /// Whether a text is base64 rather than definitions, which have other signs.
    static func isCompiled(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { Base64.value($0) != nil || $0 == 0x3D || $0 == 0x0A || $0 == 0x0D }
    }

    static func bytes(_ text: String) throws(SchemaDefinitionError) -> [UInt8] {
        guard let bytes = Base64.decode(text) else {
            throw SchemaDefinitionError(path: "", "expected a compiled schema in base64")
        }
        return bytes
    }
}

/// Base64 (RFC 4648), for schemas in options.
enum Base64 {
    static func value(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 65...90: UInt32(byte) - 65
        case 97...122: UInt32(byte) - 71
        case 48...57: UInt32(byte) + 4
        case 43: 62
        case 47: 63
        default: nil
        }
    }

    /// The bytes; nil for other characters. Line ends and padding are passed over.
    static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text.utf8 where byte != 0x3D && byte != 0x0A && byte != 0x0D {
            guard let value = value(byte) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }
}
