import Columnar
import Testing

@testable import Expressions

private let harness = FunctionHarness(stringFunctions)

private let stringCases: [FunctionCase] = [
    .init("length", ["Grüße"], 5), .init("char_length", [""], 0), .init("length", [nil], nil),
    .init("character_length", ["日本語 with a long tail 😀"], 22), .init("length", [.bytes([1, 0xFF, 3])], 3),
    .init("octet_length", ["Grüße"], 7), .init("bit_length", ["abc"], 24), .init("bit_length", [""], 0),
    .init("ascii", ["x"], 120), .init("ascii", [""], 0), .init("ascii", ["😀"], 128_512),
    .init("levenshtein", ["kitten", "sitting"], 3), .init("levenshtein", ["", "abc"], 3),
    .init("levenshtein", ["über", "uber"], 1),
    .init("strpos", ["high", "ig"], 2), .init("instr", ["äöü", "ü"], 3), .init("position", ["abc", ""], 1),
    .init("strpos", ["", ""], 1), .init("strpos", ["abc", "abcd"], 0), .init("strpos", ["abc", nil], nil),
    .init("contains", ["a long enough laminar text", "laminar"], true), .init("contains", ["abc", ""], true),
    .init("contains", ["", "a"], false),
    .init("starts_with", ["abc", "ab"], true), .init("starts_with", ["abc", "abcd"], false),
    .init("starts_with", ["abc", ""], true), .init("ends_with", ["abc", "bc"], true),
    .init("ends_with", ["abc", "xabc"], false),
    .init("find_in_set", ["b", "a,b,c"], 2), .init("find_in_set", ["", "a,,c"], 2),
    .init("find_in_set", ["c", "a,b,c"], 3), .init("find_in_set", ["", ""], 0),
    .init("find_in_set", ["a,b", "a,b"], 0),
    .init("upper", ["tom"], "TOM"), .init("upper", ["straße with a tail"], "STRASSE WITH A TAIL"),
    .init("lower", ["TOMMY THE LONG NAME"], "tommy the long name"), .init("lower", ["ÄÖÉ"], "äöé"),
    .init("lower", [""], ""),
    .init("initcap", ["hi THOMAS, 1st élan"], "Hi Thomas, 1st Élan"), .init("initcap", ["a-b c_d"], "A-B C_D"),
    .init("left", ["abcde", 2], "ab"), .init("left", ["abcde", -2], "abc"), .init("left", ["ab", 5], "ab"),
    .init("left", ["äöü", 2], "äö"), .init("left", ["abc", .int(.min)], ""), .init("left", ["abc", .int(.max)], "abc"),
    .init("right", ["abcde", 2], "de"), .init("right", ["abcde", -2], "cde"), .init("right", ["abc", 9], "abc"),
    .init("right", ["äöü", 1], "ü"), .init("right", ["abc", .int(.min)], ""), .init("right", ["abc", 0], ""),
    .init("substr", ["alphabet", 3], "phabet"), .init("substr", ["alphabet", 3, 2], "ph"),
    .init("substring", ["alphabet", -1, 4], "al"), .init("substr", ["alphabet", 0], "alphabet"),
    .init("substr", ["alphabet", 20, 2], ""), .init("substr", ["äöüß", 2, 2], "öü"),
    .init("substr", ["abc", 1, 0], ""),
    .init("substr", ["abc", 2, .int(.max)], "bc"), .init("substr", ["abc", .int(.min), .int(.max)], ""),
    .init("substr", ["a text that is long, too", 3, 18], "text that is long,"),
    .init("split_part", ["a~@~b~@~c", "~@~", 2], "b"), .init("split_part", ["a,b,c", ",", -1], "c"),
    .init("split_part", ["a,b,c", ",", 4], ""), .init("split_part", ["a,b,c", ",", -3], "a"),
    .init("split_part", ["a,b,c", ",", -4], ""), .init("split_part", ["abc", "", 1], "abc"),
    .init("split_part", ["abc", "", 2], ""), .init("split_part", ["abc", ",", .int(.min)], ""),
    .init("substr_index", ["www.apache.org", ".", 2], "www.apache"),
    .init("substring_index", ["www.apache.org", ".", -1], "org"), .init("substring_index", ["a.b", ".", 9], "a.b"),
    .init("substring_index", ["a.b", ".", -9], "a.b"), .init("substring_index", ["a.b", "", 1], ""),
    .init("substring_index", ["a.b", ".", 0], ""),
    .init("btrim", ["  ab  "], "ab"), .init("trim", ["xyxabcyx", "xy"], "abc"), .init("trim", ["äüäaä", "äü"], "a"),
    .init("btrim", ["xxx", "x"], ""), .init("btrim", ["abc", ""], "abc"), .init("ltrim", ["zzzytest", "xyz"], "test"),
    .init("rtrim", ["testxxzx", "xyz"], "test"), .init("ltrim", ["\tab"], "\tab"), .init("trim", [nil, "x"], nil),
    .init("replace", ["abcabc", "bc", "X"], "aXaX"), .init("replace", ["abc", "", "X"], "abc"),
    .init("replace", ["aaa", "a", ""], ""), .init("replace", ["aaa", "aa", "b"], "ba"),
    .init("replace", ["one long text of words", "o", "0000"], "0000ne l0000ng text 0000f w0000rds"),
    .init("reverse", ["abcä"], "äcba"), .init("reverse", [""], ""),
    .init("translate", ["12345", "143", "ax"], "a2x5"), .init("translate", ["äbc", "bä", "ßo"], "oßc"),
    .init("translate", ["aab", "aa", "xy"], "xxb"), .init("translate", ["a", "a", nil], nil),
    .init("repeat", ["ab", 3], "ababab"), .init("repeat", ["ab", -1], ""), .init("repeat", ["", .int(.max)], ""),
    .init("lpad", ["hi", 5, "xy"], "xyxhi"), .init("lpad", ["hello", 2], "he"), .init("lpad", ["a", 3], "  a"),
    .init("lpad", ["a", 3, ""], "a"), .init("lpad", ["ä", 3, "öü"], "öüä"), .init("lpad", ["abc", -1], ""),
    .init("rpad", ["hi", 5, "xy"], "hixyx"), .init("rpad", ["hello", 0], ""), .init("rpad", ["ü", 3, "ß"], "üßß"),
    .init("overlay", ["Txxxxas", "hom", 2, 4], "Thomas"), .init("overlay", ["abcdef", "XY", 3], "abXYef"),
    .init("overlay", ["abc", "X", 10], "abcX"), .init("overlay", ["abc", "X", 2, 0], "aXbc"),
    .init("overlay", ["äöü", "x", 2, .int(.max)], "äx"), .init("overlay", ["abc", "x", 2, -1], "axabc"),
    .init("chr", [65], "A"), .init("chr", [8364], "€"),
    .init("to_hex", [255], "ff"), .init("to_hex", [0], "0"), .init("to_hex", [-1], "ffffffffffffffff"),
    .init("to_hex", [4096], "1000"),
    .init("concat", ["data", nil, "f", 1], "dataf1"), .init("concat", [nil], ""),
    .init("concat_ws", [", ", "a", nil, "b"], "a, b"), .init("concat_ws", [nil, "a"], nil),
    .init("concat_ws", [",", nil, nil], ""), .init("concat_ws", ["", "a", "", "b"], "ab"),
    .init("string_concat", ["a long first part", "and the second"], "a long first partand the second"),
    .init("string_concat", ["a", nil], nil), .init("string_concat", ["", ""], ""),
    .init("format", ["Hello %s, %1$s", "World"], "Hello World, World"), .init("format", ["|%-5s|", "ab"], "|ab   |"),
    .init("format", ["|%5s|%%", "äb"], "|   äb|%"),
    .init("format", ["%s %L", nil, nil], " NULL"), .init("format", ["|%*s|", "4", "a"], "|   a|"),
    .init("format", ["|%*s|", "-4", "a"], "|a   |"), .init("format", [nil, "a"], nil), .init("format", ["x"], "x"),
]

