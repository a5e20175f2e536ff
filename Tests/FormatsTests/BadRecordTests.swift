import Columnar
import Formats
import HostSystem
import Testing

@Suite struct BadRecordTests {
    static let schema = Schema([Field("id", .int64, isNullable: false), Field("name", .utf8)])
    static let good = Array("{\"id\":1,\"name\":\"fine\"}".utf8)

    struct Case: CustomStringConvertible, Sendable {
        let name: String
        let line: [UInt8]
        /// Nil when the line is good.
        let reason: String?
        var description: String { name }

        init(_ name: String, _ line: String, _ reason: String?) {
            self.init(name, bytes: Array(line.utf8), reason)
        }

        init(_ name: String, bytes: [UInt8], _ reason: String?) {
            self.name = name
            self.line = bytes
            self.reason = reason
        }
    }

    static let cases = [
        Case("truncated object", "{\"id\":1,\"name\":\"x\"", "the record ends too early"),
        Case("truncated string", "{\"id\":1,\"name\":\"x", "field 'name': the record ends too early"),
        Case("truncated skipped string", "{\"id\":1,\"other\":\"x", "the record ends too early"),
        Case("truncated key", "{\"id\":1,\"na", "the record ends too early"),
        Case("truncated literal", "{\"id\":nul", "field 'id': malformed JSON"),
        Case("half a line", "{\"id\"", "the record ends too early"),
        Case("wrong type", "{\"id\":[1]}", "field 'id': expected BIGINT, found an array"),
        Case("text in a number", "{\"id\":\"x\"}", "field 'id': the text is not a valid BIGINT"),
        Case("fraction", "{\"id\":1.5}", "field 'id': expected BIGINT, found a number"),
        Case("leading zero", "{\"id\":01}", "malformed JSON"),
        Case("lone minus", "{\"id\":-}", "malformed JSON"),
        Case("bad number skipped", "{\"id\":1,\"o\":1.}", "malformed JSON"),
        Case(
            "bad UTF-8", bytes: Array("{\"id\":1,\"name\":\"".utf8) + [0xC3, 0x28] + Array("\"}".utf8),
            "field 'name': the text is not valid UTF-8"),
        Case("raw control character", "{\"id\":1,\"name\":\"a\tb\"}", "malformed JSON"),
        Case("NUL byte", bytes: Array("{\"id\":1}".utf8) + [0] + Array("x".utf8), "expected the end of the line"),
        Case("missing", "{\"name\":\"x\"}", "field 'id': a value is missing"),
        Case("null in NOT NULL", "{\"id\":null}", "field 'id': a value is missing"),
        Case("not an object", "[1]", "expected a JSON object, found an array"),
        Case("number alone", "42", "expected a JSON object, found a number"),
        Case("trailing", "{\"id\":1} x", "expected the end of the line"),
        Case("two records", "{\"id\":1}{\"id\":2}", "expected the end of the line"),
        Case("trailing comma", "{\"id\":1,}", "malformed JSON"),
        Case("single quotes", "{'id':1}", "malformed JSON"),
        Case("no colon", "{\"id\" 1}", "malformed JSON"),
        Case("too deep", "{\"id\":1,\"o\":" + String(repeating: "[", count: 200) + "}", "nested too deeply"),
        Case("garbage", "hello", "malformed JSON"),
        Case("huge number", "{\"id\":" + String(repeating: "9", count: 5000) + "}", "out of range"),
        Case("huge field", "{\"id\":1,\"name\":\"" + String(repeating: "x", count: 200_000) + "\"}", nil),
        Case("duplicate key", "{\"id\":1,\"id\":2}", nil),
        Case("duplicate key, last is null", "{\"id\":1,\"id\":null}", "field 'id': a value is missing"),
        Case("bad UTF-8 in a skipped field", bytes: Array("{\"id\":1,\"o\":\"".utf8) + [0xFF] + Array("\"}".utf8), nil),
        Case("empty", "", nil),
        Case("blank", " \t \r", nil),
    ]

