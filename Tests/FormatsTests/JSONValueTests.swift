import Columnar
import Formats
import HostSystem
import Testing

@Suite struct JSONValueTests {
    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("7", 7), ("-128", -128), ("127", 127), ("12e1", 120), ("1.0", 1), ("1500e-2", 15),
            ("\"42\"", 42), ("\"-7\"", -7), ("100000000000000000000e-19", 10),
        ] as [(String, Int64)])
    func `whole numbers are read in every form`(text: String, expected: Int64) throws {
        #expect(try value(text, .int8).intValue == expected)
        #expect(try value(text, .int16).intValue == expected)
        #expect(try value(text, .int32).intValue == expected)
        #expect(try value(text, .int64).intValue == expected)
        if expected >= 0 {
            #expect(try value(text, .uint8).intValue == expected)
            #expect(try value(text, .uint64).intValue == expected)
        }
    }

    @Test func `the bounds of integers are read and what lies beyond is refused`() throws {
        #expect(try value("9223372036854775807", .int64) == .int64(.max))
        #expect(try value("-9223372036854775808", .int64) == .int64(.min))
        #expect(try value("18446744073709551615", .uint64) == .uint64(.max))
        #expect(try value("2147483647", .int32) == .int32(.max))
        for (text, type) in [
            ("9223372036854775808", DataType.int64), ("-9223372036854775809", .int64), ("2147483648", .int32),
            ("18446744073709551616", .uint64), ("-1", .uint64), ("-1", .uint8), ("256", .uint8), ("128", .int8),
            ("99999999999", .int32), ("32768", .int16), ("1e400", .int64), ("1e400", .float64), ("-1e400", .float64),
            ("1e39", .float32), ("65536", .uint16), ("4294967296", .uint32), ("\"300\"", .int8),
        ] {
            #expect {
                _ = try value(text, type)
            } throws: { "\($0)".contains("field 'v': the number is out of range for \(type.sqlName)") }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `floats are read as the nearest number`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var texts = ["0.1", "-0.0", "1e-400", "5e-324", "1.7976931348623157e308", "9007199254740993", "1E5", "123.456"]
        for _ in 0..<500 {
            let bits = Double(bitPattern: random.next())
            if bits.isFinite { texts.append(bits.description) }
            texts.append("\(Int64(truncatingIfNeeded: random.next())).\(random.next() % 100_000)")
            texts.append("\(random.next() % 1000).\(random.next() % 1000)")
        }
        let text = texts.map { "{\"d\":\($0),\"f\":\($0.contains("e3") || $0.contains("e+") ? "1" : $0)}\n" }.joined()
        let schema = Schema([Field("d", .float64)])
        let rows = try decode(text, schema).rows
        try #require(rows.count == texts.count)
        for (text, row) in zip(texts, rows) {
            #expect(row[0].floatValue?.bitPattern == Double(text)?.bitPattern, "\(text), seed \(seed)")
        }
        for text in ["0.1", "16777217", "3.4028235e38", "1e-50", "0.3333333333333333333333"] {
            #expect(try value(text, .float32).floatValue == Float(text).map(Double.init))
        }
        #expect(try value("\"NaN\"", .float64).floatValue?.isNaN == true)
        #expect(try value("\"-Infinity\"", .float64).floatValue == -Double.infinity)
    }

    @Test(
        arguments: [
            ("12.345", 12345), ("12.3454", 12345), ("12.3455", 12346), ("-12.3455", -12346), ("1e3", 1_000_000),
            ("\"0.001\"", 1), ("0.0005", 1), ("0.0004", 0), ("5e-4", 1), ("4e-10", 0), ("1234567", 1_234_567_000),
        ] as [(String, Int128)])
    func `decimals are rounded half away from zero`(text: String, expected: Int128) throws {
        let type = DataType.decimal(precision: 10, scale: 3)
        #expect(try value(text, type) == ScalarValue(type: type, storage: .decimal(expected)))
        #expect(throws: BadRecordError.self) { _ = try value("12345678", type) }
    }

    @Test func `decimals of 38 digits are exact`() throws {
        let type = DataType.decimal(precision: 38, scale: 2)
        let expected = ScalarValue(
            type: type, storage: .decimal(Int128("99999999999999999999999999999999999999") ?? 0))
        #expect(try value("999999999999999999999999999999999999.99", type) == expected)
        #expect(throws: BadRecordError.self) { _ = try value("1e36", type) }
        #expect(throws: BadRecordError.self) { _ = try value("1e99999999999", type) }
    }

    @Test(arguments: [
        (#""""#, ""), (#""a""#, "a"), (#""twelve bytes""#, "twelve bytes"), (#""thirteen bytes""#, "thirteen bytes"),
        (#""a\"b\\c\/d\b\f\n\r\t""#, "a\"b\\c/d\u{8}\u{c}\n\r\t"), (#""\u00e9\u20AC""#, "é€"),
        (#""\ud83d\uDE00 smile""#, "😀 smile"), (#""é€😀 and more text""#, "é€😀 and more text"),
        (#""a long text that \n has an escape inside""#, "a long text that \n has an escape inside"),
    ])
    func `texts are read with all escapes`(json: String, expected: String) throws {
        #expect(try value(json, .utf8).stringValue == expected)
    }

    @Test(arguments: [
        (#""\ud800""#, "escape"), (#""\udc00x""#, "escape"), (#""\ud800\u0041""#, "escape"), (#""\x""#, "escape"),
        (#""\u12g4""#, "escape"), ("5", "expected TEXT, found a number"), ("true", "expected TEXT, found a boolean"),
        ("{}", "expected TEXT, found an object"), ("[1]", "expected TEXT, found an array"),
    ])
    func `texts that are none are refused`(json: String, reason: String) {
        #expect {
            _ = try value(json, .utf8)
        } throws: { "\($0)".contains(reason) }
    }

    @Test(
        arguments: [
            ("2013-01-01T05:15:00Z", 1_357_017_300_000_000_000), ("1970-01-01T00:00:00Z", 0),
            ("2026-01-15T00:00:00.001Z", 1_768_435_200_001_000_000), ("2026-01-15 00:00:00", 1_768_435_200_000_000_000),
            ("2026-01-15T01:00:00+01:00", 1_768_435_200_000_000_000), ("2026-01-15", 1_768_435_200_000_000_000),
            ("2026-01-14T19:00:00.123456789-0500", 1_768_435_200_123_456_789), ("1969-12-31T23:59:59.5Z", -500_000_000),
            ("2026-01-15T00:00:00.1234567891Z", 1_768_435_200_123_456_789),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
            ("2000-02-29t12:00z", 951_825_600_000_000_000), ("2262-04-11T23:47:16.854775807Z", .max),
        ] as [(String, Int64)])
    func `points in time are read in every RFC 3339 form`(text: String, expected: Int64) throws {
        #expect(try value("\"\(text)\"", .timestamp).intValue == expected)
        #expect(try value("\"\(text)\"", .timestampTZ).intValue == expected)
    }

    @Test(arguments: [
        "2013-13-01T00:00:00Z", "2013-02-29T00:00:00Z", "2013-01-01T24:00:00Z", "2013-01-01T00:60:00Z", "2013-01-01T",
        "2013-01-01T00:00:00X", "2013-01-01T00:00:00+25:00", "yesterday", "", "2013", "2263-01-01T00:00:00Z",
        "2013-01-01T00:00:00.Z", "20a3-01-01T00:00:00Z", "2013-01-01T0/:00:00Z", "2013-01-01T00-00:00Z",
    ])
    func `what is no point in time is refused`(text: String) {
        #expect {
            _ = try value("\"\(text)\"", .timestamp)
        } throws: { "\($0)".contains("not a valid TIMESTAMP") }
    }

    @Test func `numbers are points in time by the unit of the option`() throws {
        #expect(try value("1500", .timestamp).intValue == 1500)
        let millis = options(["json.timestamp_format": "unix_millis"])
        #expect(try value("1500", .timestamp, options: millis).intValue == 1_500_000_000)
        #expect(try value("-1", .timestamp, options: millis).intValue == -1_000_000)
        #expect(throws: BadRecordError.self) { _ = try value("9223372036854775807", .timestamp, options: millis) }
    }

    @Test func `dates, times, booleans and binaries are read`() throws {
        #expect(try value("\"2026-01-15\"", .date).intValue == 20468)
        #expect(try value("\"1969-12-31\"", .date).intValue == -1)
        #expect(try value("\"12:30:00.25\"", .time).intValue == 45_000_250_000_000)
        #expect(try value("true", .boolean) == .boolean(true))
        #expect(try value("\"false\"", .boolean) == .boolean(false))
        #expect(try value("\"aGVsbG8gd29ybGQgb2YgYmFzZTY0\"", .binary).stringValue == "hello world of base64")
        #expect(try value("\"aGk=\"", .binary).stringValue == "hi")
        #expect(try value("\"aGk\"", .binary).stringValue == "hi")
        #expect(try value("\"\"", .binary).stringValue == "")
        for bad in ["\"a\"", "\"a*==\"", "\"aGl=\""] {
            #expect(throws: BadRecordError.self) { _ = try value(bad, .binary) }
        }
    }

    @Test(arguments: [
        "1", "-1.5e3", "\"a\\u0041\"", "true", "[1, {\"a\" : [] }]", "{\"a\":{\"b\":\"}\"}}", "[]", "{}",
        "{\"long\":\"more than twelve bytes\"}",
    ])
    func `a JSON column takes any document as it is`(json: String) throws {
        #expect(try value(json, .json).stringValue == json)
        #expect(try value("null", .json).isNull)
    }
}