private let matchCases: [FunctionCase] = [
    .init("like", ["abc", "a%"], true), .init("like", ["abc", "_b_"], true), .init("like", ["abc", "c"], false),
    .init("like", ["", ""], true), .init("like", ["a", ""], false), .init("like", ["", "%"], true),
    .init("like", ["", "%%"], true), .init("like", ["", "_"], false), .init("like", ["ä", "_"], true),
    .init("like", ["äb", "%_b"], true), .init("like", ["10%", "10\\%"], true), .init("like", ["10x", "10\\%"], false),
    .init("like", ["a_b", "a#_b", "#"], true), .init("like", ["axb", "a#_b", "#"], false),
    .init("like", ["a\\b", "a\\b", ""], true), .init("like", ["abcabc", "%b%b%"], true),
    .init("like", ["abcabc", "a%c%c"], true), .init("like", ["abab", "%ab"], true),
    .init("like", ["aab", "%a_"], true),
    .init("like", ["a somewhat longer text", "%what%text"], true), .init("like", ["ab", "ab%ab"], false),
    .init("like", [nil, "a"], nil), .init("like", ["a", nil], nil), .init("like", ["aXbXc", "a_b%_c"], true),
    .init("ilike", ["ABC", "a%"], true), .init("ilike", ["ÄBC", "ä_C"], true), .init("ilike", ["abc", "%D%"], false),
    .init("similar_to", ["abc", "(a|x)%"], true), .init("similar_to", ["abc", "a"], false),
    .init("similar_to", ["abc", "%(b|d)%"], true), .init("similar_to", ["a.c", "a.c"], true),
    .init("similar_to", ["abc", "a.c"], false), .init("similar_to", ["aaa", "a{3}"], true),
    .init("similar_to", ["a%", "a\\%"], true), .init("similar_to", ["x5", "x[0-9]+"], true),
    .init("similar_to", ["a$b", "a$b"], true), .init("similar_to", ["a\nb", "a_b"], true),
]

