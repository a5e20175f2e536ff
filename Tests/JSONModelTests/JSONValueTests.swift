import JSONModel
import TestKit
import Testing

@Suite("JSON values")
struct JSONValueTests {
    @Test("a random value is the same after writing and reading, compact and indented")
    func roundTrip() throws {
        var random = SeededRandom(11)
        for _ in 0..<2000 {
            let value = Self.value(&random, depth: 0)
            #expect(try JSONParser.parse(value.text()) == value)
            #expect(try JSONParser.parse(value.text(indented: true)) == value)
        }
    }

    static func value(_ random: inout SeededRandom, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 4 ? 5 : 7), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .integer(Int64.random(in: .min ... .max, using: &random))
        case 3: return .number(Double.random(in: -1e6...1e6, using: &random) + 0.5e-7)
        case 4: return .string(text(&random))
        case 5: return .array((0..<Int.random(in: 0..<4, using: &random)).map { _ in value(&random, depth: depth + 1) })
        default:
            var object = JSONObject()
            for _ in 0..<Int.random(in: 0..<4, using: &random) {
                object[text(&random)] = value(&random, depth: depth + 1)
            }
            return .object(object)
        }
    }

    static func text(_ random: inout SeededRandom) -> String {
        let alphabet: [Character] = ["a", "\"", "\\", "\n", "\u{1}", "é", "😀", "/", " ", "\u{7F}"]
        return String(
            (0..<Int.random(in: 0..<8, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "a" })
    }

    @Test(
        "a text that is no JSON is told where and why",
        arguments: [
            ("", "line 1, column 1: expected a value, found the end"),
            ("{\"a\":1,}", "line 1, column 8: expected a key in quotes, found '}'"),
            ("[1 2]", "line 1, column 4: expected ',' or ']', found '2'"),
            ("{\n\"a\" 1}", "line 2, column 5: expected ':' behind a key, found '1'"),
            ("01", "line 1, column 2: expected the end, found '1'"),
            ("1.", "line 1, column 3: expected a digit, found the end"),
            ("-", "line 1, column 2: expected a digit, found the end"),
            ("1e999", "line 1, column 1: a number out of range"),
            ("\"\\ud800\"", "line 1, column 2: half of a surrogate pair"),
            ("\"\\x\"", "line 1, column 2: no such escape in a string"),
            ("\"\t\"", "line 1, column 2: a control character in a string: byte 0x09"),
            ("\"abc", "line 1, column 1: a string that does not end"),
            ("nul", "line 1, column 1: expected a value, found 'n'"),
            ("NaN", "line 1, column 1: expected a value, found 'N'"),
            ("true false", "line 1, column 6: expected the end, found 'f'"),
        ])
    func damagedText(text: String, message: String) {
        let error = #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(text) }
        #expect(error?.description == message)
    }

    @Test("bytes that are not UTF-8 are refused, and so is what nests too deep")
    func bytesAndDepth() throws {
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse([0x22, 0xFF, 0x22]) }
        let nested = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        _ = try JSONParser.parse(nested)
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse("[" + nested + "]") }
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(String(repeating: "[", count: 1_000_000)) }
    }

    @Test("of equal keys the last one counts")
    func equalKeys() throws {
        #expect(try JSONParser.parse("{\"a\":1,\"b\":2,\"a\":3}") == ["a": 3, "b": 2])
    }

    @Test("a reader takes both spellings and names the place of what is wrong")
    func reader() throws {
        let body = JSONReader(try JSONParser.parse("{\"maxRows\":4.0,\"list\":[{\"name\":7}],\"none\":null}"))
        #expect(try body.required("max_rows").integer() == 4)
        #expect(try body.optional("none") == nil)
        func message(_ read: () throws -> Void) -> String? {
            (#expect(throws: JSONShapeError.self) { try read() })?.description
        }
        #expect(message { _ = try body.required("name") } == "field 'name': is missing")
        #expect(
            message { _ = try body.required("list").array()[0].required("name").string() }
                == "field 'list[0].name': expected a string, found a whole number")
        #expect(
            message { _ = try body.required("max_rows").integer(in: 5...9) }
                == "field 'maxRows': expected a number from 5 to 9, found 4")
    }
}

extension JSONReader: Equatable {
    public static func == (left: JSONReader, right: JSONReader) -> Bool { left.value == right.value }
}
