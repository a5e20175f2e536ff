import Columnar

/// Definitions of records in other languages, as columns of a table.
public enum SchemaDefinition {
    /// The columns that stand for the fields of an Avro record; see `AvroColumns` for the types.
    /// Throws when the text is no Avro schema of a record, with the place.
    public static func columns(
        avro text: String, references: [String] = []
    ) throws(SchemaDefinitionError) -> [Field] {
        var columns = AvroColumns(try AvroSchema(text, references: references))
        return try columns.columns()
    }
}

extension SchemaDefinition {
    /// The columns that stand for the properties of a JSON Schema; see `JSONSchemaColumns` for the types.
    /// Throws when the text is no JSON or no schema of an object, with the place.
    public static func columns(jsonSchema text: String) throws(SchemaDefinitionError) -> [Field] {
        var columns = try JSONSchemaColumns(text)
        return try columns.columns()
    }

    /// The columns that stand for a Protobuf message's fields; see `ProtobufColumns` for the types. `imports` are texts
    /// by the names they are imported by; without a message's name the file's first message is meant.
    /// Throws when the text cannot be read or has no such message, with the place.
    public static func columns(
        protobuf text: String, imports: [String: String] = [:], messageName: String? = nil
    ) throws(SchemaDefinitionError) -> [Field] {
        try columns(try ProtobufSchema(text: text, imports: imports), messageName)
    }

    /// The same of a Protobuf schema as registries keep it: the text of a file, or one file's descriptor in base64.
    public static func columns(
        registered schema: RegisteredSchema, messageName: String? = nil
    ) throws(SchemaDefinitionError) -> [Field] {
        let imports = Dictionary(schema.references.map { ($0.name, $0.text) }) { one, _ in one }
        return try columns(try ProtobufDefinition.read(schema.text, imports), messageName)
    }

    /// The same of a compiled schema: a FileDescriptorSet, or one file's descriptor.
    public static func columns(
        compiledProtobuf bytes: [UInt8], messageName: String? = nil
    ) throws(SchemaDefinitionError) -> [Field] {
        try columns(try ProtobufSchema(compiled: bytes), messageName)
    }

    private static func columns(
        _ schema: ProtobufSchema, _ messageName: String?
    ) throws(SchemaDefinitionError) -> [Field] {
        var columns = ProtobufColumns(schema)
        return try columns.columns(try schema.message(messageName))
    }
}
