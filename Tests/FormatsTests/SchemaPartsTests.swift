import Columnar
import Formats
import Testing

/// Definitions cut into what a registry keeps by itself.
@Suite struct SchemaPartsTests {
    /// The parts by name with what each uses, and what the definition uses.
    static func shown(_ options: [String: String]) throws -> [String] {
        let parts = try #require(try FormatOptions(options).definitionParts())
        let used = parts.parts.map { "\($0.name): \($0.uses.joined(separator: " "))" }
        return used + [parts.uses.joined(separator: " ")]
    }

    static func message(_ options: [String: String]) -> String {
        do {
            return try FormatOptions(options).definitionParts() == nil ? "nil" : "none"
        } catch {
            return error.message
        }
    }

    static let files = [
        "protobuf.dependencies.z/base.proto": "syntax = \"proto3\"; enum E { NONE = 0; }",
        "protobuf.dependencies.left.proto":
            "syntax = \"proto3\"; import \"z/base.proto\"; import \"google/protobuf/any.proto\"; "
            + "message L { E e = 1; }",
        "protobuf.dependencies.right.proto":
            "syntax = \"proto3\"; import public \"z/base.proto\"; message R { E e = 1; }",
        "protobuf.dependencies.unused.proto": "syntax = \"proto3\"; message U {}",
        "protobuf.dependencies.google/protobuf/any.proto": "syntax = \"proto3\"; message Any {}",
    ]
    static let main = """
        syntax = "proto3"; import "right.proto"; import "left.proto"; import "right.proto";
        import "google/protobuf/timestamp.proto"; import "elsewhere.proto"; message M { L l = 1; R r = 2; }
        """

    @Test func `files come behind those they import, each once, without those of Google and those nobody uses`() throws
    {
        let options = ["format": "protobuf", "protobuf.schema": Self.main].merging(Self.files) { $1 }
        #expect(
            try Self.shown(options) == [
                "z/base.proto: ", "right.proto: z/base.proto", "left.proto: z/base.proto", "right.proto left.proto",
            ])
        let parts = try #require(try FormatOptions(options).definitionParts())
        #expect(parts.text == Self.main && parts.parts[0].text == Self.files["protobuf.dependencies.z/base.proto"])
    }

    @Test func `a message of an imported file is none of the definition's own`() throws {
        var options = ["format": "protobuf", "protobuf.schema": Self.main].merging(Self.files) { $1 }
        options["protobuf.message_name"] = "L"
        #expect(Self.message(options).contains("stands in a file that the definition imports"))
        let encoding = try FormatOptions(options)
        #expect(throws: FormatOptionError.self) {
            _ = try encoding.makeEncoder(schema: Schema([Field("e", .utf8)]), schemaID: 5)
        }
        #expect(throws: Never.self) { _ = try encoding.makeEncoder(schema: Schema([Field("e", .utf8)])) }
    }

    @Test func `schemas of Avro are known by the names of their types`() throws {
        let options = [
            "format": "avro",
            "avro.schema": #"""
            {"type": "record", "name": "n.Top", "fields": [{"name": "u", "type": ["null", "Unit"]},
             {"name": "m", "type": {"type": "map", "values": {"type": "array", "items": "n.Money"}}}]}
            """#,
            "avro.references.1": #"""
            {"type": "record", "name": "Money", "namespace": "n", "fields": [{"name": "unit", "type":
             {"type": "enum", "name": "Unit", "symbols": ["A"]}}, {"name": "d", "type": "o.Day"}]}
            """#,
            "avro.references.0": #"{"type": "fixed", "name": "Day", "namespace": "o", "size": 4}"#,
            "avro.references.2": #"{"type": "fixed", "name": "Lost", "size": 4}"#,
        ]
        #expect(try Self.shown(options) == ["o.Day: ", "n.Money: o.Day", "n.Money"])
        let nameless = options.merging(["avro.references.2": "\"long\""]) { $1 }
        #expect(Self.message(nameless).contains("avro.references.2: expected a record, an enum or a fixed type"))
        #expect(Self.message(["format": "avro"]) == "nil")
        #expect(try Self.shown(["format": "json", "json.schema": "{}"]) == [""])
    }
}
