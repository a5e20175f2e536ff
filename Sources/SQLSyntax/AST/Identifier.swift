/// A name as written. Unquoted names mean their lower-case form.
public struct Identifier: Hashable, Sendable {
    /// The name after case folding.
    public var name: String
    public var isQuoted: Bool
    public var span: SourceSpan

    public init(_ name: String, isQuoted: Bool = false, span: SourceSpan = SourceSpan(0, 0)) {
        self.name = name
        self.isQuoted = isQuoted
        self.span = span
    }

    public static func == (left: Identifier, right: Identifier) -> Bool { left.name == right.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// A possibly qualified name: `schema.table` or `table`.
public struct QualifiedName: Hashable, Sendable {
    public var parts: [Identifier]
    public var span: SourceSpan

    public init(parts: [Identifier], span: SourceSpan) {
        self.parts = parts
        self.span = span
    }

    /// The last part.
    public var name: String { parts.last?.name ?? "" }
    /// All parts with dots between.
    public var description: String { parts.map(\.name).joined(separator: ".") }
}

/// A type as written.
public struct TypeName: Hashable, Sendable {
    public indirect enum Kind: Hashable, Sendable {
        /// An upper-case SQL name such as `BIGINT UNSIGNED` or `TIMESTAMP WITH TIME ZONE`, with its numbers.
        case named(String, arguments: [Int])
        case array(TypeName)
        case structure([Member])
        case map(TypeName, TypeName)
    }

    public struct Member: Hashable, Sendable {
        public var name: Identifier
        public var type: TypeName

        public init(name: Identifier, type: TypeName) {
            self.name = name
            self.type = type
        }
    }

    public var kind: Kind
    public var span: SourceSpan

    public init(_ kind: Kind, span: SourceSpan) {
        self.kind = kind
        self.span = span
    }
}
