import Columnar
import Formats
import HostSystem
import Testing

@Suite struct EncoderTests {
    static func json(_ value: ScalarValue, _ options: FormatOptions = FormatOptions()) -> String {
        let schema = Schema([Field("v", value.type)])
        var output = TextBuffer(capacity: 1)
        let batch = RecordBatch(schema: schema, columns: [.of(value.type, [value])], rowCount: 1)
        JSONRecordEncoder(schema: schema, options: options).encode(batch, into: &output)
        return String(String(decoding: output.bytes, as: UTF8.self).dropFirst(5).dropLast(2))
    }

    static func of(_ type: DataType, _ storage: ScalarValue.Storage) -> ScalarValue {
        ScalarValue(type: type, storage: storage)
    }

    @Test(
        arguments: [
            (of(.int64, .int(.min)), "-9223372036854775808"), (of(.uint64, .uint(.max)), "18446744073709551615"),
            (of(.int8, .int(-128)), "-128"), (of(.int32, .int(0)), "0"), (of(.int64, .int(100)), "100"),
            (of(.int64, .int(1_000_000_007)), "1000000007"),

            (of(.uint64, .uint(10_000_000_000_000_000_000)), "10000000000000000000"),
            (.float64(2), "2.0"), (.float64(0.1), "0.1"), (.float64(-0.0), "-0.0"), (.float64(1e300), "1e+300"),
            (.float64(.nan), "null"), (.float64(.infinity), "null"), (of(.float32, .float(Double(Float(0.1)))), "0.1"),
            (.boolean(true), "true"), (.utf8(""), "\"\""),
            (.utf8("plain text, longer than a view"), "\"plain text, longer than a view\""),
            (.utf8("a\"b\\c\n\u{1}\u{1F} é😀 tail of the text"), "\"a\\\"b\\\\c\\n\\u0001\\u001f é😀 tail of the text\""),
            (of(.date, .int(20468)), "\"2026-01-15\""), (of(.date, .int(-719_528)), "\"0000-01-01\""),
            (of(.time, .int(45_000_250_000_000)), "\"12:30:00.250\""), (.timestamp(0), "\"1970-01-01T00:00:00\""),
            (.timestamp(1_768_435_200_001_000_000), "\"2026-01-15T00:00:00.001\""),
            (.timestamp(-1), "\"1969-12-31T23:59:59.999999999\""),
            (.timestamp(1_000), "\"1970-01-01T00:00:00.000001\""),
            (of(.timestampTZ, .int(0)), "\"1970-01-01T00:00:00Z\""),
            (.timestamp(.max), "\"2262-04-11T23:47:16.854775807\""),
            (.timestamp(.min), "\"1677-09-21T00:12:43.145224192\""),
            (of(.decimal(precision: 5, scale: 2), .decimal(-5)), "-0.05"),
            (of(.decimal(precision: 5, scale: 0), .decimal(70)), "70"),
            (of(.decimal(precision: 10, scale: 3), .decimal(1_234_500)), "1234.500"),
            (of(.binary, .bytes([1, 2, 3, 255])), "\"AQID/w==\""),
            (of(.json, .bytes(Array("{\"a\":\n1}".utf8))), "{\"a\": 1}"),
            (
                .interval(Interval(months: 14, days: -3, nanoseconds: 3_661_500_000_000)),
                "\"1 year 2 mons -3 days +01:01:01.5\""
            ),
            (.interval(Interval()), "\"00:00:00\""),
            (.interval(Interval(nanoseconds: -1_000_000_000)), "\"-00:00:01\""),
            (of(.list(.int64), .nested([.int64(1), .null(.int64)])), "[1,null]"),
            (
                of(.structure([Field("a", .int64), Field("b", .utf8)]), .nested([.null(.int64), .utf8("x")])),
                "{\"b\":\"x\"}"
            ),
            (of(.structure([Field("a", .int64)]), .nested([.null(.int64)])), "{}"),
        ] as [(ScalarValue, String)])
    func `every type has its JSON form`(value: ScalarValue, expected: String) {
        #expect(Self.json(value) == expected)
    }

    @Test func `maps are objects, whatever their keys`() {
        let type = DataType.map(key: .int64, value: .utf8)
        let entry = DataType.structure([Field("key", .int64, isNullable: false), Field("value", .utf8)])
        let map = Self.of(type, .nested([Self.of(entry, .nested([.int64(7), .utf8("x")]))]))
        #expect(Self.json(map) == "{\"7\":\"x\"}")
    }

    @Test func `options change times, decimals and nulls`() {
        let decimal = Self.of(.decimal(precision: 10, scale: 2), .decimal(-300))
        #expect(Self.json(decimal, options(["json.decimal_encoding": "string"])) == "\"-3.00\"")
        #expect(Self.json(decimal, options(["json.decimal_encoding": "bytes"])) == "\"/tQ=\"")
        let millis = options(["json.timestamp_format": "unix_millis"])
        #expect(Self.json(.timestamp(1_500_000_000), millis) == "1500")
        #expect(Self.json(.timestamp(-1), millis) == "-1")
        #expect(Self.json(.null(.int64), options(["json.include_nulls": "true"])) == "null")
    }

