import Columnar
import Formats
import HostSystem
import Testing

@Suite struct CSVTests {
    static let schema = Schema([
        Field("id", .int64, isNullable: false), Field("name", .utf8), Field("at", .timestamp), Field("ok", .boolean),
    ])
    static let csv = options(["format": "csv"])
    static let dropping = options(["format": "csv", "bad_data": "drop"])

    static func id(_ value: Int64) -> ScalarValue { .int64(value) }
    static let missing: [ScalarValue] = [.null(.utf8), .null(.timestamp), .null(.boolean)]

    @Test func `columns are found by the names of the header`() throws {
        let text = "\u{FEFF}other,at,id,name\r\nx,1970-01-01T00:00:01Z,1,\"a,\"\"b\"\"\"\r\n,,2,\n\n,,3,\"\""
        let rows = try decode(text, Self.schema, options: Self.csv).rows
        #expect(
            rows == [
                [Self.id(1), .utf8("a,\"b\""), .timestamp(1_000_000_000), .null(.boolean)], [Self.id(2)] + Self.missing,
                [Self.id(3), .utf8(""), .null(.timestamp), .null(.boolean)],
            ])
    }

    @Test func `without a header columns go by position`() throws {
        let plain = options(["format": "csv", "csv.header": "false", "csv.delimiter": "\\t", "csv.null": "NA"])
        let text = "1\tx\tNA\ttrue\n2\t\"NA\"\t1970-01-01\tfalse\n"
        let rows = try decode(text, Self.schema, projection: [3, 1], options: plain).rows
        #expect(rows == [[.boolean(true), .utf8("x")], [.boolean(false), .utf8("NA")]])
    }

    @Test(arguments: [64, 200, 1 << 20], [1, 2, 100])
    func `quoted fields may hold line ends across blocks`(blockBytes: Int, rowLimit: Int) throws {
        var text = "id,name\n"
        var expected: [[ScalarValue]] = []
        for index in 0..<60 {
            let lines = (0..<(index % 9)).map { "line \($0) \"quoted\"" }.joined(separator: "\n")
            text += "\(index),\"" + lines.replacing("\"", with: "\"\"") + "\"\n"
            expected.append([.int64(Int64(index)), .utf8(lines)])
        }
        let schema = Schema([Field("id", .int64), Field("name", .utf8)])
        let rows = try decode(text, schema, options: Self.csv, blockBytes: blockBytes, rowLimit: rowLimit).rows
        #expect(rows == expected)
    }

    @Test(
        arguments: [
            ("1,a,,\n", nil), ("1,a,\n", "expected 4 fields, found 3"), ("1,a,,,\n", "expected 4 fields, found 5"),
            ("x,a,,\n", "field 'id': the text is not a valid BIGINT"), (",a,,\n", "field 'id': a value is missing"),
            ("1,a,noon,\n", "field 'at': the text is not a valid TIMESTAMP"), ("1,\"a\"b,,\n", "after a closing quote"),
            ("99999999999999999999,a,,\n", "out of range"), ("1,a,,maybe\n", "field 'ok'"),
        ] as [(String, String?)])
    func `bad lines are dropped or fail`(line: String, reason: String?) throws {
        let text = "id,name,at,ok\n7,first,,\n" + line + "8,last,,\n"
        let decoded = try decode(text, Self.schema, options: Self.dropping)
        #expect(decoded.rows.count == (reason == nil ? 3 : 2))
        #expect(decoded.badCount == (reason == nil ? 0 : 1))
        if let reason {
            #expect(decoded.bad[0].line == 3 && decoded.bad[0].reason.contains(reason), "\(decoded.bad)")
            #expect(throws: BadRecordError.self) { _ = try decode(text, Self.schema, options: Self.csv) }
        }
    }

    @Test func `invalid UTF-8 and open quotes are bad`() throws {
        var bytes = Array("id,name,at,ok\n1,".utf8)
        bytes += [0xFF]
        bytes += Array(",,\n2,ok,,\n3,\"never closed\n4,b,,\n".utf8)
        let decoded = try decode(bytes, Self.schema, options: Self.dropping)
        #expect(decoded.rows.map { $0[0].intValue } == [2])
        #expect(decoded.badCount == 2)
        #expect(throws: BadRecordError.self) { _ = try decode("name\nx\n", Self.schema, options: Self.csv) }
        #expect(throws: FormatOptionError.self) {
            _ = try decode("", Schema([Field("l", .list(.int64))]), options: Self.csv)
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `what the encoder writes the decoder reads`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let pieces = ["a", ",", "\"", "\n", "\r\n", " ", "é", ""]
        var rows: [[ScalarValue]] = []
        for index in 0..<200 {
            let text = (0..<(random.next() % 6)).map { _ in pieces[Int(random.next() % 8)] }.joined()
            rows.append([
                .int64(Int64(index)), random.next() % 5 == 0 ? .null(.utf8) : .utf8(text),
                .timestamp(Int64(bitPattern: random.next()) / 4), .boolean(random.next() % 2 == 0),
            ])
        }
        let columns = Self.schema.fields.enumerated().map { index, field in
            Column.of(field.type, rows.map { $0[index] })
        }
        var output = TextBuffer()
        let encoder = try Self.csv.makeEncoder(schema: Self.schema)
        encoder.encode(RecordBatch(schema: Self.schema, columns: columns, rowCount: rows.count), into: &output)
        encoder.finish(into: &output)
        #expect(try decode(output.array, Self.schema, options: Self.csv, blockBytes: 300).rows == rows, "\(seed)")
    }

    @Test("values that look like NULL are quoted, and are themselves again", arguments: ["", "0", "AAAA"])
    func nullLike(nullText: String) throws {
        let schema = Schema([Field("b", .binary), Field("t", .utf8), Field("n", .int64)])
        let rows: [[ScalarValue]] = [
            [ScalarValue(type: .binary, storage: .bytes([])), .utf8(""), .int64(0)],
            [ScalarValue(type: .binary, storage: .bytes([0, 0, 0])), .utf8(nullText), .int64(10)],
            [.null(.binary), .null(.utf8), .null(.int64)],
        ]
        let settings = options(["format": "csv", "csv.null": nullText])
        let columns = schema.fields.enumerated().map { index, field in Column.of(field.type, rows.map { $0[index] }) }
        var output = TextBuffer()
        let encoder = try settings.makeEncoder(schema: schema)
        encoder.encode(RecordBatch(schema: schema, columns: columns, rowCount: rows.count), into: &output)
        #expect(try decode(output.array, schema, options: settings).rows == rows, "\(output.string)")
    }

    @Test func `a JSON column takes a document from a quoted field`() throws {
        let schema = Schema([Field("id", .int64), Field("doc", .json)])
        let text = "id,doc\n1,\"{\"\"a\"\":[1,\"\"x\"\"]}\"\n2,\"{\"\"a\"\":\"\n3,[1]\n4,\"[\"\"open\"\n5,12\n"
        let decoded = try decode(text, schema, options: Self.dropping)
        #expect(decoded.rows.map { $0[1].stringValue } == ["{\"a\":[1,\"x\"]}", "[1]", "12"])
        #expect(decoded.badCount == 2)
    }

    @Test func `an output without rows still has its header`() throws {
        var output = TextBuffer()
        try Self.csv.makeEncoder(schema: Self.schema).finish(into: &output)
        #expect(String(decoding: output.bytes, as: UTF8.self) == "id,name,at,ok\n")
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `random bytes do no harm`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let alphabet = Array("1a,\"\n\r \u{0}".utf8) + [0xFF]
        for _ in 0..<300 {
            let bytes = (0..<(random.next() % 100)).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
            let headless = options(["format": "csv", "csv.header": "false", "bad_data": "drop"])
            let schema = Schema([Field("a", .utf8), Field("b", .int64)])
            let small = try decode(bytes, schema, options: headless, blockBytes: 64, rowLimit: 1)
            let whole = try decode(bytes, schema, options: headless)
            #expect(small.rows == whole.rows && small.badCount == whole.badCount, "seed \(seed)")
        }
    }
}
