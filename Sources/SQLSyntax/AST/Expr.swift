/// An expression as written.
public struct Expr: Hashable, Sendable {
    public var kind: ExprKind
    public var span: SourceSpan

    public init(_ kind: ExprKind, span: SourceSpan) {
        self.kind = kind
        self.span = span
    }
}

public indirect enum ExprKind: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// Digits as written, e.g. `12`, `1.5`, `2e10`.
    case number(String)
    case string(String)
    /// `X'0A1B'`.
    case bytes([UInt8])
    /// `INTERVAL '5' MINUTE`: the text and the unit, if one follows.
    case interval(String, unit: String?)
    /// `DATE '…'`, `TIMESTAMP '…'`, `TIME '…'` and other typed literals.
    case typed(TypeName, String)
    /// A name of one or more parts: column, table.column, or struct access the binder sorts out.
    case name([Identifier])
    /// `*` or `t.*` in a select list or `count(*)`.
    case star([Identifier])
    case unary(UnaryOperator, Expr)
    case binary(BinaryOperator, Expr, Expr)
    case isNull(Expr, negated: Bool)
    case isTruth(Expr, TruthTest, negated: Bool)
    case isDistinct(Expr, Expr, negated: Bool)
    case between(Expr, low: Expr, high: Expr, negated: Bool)
    case inList(Expr, [Expr], negated: Bool)
    case inQuery(Expr, Query, negated: Bool)
    case exists(Query)
    case like(Expr, pattern: Expr, escape: Expr?, LikeKind, negated: Bool)
    /// `x = ANY (query)`; the array form has `.array`.
    case quantified(Expr, BinaryOperator, Quantifier, QuantifiedOperand)
    case conditional(operand: Expr?, [CaseBranch], otherwise: Expr?)
    case cast(Expr, TypeName, isTry: Bool)
    case call(FunctionCallExpr)
    /// `expr.name` on anything but a plain name.
    case member(Expr, Identifier)
    case element(Expr, Expr)
    case slice(Expr, Expr?, Expr?)
    case array([Expr])
    case row([Expr])
    case subquery(Query)
    case extract(String, Expr)
    case atTimeZone(Expr, Expr)
}

public enum UnaryOperator: String, Hashable, Sendable {
    case negate = "-"
    case plus = "+"
    case not = "NOT"
    case bitwiseNot = "~"
}

public enum BinaryOperator: String, Hashable, Sendable {
    case or = "OR"
    case and = "AND"
    case equal = "="
    case notEqual = "<>"
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case remainder = "%"
    case concat = "||"
    case jsonGet = "->"
    case jsonText = "->>"
    case jsonContains = "?"
    case regexMatch = "~"
    case regexMatchInsensitive = "~*"
    case regexNotMatch = "!~"
    case regexNotMatchInsensitive = "!~*"
    case bitAnd = "&"
    case bitOr = "|"
    case bitXor = "#"
    case shiftLeft = "<<"
    case shiftRight = ">>"
    case contains = "@>"
    case containedBy = "<@"
}

public enum TruthTest: String, Hashable, Sendable {
    case isTrue = "TRUE"
    case isFalse = "FALSE"
    case isUnknown = "UNKNOWN"
}

public enum LikeKind: String, Hashable, Sendable {
    case like = "LIKE"
    case ilike = "ILIKE"
    case similarTo = "SIMILAR TO"
}

public enum Quantifier: String, Hashable, Sendable {
    case any = "ANY"
    case all = "ALL"
}

public indirect enum QuantifiedOperand: Hashable, Sendable {
    case query(Query)
    case array(Expr)
}

public struct CaseBranch: Hashable, Sendable {
    public var condition: Expr
    public var result: Expr

    public init(condition: Expr, result: Expr) {
        self.condition = condition
        self.result = result
    }
}

/// `name([DISTINCT] args [ORDER BY …]) [WITHIN GROUP (…)] [FILTER (WHERE …)] [OVER …]`.
public struct FunctionCallExpr: Hashable, Sendable {
    public var name: Identifier
    public var arguments: [Argument]
    public var isDistinct = false
    public var orderBy: [OrderItem] = []
    public var withinGroup: [OrderItem] = []
    public var filter: Expr?
    public var over: WindowReference?

    public struct Argument: Hashable, Sendable {
        /// `name => value`, or `value AS name` inside STRUCT.
        public var name: Identifier?
        public var value: Expr

        public init(name: Identifier? = nil, value: Expr) {
            self.name = name
            self.value = value
        }
    }

    public init(name: Identifier, arguments: [Argument]) {
        self.name = name
        self.arguments = arguments
    }
}

public struct OrderItem: Hashable, Sendable {
    public var expr: Expr
    public var isDescending: Bool
    public var nullsFirst: Bool?

    public init(expr: Expr, isDescending: Bool, nullsFirst: Bool?) {
        self.expr = expr
        self.isDescending = isDescending
        self.nullsFirst = nullsFirst
    }
}

/// What follows OVER.
public indirect enum WindowReference: Hashable, Sendable {
    case named(Identifier)
    case inline(WindowDefinition)
}

public struct WindowDefinition: Hashable, Sendable {
    /// A named window that this one extends.
    public var base: Identifier?
    public var partitionBy: [Expr] = []
    public var orderBy: [OrderItem] = []
    public var frame: FrameClause?

    public init() {}
}

public struct FrameClause: Hashable, Sendable {
    public enum Unit: String, Hashable, Sendable { case rows = "ROWS", range = "RANGE", groups = "GROUPS" }
    public indirect enum Bound: Hashable, Sendable {
        case unboundedPreceding
        case preceding(Expr)
        case currentRow
        case following(Expr)
        case unboundedFollowing
    }

    public var unit: Unit
    public var start: Bound
    public var end: Bound

    public init(unit: Unit, start: Bound, end: Bound) {
        self.unit = unit
        self.start = start
        self.end = end
    }
}
