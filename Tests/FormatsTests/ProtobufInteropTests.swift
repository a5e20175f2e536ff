import Columnar
import Formats
import HostSystem
import TestKit
import Testing

/// Exchanges Protobuf messages with Google's library, another implementation of the format.
@Suite struct ProtobufInteropTests {
    static func options(_ values: [String: String]) throws -> FormatOptions {
        try FormatOptions(values.merging(["format": "protobuf"]) { one, _ in one })
    }

    static func base64(_ bytes: [UInt8]) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = (0..<3).reduce(0) { $0 << 8 | (start + $1 < bytes.count ? Int(bytes[start + $1]) : 0) }
            for place in 0..<4 {
                text.append(start + place > bytes.count ? "=" : letters[group >> (18 - 6 * place) & 63])
            }
        }
        return text
    }

    @Test(arguments: 1...24)
    func `random messages of random schemas are read as Google's library reads them`(seed: Int) throws {
        try Interop.withFolder { folder in
            let script = ["write", "\(seed)", folder]
            guard let expected = try Interop.lines("protobuf_interop.py", needs: "grpc_tools", script) else { return }
            let text = String(decoding: try Interop.bytes(folder + "/schema.proto"), as: UTF8.self)
            let compiled = try Interop.bytes(folder + "/schema.bin")
            let fields = try SchemaDefinition.columns(protobuf: text, messageName: "some.where.Order")
            #expect(try SchemaDefinition.columns(compiledProtobuf: compiled, messageName: "Order") == fields)
            let messages = try Interop.messages(folder + "/messages")
            for definition in [
                ["protobuf.schema": text, "protobuf.message_name": "Order"],
                ["protobuf.compiled_schema": Self.base64(compiled), "protobuf.message_name": "some.where.Order"],
            ] {
                let options = try Self.options(definition)
                let decoded = try decodeMessages(messages, Schema(fields), options: options)
                #expect(decoded.rows.map { Interop.text($0) } == expected)
                let one = seed % fields.count
                let alone = try decodeMessages(messages, Schema(fields), options: options, projection: [one])
                #expect(alone.rows.map { Interop.text($0) } == decoded.rows.map { Interop.text([$0[one]]) })
            }
        }
    }

    /// A table that Protobuf can hold, without NULL where it has none.
    static func randomTable(_ seed: UInt64) -> (schema: Schema, rows: [[ScalarValue]]) {
        var random = SplitMix64(seed: seed)
        func type(_ depth: Int) -> DataType {
            switch random.next() % (depth < 2 ? 8 : 5) {
            case 5:
                let element = type(2)
                return .list(element)
            case 6: return .map(key: random.next() % 2 == 0 ? .utf8 : .int64, value: type(2))
            case 7: return .structure((0..<(1 + random.next() % 3)).map { Field("m\($0)", type(depth + 1)) })
            default:
                let plain = AvroInteropTests.types.filter { !$0.isDecimal && $0 != .date && $0 != .time }
                return plain[Int(random.next() % UInt64(plain.count))]
            }
        }
        let schema = Schema(
            (0..<(1 + random.next() % 8)).map { index in
                let type = type(0)
                return Field("c\(index)", type, isNullable: type.layout != .list && random.next() % 3 > 0)
            })
        /// Lists and maps are never NULL, nor is what is in them.
        func value(_ type: DataType, isNullable: Bool) -> ScalarValue {
            switch type {
            case .list(let element):
                let items = (0..<random.next() % 4).map { _ in value(element, isNullable: false) }
                return ScalarValue(type: type, storage: .nested(items))
            case .map(let key, let element):
                let items = (0..<random.next() % 4).map { index in
                    let name = key == .utf8 ? ScalarValue.utf8("k\(index)") : .int64(Int64(index))
                    let entry = [name, value(element, isNullable: false)]
                    return ScalarValue(type: type.elementType ?? .null, storage: .nested(entry))
                }
                return ScalarValue(type: type, storage: .nested(items))
            case .structure(let fields):
                if isNullable && random.next() % 5 == 0 { return .null(type) }
                return ScalarValue(type: type, storage: .nested(fields.map { value($0.type, isNullable: true) }))
            default: return AvroInteropTests.randomValue(type, &random, isNullable: isNullable)
            }
        }
        let rows = (0..<100).map { _ in schema.fields.map { value($0.type, isNullable: $0.isNullable) } }
        return (schema, rows)
    }

    /// What is read back of 8 and 16-bit numbers, which Protobuf lacks, is the same at the columns' own width.
    @Test(arguments: 1...16 as ClosedRange<UInt64>)
    func `random rows are read back here and by Google's library`(seed: UInt64) throws {
        let (schema, rows) = Self.randomTable(seed)
        let expected = rows.map { Interop.text($0) }
        let text = try ProtobufText.text(for: schema)
        let delimited = try Self.options(["protobuf.schema": text, "protobuf.length_delimited": "true"])
        let bytes = encodeFile(rows, schema, try delimited.makeEncoder(schema: schema))
        let back = try decode(bytes, schema, options: delimited, blockBytes: 333, rowLimit: 17)
        #expect(back.rows.map { Interop.text($0) } == expected)
        var registry = try Self.options(["protobuf.confluent_schema_registry": "true"])
        registry.carrier = .messages
        let framed = encodeMessages(rows, schema, try registry.makeEncoder(schema: schema, schemaID: 258))
        #expect(framed.allSatisfy { $0.starts(with: [0, 0, 0, 1, 2, 0]) })
        let schemas = FixedSchemas(known: [258: .found(RegisteredSchema(id: 258, kind: .protobuf, text: text))])
        let named = try decodeMessages(framed, schema, options: registry, schemas: schemas)
        #expect(named.rows.map { Interop.text($0) } == expected)
        try Interop.withFolder { folder in
            try Interop.write(bytes, folder + "/file")
            try Interop.write(Array(text.utf8), folder + "/schema.proto")
            let script = ["read", folder, "Record"]
            guard let lines = try Interop.lines("protobuf_interop.py", needs: "grpc_tools", script) else { return }
            #expect(lines == expected)
        }
    }

    @Test func `messages become JSON, those inside of themselves too`() throws {
        let text = """
            syntax = "proto3"; message Tree { string name = 1; repeated Tree below = 2; map<string, int32> n = 3;
            int64 big = 4; optional bool flag = 5; }
            """
        func leaf(_ name: String) -> [UInt8] { [0x0A, UInt8(name.utf8.count)] + Array(name.utf8) }
        let inner = leaf("b")
        let tree = leaf("a") + [0x12, UInt8(inner.count)] + inner + [0x1A, 5, 0x0A, 1, 0x6B, 0x10, 7, 0x28, 0]
        let json = Schema([Field("value", .json)])
        let options = try Self.options(["protobuf.schema": text, "protobuf.into_unstructured_json": "true"])
        let decoded = try decodeMessages([tree, leaf("c")], json, options: options)
        #expect(
            decoded.rows.map { $0[0].stringValue } == [
                #"{"name":"a","below":[{"name":"b","below":[],"n":{},"big":0}],"n":{"k":7},"big":0,"flag":false}"#,
                #"{"name":"c","below":[],"n":{},"big":0}"#,
            ])
        let columns = try SchemaDefinition.columns(protobuf: text)
        #expect(Schema(columns).description.contains("below JSON[]"))
    }

    @Test(arguments: [
        ("syntax = \"proto3\"; message A { int32 a = 1; string b = 1; }", "A.b: number 1 is used twice"),
        ("syntax = \"proto3\";\nmessage A { B b = 1; }", "A.b: there is no type 'B'"),
        ("syntax = \"proto3\";\nmessage A {\n int32 a = x; }", "line 3: expected a number, found 'x'"),
        ("syntax = \"proto4\";", "line 1: expected syntax proto2 or proto3, found 'proto4'"),
        ("message A { int32 a = 1; ", "line 1: expected a field or '}', found the end"),
        ("message A { map<float, int32> a = 1; }", "line 1: expected whole numbers, bool or string as keys"),
        ("message A { int32 a = 0; }", "A.a: expected a number from 1 to 536870911, found 0"),
        ("enum E { A = 0; }", "the Protobuf schema defines no message"),
        ("message A {} message A {}", "A: it is defined twice"),
        ("/* never", "line 1: a comment has no end"),
    ])
    func `mistakes in definitions are told with their place`(text: String, expected: String) {
        #expect {
            _ = try SchemaDefinition.columns(protobuf: text)
        } throws: { "\($0)".contains(expected) }
    }
}
