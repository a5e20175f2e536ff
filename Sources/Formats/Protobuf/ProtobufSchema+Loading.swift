extension ProtobufSchema {
    /// Reads the text of a .proto file; `imports` are the files it imports, as text or compiled in base64, by the names
    /// it imports them by. Well-known types need not be given. Throws with the line, or the name that is not there.
    init(text: String, imports: [String: String] = [:]) throws(SchemaDefinitionError) {
        let file = try ProtobufParser.parse(text)
        var files: [ProtobufFile] = []
        var seen: Set<String> = []
        try Self.collect(file.imports, imports, &files, &seen)
        self = try ProtobufLinker.link(files + [file])
    }

    /// Reads a compiled schema: a set of files, of which the last one is the one asked for, or a single file. The
    /// well-known types need not be among them.
    init(compiled bytes: [UInt8], imports: [String: String] = [:]) throws(SchemaDefinitionError) {
        let files = try ProtobufDescriptors.files(bytes)
        var seen = Set(files.map(\.name))
        var more: [ProtobufFile] = []
        for file in files { try Self.collect(file.imports, imports, &more, &seen) }
        self = try ProtobufLinker.link(more + files)
    }

    private static func collect(
        _ names: [String], _ texts: [String: String], _ files: inout [ProtobufFile], _ seen: inout Set<String>
    ) throws(SchemaDefinitionError) {
        for name in names where seen.insert(name).inserted {
            guard let text = texts[name] ?? wellKnown[name] else {
                // What needs it says so.
                continue
            }
            let file: ProtobufFile
            do {
                file = try ProtobufDefinition.file(text, name: name)
            } catch {
                throw SchemaDefinitionError(path: "\(name.prefix(80)), \(error.path)", error.message)
            }
            guard files.count < 1000 else {
                throw SchemaDefinitionError(path: name, "expected at most 1000 imported files, found more")
            }
            try collect(file.imports, texts, &files, &seen)
            files.append(file)
        }
    }

    /// The types that come with the language.
    private static let wellKnown: [String: String] = [
        "google/protobuf/timestamp.proto": known("message Timestamp { int64 seconds = 1; int32 nanos = 2; }"),
        "google/protobuf/duration.proto": known("message Duration { int64 seconds = 1; int32 nanos = 2; }"),
        "google/protobuf/empty.proto": known("message Empty {}"),
        "google/protobuf/any.proto": known("message Any { string type_url = 1; bytes value = 2; }"),
        "google/protobuf/field_mask.proto": known("message FieldMask { repeated string paths = 1; }"),
        "google/protobuf/struct.proto": known(
            """
            enum NullValue { NULL_VALUE = 0; }
            message Struct { map<string, Value> fields = 1; }
            message ListValue { repeated Value values = 1; }
            message Value { oneof kind { NullValue null_value = 1; double number_value = 2; string string_value = 3;
                bool bool_value = 4; Struct struct_value = 5; ListValue list_value = 6; } }
            """),
        "google/protobuf/wrappers.proto": known(
            [
                ("Double", "double"), ("Float", "float"), ("Int64", "int64"), ("UInt64", "uint64"), ("Int32", "int32"),
                ("UInt32", "uint32"), ("Bool", "bool"), ("String", "string"), ("Bytes", "bytes"),
            ].map { "message \($0)Value { \($1) value = 1; }" }.joined(separator: " ")),
    ]

    private static func known(_ body: String) -> String {
        "syntax = \"proto3\"; package google.protobuf; " + body
    }
}
