import Columnar
import Formats
import Testing

@Suite struct JSONEnvelopeTests {
    static let schema = Schema([
        Field("id", .int64, isNullable: false), Field("price", .decimal(precision: 6, scale: 2)),
        Field("at", .timestamp),
    ])
    static let rows: [[ScalarValue]] = [
        [
            .int64(1), ScalarValue(type: .decimal(precision: 6, scale: 2), storage: .decimal(1250)),
            .timestamp(5_000_000),
        ],
        [.int64(2), .null(.decimal(precision: 6, scale: 2)), .null(.timestamp)],
    ]

    static func options(_ more: [String: String]) throws -> FormatOptions {
        var options = try FormatOptions(more)
        options.carrier = .messages
        return options
    }

    @Test func `records with their schema beside them are written as Kafka Connect does, and read back`() throws {
        let options = try Self.options([
            "json.include_schema": "true", "json.timestamp_format": "unix_millis", "json.decimal_encoding": "bytes",
        ])
        let messages = encodeMessages(Self.rows, Self.schema, try options.makeEncoder(schema: Self.schema))
        #expect(
            String(decoding: messages[0], as: UTF8.self)
                == #"{"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"},"#
                + #"{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","version":1,"#
                + #""parameters":{"scale":"2","connect.decimal.precision":"6"},"field":"price"},"#
                + #"{"type":"int64","optional":true,"name":"org.apache.kafka.connect.data.Timestamp","version":1,"#
                + #""field":"at"}],"optional":false},"payload":{"id":1,"price":"BOI=","at":5}}"#)
        let plain = try Self.options(["json.include_schema": "true", "json.timestamp_format": "unix_millis"])
        let text = encodeMessages(Self.rows, Self.schema, try plain.makeEncoder(schema: Self.schema))
        let back = try decode(Array(text.joined(separator: [0x0A])), Self.schema, options: plain)
        #expect(back.rows == Self.rows)
    }

    @Test func `the id of a registry goes before a message and is passed over`() throws {
        let options = try Self.options(["json.confluent_schema_registry": "true", "bad_data": "drop"])
        let messages = encodeMessages(
            Self.rows, Self.schema, try options.makeEncoder(schema: Self.schema, schemaID: 10))
        #expect(messages.allSatisfy { $0.starts(with: [0, 0, 0, 0, 10, UInt8(ascii: "{")]) })
        let wrong = Array("{\"id\":3}".utf8)
        let folded: [UInt8] = [0, 0, 0, 0, 10] + Array("{\"id\":\n4}".utf8)
        let decoded = try decodeMessages(messages + [wrong, folded], Self.schema, options: options)
        #expect(decoded.rows.map { $0[0] } == [.int64(1), .int64(2), .int64(4)])
        #expect(decoded.badCount == 1 && decoded.bad[0].line == 3)
        #expect(decoded.bad[0].reason.contains("expected a schema's id"))
    }

    @Test func `files have no ids`() throws {
        let options = try FormatOptions(["json.confluent_schema_registry": "true"])
        #expect(throws: FormatOptionError.self) { _ = try options.makeDecoder(schema: Self.schema) }
    }

    @Test(arguments: ["{\"payload\":null}", "{\"id\":1}", "{\"payload\":{}}", "{\"payload\":[1]}"])
    func `an envelope without a row is a bad record`(text: String) throws {
        let options = try FormatOptions(["json.include_schema": "true", "bad_data": "drop"])
        let decoded = try decode(text + "\n{\"payload\":{\"id\":7}}\n", Self.schema, options: options)
        #expect(decoded.badCount == 1 && decoded.bad[0].reason.contains("payload"), "\(decoded.bad)")
        #expect(decoded.rows.map { $0[0] } == [.int64(7)])
    }
}
