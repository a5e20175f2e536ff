import Columnar

/// The operators LIKE, ILIKE and SIMILAR TO.
let stringMatchFunctions: [ScalarFunction] = [
    ScalarFunction(
        "like", family: .string, "text LIKE pattern [ESCAPE character]",
        "Tells whether a text fits a pattern in which % stands for any text and _ for any one character.",
        examples: [("'abc' LIKE 'a%'", "true"), ("'abc' LIKE '_b_'", "true"), ("'abc' LIKE 'c'", "false")],
        takes: ParameterList(.text, .text, optional: [.text]), returns: .boolean, canFail: true
    ) { (arguments) throws(KernelError) in try StringMatch.like(arguments, foldsCase: false) },
    ScalarFunction(
        "ilike", family: .string, "text ILIKE pattern [ESCAPE character]",
        "Tells whether a text fits a LIKE pattern without regard to case.",
        examples: [("'ABC' ILIKE 'a%'", "true")], takes: ParameterList(.text, .text, optional: [.text]),
        returns: .boolean, canFail: true
    ) { (arguments) throws(KernelError) in try StringMatch.like(arguments, foldsCase: true) },
    ScalarFunction(
        "similar_to", family: .string, "text SIMILAR TO pattern [ESCAPE character]",
        "Tells whether a text fits an SQL regular expression: %, _, |, *, +, ?, {m,n}, ( ) and [ ].",
        examples: [("'abc' SIMILAR TO '(a|x)%'", "true"), ("'abc' SIMILAR TO 'a'", "false")],
        takes: ParameterList(.text, .text, optional: [.text]), returns: .boolean, canFail: true,
        kernel: StringMatch.similar),
]

/// Kernels of the operators that compare a text with a pattern.
enum StringMatch {
    static func like(_ arguments: FunctionArguments, foldsCase: Bool) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.boolean)) }
        let text = arguments.text(0)
        let patterns = arguments.text(1)
        let escapes = arguments.count == 3 ? arguments.text(2) : nil
        let isConstant = patterns.isConstant && escapes?.isConstant ?? true
        if isConstant {
            let escape = try escapeCharacter(escapes?[0])
            let pattern = try LikePattern(patterns[0], escape: escape, foldsCase: foldsCase)
            return matching(arguments, text, pattern, foldsCase)
        }
        var folded: [UInt8] = []
        return try arguments.makeBooleans { (row) throws(KernelError) in
            let pattern: LikePattern
            do throws(KernelError) {
                let escape = try escapeCharacter(escapes?[row])
                pattern = try LikePattern(patterns[row], escape: escape, foldsCase: foldsCase)
            } catch {
                throw KernelError(row: row, message: error.message)
            }
            return foldsCase ? matchesFolded(text[row], pattern, &folded) : pattern.matches(text[row])
        }
    }

    private static func matching(
        _ arguments: FunctionArguments, _ text: TextOperand, _ pattern: LikePattern, _ foldsCase: Bool
    ) -> ColumnarValue {
        if !foldsCase { return arguments.makeBooleans { row in pattern.matches(text[row]) } }
        var folded: [UInt8] = []
        return arguments.makeBooleans { row in matchesFolded(text[row], pattern, &folded) }
    }

    private static func matchesFolded(
        _ bytes: UnsafeRawBufferPointer, _ pattern: LikePattern, _ folded: inout [UInt8]
    ) -> Bool {
        folded.removeAll(keepingCapacity: true)
        if UTF8Bytes.isASCII(bytes) {
            folded.append(contentsOf: bytes)
            for index in folded.indices { folded[index] = StringCase.lowered(folded[index]) }
        } else {
            StringCase.appendLower(bytes, to: &folded)
        }
        return folded.withUnsafeBytes { pattern.matches($0) }
    }

    /// The escape character: a backslash unless given, nil for an empty text.
    static func escapeCharacter(_ escape: UnsafeRawBufferPointer?) throws(KernelError) -> UInt32? {
        guard let escape else { return 0x5C }
        guard escape.count > 0 else { return nil }
        let end = UTF8Bytes.end(ofCharacterAt: 0, in: escape)
        guard end == escape.count else {
            let found = String(decoding: escape, as: UTF8.self)
            throw KernelError(message: "invalid escape string: expected one character or none, found \"\(found)\"")
        }
        return UTF8Bytes.decode(escape, 0, end)
    }

    static func similar(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.boolean)) }
        let text = arguments.text(0)
        let patterns = arguments.text(1)
        let escapes = arguments.count == 3 ? arguments.text(2) : nil
        let source = RegexSource(pattern: patterns, flags: escapes) { (pattern, escape) throws(KernelError) in
            try similarPattern(pattern, escape: escapeCharacter(escape))
        }
        return try arguments.makeBooleans { (row) throws(KernelError) in
            try source.regex(row).isMatch(text[row])
        }
    }

    /// The regular expression, anchored at both ends, that means the same as an SQL pattern.
    static func similarPattern(
        _ pattern: UnsafeRawBufferPointer, escape: UInt32?
    ) throws(KernelError) -> RegexKey {
        var result = Array("^(?:".utf8)
        var position = 0
        var isInBrackets = false
        while position < pattern.count {
            let next = UTF8Bytes.end(ofCharacterAt: position, in: pattern)
            let codePoint = UTF8Bytes.decode(pattern, position, next)
            if codePoint == escape {
                guard next < pattern.count else {
                    throw KernelError(message: "SIMILAR TO pattern must not end with escape character")
                }
                let end = UTF8Bytes.end(ofCharacterAt: next, in: pattern)
                appendLiteral(pattern[next..<end], to: &result)
                position = end
                continue
            }
            switch codePoint {
            case UInt32(UInt8(ascii: "]")) where isInBrackets:
                isInBrackets = false
                result.append(contentsOf: pattern[position..<next])
            case UInt32(UInt8(ascii: "\\")): result.append(contentsOf: Array("\\\\".utf8))
            case _ where isInBrackets: result.append(contentsOf: pattern[position..<next])
            case UInt32(UInt8(ascii: "[")):
                isInBrackets = true
                result.append(contentsOf: pattern[position..<next])
            case UInt32(UInt8(ascii: "%")): result.append(contentsOf: Array(".*".utf8))
            case UInt32(UInt8(ascii: "_")): result.append(UInt8(ascii: "."))
            case UInt32(UInt8(ascii: "(")): result.append(contentsOf: Array("(?:".utf8))
            case UInt32(UInt8(ascii: ".")), UInt32(UInt8(ascii: "^")), UInt32(UInt8(ascii: "$")):
                appendLiteral(pattern[position..<next], to: &result)
            default: result.append(contentsOf: pattern[position..<next])
            }
            position = next
        }
        result.append(contentsOf: Array(")$".utf8))
        return RegexKey(pattern: result, options: [.dotMatchesNewline])
    }

    private static func appendLiteral(_ bytes: Slice<UnsafeRawBufferPointer>, to result: inout [UInt8]) {
        // A backslash before a letter or digit would give it a meaning.
        if let first = bytes.first, first < 0x80, !(first &- 0x30 < 10), !(StringCase.lowered(first) &- 0x61 < 26) {
            result.append(UInt8(ascii: "\\"))
        }
        result.append(contentsOf: bytes)
    }
}
