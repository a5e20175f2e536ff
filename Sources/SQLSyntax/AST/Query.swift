/// A query: common table expressions, a body, and what applies to the whole.
public struct Query: Hashable, Sendable {
    public var isRecursive = false
    public var ctes: [CommonTableExpression] = []
    public var body: QueryBody
    public var orderBy: [OrderItem] = []
    public var limit: Expr?
    public var offset: Expr?
    public var span: SourceSpan

    public init(body: QueryBody, span: SourceSpan) {
        self.body = body
        self.span = span
    }
}

public struct CommonTableExpression: Hashable, Sendable {
    public var name: Identifier
    public var columns: [Identifier]
    public var query: Query

    public init(name: Identifier, columns: [Identifier], query: Query) {
        self.name = name
        self.columns = columns
        self.query = query
    }
}

public indirect enum QueryBody: Hashable, Sendable {
    case select(Select)
    case values([[Expr]], span: SourceSpan)
    case setOperation(SetOperator, isAll: Bool, QueryBody, QueryBody, span: SourceSpan)
    case nested(Query)
}

public enum SetOperator: String, Hashable, Sendable {
    case union = "UNION"
    case intersect = "INTERSECT"
    case except = "EXCEPT"
}

public struct Select: Hashable, Sendable {
    public var distinct: Distinct = .none
    public var items: [SelectItem] = []
    public var from: [TableReference] = []
    public var filter: Expr?
    public var groupBy: [GroupingElement] = []
    public var having: Expr?
    public var windows: [NamedWindow] = []
    public var qualify: Expr?
    public var span: SourceSpan

    public init(span: SourceSpan) { self.span = span }

    public enum Distinct: Hashable, Sendable {
        case none
        case all
        case on([Expr])
    }

    public struct NamedWindow: Hashable, Sendable {
        public var name: Identifier
        public var definition: WindowDefinition

        public init(name: Identifier, definition: WindowDefinition) {
            self.name = name
            self.definition = definition
        }
    }
}

public struct SelectItem: Hashable, Sendable {
    public var expr: Expr
    public var alias: Identifier?

    public init(expr: Expr, alias: Identifier?) {
        self.expr = expr
        self.alias = alias
    }
}

public indirect enum GroupingElement: Hashable, Sendable {
    case expr(Expr)
    case rollup([[Expr]])
    case cube([[Expr]])
    case sets([GroupingElement])
    /// `()` or `(a, b)` inside GROUPING SETS.
    case group([Expr])
}

/// Something in FROM.
public struct TableReference: Hashable, Sendable {
    public var kind: TableReferenceKind
    public var alias: TableAlias?
    public var span: SourceSpan

    public init(_ kind: TableReferenceKind, alias: TableAlias? = nil, span: SourceSpan) {
        self.kind = kind
        self.alias = alias
        self.span = span
    }
}

public struct TableAlias: Hashable, Sendable {
    public var name: Identifier
    public var columns: [Identifier]

    public init(name: Identifier, columns: [Identifier] = []) {
        self.name = name
        self.columns = columns
    }
}

public indirect enum TableReferenceKind: Hashable, Sendable {
    case table(QualifiedName, asOf: Expr?)
    case subquery(Query, isLateral: Bool)
    /// `f(…)` or `TABLE(f(TABLE t, DESCRIPTOR(ts), …))`.
    case function(TableFunction, isLateral: Bool)
    case unnest([Expr], withOrdinality: Bool)
    case join(TableReference, JoinOperator, TableReference, JoinCondition)
}

public struct TableFunction: Hashable, Sendable {
    public var name: Identifier
    public var arguments: [Argument]

    public struct Argument: Hashable, Sendable {
        public indirect enum Value: Hashable, Sendable {
            case expr(Expr)
            /// `TABLE t`.
            case table(QualifiedName)
            case query(Query)
            /// `DESCRIPTOR(a, b)`.
            case descriptor([Identifier])
        }

        public var name: Identifier?
        public var value: Value
        /// `TABLE t PARTITION BY a` or `PARTITION BY (a, b)`.
        public var partitionBy: [Identifier]
        public var span: SourceSpan

        public init(name: Identifier?, value: Value, partitionBy: [Identifier] = [], span: SourceSpan) {
            self.name = name
            self.value = value
            self.partitionBy = partitionBy
            self.span = span
        }
    }

    public init(name: Identifier, arguments: [Argument]) {
        self.name = name
        self.arguments = arguments
    }
}

public enum JoinOperator: String, Hashable, Sendable {
    case inner = "INNER JOIN"
    case left = "LEFT JOIN"
    case right = "RIGHT JOIN"
    case full = "FULL JOIN"
    case cross = "CROSS JOIN"
    case leftSemi = "LEFT SEMI JOIN"
    case leftAnti = "LEFT ANTI JOIN"
}

public indirect enum JoinCondition: Hashable, Sendable {
    case none
    case on(Expr)
    case using([Identifier])
    case natural
}
