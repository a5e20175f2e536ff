import Columnar
import Testing

@testable import Expressions

private let harness = FunctionHarness(regexFunctions)

private let regexCases: [FunctionCase] = [
    .init("regex_match", ["laminar", "m.n"], true), .init("regex_match", ["laminar", "^m"], false),
    .init("regex_match", ["", ""], true), .init("regex_match", ["", "a"], false),
    .init("regex_match", ["A", "a"], false),
    .init("regex_match", ["x", nil], nil), .init("regex_imatch", ["LAMINAR", "m.n"], true),
    .init("regex_imatch", ["ÄB", "äb"], true),
    .init("regexp_like", ["Köln", "k(.)ln", "i"], true), .init("regexp_like", ["Köln", "k.ln"], false),
    .init("regexp_like", ["a\nb", "a.b"], false), .init("regexp_like", ["a\nb", "a.b", "s"], true),
    .init("regexp_like", ["a\nb", "^b$"], false), .init("regexp_like", ["a\nb", "^b$", "m"], true),
    .init("regexp_like", ["ab", "a b # both", "x"], true), .init("regexp_like", ["a b", "a\\ b[ #]?", "x"], true),
    .init("regexp_like", ["aB", "ab", "ic"], false),
    .init("regexp_match", ["foobarbequebaz", "(bar)(beque)"], ["bar", "beque"]),
    .init("regexp_match", ["foobar", "b.r"], ["bar"]), .init("regexp_match", ["foobar", "x"], nil),
    .init("regexp_match", ["ab", "(x)?(b)"], [nil, "b"]), .init("regexp_match", [nil, "(x)"], nil),
    .init("regexp_match", ["a longer text for the view", "(l.*text) for"], ["longer text"]),
    .init("regexp_replace", ["Thomas", ".[mN]a.", "M"], "ThM"),
    .init("regexp_replace", ["foobarbaz", "b..", "X"], "fooXbaz"),
    .init("regexp_replace", ["foobarbaz", "b..", "X", "g"], "fooXX"),
    .init("regexp_replace", ["foobarbaz", "b(..)", "X\\1Y", "g"], "fooXarYXazY"),
    .init("regexp_replace", ["abc", "x*", "-", "g"], "-a-b-c-"),
    .init("regexp_replace", ["baac", "a*", "-", "g"], "-b-c-"),
    .init("regexp_replace", ["äöü", "", "-", "g"], "-ä-ö-ü-"),
    .init("regexp_replace", ["abc", "b", "[\\&\\\\]"], "a[b\\]c"),
    .init("regexp_replace", ["ABC", "b", "x", "gi"], "AxC"), .init("regexp_replace", ["abc", "x", "y"], "abc"),
    .init("regexp_replace", ["", "^", "y"], "y"), .init("regexp_replace", ["aaa", "a+?", "b"], "baa"),
    .init("regexp_replace", ["aaa", "a+", "b", "U"], "baa"), .init("regexp_replace", ["ab", "(x)?b", "[\\1]"], "a[]"),
    .init("regexp_count", ["ABCABCAXYaxy", "A."], 3), .init("regexp_count", ["ABCABCAXYaxy", "A.", 1, "i"], 4),
    .init("regexp_count", ["ABCABCAXYaxy", "A.", 5], 1), .init("regexp_count", ["abc", ""], 4),
    .init("regexp_count", ["ä€", "."], 2), .init("regexp_count", ["abc", ".", 9], 0),
    .init("regexp_count", ["abc", ".", .int(.max)], 0), .init("regexp_count", ["xaxa", "^xa"], 1),
    .init("regexp_extract", ["order-1234-x", "(\\d+)-(\\w)", 1], "1234"),
    .init("regexp_extract", ["order-1234-x", "(\\d+)-(\\w)"], "1234-x"), .init("regexp_extract", ["abc", "x"], nil),
    .init("regexp_extract", ["ab", "(x)?b", 1], nil),
    .init("regexp_instr", ["ABCDEF", "c(.)(..)", 1, 1, 0, "i"], 3),
    .init("regexp_instr", ["ABCDEF", "c(.)(..)", 1, 1, 0, "i", 2], 5), .init("regexp_instr", ["abc", "x"], 0),
    .init("regexp_instr", ["äbäb", "b", 1, 2], 4), .init("regexp_instr", ["äbäb", "b", 3], 4),
    .init("regexp_instr", ["äbäb", "b", 1, 1, 1], 3), .init("regexp_instr", ["abc", "a", 1, 1, 0, "", 3], 0),
    .init("regexp_substr", ["ABCDEF", "c(.)(..)", 1, 1, "i"], "CDEF"),
    .init("regexp_substr", ["ABCDEF", "c(.)(..)", 1, 1, "i", 2], "EF"), .init("regexp_substr", ["abc", "."], "a"),
    .init("regexp_substr", ["abc", ".", 2, 2], "c"), .init("regexp_substr", ["abc", ".", 2, 3], nil),
]