@Suite struct StringFunctionsTests {
    @Test(arguments: stringCases)
    func `string functions give what their tables say`(_ testCase: FunctionCase) throws {
        try harness.check(testCase)
    }

    @Test(arguments: matchCases)
    func `pattern operators give what their tables say`(_ testCase: FunctionCase) throws {
        try harness.check(testCase)
    }

    @Test func `calls that cannot be computed say why`() {
        let cases: [(String, [Value], String)] = [
            ("substr", ["abc", 1, -1], "negative substring length not allowed (-1)"),
            ("split_part", ["a", ",", 0], "split_part: field position must not be zero"),
            ("repeat", ["abcd", 100_000_000], "repeat: result longer than 16777216 bytes"),
            ("repeat", ["abcd", .int(.max)], "repeat: result longer than 16777216 bytes"),
            ("lpad", ["a", 100_000_000], "lpad: result longer than 16777216 bytes"),
            ("rpad", ["a", 16_777_216, "€"], "rpad: result longer than 16777216 bytes"),
            ("overlay", ["a", "b", 0], "overlay: expected a start of at least 1, found 0"),
            ("chr", [0], "chr: expected a code point from 1 to 1114111, found 0"),
            ("chr", [0xD800], "chr: expected a code point from 1 to 1114111, found 55296"),
            ("chr", [.int(.max)], "chr: expected a code point from 1 to 1114111, found 9223372036854775807"),
            ("like", ["a", "a\\"], "LIKE pattern must not end with escape character"),
            ("like", ["a", "a", "xy"], "invalid escape string: expected one character or none, found \"xy\""),
            ("format", ["%s"], "too few arguments for format()"),
            ("format", ["%q", "a"], "unrecognized format() type specifier: expected s, I or L, found \"q\""),
            ("format", ["%"], "unterminated format() type specifier"),
            ("format", ["%99999999s", "a"], "number is out of range in format()"),
            ("format", ["%I", nil], "null values cannot be formatted as an SQL identifier"),
            ("upper", [1], "expects text as argument 1, found BIGINT"),
            ("upper", ["a", "b"], "takes 1 argument, found 2"),
            ("substr", ["a"], "takes 2 to 3 arguments, found 1"),
        ]
        for (name, arguments, message) in cases { #expect(harness.failure(name, arguments) == message) }
    }

    @Test func `format quotes identifiers and literals`() throws {
        let found = try harness.constant("format", [.utf8("%I = %L, %I"), .utf8("a b"), .utf8("it's"), .utf8("c1")])
        #expect(Value(found) == "\"a b\" = 'it''s', c1")
    }

    @Test func `negative 32-bit numbers have eight hexadecimal digits`() throws {
        #expect(Value(try harness.constant("to_hex", [.int32(-1)])) == "ffffffff")
    }
}

@Suite struct StringReferenceTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `random texts agree with Swift's String`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed)
        let rows = (0..<300).map { _ in random.below(8) == 0 ? nil : random.text() }
        func check(_ name: String, _ constants: [Value], _ reference: (String) -> Value) throws {
            let column = Column.of(.utf8, rows.map { $0.map { .utf8($0) } ?? .null(.utf8) })
            let values = [ColumnarValue.column(column.slice(3, 290))] + constants.map { .scalar($0.scalar) }
            let signature = try harness.function(name).resolve([.utf8] + constants.map(\.scalar.type))
            let found = try harness.evaluate(name, values, signature, rowCount: 290)
            for (index, row) in rows[3..<293].enumerated() {
                let expected = row.map(reference) ?? .null
                #expect(
                    Value(found.scalar(at: index)) == expected, "\(name)('\(row ?? "")', \(constants)), seed \(seed)")
            }
        }
        func text(_ scalars: some Sequence<Unicode.Scalar>) -> Value {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars)
            return .text(String(view))
        }
        try check("length", []) { .int(Int64($0.unicodeScalars.count)) }
        try check("upper", []) { .text($0.uppercased()) }
        try check("lower", []) { .text($0.lowercased()) }
        try check("reverse", []) { text($0.unicodeScalars.reversed()) }
        for count in [-50, -3, -1, 0, 1, 2, 5, 30] {
            let number = Value.int(Int64(count))
            try check("left", [number]) {
                let all = $0.unicodeScalars
                return text(count >= 0 ? all.prefix(count) : all.dropLast(-count))
            }
            try check("right", [number]) {
                let all = $0.unicodeScalars
                return text(count >= 0 ? all.suffix(count) : all.dropFirst(-count))
            }
            try check("substr", [number]) { text($0.unicodeScalars.dropFirst(max(0, count - 1))) }
            try check("substr", [number, 7]) {
                text(
                    $0.unicodeScalars.enumerated().filter { $0.offset + 1 >= count && $0.offset + 1 < count + 7 }.map(
                        \.element))
            }
            try check("rpad", [number, "xö"]) {
                let filled = Array($0.unicodeScalars) + (0..<100).map { $0 % 2 == 0 ? "x" : "ö" as Unicode.Scalar }
                return text(count > 0 ? Array(filled.prefix(count)) : [])
            }
        }
        for part in ["a", "ab", "ä", " ", "😀", "a,"] {
            try check("strpos", [.text(part)]) { .int(Int64(naivePosition(part, $0))) }
            try check("contains", [.text(part)]) { .bool(naivePosition(part, $0) > 0) }
            try check("replace", [.text(part), "<€>"]) { .text(naiveSplit($0, part).joined(separator: "<€>")) }
            for index in 1...4 {
                try check("split_part", [.text(part), .int(Int64(index))]) {
                    let parts = naiveSplit($0, part)
                    return .text(index <= parts.count ? parts[index - 1] : "")
                }
                try check("split_part", [.text(part), .int(Int64(-index))]) {
                    let parts = naiveSplit($0, part)
                    return .text(index <= parts.count ? parts[parts.count - index] : "")
                }
            }
            try check("btrim", [.text(part)]) {
                let set = Set(part.unicodeScalars)
                let tail = $0.unicodeScalars.drop { set.contains($0) }
                return text(tail.reversed().drop { set.contains($0) }.reversed())
            }
        }
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func `LIKE agrees with a naive matcher`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed)
        for _ in 0..<400 {
            let rows = (0..<6).map { _ in random.text(["a", "b", "ä"]) }
            let pattern = String(random.text(["a", "b", "ä", "%", "%", "_"]).prefix(9))
            let found = try harness.texts("like", rows, .utf8(pattern))
            for (index, row) in rows.enumerated() {
                let expected = naiveLike(Array(row.unicodeScalars)[...], Array(pattern.unicodeScalars)[...])
                #expect(found[index] == .bool(expected), "'\(row)' LIKE '\(pattern)', seed \(seed)")
            }
        }
    }

    @Test func `ill-formed bytes give some result and no trap`() throws {
        var random = SeededGenerator(5)
        for function in stringFunctions {
            for _ in 0..<60 {
                let types = try? function.resolve([.utf8])
                    .argumentTypes
                let wanted =
                    types ?? (try? function.resolve([.utf8, .int64]).argumentTypes)
                    ?? (try? function.resolve([.utf8, .utf8]).argumentTypes) ?? []
                let values = wanted.map { type -> ColumnarValue in
                    if type == .int64 { return .scalar(.int64(Int64(random.below(9)) - 4)) }
                    let bytes = (0..<random.below(30)).map { _ in UInt8.random(in: 0...255, using: &random) }
                    return .column(Column.of(.utf8, [ScalarValue(type: .utf8, storage: .bytes(bytes))]))
                }
                guard !values.isEmpty else { continue }
                let signature = try function.resolve(wanted)
                _ = try? harness.evaluate(function.name, values, signature, rowCount: 1)
            }
        }
    }

    private func naivePosition(_ part: String, _ text: String) -> Int {
        let part = Array(part.unicodeScalars)
        let text = Array(text.unicodeScalars)
        for start in 0..<max(0, text.count - part.count + 1) where Array(text[start..<start + part.count]) == part {
            return start + 1
        }
        return 0
    }

    private func naiveSplit(_ text: String, _ part: String) -> [String] {
        let part = Array(part.unicodeScalars)
        let text = Array(text.unicodeScalars)
        var parts: [String] = []
        var current = String.UnicodeScalarView()
        var index = 0
        while index < text.count {
            if index + part.count <= text.count, Array(text[index..<index + part.count]) == part {
                parts.append(String(current))
                current = .init()
                index += part.count
            } else {
                current.append(text[index])
                index += 1
            }
        }
        return parts + [String(current)]
    }

    private func naiveLike(_ text: ArraySlice<Unicode.Scalar>, _ pattern: ArraySlice<Unicode.Scalar>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == "%" {
            if naiveLike(text, pattern.dropFirst()) { return true }
            return !text.isEmpty && naiveLike(text.dropFirst(), pattern)
        }
        guard let character = text.first, first == "_" || first == character else { return false }
        return naiveLike(text.dropFirst(), pattern.dropFirst())
    }
}
