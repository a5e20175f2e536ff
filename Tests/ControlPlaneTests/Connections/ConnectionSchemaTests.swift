import Columnar
import Dataflow
import JSONModel
import Planner
import Testing

@testable import ControlPlane

@Suite struct ConnectionSchemaTests {
    static func schema(_ text: String) throws -> ConnectionSchema {
        try ConnectionSchema(try JSONParser.parse(text))
    }

    /// A schema that holds itself.
    static let roundDefinition = JSONValue.object(
        JSONObject([
            .init(
                key: "definition",
                value: [
                    "json_schema": .string(
                        ##"""
                        {"$defs": {"x": {"type": "object", "properties": {"y": {"$ref": "#/$defs/x"}}}},
                        "properties": {"a": {"$ref": "#/$defs/x"}}}
                        """##)
                ])
        ])
    ).text()

    static func refusal(_ text: String) -> String {
        do {
            _ = try schema(text)
            return "nothing was thrown"
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "fields in all spellings become columns and are answered as the document writes them",
        arguments: [
            (
                #"{"field_name": "a", "field_type": {"primitive": "Int64"}, "nullable": false}"#,
                Field("a", .int64, isNullable: false)
            ),
            (
                #"{"field_name": "a", "field_type": {"type": {"primitive": "Utf8"}}, "nullable": true}"#,
                Field("a", .utf8)
            ),
            (
                #"{"fieldName": "a", "fieldType": {"type": {"primitive": "F64"}, "sqlName": "DOUBLE"}}"#,
                Field("a", .float64)
            ),
            (#"{"name": "a", "type": "int64", "required": true}"#, Field("a", .int64, isNullable: false)),
            (#"{"name": "a", "type": "int32"}"#, Field("a", .int32)),
            (#"{"name": "a", "type": "uint64"}"#, Field("a", .uint64)),
            (#"{"name": "a", "type": "timestamp", "unit": "millisecond"}"#, Field("a", .timestamp)),
            (
                #"{"name": "a", "type": "decimal128", "precision": 10, "scale": 2}"#,
                Field("a", .decimal(precision: 10, scale: 2))
            ),
            (
                #"{"name": "a", "field_type": {"primitive": "Decimal128(12, 3)"}}"#,
                Field("a", .decimal(precision: 12, scale: 3))
            ),
            (#"{"name": "a", "field_type": {"primitive": "Timestamp(Microsecond, None)"}}"#, Field("a", .timestamp)),
            (#"{"name": "a", "field_type": {"primitive": "DateTime"}}"#, Field("a", .timestamp)),
            (#"{"name": "a", "field_type": {"primitive": "UnixMillis"}}"#, Field("a", .timestamp)),
            (#"{"name": "a", "field_type": "Bool"}"#, Field("a", .boolean)),
            (#"{"name": "a", "type": "json"}"#, Field("a", .json)),
            (#"{"name": "a", "type": "bytes"}"#, Field("a", .binary)),
            (#"{"name": "a", "type": "date32"}"#, Field("a", .date)),
            (
                #"{"name": "a", "type": "struct", "fields": [{"name": "b", "type": "string", "required": true}]}"#,
                Field("a", .structure([Field("b", .utf8)]))
            ),
            (
                #"""
                {"field_name": "a", "field_type": {"type": {"struct": {"name": null, "fields":
                [{"field_name": "b", "field_type": {"type": {"primitive": "Int32"}}}]}}}}
                """#,
                Field("a", .structure([Field("b", .int32)]))
            ),
            (#"{"name": "a", "type": "list", "items": {"name": "item", "type": "int64"}}"#, Field("a", .list(.int64))),
            (#"{"field_name": "a", "field_type": {"list": {"primitive": "Utf8"}}}"#, Field("a", .list(.utf8))),
            (
                #"""
                {"field_name": "a", "field_type": {"list": {"field_name": "item", "field_type": {"list":
                {"primitive": "Int8"}}}}}
                """#,
                Field("a", .list(.list(.int8)))
            ),
        ])
    func fields(text: String, field: Field) throws {
        let schema = try Self.schema(#"{"fields": [\#(text)]}"#)
        #expect(schema.columns.map(\.field) == [field])
        let answer = schema.json
        #expect(answer["fields"]?[0]?["field_name"] == .string(field.name))
        let again = try ConnectionSchema(answer)
        #expect(again.columns == schema.columns)
        #expect(again.json == answer)
    }

    @Test(
        "formats in all spellings",
        arguments: [
            (#"{"json": {}}"#, #"{"json": {}}"#, ["format": "json"]),
            (#"{"type": "json"}"#, #"{"json": {}}"#, ["format": "json"]),
            (#""json""#, #"{"json": {}}"#, ["format": "json"]),
            (#"{"json": null}"#, #"{"json": {}}"#, ["format": "json"]),
            (
                #"""
                {"json": {"timestampFormat": "unix_millis", "unstructured": false,
                "confluentSchemaRegistry": false}}
                """#,
                #"""
                {"json": {"timestamp_format": "unix_millis", "unstructured": false,
                "confluent_schema_registry": false}}
                """#,
                ["format": "json", "json.timestamp_format": "unix_millis"]
            ),
            (#"{"json": {"debezium": true}}"#, #"{"debezium_json": {}}"#, ["format": "debezium_json"]),
            (#"{"type": "debezium_json"}"#, #"{"debezium_json": {}}"#, ["format": "debezium_json"]),
            (
                #"{"avro": {"confluent_schema_registry": true}}"#, #"{"avro": {"confluent_schema_registry": true}}"#,
                ["format": "avro", "avro.confluent_schema_registry": "true"]
            ),
            (
                #"{"protobuf": {"messageName": "M"}}"#, #"{"protobuf": {"message_name": "M"}}"#,
                ["format": "protobuf", "protobuf.message_name": "M"]
            ),
            (
                #"{"parquet": {"compression": "zstd", "rowGroupBytes": 4096}}"#,
                #"{"parquet": {"compression": "zstd", "row_group_bytes": 4096}}"#,
                ["format": "parquet", "parquet.row_group_bytes": "4096"]
            ),
            (#"{"raw_string": {}}"#, #"{"raw_string": {}}"#, ["format": "raw_string"]),
            (#"{"rawBytes": {}}"#, #"{"raw_bytes": {}}"#, ["format": "raw_bytes"]),
            (#"{"csv": {"header": false}}"#, #"{"csv": {"header": false}}"#, ["format": "csv", "csv.header": "false"]),
        ])
    func formats(given: String, answered: String, options: [String: String]) throws {
        let schema = try Self.schema(#"{"format": \#(given)}"#)
        #expect(schema.json["format"] == (try JSONParser.parse(answered)))
        #expect(schema.options.mapValues(\.text) == options)
        #expect(try ConnectionSchema(schema.json).json == schema.json)
    }

    static let avro = #"{"type":"record","name":"R","fields":[{"name":"a","type":["null","long"]}]}"#
    static let proto =
        #"syntax = "proto3"; message L { bool x = 1; } message M { optional int64 a = 1; string b = 2; }"#

    static func quoted(_ text: String) -> String { JSONValue.string(text).text() }

    @Test(
        "definitions become columns",
        arguments: [
            (
                #"{"format": "avro", "definition": {"avro_schema": \#(quoted(avro))}}"#, ["a BIGINT"]
            ),
            (#"{"format": {"avro": {"reader_schema": \#(quoted(avro))}}}"#, ["a BIGINT"]),
            (
                #"{"format": {"protobuf": {"message_name": "M"}}, "#
                    + #""definition": {"protobuf_schema": \#(quoted(proto))}}"#,
                ["a BIGINT", "b TEXT NOT NULL"]
            ),
            (
                #"""
                {"format": {"protobuf": {"message_name": "M", "into_unstructured_json": true}},
                 "definition": {"protobuf_schema": \#(quoted(proto))},
                 "fields": [{"name": "o", "type": "int64", "metadata_key": "offset_id"}]}
                """#, ["value JSON", "o BIGINT"]
            ),
        ])
    func defined(given: String, columns: [String]) throws {
        let schema = try Self.schema(given)
        #expect(Schema(schema.columns.map(\.field)).description == columns.joined(separator: ", "))
        #expect(try ConnectionSchema(schema.json).options == schema.options)
    }

    @Test(
        "bad data, framing, event time and definitions in all spellings",
        arguments: [
            (#"{"bad_data": {"drop": {}}}"#, ["bad_data": "drop"]),
            (#"{"badData": {"behavior": "drop"}}"#, ["bad_data": "drop"]),
            (#"{"bad_data": "Fail"}"#, ["bad_data": "fail"]),
            (
                #"{"framing": {"method": "newline", "max_line_length": 9}}"#,
                ["framing": "newline", "framing.newline.max_length": "9"]
            ),
            (
                #"{"framing": {"method": {"newline": {"maxLineLength": 9}}}}"#,
                ["framing": "newline", "framing.newline.max_length": "9"]
            ),
            (#"{"framing": "newline"}"#, ["framing": "newline"]),
            (#"{"framing": {"method": "none"}}"#, ["framing": "none"]),
            (
                #"""
                {"event_time_field": "ts", "watermark": "5 seconds", "fields": [{"name": "ts", "type":
                "timestamp"}]}
                """#,
                ["event_time_field": "ts", "watermark_delay": "5 seconds"]
            ),
            (
                #"{"eventTimeField": "ts", "watermark": {"delay": "1 minute"}}"#,
                ["event_time_field": "ts", "watermark_delay": "1 minute"]
            ),
            (
                #"{"event_time_field": "ts", "watermark": {"field": "w"}}"#,
                ["event_time_field": "ts", "watermark_field": "w"]
            ),
            (#"{"definition": {"raw_schema": "x"}, "inferred": true}"#, [:]),
            (#"{"definition": {"type": "avro_schema", "schema": \#(quoted(avro))}}"#, [:]),
            (
                #"{"format": "avro", "definition": {"avro_schema": \#(quoted(avro))}}"#,
                ["format": "avro", "avro.reader_schema": avro]
            ),
            (
                #"""
                {"format": {"protobuf": {"message_name": "M"}},
                 "definition": {"protobuf_schema": {"schema": \#(quoted(proto)), "dependencies": {"b.proto": "x"}}}}
                """#,
                [
                    "format": "protobuf", "protobuf.message_name": "M", "protobuf.schema": proto,
                    "protobuf.dependencies.b.proto": "x",
                ]
            ),
            (#"{"bad_data": "table:errors"}"#, ["bad_data": "table:errors"]),
            (#"{"bad_data": {"table": {"name": "errors"}}}"#, ["bad_data": "table:errors"]),
            (#"{"bad_data": {"behavior": "table:errors"}}"#, ["bad_data": "table:errors"]),
            (#"{"unknown": 1}"#, [:]),
        ])
    func rest(given: String, options: [String: String]) throws {
        let schema = try Self.schema(given)
        #expect(schema.options.mapValues(\.text) == options)
        let again = try ConnectionSchema(schema.json)
        #expect(again.json == schema.json)
        #expect(again.options == schema.options)
    }

    @Test func `primary keys and metadata`() throws {
        let schema = try Self.schema(
            #"""
            {"fields": [{"name": "id", "type": "int64"}, {"name": "part", "type": "int32",
            "metadata_key": "partition"}],
            "primary_keys": ["id"]}
            """#)
        #expect(schema.columns.map(\.isPrimaryKey) == [true, false])
        #expect(schema.columns.map(\.metadata) == [nil, "partition"])
        #expect(schema.json["primary_keys"] == ["id"])
        #expect(try ConnectionSchema(schema.json).columns == schema.columns)
    }

    @Test func `a JSON Schema becomes columns`() throws {
        let definition = JSONValue.string(
            #"""
            {"type": "object", "required": ["id", "at"], "$defs": {"place": {"type": "object",
            "properties": {"x": {"type":
            "number"}}}}, "properties": {"id": {"type": "integer"}, "at": {"type": "string",
            "format": "date-time"}, "name":
            {"type": ["string", "null"]}, "where": {"$ref": "#/$defs/place"},
            "tags": {"type": "array", "items": {"type":
            "string"}}, "any": {"oneOf": []}, "free": {"type": "object"}, "ok": {"type": "boolean"}}}
            """#)
        let schema = try ConnectionSchema(["format": ["json": [:]], "definition": ["json_schema": definition]])
        #expect(
            schema.columns.map(\.field) == [
                Field("id", .int64, isNullable: false), Field("at", .timestamp, isNullable: false),
                Field("name", .utf8),
                Field("where", .structure([Field("x", .float64)])), Field("tags", .list(.utf8)), Field("any", .json),
                Field("free", .json), Field("ok", .boolean),
            ])
    }

    @Test(
        "what is wrong is said with its field",
        arguments: [
            ("[]", "schema: expected an object, found an array"),
            (#"{"fields": {}}"#, "schema.fields: expected an array"),
            (#"{"fields": [{}]}"#, "schema.fields[0].field_name: is missing"),
            (#"{"fields": [{"name": ""}]}"#, "schema.fields[0].name: must not be empty"),
            (#"{"fields": [{"name": "a"}]}"#, "schema.fields[0].field_type: is missing"),
            (
                #"{"fields": [{"name": "a", "type": "int64"}, {"name": "a", "type": "int64"}]}"#,
                "schema.fields[1]: there are two fields called 'a'"
            ),
            (
                #"""
                {"fields": [{"name": "a", "type": "struct", "fields": [{"name": "b", "type": "int64"},
                {"name": "b", "type": "int64"}]}]}
                """#,
                "there are two fields called 'b'"
            ),
            (#"{"fields": [{"name": "a", "type": "in64"}]}"#, "schema.fields[0].type: expected one of Int8, Int16"),
            (
                #"{"fields": [{"name": "a", "type": 5}]}"#,
                "schema.fields[0].type: expected an object, found a whole number"
            ),
            (
                #"{"fields": [{"name": "a", "field_type": {"prim": "Int64"}}]}"#,
                "expected one of primitive, decimal, struct, list, map, found prim"
            ),
            (
                #"{"fields": [{"name": "a", "type": "decimal128", "precision": 39}]}"#,
                "precision: expected a number from 1 to 38, found 39"
            ),
            (#"{"fields": [{"name": "a", "type": "int64", "required": 1}]}"#, "required: expected true or false"),
            (#"{"format": {}}"#, "schema.format: expected one of json, debezium_json"),
            (#"{"format": {"xml": {}}}"#, "found 'xml'"),
            (
                #"{"format": {"json": {"timestamp_format": "iso"}}}"#,
                "schema.format.json.timestamp_format: expected one of rfc3339, unix_millis, found 'iso'"
            ),
            (
                #"{"format": {"json": {"timestamp_fromat": "iso"}}}"#,
                "schema.format.json.timestamp_fromat: is not known here: did you mean 'timestamp_format'?"
            ),
            (#"{"format": {"json": 5}}"#, "schema.format.json: expected an object"),
            (#"{"format": 5}"#, "schema.format: expected an object"),
            (#"{"format": {"protobuf": {}}}"#, "schema.format.protobuf.message_name: is missing"),
            (
                #"{"format": {"raw_string": {}}, "fields": [{"name": "x", "type": "string"}]}"#,
                "format raw_string needs one field, value, of type Utf8"
            ),
            (
                #"{"format": {"raw_string": {}}, "fields": [{"name": "value", "type": "int64"}]}"#,
                "needs one field, value"
            ),
            (
                #"{"format": {"json": {"unstructured": true}}, "fields": [{"name": "a", "type": "json"}]}"#,
                "unstructured JSON needs one field, value"
            ),
            (#"{"bad_data": "ignore"}"#, "schema.bad_data: expected one of fail, drop, found 'ignore'"),
            (#"{"bad_data": {}}"#, "found none"),
            (#"{"framing": {"method": "length"}}"#, "schema.framing.method: expected one of newline, none"),
            (#"{"framing": {"method": "newline", "max_line_length": 0}}"#, "max_line_length: expected a number from 1"),
            (
                #"{"fields": [{"name": "a", "type": "int64"}], "primary_keys": ["b"]}"#,
                "schema.primary_keys[0]: there is no field 'b'"
            ),
            (
                #"{"fields": [{"name": "a", "type": "int64"}], "event_time_field": "b"}"#,
                "schema.event_time_field: there is no field 'b'"
            ),
            (#"{"watermark": "5 seconds"}"#, "schema.watermark: needs event_time_field beside it"),
            (#"{"definition": {"xsd": "x"}}"#, "schema.definition: expected one of json_schema, avro_schema"),
            (#"{"definition": {"json_schema": "{"}}"#, "schema.definition.json_schema: is no JSON"),
            (#"{"definition": {"json_schema": "{\"type\": \"string\"}"}}"#, "expected an object with properties"),
            (
                ##"{"definition": {"json_schema": "{\"properties\": {\"a\": {\"$ref\": \"#\"}}}"}}"##,
                "only references within the schema"
            ),
            (
                ##"{"definition": {"json_schema": "{\"properties\": {\"a\": {\"$ref\": \"#/properties/a\"}}}"}}"##,
                "refers to itself"
            ),
            (
                roundDefinition,
                "refers to itself"
            ),
        ])
    func wrong(text: String, says: String) {
        let message = Self.refusal(text)
        #expect(message.contains(says), "\(message)")
    }

    @Test func `types nested without end are refused`() {
        let deep =
            String(repeating: #"{"list": "#, count: 100) + #"{"primitive": "Int64"}"#
            + String(repeating: "}", count: 100)
        #expect(
            Self.refusal(#"{"fields": [{"field_name": "a", "field_type": \#(deep)}]}"#).contains(
                "nested more than 16 deep"))
        let many = (0...5000).map { #"{"name": "f\#($0)", "type": "int64"}"# }.joined(separator: ",")
        #expect(Self.refusal(#"{"fields": [\#(many)]}"#).contains("at most 5000 fields"))
    }
}
