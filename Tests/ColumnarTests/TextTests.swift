import Testing

@testable import Columnar

/// Runs a parser on the UTF-8 bytes of a text.
func parsing<Value>(_ text: String, _ body: (UnsafeRawBufferPointer) -> Value?) -> Value? {
    Array(text.utf8).withUnsafeBytes { body($0) }
}

func printed(_ body: (inout TextBuffer) -> Void) -> String {
    var buffer = TextBuffer(capacity: 16)
    body(&buffer)
    return buffer.string
}

@Suite struct TextTests {
    @Test func `Integers print and parse at every length`() {
        var random = Seeded(51)
        var values: [Int64] = [0, 1, -1, .max, .min, 9, 10, 99, 100, 9999, 10000]
        values += (0..<2000).map { _ in Int64(bitPattern: random.next()) >> Int64(random.below(64)) }
        for value in values {
            let text = printed { TextPrinting.append(value, to: &$0) }
            #expect(text == String(value))
            #expect(parsing(text, TextParsing.integer) == value)
            let unsigned = UInt64(bitPattern: value)
            #expect(printed { TextPrinting.append(unsigned, to: &$0) } == String(unsigned))
            #expect(parsing(String(unsigned), TextParsing.unsigned) == unsigned)
        }
        for bad in ["", "-", "+", "1a", " 1", "9223372036854775808", "-9223372036854775809", "1.0", "0x1"] {
            #expect(parsing(bad, TextParsing.integer) == nil)
        }
        #expect(parsing("+5", TextParsing.integer) == 5)
        #expect(parsing("18446744073709551616", TextParsing.unsigned) == nil)
        #expect(parsing("00000000000000000000000012", TextParsing.integer) == 12)
    }