    @Test func `null fields are left out and rows are lines`() {
        let schema = Schema([Field("a", .int64), Field("b\"", .utf8)])
        let columns = [
            Column.of(.int64, [.null(.int64), .int64(2), .null(.int64)]),
            Column.of(.utf8, [.utf8("x"), .null(.utf8), .null(.utf8)]),
        ]
        var output = TextBuffer()
        let batch = RecordBatch(schema: schema, columns: columns, rowCount: 3)
        JSONRecordEncoder(schema: schema).encode(batch, into: &output)
        JSONRecordEncoder(schema: schema).encode(batch.slice(1, 2), into: &output)
        #expect(
            String(decoding: output.bytes, as: UTF8.self)
                == "{\"b\\\"\":\"x\"}\n{\"a\":2}\n{}\n{\"a\":2}\n{}\n")
    }

    static let all = Schema([
        Field("b", .boolean), Field("i8", .int8), Field("u16", .uint16), Field("i64", .int64), Field("u64", .uint64),
        Field("f32", .float32), Field("f64", .float64), Field("dec", .decimal(precision: 38, scale: 5)),
        Field("t", .utf8), Field("bin", .binary), Field("date", .date), Field("time", .time), Field("ts", .timestamp),
        Field("tz", .timestampTZ), Field("list", .list(.float64)),
        Field("st", .structure([Field("x", .int32), Field("y", .list(.utf8))])),
        Field("map", .map(key: .utf8, value: .boolean)),
    ])

    static func random(_ type: DataType, _ random: inout SplitMix64, nullable: Bool = true) -> ScalarValue {
        if nullable && random.next() % 6 == 0 { return .null(type) }
        let bits = Int64(bitPattern: random.next())
        let short = Int(random.next() % 25)
        switch type {
        case .boolean: return .boolean(bits & 1 == 0)
        case .int8: return of(type, .int(Int64(Int8(truncatingIfNeeded: bits))))
        case .int32: return of(type, .int(Int64(Int32(truncatingIfNeeded: bits))))
        case .uint16: return of(type, .uint(UInt64(UInt16(truncatingIfNeeded: bits))))
        case .uint64: return of(type, .uint(UInt64(bitPattern: bits)))
        case .float32:
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
            return of(type, .float(Double(value.isFinite ? value : 1.5)))
        case .float64:
            let value = Double(bitPattern: UInt64(bitPattern: bits))
            return .float64(value.isFinite ? value : 0.25)
        case .decimal: return of(type, .decimal(Int128(bits) * Int128(short + 1)))
        case .utf8: return .utf8((0..<short).map { ["a", "\\", "\"", "é", "\n", "\u{7}", "😀"][$0 * 5 % 7] }.joined())
        case .binary: return of(type, .bytes((0..<short).map { UInt8(truncatingIfNeeded: bits >> Int64($0)) }))
        case .date: return of(type, .int(bits % 2_000_000 > 0 ? bits % 2_000_000 : bits % 700_000))
        case .time: return of(type, .int(Int64(UInt64(bitPattern: bits) % 86_400_000_000_000)))
        case .list(let element): return of(type, .nested((0..<short % 4).map { _ in self.random(element, &random) }))
        case .structure(let fields): return of(type, .nested(fields.map { self.random($0.type, &random) }))
        case .map(_, let value):
            let entry = type.elementType ?? .null
            return of(
                type,
                .nested((0..<short % 4).map { of(entry, .nested([.utf8("k\($0)"), self.random(value, &random)])) }))
        default: return of(type, .int(bits))
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64], [false, true])
    func `what is encoded is decoded again, for every type`(seed: UInt64, includesNulls: Bool) throws {
        var source = SplitMix64(seed: seed)
        let rows = (0..<150).map { _ in Self.all.fields.map { Self.random($0.type, &source) } }
        let columns = Self.all.fields.enumerated().map { index, field in
            Column.of(field.type, rows.map { $0[index] })
        }
        let batch = RecordBatch(schema: Self.all, columns: columns, rowCount: rows.count)
        for decimal in ["number", "string", "bytes"] {
            let settings = options(["json.include_nulls": "\(includesNulls)", "json.decimal_encoding": decimal])
            var output = TextBuffer()
            // Slices, so that offsets count.
            JSONRecordEncoder(schema: Self.all, options: settings).encode(batch.slice(0, 70), into: &output)
            JSONRecordEncoder(schema: Self.all, options: settings).encode(batch.slice(70, 80), into: &output)
            let decoded = try decode(output.array, Self.all, options: settings, blockBytes: 5000, rowLimit: 13).rows
            try #require(decoded.count == rows.count)
            for (row, expected) in zip(decoded, rows) { #expect(row == expected, "seed \(seed)") }
        }
    }
}
