import Columnar
import Formats
import HostSystem
import Testing

/// What a reader makes of records of other writers.
@Suite struct AvroEvolutionTests {
    struct Case: CustomStringConvertible, Sendable {
        let description: String
        /// The fields of both schemas.
        let writer: String
        let reader: String
        /// The writer's value of its field.
        let bytes: [UInt8]
        /// The value as JSON; nil when the record is bad, for `reason`.
        let value: String?
        var reason = ""
    }

    static func field(_ type: String, _ more: String = "", name: String = "v") -> String {
        #"{"name": "\#(name)", "type": \#(type)\#(more)}"#
    }

    static let cases = [
        Case(description: "int to long", writer: field(#""int""#), reader: field(#""long""#), bytes: [7], value: "-4"),
        Case(
            description: "int to float", writer: field(#""int""#), reader: field(#""float""#), bytes: [8],
            value: "4.0"),
        Case(
            description: "long to double", writer: field(#""long""#), reader: field(#""double""#), bytes: [8],
            value: "4.0"),
        Case(
            description: "float to double", writer: field(#""float""#), reader: field(#""double""#),
            bytes: [0, 0, 0xC0, 0x3F], value: "1.5"),
        Case(
            description: "string to bytes", writer: field(#""string""#), reader: field(#""bytes""#),
            bytes: [4, 97, 98],
            value: "\"YWI=\""),
        Case(
            description: "bytes to string", writer: field(#""bytes""#), reader: field(#""string""#),
            bytes: [4, 97, 98],
            value: "\"ab\""),
        Case(
            description: "long to int is none", writer: field(#""long""#), reader: field(#""int""#), bytes: [8],
            value: nil,
            reason: "the writer's long cannot be read as the reader's int"),
        Case(
            description: "double to float is none", writer: field(#""double""#), reader: field(#""float""#),
            bytes: [0, 0, 0, 0, 0, 0, 0, 0], value: nil, reason: "cannot be read"),
        Case(
            description: "a new field has its default", writer: field(#""int""#, name: "old"),
            reader: field(#""string""#, #", "default": "none""#), bytes: [8], value: "\"none\""),
        Case(
            description: "a new nullable field is NULL", writer: field(#""int""#, name: "old"),
            reader: field(#"["null", "int"]"#, #", "default": null"#), bytes: [8], value: "null"),
        Case(
            description: "a new list has its default", writer: field(#""int""#, name: "old"),
            reader: field(#"{"type": "array", "items": "int"}"#, #", "default": [1, 2]"#), bytes: [8], value: "[1,2]"),
        Case(
            description: "a new field without a default is none", writer: field(#""int""#, name: "old"),
            reader: field(#""int""#), bytes: [8], value: nil,
            reason: "field 'v': the writer does not have it and the reader has no default"),
        Case(
            description: "a renamed field", writer: field(#""int""#, name: "old"),
            reader: field(#""int""#, #", "aliases": ["old"]"#), bytes: [8], value: "4"),
        Case(
            description: "a value becomes nullable", writer: field(#""int""#), reader: field(#"["null", "long"]"#),
            bytes: [8],
            value: "4"),
        Case(
            description: "a nullable becomes a value", writer: field(#"["null", "int"]"#), reader: field(#""int""#),
            bytes: [2, 8], value: "4"),
        Case(
            description: "a null where none may be", writer: field(#"["null", "int"]"#), reader: field(#""int""#),
            bytes: [0],
            value: nil, reason: "cannot be read as the reader's int"),
        Case(
            description: "a symbol the reader lacks has its default",
            writer: field(#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#),
            reader: field(#"{"type": "enum", "name": "E", "symbols": ["A", "Z"], "default": "Z"}"#), bytes: [2],
            value: "\"Z\""),
        Case(
            description: "a symbol the reader lacks",
            writer: field(#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#),
            reader: field(#"{"type": "enum", "name": "E", "symbols": ["A"]}"#), bytes: [2], value: nil,
            reason: "the reader does not know symbol 1"),
        Case(
            description: "fixed of another size", writer: field(#"{"type": "fixed", "name": "F", "size": 1}"#),
            reader: field(#"{"type": "fixed", "name": "F", "size": 2}"#), bytes: [9], value: nil,
            reason: "cannot be read"),
        Case(
            description: "members are matched by name",
            writer: field(
                #"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, "#
                    + #"{"name": "b", "type": "string"}]}"#),
            reader: field(
                #"{"type": "record", "name": "R", "fields": [{"name": "b", "type": "string"}, "#
                    + #"{"name": "a", "type": "long"}]}"#),
            bytes: [8, 2, 120], value: #"{"b":"x","a":4}"#),
        Case(
            description: "items are promoted", writer: field(#"{"type": "array", "items": "int"}"#),
            reader: field(#"{"type": "array", "items": "double"}"#), bytes: [3, 4, 2, 4, 0], value: "[1.0,2.0]"),
    ]

    @Test(arguments: cases)
    func `records of other writers are read by the rules`(one: Case) throws {
        func record(_ field: String) -> String {
            #"{"type": "record", "name": "Row", "fields": [\#(field), {"name": "id", "type": "int"}]}"#
        }
        let reader = record(one.reader)
        let schema = Schema(try SchemaDefinition.columns(avro: reader))
        let options = try AvroInteropTests.options([
            "avro.schema": reader, "avro.confluent_schema_registry": "true", "bad_data": "drop",
        ])
        let known = [
            Int32(1): RegisteredSchema(id: 1, kind: .avro, text: record(one.writer)),
            2: RegisteredSchema(id: 2, kind: .avro, text: #"{"type": "record", "name": "Row", "fields": []}"#),
        ]
        let schemas = FixedSchemas(known: known.mapValues { .found($0) })
        let message = [0, 0, 0, 0, 1] + one.bytes + [2]
        let decoded = try decodeMessages([message, message], schema, options: options, schemas: schemas)
        if let value = one.value {
            #expect(decoded.bad == [])
            let row = try #require(decoded.rows.first)
            #expect(EncoderTests.json(row[0], nulls) == value)
            #expect(row[1] == .int32(1))
            #expect(decoded.rows.count == 2)
        } else {
            #expect(decoded.badCount == 2 && decoded.rows.isEmpty)
            #expect(decoded.bad.allSatisfy { $0.reason.contains(one.reason) }, "\(decoded.bad)")
        }
    }

    private let nulls = Formats.FormatOptions.withNulls

    @Test(arguments: [
        (#"{"type": "record", "name": "R", "fields": [{"name": "a"}]}"#, "fields[0]: 'type' is missing"),
        (
            #"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "strin"}]}"#,
            "fields[0].type: expected a type"
        ),
        (#"{"type": "record", "fields": []}"#, "'name' is missing"),
        (#"{"type": "record", "name": "9", "fields": []}"#, "name: expected letters"),
        (
            #"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "default": "x"}]}"#,
            "fields[0].default"
        ),
        (
            #"{"type": "record", "name": "R", "fields": [{"name": "a", "type": ["int", "int"]}]}"#,
            "[1]: a union may hold 'int'"
        ),
        (#"{"type": "enum", "name": "E", "symbols": []}"#, "symbols: expected"),
        ("{", "line 1: the Avro schema is no JSON"),
        ("\"int\"", "expected a record, found int"),
    ])
    func `mistakes in schemas are told with their place`(text: String, expected: String) {
        #expect {
            _ = try SchemaDefinition.columns(avro: text)
        } throws: { "\($0)".contains(expected) }
    }

    @Test func `any value becomes JSON, unions and records inside of themselves too`() throws {
        let text = """
            {"type": "record", "name": "T", "fields": [{"name": "v", "type": ["null", "long", "string"]},
             {"name": "next", "type": ["null", "T"]},
             {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
            """
        let schema = Schema(try SchemaDefinition.columns(avro: text))
        #expect(schema.description == "v JSON, next JSON, at TIMESTAMP NOT NULL")
        let inner: [UInt8] = [4, 2, 120, 0, 0]
        let message: [UInt8] = [2, 8, 2] + inner + [0xD0, 0x0F]
        let raw = ["avro.schema": text, "avro.raw_datums": "true"]
        let decoded = try decodeMessages([message], schema, options: AvroInteropTests.options(raw))
        let next = #"{"v":"x","next":null,"at":"1970-01-01T00:00:00Z"}"#
        #expect(decoded.rows[0].map(\.stringValue) == ["4", next, nil])
        let whole = raw.merging(["avro.into_unstructured_json": "true"]) { $1 }
        let json = try decodeMessages(
            [message], Schema([Field("value", .json)]), options: AvroInteropTests.options(whole))
        #expect(json.rows[0][0].stringValue == #"{"v":4,"next":\#(next),"at":"1970-01-01T00:00:01Z"}"#)
    }
}

extension FormatOptions {
    static let withNulls: FormatOptions = {
        var options = FormatOptions()
        options.includesNulls = true
        return options
    }()
}
