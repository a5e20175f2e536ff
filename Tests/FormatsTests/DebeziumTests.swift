import Columnar
import Formats
import TestKit
import Testing

/// Change records in and out.
@Suite struct DebeziumTests {
    static let schema = Schema([Field("id", .int64, isNullable: false), Field("name", .utf8)])
    static let debezium = options(["format": "debezium_json"])

    static func lines(_ text: String, _ settings: [String: String] = [:], projection: [Int]? = nil) throws -> [String] {
        try decode(
            text, schema, projection: projection,
            options: options(["format": "debezium_json"].merging(settings) { $1 })
        ).rows.map { $0.map { BatchBuilder.text($0) }.joined(separator: "|") }
    }

    @Test("each operation gives and takes back what it says, in an envelope or without")
    func operations() throws {
        let text = #"""
            {"before":null,"after":{"id":1,"name":"a"},"op":"c"}
            {"op":"u","before":{"id":1,"name":"a"},"after":{"id":1,"name":"b"},"source":{"db":"x"},"ts_ms":5}
            {"schema":{"type":"struct"},"payload":{"before":null,"after":{"id":2,"name":null},"op":"r"}}
            {"payload":{"before":{"id":2,"name":null},"after":null,"op":"d"}}
            """#
        #expect(
            try Self.lines(text) == [
                "1|a|false", "1|a|true", "1|b|false", "2|NULL|false", "2|NULL|true",
            ])
        #expect(try Self.lines(text, projection: [1]) == ["a|false", "a|true", "b|false", "NULL|false", "NULL|true"])
        #expect(try Self.lines(text, projection: []).count == 5)
    }

    @Test(
        "what a record lacks is told",
        arguments: [
            (#"{"before":null,"after":{"id":1},"op":"x"}"#, "'op': expected c, r, u or d"),
            (#"{"before":null,"after":{"id":1}}"#, "'op': expected c, r, u or d, found none"),
            (#"{"before":null,"after":{"id":1},"op":"u"}"#, "REPLICA IDENTITY"),
            (#"{"before":{"id":1},"after":null,"op":"u"}"#, "'after': expected the new row"),
            (#"{"before":null,"after":{"name":"x"},"op":"c"}"#, "'after.id': expected a value"),
            (#"{"before":null,"op":"d"}"#, "'before'"),
        ])
    func badRecords(record: String, expected: String) throws {
        let good = #"{"before":null,"after":{"id":7},"op":"c"}"#
        let text = "\(good)\n\(record)\n\(good)\n"
        let error = #expect(throws: BadRecordError.self) { _ = try Self.lines(text) }
        #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
        #expect(error?.record.line == 2)
        let dropped = try decode(
            text, Self.schema, options: options(["format": "debezium_json", "bad_data": "drop"]))
        #expect(dropped.rows.count == 2 && dropped.badCount == 1)
    }

    @Test("decimals are read as they are written: the bytes of the number without its point", arguments: 1...40)
    func decimals(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let precision = Int.random(in: 1...38, using: &random)
        let type = DataType.decimal(precision: precision, scale: random.below(precision + 1))
        let schema = Schema([Field("id", .int64, isNullable: false), Field("n", type), Field("all", .list(type))])
        let bound = (0..<precision).reduce(Int128(1)) { value, _ in value * 10 }
        func number() -> ScalarValue {
            let wide = Int128(truncatingIfNeeded: random.next()) << 64 | Int128(truncatingIfNeeded: random.next())
            let places = random.below(127)
            let value = [0, -1, 127, 128, -128, -129, bound - 1, 1 - bound, wide >> Int128(places)][random.below(9)]
            return ScalarValue(type: type, storage: .decimal(value % bound))
        }
        let rows = (0..<50).map { id in
            [.int64(Int64(id)), number(), ScalarValue(type: .list(type), storage: .nested([number(), number()]))]
        }
        let columns = schema.fields.enumerated().map { index, field in Column.of(field.type, rows.map { $0[index] }) }
        let batch = RecordBatch(schema: schema, columns: columns, rowCount: rows.count)
        for settings in [["format": "debezium_json"], ["format": "json", "json.decimal_encoding": "bytes"]] {
            let settings = options(settings)
            var output = TextBuffer()
            try settings.makeEncoder(schema: schema, key: [0]).encode(batch, into: &output)
            let found = try decode(output.array, schema, options: settings).rows
            #expect(found.map { Array($0.prefix(3)) } == rows, "\(type)")
        }
    }

    @Test("bytes that are no decimal of the column are bad; a number is one, digits as a text are not")
    func wrongDecimals() throws {
        let schema = Schema([Field("n", .decimal(precision: 5, scale: 2))])
        // 99999, 100000, -99999, -100000; one with bytes that only repeat the sign, one with others in front.
        let good = ["AYaf", "/nlh", "AAAAAAAAAAAAAAAAAAAAAAAAAYaf"]
        let bad = ["AYag", "/nlg", "AQAAAAAAAAAAAAAAAAAAAAAAAAAA"]
        let texts = good + bad + ["", "12.34", "AYaf=="]
        let records = texts.map { "{\"n\":\"\($0)\"}" } + [#"{"n":-12.5}"#]
        let found = try decode(
            records.joined(separator: "\n"), schema,
            options: options(["format": "json", "json.decimal_encoding": "bytes", "bad_data": "drop"]))
        let rows = found.rows.map { BatchBuilder.text($0[0]) }
        #expect(rows == ["99999", "-99999", "99999", "-1250"])
        #expect(found.badCount == 6)
    }

    static func encoded(_ table: String, key: [Int]?) throws -> [String] {
        let batch = BatchBuilder.batch(table)
        let encoder = try debezium.makeEncoder(schema: batch.schema, key: key)
        var output = TextBuffer()
        encoder.encode(batch, into: &output)
        return String(decoding: output.array, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    static let changes = """
        id int64 | name utf8 | _retraction boolean
        1 | a | false
        2 | b | false
        1 | a | true
        3 | c | true
        1 | x | false
        2 | b | true
        3 | d | false
        4 | e | true
        5 | f | true
        5 | f | false
        """

    @Test("what happens to a key within a batch is one record")
    func merging() throws {
        #expect(
            try Self.encoded(Self.changes, key: [0]) == [
                #"{"before":null,"after":{"id":1,"name":"x"},"op":"c"}"#,
                #"{"before":{"id":3,"name":"c"},"after":{"id":3,"name":"d"},"op":"u"}"#,
                #"{"before":{"id":4,"name":"e"},"after":null,"op":"d"}"#,
            ])
    }

    @Test("without a key every change stands alone; rows that stay are all created")
    func withoutKey() throws {
        let lines = try Self.encoded(Self.changes, key: nil)
        #expect(lines.count == 10)
        #expect(lines[2] == #"{"before":{"id":1,"name":"a"},"after":null,"op":"d"}"#)
        #expect(
            try Self.encoded("id int64 | name utf8\n1 | NULL", key: nil)
                == [#"{"before":null,"after":{"id":1,"name":null},"op":"c"}"#])
    }

    @Test("what is written is read again")
    func roundTrip() throws {
        let text = try Self.encoded(Self.changes, key: nil).joined(separator: "\n")
        #expect(try Self.lines(text) == BatchBuilder.lines(BatchBuilder.batch(Self.changes)))
    }
}
