import Columnar
import Formats
import TestKit
import Testing

/// Values that Protobuf has no place for, and those that it has.
@Suite struct ProtobufFaultTests {
    static func encoder(_ text: String, _ schema: Schema) throws -> (any RecordEncoder, FormatOptions) {
        var options = try FormatOptions(["format": "protobuf", "protobuf.schema": "syntax = \"proto3\"; " + text])
        options.carrier = .messages
        return (try options.makeEncoder(schema: schema), options)
    }

    static let durations =
        "import \"google/protobuf/duration.proto\"; message M { google.protobuf.Duration d = 1; "
        + "repeated google.protobuf.Duration l = 2; }"

    @Test func `durations are written and read`() throws {
        let schema = Schema([Field("d", .interval), Field("l", .list(.interval))])
        let (encoder, options) = try Self.encoder(Self.durations, schema)
        let values: [Interval] = [
            Interval(), Interval(nanoseconds: 1), Interval(nanoseconds: -1), Interval(nanoseconds: 1_500_000_000),
            Interval(nanoseconds: -1_500_000_000), Interval(days: 2, nanoseconds: 5), Interval(nanoseconds: .max / 2),
        ]
        let plain = values.map { ScalarValue.interval(Interval(nanoseconds: $0.fixedNanoseconds ?? 0)) }
        let list = ScalarValue(type: .list(.interval), storage: .nested(plain))
        let rows = values.map { [ScalarValue.interval($0), list] }
        let messages = encodeMessages(rows + [[.null(.interval), .null(.list(.interval))]], schema, encoder)
        #expect(encoder.takeFault() == nil)
        let decoded = try decodeMessages(messages, schema, options: options)
        #expect(decoded.rows.map { $0[0] } == plain + [.null(.interval)])
        #expect(decoded.rows[0][1] == list)
        _ = encodeMessages([[.interval(Interval(months: 1)), .null(.list(.interval))]], schema, encoder)
        #expect(encoder.takeFault()?.contains("an interval with months is no Duration") == true)
        #expect(encoder.takeFault() == nil)
    }

    @Test func `a text that is no value of its enum is told, and not written as zero`() throws {
        let schema = Schema([Field("e", .utf8)])
        let (encoder, options) = try Self.encoder("enum E { NONE = 0; ONE = 1; } message M { E e = 1; }", schema)
        let good = encodeMessages([[.utf8("ONE")], [.utf8("7")], [.null(.utf8)]], schema, encoder)
        #expect(encoder.takeFault() == nil)
        #expect(
            try decodeMessages(good, schema, options: options).rows.map { $0[0].stringValue } == ["ONE", "7", "NONE"])
        _ = encodeMessages([[.utf8("one")]], schema, encoder)
        #expect(encoder.takeFault() == "the enum has no value 'one'")
    }

    @Test(
        "a NULL in a list or a map is told, and not written as zero",
        arguments: [
            (.list(.int32), [.null(.int32)], "column 'v[]'"),
            (.list(.utf8), [.utf8("a"), .null(.utf8)], "column 'v[]'"),
            (
                .list(.structure([Field("x", .int64)])),
                [ScalarValue.null(.structure([Field("x", .int64)]))], "column 'v[]'"
            ),
            (
                .map(key: .utf8, value: .float64),
                [
                    ScalarValue(
                        type: DataType.map(key: .utf8, value: .float64).elementType ?? .null,
                        storage: .nested([.utf8("k"), .null(.float64)]))
                ], "column 'v[].value'"
            ),
        ] as [(DataType, [ScalarValue], String)])
    func nulls(type: DataType, items: [ScalarValue], place: String) throws {
        let schema = Schema([Field("v", type)])
        var options = try FormatOptions(["format": "protobuf"])
        options.carrier = .messages
        let encoder = try options.makeEncoder(schema: schema)
        _ = encodeMessages([[.null(type)], [ScalarValue(type: type, storage: .nested([]))]], schema, encoder)
        #expect(encoder.takeFault() == nil)
        _ = encodeMessages([[ScalarValue(type: type, storage: .nested(items))]], schema, encoder)
        let fault = encoder.takeFault() ?? "none"
        #expect(fault == place + ": it is NULL, which Protobuf has no place for in lists and maps")
        // In a message it is a field left out.
        let outer = Schema([Field("s", .structure([Field("x", .int64)]))])
        let plain = try options.makeEncoder(schema: outer)
        let value = ScalarValue(type: outer[0].type, storage: .nested([.null(.int64)]))
        _ = encodeMessages([[value], [.null(outer[0].type)]], outer, plain)
        #expect(plain.takeFault() == nil)
    }
}
