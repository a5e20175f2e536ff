/// Reads settings written in TOML 1.0: every key with what stands behind it and its line.
///
/// Dates are recognised and given as what no setting takes; arrays of tables are refused. No text makes it trap.
struct TOMLReader {
    /// Why a text is not TOML.
    struct Failure: Error, Hashable {
        var line: Int
        var message: String
    }

    private static let depthMax = 32

    private let text: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    private var entries: [SettingsFile.Entry] = []
    /// Keys with values, and tables that were opened by their name in brackets.
    private var defined: Set<String> = []

    private init(_ text: String) {
        // Carriage returns only end lines.
        self.text = Array(text.unicodeScalars).filter { $0 != "\r" }
    }

    /// The entries of a text in its order.
    static func entries(_ text: String) throws(Failure) -> [SettingsFile.Entry] {
        var reader = TOMLReader(text)
        try reader.document()
        return reader.entries
    }

    private func wrong(_ message: String) -> Failure { Failure(line: line, message: message) }

    private var next: Unicode.Scalar? { position < text.count ? text[position] : nil }

    /// What stands at the position, for messages.
    private var found: String {
        guard let next else { return "the end" }
        return next == "\n" ? "the end of the line" : "'\(next)'"
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        position += 1
        if scalar == "\n" { line += 1 }
        return true
    }

    private mutating func take(word: String) -> Bool {
        let scalars = Array(word.unicodeScalars)
        guard text.count - position >= scalars.count, text[position..<(position + scalars.count)].elementsEqual(scalars)
        else { return false }
        position += scalars.count
        return true
    }

    private mutating func skipSpaces() {
        while next == " " || next == "\t" { position += 1 }
    }

    /// Spaces, comments and ends of lines.
    private mutating func skipLines() {
        while true {
            skipSpaces()
            if next == "#" {
                while let scalar = next, scalar != "\n" { position += 1 }
            }
            if !take("\n") { return }
        }
    }

    private mutating func document() throws(Failure) {
        if next == "\u{FEFF}" { position += 1 }
        var table: [String] = []
        skipLines()
        while next != nil {
            if take("[") {
                if next == "[" { throw wrong("an array of tables holds no settings") }
                table = try key()
                if !take("]") { throw wrong("expected ']', found \(found)") }
                let name = table.joined(separator: ".")
                if !defined.insert("[" + name).inserted { throw wrong("the table \(name) stands there twice") }
            } else {
                try pair(table, depth: 0)
            }
            skipSpaces()
            if let next, next != "\n", next != "#" { throw wrong("expected the end of the line, found \(found)") }
            skipLines()
        }
    }

    private mutating func pair(_ table: [String], depth: Int) throws(Failure) {
        let start = line
        let path = table + (try key())
        if !take("=") { throw wrong("expected '=' behind a key, found \(found)") }
        skipSpaces()
        if next == "{" {
            try inlineTable(path, depth: depth)
            return
        }
        let name = path.joined(separator: ".")
        if !defined.insert(name).inserted { throw wrong("\(name) stands there twice") }
        entries.append(.init(key: name, input: SettingInput(try value(depth: depth)), line: start))
    }

    private mutating func inlineTable(_ path: [String], depth: Int) throws(Failure) {
        if depth >= Self.depthMax { throw wrong("nested more than \(Self.depthMax) deep") }
        _ = take("{")
        skipSpaces()
        if take("}") { return }
        while true {
            try pair(path, depth: depth + 1)
            skipSpaces()
            if take("}") { return }
            if !take(",") { throw wrong("expected ',' or '}', found \(found)") }
        }
    }

    /// A key with points, and the spaces around it.
    private mutating func key() throws(Failure) -> [String] {
        var parts: [String] = []
        while true {
            skipSpaces()
            switch next {
            case "\"": parts.append(try basicString())
            case "'": parts.append(try literalString())
            default:
                let start = position
                while let scalar = next, Self.isBare(scalar) { position += 1 }
                if position == start { throw wrong("expected a key, found \(found)") }
                parts.append(string(from: start))
            }
            skipSpaces()
            if !take(".") { return parts }
        }
    }

    private static func isBare(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII
            && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "-" || scalar == "_")
    }

    private func string(from start: Int) -> String {
        var result = String.UnicodeScalarView()
        result.append(contentsOf: text[start..<position])
        return String(result)
    }
}

// MARK: Values

