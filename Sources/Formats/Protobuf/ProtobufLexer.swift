/// Cuts the text of a .proto file into words, texts and signs.
struct ProtobufLexer {
    enum Token: Hashable {
        /// A name, with points, or a number.
        case word(String)
        case text(String)
        case sign(UInt8)
        case end

        var shown: String {
            switch self {
            case .word(let word): "'\(word.prefix(40))'"
            case .text: "a text"
            case .sign(let byte): "'\(Character(UnicodeScalar(byte)))'"
            case .end: "the end"
            }
        }
    }

    private let bytes: [UInt8]
    private var position = 0
    private(set) var line = 1

    init(_ text: String) { bytes = Array(text.utf8) }

    /// The next token. Throws for a text or comment without an end.
    mutating func next() throws(SchemaDefinitionError) -> Token {
        try skipBlanks()
        guard position < bytes.count else { return .end }
        let byte = bytes[position]
        if Self.isWord(byte) {
            let start = position
            while position < bytes.count, Self.isWord(bytes[position]) { position += 1 }
            return .word(String(decoding: bytes[start..<position], as: UTF8.self))
        }
        position += 1
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { return .text(try quoted(byte)) }
        return .sign(byte)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95 || byte == 46
    }

    private mutating func quoted(_ quote: UInt8) throws(SchemaDefinitionError) -> String {
        var text: [UInt8] = []
        while position < bytes.count, bytes[position] != 0x0A {
            let byte = bytes[position]
            position += 1
            if byte == quote { return String(decoding: text, as: UTF8.self) }
            if byte == UInt8(ascii: "\\"), position < bytes.count {
                text.append(bytes[position])
                position += 1
            } else {
                text.append(byte)
            }
        }
        throw SchemaDefinitionError(path: "line \(line)", "a text has no closing quote")
    }

    private mutating func skipBlanks() throws(SchemaDefinitionError) {
        while position < bytes.count {
            let byte = bytes[position]
            let following = position + 1 < bytes.count ? bytes[position + 1] : 0
            if byte == UInt8(ascii: "/") && following == UInt8(ascii: "/") {
                while position < bytes.count, bytes[position] != 0x0A { position += 1 }
            } else if byte == UInt8(ascii: "/") && following == UInt8(ascii: "*") {
                let start = line
                position += 2
                while position + 1 < bytes.count,
                    bytes[position] != UInt8(ascii: "*") || bytes[position + 1] != UInt8(ascii: "/")
                {
                    if bytes[position] == 0x0A { line += 1 }
                    position += 1
                }
                guard position + 1 < bytes.count else {
                    throw SchemaDefinitionError(path: "line \(start)", "a comment has no end")
                }
                position += 2
            } else if byte <= 0x20 {
                if byte == 0x0A { line += 1 }
                position += 1
            } else {
                return
            }
        }
    }
}
