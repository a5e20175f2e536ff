import Columnar
import Formats
import TestKit
import Testing

/// Avro messages that name their schema by its fingerprint, of tables that give none.
@Suite struct SingleObjectTests {
    static let schema = Schema([
        Field("id", .int64, isNullable: false), Field("n", .decimal(precision: 12, scale: 3)), Field("a b", .utf8),
        Field("at", .timestamp), Field("all", .list(.structure([Field("x-y", .int32)]))),
    ])

    static func settings(_ more: [String: String] = [:]) -> FormatOptions {
        var settings = options(["format": "avro", "bad_data": "drop"].merging(more) { $1 })
        settings.carrier = .messages
        return settings
    }

    static func messages(_ schema: Schema, _ rows: [[ScalarValue]]) throws -> [[UInt8]] {
        encodeMessages(rows, schema, try settings().makeEncoder(schema: schema))
    }

    static func rows() -> [[ScalarValue]] {
        let type = schema[4].type
        let number = ScalarValue(type: .int32, storage: .int(7))
        let item = ScalarValue(type: type.elementType ?? .null, storage: .nested([number]))
        return (0..<40).map { index in
            [
                .int64(Int64(index)), ScalarValue(type: schema[1].type, storage: .decimal(-2_658_824)),
                index % 2 == 0 ? .null(.utf8) : .utf8("é\(index)"), .timestamp(1_700_000_000_123_456_000),
                ScalarValue(type: type, storage: .nested([item])),
            ]
        }
    }

    @Test func `a table reads what one of the same columns has written`() throws {
        let rows = Self.rows()
        let messages = try Self.messages(Self.schema, rows)
        #expect(messages.allSatisfy { $0.starts(with: [0xC3, 0x01]) })
        let all = try decodeMessages(messages, Self.schema, options: Self.settings())
        #expect(all.rows == rows && all.badCount == 0, "\(all.bad.first?.reason ?? "")")
        // What a query reads of it is not what the fingerprint is of.
        let some = try decodeMessages(messages, Self.schema, options: Self.settings(), projection: [4, 1])
        #expect(some.rows == rows.map { [$0[4], $0[1]] })
    }

    @Test func `records of other columns say what to give`() throws {
        let other = Schema(Self.schema.fields.dropLast())
        let messages = try Self.messages(other, Self.rows().map { Array($0.dropLast()) })
        let found = try decodeMessages(messages, Self.schema, options: Self.settings())
        #expect(found.rows.isEmpty && found.badCount == messages.count)
        let reason = found.bad.first?.reason ?? ""
        #expect(reason.contains("not the one of the table's columns: set avro.schema to it"), "\(reason)")
        let given = Self.settings(["avro.schema": AvroSchema.text(for: Self.schema)])
        let wrong = try decodeMessages(messages, Self.schema, options: given).bad.first?.reason ?? ""
        #expect(wrong.contains("not the one of avro.schema: its fingerprint is another"), "\(wrong)")
        // Nor is a schema made up for values that name none.
        #expect(throws: FormatOptionError.self) {
            _ = try decodeMessages(messages, Self.schema, options: Self.settings(["avro.raw_datums": "true"]))
        }
    }
}
