/// A statement as written.
public struct Statement: Hashable, Sendable {
    public var kind: StatementKind
    public var span: SourceSpan

    public init(_ kind: StatementKind, span: SourceSpan) {
        self.kind = kind
        self.span = span
    }
}

public indirect enum StatementKind: Hashable, Sendable {
    case query(Query)
    case insert(QualifiedName, columns: [Identifier], Query)
    case createTable(CreateTable)
    case createView(QualifiedName, columns: [Identifier], Query, orReplace: Bool)
    case createFunction(CreateFunction)
    case set(String, Expr)
    case explain(ExplainKind, Statement)
    case drop(isView: Bool, QualifiedName, ifExists: Bool)
    case showTables
    case describe(QualifiedName)
}

public enum ExplainKind: String, Hashable, Sendable {
    case logical = "LOGICAL"
    case physical = "PHYSICAL"
    case graph = "GRAPH"
}

public struct CreateTable: Hashable, Sendable {
    public var name: QualifiedName
    public var isTemporary = false
    public var ifNotExists = false
    public var columns: [ColumnDefinition] = []
    public var watermark: WatermarkClause?
    public var primaryKey: [Identifier] = []
    public var options: [TableOption] = []
    /// Whether there is a WITH clause, even an empty one.
    public var hasOptions = false
    public var partitionedBy: [Expr] = []
    /// `AS SELECT …`.
    public var query: Query?

    public init(name: QualifiedName) { self.name = name }
}

public struct ColumnDefinition: Hashable, Sendable {
    public var name: Identifier
    public var type: TypeName
    public var isNotNull = false
    public var isPrimaryKey = false
    public var generated: Expr?
    public var metadataKey: String?
    public var span: SourceSpan

    public init(name: Identifier, type: TypeName, span: SourceSpan) {
        self.name = name
        self.type = type
        self.span = span
    }
}

public struct WatermarkClause: Hashable, Sendable {
    public var column: Identifier
    public var expr: Expr?
    public var span: SourceSpan

    public init(column: Identifier, expr: Expr?, span: SourceSpan) {
        self.column = column
        self.expr = expr
        self.span = span
    }
}

public struct TableOption: Hashable, Sendable {
    public var key: String
    public var value: Expr
    public var keySpan: SourceSpan

    public init(key: String, value: Expr, keySpan: SourceSpan) {
        self.key = key
        self.value = value
        self.keySpan = keySpan
    }
}

public struct CreateFunction: Hashable, Sendable {
    public var name: Identifier
    public var parameters: [TypeName.Member]
    public var returns: TypeName
    public var body: Expr

    public init(name: Identifier, parameters: [TypeName.Member], returns: TypeName, body: Expr) {
        self.name = name
        self.parameters = parameters
        self.returns = returns
        self.body = body
    }
}