extension TOMLReader {
    private mutating func value(depth: Int) throws(Failure) -> SettingInput.Shape {
        switch next {
        case "\"": return .text(try basicString(), .string)
        case "'": return .text(try literalString(), .string)
        case "[": return try array(depth: depth)
        case "{":
            try inlineTable(["?"], depth: depth)
            return .other("a table")
        default: return try bareValue()
        }
    }

    private mutating func array(depth: Int) throws(Failure) -> SettingInput.Shape {
        if depth >= Self.depthMax { throw wrong("nested more than \(Self.depthMax) deep") }
        _ = take("[")
        var texts: [String] = []
        var hasOthers = false
        skipLines()
        while !take("]") {
            if case .text(let text, .string) = try value(depth: depth + 1) {
                texts.append(text)
            } else {
                hasOthers = true
            }
            skipLines()
            if next != "]", !take(",") { throw wrong("expected ',' or ']', found \(found)") }
            skipLines()
        }
        return hasOthers ? .other("a list that holds more than texts") : .list(texts)
    }

    /// A number, a boolean or a date.
    private mutating func bareValue() throws(Failure) -> SettingInput.Shape {
        let start = position
        while let scalar = next, Self.isBare(scalar) || "+.:".unicodeScalars.contains(scalar) { position += 1 }
        let word = string(from: start)
        if word == "true" || word == "false" { return .text(word, .boolean) }
        let digits = word.filter { $0 != "_" }
        if let number = Self.integer(digits) { return .text("\(number)", .integer) }
        if digits.contains(where: { $0.isNumber }), let number = Double(digits) { return .text("\(number)", .number) }
        if word.count >= 8, word.first?.isNumber == true, word.contains(":") || word.contains("-") {
            return .other("a date or time")
        }
        throw word.isEmpty
            ? wrong("expected a value, found \(found)") : wrong("'\(word)' is no value: put texts in quotes")
    }

    private static func integer(_ digits: String) -> Int? {
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where digits.hasPrefix(prefix) {
            return Int(digits.dropFirst(2), radix: radix)
        }
        return Int(digits)
    }

    private mutating func literalString() throws(Failure) -> String {
        if take(word: "'''") { return try multiline(until: "'''", escapes: false) }
        position += 1
        let start = position
        while let scalar = next, scalar != "'", scalar != "\n" { position += 1 }
        let result = string(from: start)
        if !take("'") { throw wrong("a text that does not end") }
        return result
    }

    private mutating func basicString() throws(Failure) -> String {
        if take(word: "\"\"\"") { return try multiline(until: "\"\"\"", escapes: true) }
        position += 1
        var result = String.UnicodeScalarView()
        while let scalar = next, scalar != "\n" {
            position += 1
            if scalar == "\"" { return String(result) }
            if scalar == "\\" { result.append(try escape()) } else { result.append(scalar) }
        }
        throw wrong("a text that does not end")
    }

    private mutating func multiline(until end: String, escapes: Bool) throws(Failure) -> String {
        _ = take("\n")
        var result = String.UnicodeScalarView()
        while let scalar = next {
            if take(word: end) {
                // Up to two more quotes belong to the text.
                while let quote = end.unicodeScalars.first, take(quote) { result.append(quote) }
                return String(result)
            }
            if scalar == "\\" && escapes {
                position += 1
                if next == "\n" || next == " " {
                    while next == " " || next == "\t" || next == "\n" { if !take("\n") { position += 1 } }
                } else {
                    result.append(try escape())
                }
            } else {
                result.append(scalar)
                if !take("\n") { position += 1 }
            }
        }
        throw wrong("a text that does not end")
    }

    /// What stands for a letter behind a backslash.
    private mutating func escape() throws(Failure) -> Unicode.Scalar {
        guard let scalar = next else { throw wrong("a text that does not end") }
        position += 1
        switch scalar {
        case "b": return "\u{8}"
        case "t": return "\t"
        case "n": return "\n"
        case "f": return "\u{C}"
        case "r": return "\r"
        case "e": return "\u{1B}"
        case "\"", "\\": return scalar
        case "u", "U":
            let count = scalar == "u" ? 4 : 8
            let start = position
            while position < min(text.count, start + count), text[position].properties.isASCIIHexDigit { position += 1 }
            if position == start + count, let code = UInt32(string(from: start), radix: 16),
                let result = Unicode.Scalar(code)
            {
                return result
            }
            throw wrong("expected \(count) hexadecimal digits of a letter")
        default: throw wrong("no such escape in a text: \\\(scalar)")
        }
    }
}
