/// Splits SQL text into tokens. Never fails: what it cannot read becomes a diagnostic and is skipped.
struct Lexer {
    private let bytes: [UInt8]
    private var position = 0
    private(set) var tokens: [Token] = []
    private(set) var diagnostics: [Diagnostic] = []

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Longest first, so that the first match is the right one.
    private static let symbols: [[UInt8]] = [
        "->>", "!~*", "<=>", "->", "=>", "||", "::", "<=", ">=", "<>", "!=", "==", "<<", ">>", "~*", "!~", "@>", "<@",
        "(", ")", "[", "]", ",", ";", ".", "+", "-", "*", "/", "%", "=", "<", ">", "~", "&", "|", "#", "?", ":", "{",
        "}", "^",
    ].map { Array($0.utf8) }

    /// All tokens, ended by one of kind `end`.
    mutating func run() {
        while true {
            skipBlanks()
            if position >= bytes.count { break }
            if tokens.count >= SyntaxLimits.tokensMax {
                report("E0103", "the text has more than \(SyntaxLimits.tokensMax) words and symbols", from: position)
                break
            }
            next()
        }
        tokens.append(Token(.end, "", span: SourceSpan(bytes.count, bytes.count)))
    }

    private func byte(_ offset: Int = 0) -> UInt8 {
        position + offset < bytes.count ? bytes[position + offset] : 0
    }

    private mutating func report(_ code: String, _ message: String, from start: Int, hint: String? = nil) {
        diagnostics.append(Diagnostic(code, message, span: SourceSpan(start, max(start + 1, position)), hint: hint))
    }