@Suite struct RegexFunctionsTests {
    @Test(arguments: regexCases)
    func `regular expression functions give what their tables say`(_ testCase: FunctionCase) throws {
        try harness.check(testCase)
    }

    @Test func `calls that cannot be computed say why`() {
        let cases: [(String, [Value], String)] = [
            ("regex_match", ["a", "("], "invalid regular expression: missing ): ( (()"),
            ("regexp_like", ["a", "(?=a)"], "invalid regular expression: invalid perl operator: (?= ((?=a))"),
            (
                "regexp_like", ["a", "a", "q"],
                "regexp_like: invalid regular expression flags: expected letters of \"imsgUx\", found \"q\""
            ),
            ("regexp_match", ["a", "a", "g"], "regexp_match does not support the \"global\" option"),
            ("regexp_count", ["a", "a", 0], "regexp_count: expected a start of at least 1, found 0"),
            ("regexp_extract", ["a", "a", 1], "regexp_extract: expected a group from 0 to 0, found 1"),
            ("regexp_instr", ["a", "a", 1, 0], "regexp_instr: expected an occurrence of at least 1, found 0"),
            ("regexp_instr", ["a", "a", 1, 1, 2], "regexp_instr: expected 0 or 1 as end option, found 2"),
            (
                "regexp_like",
                [.text(String(repeating: "a", count: 70_000)), .text(String(repeating: "a", count: 70_000))],
                "invalid regular expression: expected at most 65536 bytes, found 70000"
            ),
        ]
        for (name, arguments, message) in cases {
            let found = harness.failure(name, arguments)
            #expect(found == message)
        }
    }

    @Test func `patterns that make other engines explode take linear time`() throws {
        let text = String(repeating: "a", count: 5000)
        #expect(Value(try harness.constant("regex_match", [.utf8(text), .utf8("^(a+)+$b|(a|aa)+c")])) == false)
        #expect(harness.failure("regex_match", ["a", "((a{1000}){1000}){1000}"])?.contains("invalid") == true)
    }

    @Test func `a pattern per row is compiled per row`() throws {
        let text = Column.of(.utf8, ["abc", "abc", "abc", "abc"].map { .utf8($0) })
        let patterns = Column.of(.utf8, [.utf8("a"), .utf8("^b"), .null(.utf8), .utf8("^b")])
        let signature = try harness.function("regex_match").resolve([.utf8, .utf8])
        let found = try harness.evaluate("regex_match", [.column(text), .column(patterns)], signature, rowCount: 4)
        #expect(found.scalars.map { Value($0) } == [true, false, nil, false])
    }

    @Test func `more patterns than the cache holds still match`() throws {
        for index in 0..<600 {
            #expect(Value(try harness.constant("regex_match", [.utf8("x\(index)"), .utf8("^x\(index)$")])) == true)
        }
    }

    @Test func `bytes that are no text match without a trap`() throws {
        var random = SeededGenerator(9)
        for function in regexFunctions {
            for _ in 0..<100 {
                func bytes(_ limit: Int) -> ScalarValue {
                    let bytes = (0..<random.below(limit)).map { _ in UInt8.random(in: 0...255, using: &random) }
                    return ScalarValue(type: .utf8, storage: .bytes(bytes))
                }
                let pattern = [ScalarValue.utf8("(.)?"), .utf8("\\B"), .utf8(""), bytes(6)][random.below(4)]
                var values = [bytes(20), pattern]
                if function.name == "regexp_replace" { values += [bytes(5), .utf8("g")] }
                _ = try? harness.constant(function.name, values)
            }
        }
    }
}