    @Test(arguments: cases)
    func `dropping leaves out exactly the bad line`(one: Case) throws {
        let newline: [UInt8] = [0x0A]
        for prefix in [[], [0xEF, 0xBB, 0xBF]] as [[UInt8]] {
            let text = prefix + Self.good + newline + one.line + newline + Self.good + newline + one.line
            let decoded = try decode(text, Self.schema, options: dropping)
            let isRecord = !one.line.allSatisfy { [0x20, 0x09, 0x0D].contains($0) }
            if let reason = one.reason {
                #expect(decoded.badCount == 2)
                #expect(decoded.rows.count == 2)
                #expect(decoded.bad.map(\.line) == [2, 4])
                #expect(decoded.bad.allSatisfy { $0.reason.contains(reason) }, "\(decoded.bad)")
            } else {
                #expect(decoded.badCount == 0, "\(decoded.bad)")
                #expect(decoded.rows.count == (isRecord ? 4 : 2))
            }
        }
    }

    @Test(arguments: cases)
    func `failing names the line and never the value`(one: Case) throws {
        let newline: [UInt8] = [0x0A]
        let text = Self.good + newline + one.line + newline + Self.good
        guard let reason = one.reason else {
            _ = try decode(text, Self.schema)
            return
        }
        #expect {
            _ = try decode(text, Self.schema)
        } throws: { error in
            guard let error = error as? BadRecordError else { return false }
            let start = Self.good.count + 1
            return error.record.line == 2 && error.record.reason.contains(reason)
                && (start...start + one.line.count).contains(error.record.offset)
                && error.description.contains("bad_data = 'drop'")
        }
    }

    @Test func `all bad records are counted and the first ones described`() throws {
        let text = String(repeating: "{\"id\":x}\n", count: 1000) + "{\"id\":5}\n"
        let decoded = try decode(text, Self.schema, options: dropping)
        #expect(decoded.badCount == 1000)
        #expect(decoded.bad.count == Limits.badRecordReports.value)
        #expect(decoded.rows == [[.int64(5), .null(.utf8)]])
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func `random bytes and mutated lines never do harm`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let alphabet = Array("{}[]\",:0123456789-+.eE\\ntrufalsu \n\u{0}".utf8) + [0xC3, 0xFF, 0xEF]
        for round in 0..<300 {
            var bytes: [UInt8] = []
            if round % 2 == 0 {
                for _ in 0..<(random.next() % 200) {
                    bytes.append(alphabet[Int(random.next() % UInt64(alphabet.count))])
                }
            } else {
                let line =
                    "{\"id\":\(round),\"tags\":[\"a\",\"long enough to refer\"],\"point\":{\"x\":1.25,\"y\":-3e2},"
                    + "\"grid\":[[1,2],[3]],"
                    + "\"items\":[{\"sku\":\"q\\u00e9\",\"count\":7}],\"extra\":{\"k\":1},\"any\":[{}]}\n"
                bytes = Array((line + line + line).utf8)
                for _ in 0..<(1 + random.next() % 4) {
                    let position = Int(random.next() % UInt64(bytes.count))
                    switch random.next() % 3 {
                    case 0: bytes[position] = UInt8(truncatingIfNeeded: random.next())
                    case 1: bytes.remove(at: position)
                    default: bytes.insert(alphabet[Int(random.next() % UInt64(alphabet.count))], at: position)
                    }
                }
            }
            let schema = JSONRecordDecoderTests.nested
            let decoded = try decode(bytes, schema, options: dropping, blockBytes: 64, rowLimit: 2)
            let whole = try decode(bytes, schema, options: dropping)
            #expect(decoded.rows == whole.rows && decoded.badCount == whole.badCount, "seed \(seed) round \(round)")
            let lines = bytes.split(separator: 0x0A).filter { line in
                !line.allSatisfy { [0x20, 0x09, 0x0D].contains($0) }
            }
            #expect(whole.rows.count + whole.badCount <= lines.count, "seed \(seed) round \(round)")
        }
    }
}