    private mutating func skipBlanks() {
        while position < bytes.count {
            switch bytes[position] {
            case 9, 10, 11, 12, 13, 32: position += 1
            case UInt8(ascii: "-") where byte(1) == UInt8(ascii: "-"):
                while position < bytes.count, bytes[position] != 10 { position += 1 }
            case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "*"): skipComment()
            // A byte order mark at the very start.
            case 0xEF where position == 0 && byte(1) == 0xBB && byte(2) == 0xBF: position += 3
            // A no-break space, as copied from web pages.
            case 0xC2 where byte(1) == 0xA0: position += 2
            default: return
            }
        }
    }

    /// Comments nest, as in PostgreSQL.
    private mutating func skipComment() {
        let start = position
        var depth = 0
        while position < bytes.count {
            if byte() == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "*") {
                depth += 1
                position += 2
            } else if byte() == UInt8(ascii: "*"), byte(1) == UInt8(ascii: "/") {
                depth -= 1
                position += 2
                if depth == 0 { return }
            } else {
                position += 1
            }
        }
        diagnostics.append(
            Diagnostic("E0102", "a comment is not closed", span: SourceSpan(start, start + 2), hint: "end it with */"))
    }

    private mutating func next() {
        let start = position
        let first = byte()
        switch first {
        case UInt8(ascii: "'"): string(start)
        case UInt8(ascii: "\""): quotedName(start, first)
        case UInt8(ascii: "`"): quotedName(start, first)
        case UInt8(ascii: "$") where dollarTag() != nil: dollarString(start)
        case UInt8(ascii: "x"), UInt8(ascii: "X"):
            if byte(1) == UInt8(ascii: "'") { hexString(start) } else { word(start) }
        case UInt8(ascii: "e"), UInt8(ascii: "E"):
            if byte(1) == UInt8(ascii: "'") {
                position += 1
                string(start, hasEscapes: true)
            } else {
                word(start)
            }
        case _ where isDigit(first), UInt8(ascii: ".") where isDigit(byte(1)): number(start)
        case _ where isWordStart(first): word(start)
        default: symbol(start)
        }
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }
    private func isWordStart(_ byte: UInt8) -> Bool {
        (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte == 95 || byte >= 0x80
    }

    private mutating func add(_ kind: Token.Kind, _ text: String, from start: Int) {
        tokens.append(Token(kind, text, span: SourceSpan(start, position)))
    }

    private mutating func word(_ start: Int) {
        while position < bytes.count, isWordStart(byte()) || isDigit(byte()) || byte() == UInt8(ascii: "$") {
            position += 1
        }
        checkName(start, position - start)
        add(.word, String(decoding: bytes[start..<position], as: UTF8.self).uppercased(), from: start)
    }

    private mutating func checkName(_ start: Int, _ length: Int) {
        if length > SyntaxLimits.nameBytesMax {
            report("E0104", "a name of \(length) bytes: at most \(SyntaxLimits.nameBytesMax) are allowed", from: start)
        }
    }

    private mutating func number(_ start: Int) {
        while isDigit(byte()) || (byte() == 95 && isDigit(byte(1))) { position += 1 }
        if byte() == UInt8(ascii: "."), byte(1) != UInt8(ascii: ".") {
            position += 1
            while isDigit(byte()) { position += 1 }
        }
        if byte() | 0x20 == UInt8(ascii: "e") {
            let signed = byte(1) == UInt8(ascii: "+") || byte(1) == UInt8(ascii: "-")
            if isDigit(byte(signed ? 2 : 1)) {
                position += signed ? 2 : 1
                while isDigit(byte()) { position += 1 }
            }
        }
        let text = String(decoding: bytes[start..<position].filter { $0 != 95 }, as: UTF8.self)
        if isWordStart(byte()) {
            let wordStart = position
            while isWordStart(byte()) || isDigit(byte()) { position += 1 }
            report(
                "E0105", "a number is followed directly by letters", from: wordStart,
                hint: "put a space between them, or quote the name with double quotes")
        }
        tokens.append(Token(.number, text, span: SourceSpan(start, position)))
    }

    private mutating func string(_ start: Int, hasEscapes: Bool = false) {
        position += 1
        var value: [UInt8] = []
        while position < bytes.count {
            if byte() == UInt8(ascii: "'") {
                if byte(1) != UInt8(ascii: "'") {
                    position += 1
                    add(.string, String(decoding: value, as: UTF8.self), from: start)
                    return
                }
                position += 1
            } else if hasEscapes, byte() == UInt8(ascii: "\\") {
                escape(&value)
                continue
            }
            value.append(byte())
            position += 1
        }
        diagnostics.append(
            Diagnostic(
                "E0101", "a string is not closed", span: SourceSpan(start, start + 1),
                hint: "end it with a single quote; inside a string write two for one"))
        add(.string, String(decoding: value, as: UTF8.self), from: start)
    }

    private mutating func escape(_ value: inout [UInt8]) {
        position += 1
        let code = byte()
        position += 1
        switch code {
        case UInt8(ascii: "n"): value.append(10)
        case UInt8(ascii: "t"): value.append(9)
        case UInt8(ascii: "r"): value.append(13)
        case UInt8(ascii: "b"): value.append(8)
        case UInt8(ascii: "f"): value.append(12)
        case UInt8(ascii: "u"), UInt8(ascii: "x"): unicodeEscape(digits: code == UInt8(ascii: "u") ? 4 : 2, &value)
        default: value.append(code)
        }
    }

    private mutating func unicodeEscape(digits: Int, _ value: inout [UInt8]) {
        var code: UInt32 = 0
        var read = 0
        while read < digits, let digit = hexValue(byte()) {
            code = code * 16 + UInt32(digit)
            position += 1
            read += 1
        }
        if let scalar = Unicode.Scalar(code) { value += Array(String(Character(scalar)).utf8) }
    }

    private func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }

    private mutating func hexString(_ start: Int) {
        position += 2
        let first = position
        while position < bytes.count, byte() != UInt8(ascii: "'") { position += 1 }
        let digits = bytes[first..<position]
        if position >= bytes.count { report("E0101", "a bytes literal is not closed", from: start) }
        position += 1
        position = min(position, bytes.count)
        if digits.count % 2 != 0 || digits.contains(where: { hexValue($0) == nil }) {
            report("E0106", "a bytes literal needs pairs of hexadecimal digits, as in X'0AFF'", from: start)
            add(.hexString, "", from: start)
            return
        }
        add(.hexString, String(decoding: digits, as: UTF8.self), from: start)
    }

    private mutating func quotedName(_ start: Int, _ quote: UInt8) {
        position += 1
        var value: [UInt8] = []
        while position < bytes.count {
            if byte() == quote {
                if byte(1) != quote {
                    position += 1
                    checkName(start, value.count)
                    if value.isEmpty { report("E0107", "a quoted name is empty", from: start) }
                    add(.quotedName, String(decoding: value, as: UTF8.self), from: start)
                    return
                }
                position += 1
            }
            value.append(byte())
            position += 1
        }
        diagnostics.append(
            Diagnostic("E0101", "a quoted name is not closed", span: SourceSpan(start, start + 1)))
        add(.quotedName, String(decoding: value, as: UTF8.self), from: start)
    }

    /// The tag of a dollar quote at the current position, with both dollars; nil if there is none.
    private func dollarTag() -> [UInt8]? {
        var end = position + 1
        while end < bytes.count, isWordStart(bytes[end]) || isDigit(bytes[end]) { end += 1 }
        guard end < bytes.count, bytes[end] == UInt8(ascii: "$") else { return nil }
        return Array(bytes[position...end])
    }

    private mutating func dollarString(_ start: Int) {
        guard let tag = dollarTag() else { return }
        position += tag.count
        let first = position
        while position + tag.count <= bytes.count {
            if bytes[position] == tag[0], bytes[position..<position + tag.count].elementsEqual(tag) {
                let text = String(decoding: bytes[first..<position], as: UTF8.self)
                position += tag.count
                add(.string, text, from: start)
                return
            }
            position += 1
        }
        position = bytes.count
        diagnostics.append(
            Diagnostic("E0101", "a dollar-quoted string is not closed", span: SourceSpan(start, start + tag.count)))
        add(.string, String(decoding: bytes[first..<max(first, position)], as: UTF8.self), from: start)
    }

    private mutating func symbol(_ start: Int) {
        for symbol in Lexer.symbols where symbol[0] == byte() {
            let end = position + symbol.count
            if end <= bytes.count, bytes[position..<end].elementsEqual(symbol) {
                position = end
                add(.symbol, String(decoding: symbol, as: UTF8.self), from: start)
                return
            }
        }
        position += 1
        let shown =
            bytes[start] >= 32 && bytes[start] < 127
            ? "'\(Character(Unicode.Scalar(bytes[start])))'" : "byte \(bytes[start])"
        report("E0108", "unexpected \(shown)", from: start)
    }
}
