/// A piece of SQL text that means something on its own.
public struct Token: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// An unquoted word; `text` is its upper-case form.
        case word
        /// A quoted name; `text` is what stands between the quotes.
        case quotedName
        case number
        /// A string literal; `text` is its value.
        case string
        /// Hexadecimal digits of a bytes literal.
        case hexString
        /// An operator or a punctuation mark.
        case symbol
        case end
    }

    public var kind: Kind
    public var text: String
    public var span: SourceSpan

    public init(_ kind: Kind, _ text: String, span: SourceSpan) {
        self.kind = kind
        self.text = text
        self.span = span
    }

    /// How messages call the token.
    var description: String {
        switch kind {
        case .word, .symbol: "'\(text)'"
        case .quotedName: "\"\(text)\""
        case .number: "number \(text)"
        case .string: "string '\(text.prefix(40))'"
        case .hexString: "bytes X'\(text.prefix(40))'"
        case .end: "end of text"
        }
    }
}

/// How large a query may be.
public enum SyntaxLimits {
    /// Bytes of a text.
    public static let textBytesMax = 1 << 20
    public static let tokensMax = 200_000
    /// Bytes of a name.
    public static let nameBytesMax = 255
    /// How deep parentheses, sub-queries and types may nest.
    public static let nestingMax = 64
    /// How many operators may follow one another in one expression.
    public static let chainMax = 500
}