    @Test func `Doubles print the shortest digits and read back`() {
        var random = Seeded(52)
        var values: [Double] = [
            0.1, 0.3, 1.5, 123.456, 1e22, 1e23, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0.000001, 1e15,
        ]
        values += (0..<3000).map { _ in Double(bitPattern: random.next()) }
        values += (0..<3000).map { _ in Double(random.below(2_000_000_000)) / 1000 - 1_000_000 }
        for value in values where value.isFinite {
            let text = printed { TextPrinting.append(value, to: &$0) }
            #expect(parsing(text, TextParsing.double) == value, "\(value) as \(text)")
            func digits(_ text: String) -> Int {
                let mantissa = text.prefix { $0 != "e" }.filter(\.isNumber).drop { $0 == "0" }
                return mantissa.reversed().drop { $0 == "0" }.count
            }
            #expect(digits(text) == digits(value.description), "\(value) as \(text)")
            let single = Float(value)
            let short = printed { TextPrinting.append(single, to: &$0) }
            if single.isFinite { #expect(parsing(short, TextParsing.float) == single) }
        }
    }

    @Test(
        arguments: [
            (0.0, "0"), (-0.0, "-0"), (2.0, "2"), (1e20, "1e+20"), (1e15, "1e+15"), (1e14, "100000000000000"),
            (0.0001, "0.0001"), (0.00001, "1e-05"), (1.25e-7, "1.25e-07"), (-123.5, "-123.5"), (1e300, "1e+300"),
            (.nan, "NaN"), (.infinity, "Infinity"), (-.infinity, "-Infinity"), (0.000123456789, "0.000123456789"),
            (123_456_789_012_345_680, "1.2345678901234568e+17"),
        ] as [(Double, String)])
    func `Doubles are laid out as in PostgreSQL`(value: Double, text: String) {
        #expect(printed { TextPrinting.append(value, to: &$0) } == text)
    }

    @Test func `Whole doubles keep their point when asked`() {
        #expect(printed { TextPrinting.append(2.0, keepsPoint: true, to: &$0) } == "2.0")
        #expect(printed { TextPrinting.append(-0.0, keepsPoint: true, to: &$0) } == "-0.0")
        #expect(printed { TextPrinting.append(Float(2), keepsPoint: true, to: &$0) } == "2.0")
        #expect(printed { TextPrinting.append(Float(1e6), to: &$0) } == "1e+06")
        #expect(printed { TextPrinting.append(2.5, keepsPoint: true, to: &$0) } == "2.5")
    }

    @Test(arguments: ["", ".", "e5", "1e", "1e+", "0x10", "1.2.3", "--1", "1e400", "infinit", "nan()", "1 "])
    func `What is no double is refused`(text: String) {
        #expect(parsing(text, TextParsing.double) == nil)
    }

    @Test func `Doubles parse in every notation`() {
        #expect(parsing(".5", TextParsing.double) == 0.5)
        #expect(parsing("5.", TextParsing.double) == 5)
        #expect(parsing("-1.5E+3", TextParsing.double) == -1500)
        #expect(parsing("inf", TextParsing.double) == .infinity)
        #expect(parsing("-Infinity", TextParsing.double) == -.infinity)
        #expect(parsing("NaN", TextParsing.double)?.isNaN == true)
        #expect(parsing("0.1000000000000000055511151231257827", TextParsing.double) == 0.1)
        #expect(parsing("1e-400", TextParsing.double) == 0)
    }

    @Test func `Decimals print and parse with their scale`() {
        func text(_ value: Int128, _ scale: Int) -> String {
            printed { TextPrinting.appendDecimal(value, scale: scale, to: &$0) }
        }
        #expect(text(0, 2) == "0.00")
        #expect(text(-5, 2) == "-0.05")
        #expect(text(12345, 0) == "12345")
        #expect(text(12345, 3) == "12.345")
        #expect(text(.min, 0) == "\(Int128.min)")
        #expect(text(-(DecimalMath.power(38) - 1), 38) == "-0." + String(repeating: "9", count: 38))
        func parse(_ text: String, _ precision: Int, _ scale: Int) -> Int128? {
            parsing(text) { TextParsing.decimal($0, precision: precision, scale: scale) }
        }
        #expect(parse("1.005", 10, 2) == 101)
        #expect(parse("-1.005", 10, 2) == -101)
        #expect(parse("12.3e1", 10, 2) == 12300)
        #expect(parse("99999999.99", 10, 2) == 9_999_999_999)
        #expect(parse("99999999.995", 10, 2) == nil)
        #expect(parse("1e40", 38, 0) == nil)
        #expect(parse("1e-40", 38, 0) == 0)
        #expect(parse(String(repeating: "9", count: 38), 38, 0) == DecimalMath.power(38) - 1)
        #expect(parse("0." + String(repeating: "3", count: 60), 38, 38) == DecimalMath.power(38) / 3)
        var random = Seeded(53)
        for _ in 0..<500 {
            let scale = random.below(39)
            let value = Int128.random(in: -(DecimalMath.power(38) - 1)...(DecimalMath.power(38) - 1), using: &random)
            #expect(parse(text(value, scale), 38, scale) == value)
        }
    }

    @Test(
        arguments: [
            ("true", true), ("T", true), ("yes", true), ("on", true), ("1", true), ("FALSE", false), ("n", false),
            ("of", false), ("off", false), ("0", false), ("o", nil), ("truth", nil), ("", nil), ("2", nil),
        ] as [(String, Bool?)])
    func `Booleans parse as in PostgreSQL`(text: String, value: Bool?) {
        #expect(parsing(text, TextParsing.boolean) == value)
    }

    @Test func `Any bytes are read without a trap`() {
        var random = Seeded(54)
        let alphabet = Array("0123456789+-.:eETZ PpyMdDhHmMsS\"{}[],\\utrfnal".utf8)
        for _ in 0..<20000 {
            let bytes = (0..<random.below(28)).map { _ in
                random.below(20) == 0
                    ? UInt8.random(in: 0...255, using: &random) : alphabet[random.below(alphabet.count)]
            }
            bytes.withUnsafeBytes { raw in
                _ = TextParsing.integer(raw)
                _ = TextParsing.double(raw)
                _ = TextParsing.decimal(raw, precision: 38, scale: random.below(39))
                _ = TextParsing.timestamp(raw)
                _ = TextParsing.date(raw)
                _ = TextParsing.time(raw)
                _ = TextParsing.interval(raw)
                _ = TextParsing.boolean(raw)
                _ = JSONText.isValid(raw)
            }
        }
    }

    @Test(arguments: [
        "1", "-0.5e+10", " [1, 2, {\"a\": [], \"b\": {}}] ", "\"a\\u00e9\\n\"", "null", "[[[[]]]]",
        "{\"a\":{\"b\":true}}",
    ])
    func `JSON documents are recognised`(text: String) { #expect(parsing(text, { JSONText.isValid($0) }) == true) }

    @Test(arguments: [
        "", "01", "1.", "[1,]", "{\"a\"}", "{a:1}", "[1 2]", "\"a", "\"\\x\"", "nul", "[1]]", "{\"a\":1,}", "\"\u{1}\"",
        "+1",
    ])
    func `What is no JSON is refused`(text: String) { #expect(parsing(text, { JSONText.isValid($0) }) == false) }

    @Test func `JSON has a limit of depth`() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(parsing(deep, { JSONText.isValid($0) }) == false)
        let fine = String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
        #expect(parsing(fine, { JSONText.isValid($0) }) == true)
    }
}
