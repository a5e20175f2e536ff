import Columnar

/// A typed expression whose names are resolved: what the binder makes, the optimizer rewrites and
/// `CompiledExpression` runs.
///
/// Operand types already agree: casts are explicit nodes. In logical plans `column` carries the plan-wide unique id of
/// a column; the physical planner replaces it by the position in the operator's input.
public indirect enum BoundExpression: Hashable, Sendable, Codable {
    case literal(ScalarValue)
    case column(ColumnReference)
    case arithmetic(ArithmeticOperator, BoundExpression, BoundExpression, type: DataType)
    case negate(BoundExpression)
    case comparison(ComparisonOperator, BoundExpression, BoundExpression)
    /// At least two operands; evaluated left to right, a row decided by an earlier one is not computed by a later.
    case and([BoundExpression])
    case or([BoundExpression])
    case not(BoundExpression)
    case isNull(BoundExpression)
    /// `IS [NOT] TRUE` and its kin: never null.
    case isTruth(BoundExpression, Truth, negated: Bool)
    case cast(BoundExpression, to: DataType, isTry: Bool)
    /// Searched CASE: the first true condition gives the result; `otherwise` nil means NULL.
    case conditional([Branch], otherwise: BoundExpression?, type: DataType)
    /// The first argument that is not null; later ones are computed only for rows that need them.
    case coalesce([BoundExpression], type: DataType)
    /// `IN` over constants of the operand's type.
    case inList(BoundExpression, [ScalarValue], negated: Bool)
    /// A struct's member by position.
    case member(BoundExpression, index: Int, name: String, type: DataType)
    /// A scalar function of the registry, by its canonical name.
    case call(FunctionCall)

    /// A reference to an input column.
    public struct ColumnReference: Hashable, Sendable, Codable {
        /// The unique id (logical plans) or the position in the input (physical plans).
        public var index: Int
        public var name: String
        public var type: DataType
        public var isNullable: Bool

        public init(index: Int, name: String, type: DataType, isNullable: Bool = true) {
            self.index = index
            self.name = name
            self.type = type
            self.isNullable = isNullable
        }
    }

    public struct Branch: Hashable, Sendable, Codable {
        public var condition: BoundExpression
        public var result: BoundExpression

        public init(condition: BoundExpression, result: BoundExpression) {
            self.condition = condition
            self.result = result
        }
    }

    public struct FunctionCall: Hashable, Sendable, Codable {
        public var name: String
        public var arguments: [BoundExpression]
        public var type: DataType

        public init(name: String, arguments: [BoundExpression], type: DataType) {
            self.name = name
            self.arguments = arguments
            self.type = type
        }
    }

    public enum Truth: String, Hashable, Sendable, Codable {
        case isTrue = "TRUE"
        case isFalse = "FALSE"
        case isUnknown = "UNKNOWN"
    }
}

extension BoundExpression {
    /// The type of the value.
    public var type: DataType {
        switch self {
        case .literal(let value): value.type
        case .column(let reference): reference.type
        case .arithmetic(_, _, _, let type), .conditional(_, _, let type), .coalesce(_, let type): type
        case .negate(let operand): operand.type
        case .comparison, .and, .or, .not, .isNull, .isTruth, .inList: .boolean
        case .cast(_, let type, _): type
        case .member(_, _, _, let type): type
        case .call(let call): call.type
        }
    }

    /// Whether the value can be null, as far as the shape tells; true when in doubt.
    public var isNullable: Bool {
        switch self {
        case .literal(let value): value.isNull
        case .column(let reference): reference.isNullable
        case .isNull, .isTruth: false
        case .arithmetic(_, let left, let right, _): left.isNullable || right.isNullable
        case .comparison(.isDistinctFrom, _, _), .comparison(.isNotDistinctFrom, _, _): false
        case .comparison(_, let left, let right): left.isNullable || right.isNullable
        case .and(let operands), .or(let operands): operands.contains { $0.isNullable }
        case .not(let operand), .negate(let operand): operand.isNullable
        case .cast(let operand, _, let isTry): isTry || operand.isNullable
        case .coalesce(let operands, _): operands.allSatisfy { $0.isNullable }
        case .inList(let operand, let list, _): operand.isNullable || list.contains { $0.isNull }
        case .conditional(let branches, let otherwise, _):
            branches.contains { $0.result.isNullable } || otherwise?.isNullable ?? true
        case .member, .call: true
        }
    }

    /// The direct operands in evaluation order.
    public var children: [BoundExpression] {
        switch self {
        case .literal, .column: []
        case .arithmetic(_, let left, let right, _), .comparison(_, let left, let right): [left, right]
        case .negate(let operand), .not(let operand), .isNull(let operand), .isTruth(let operand, _, _),
            .cast(let operand, _, _), .inList(let operand, _, _), .member(let operand, _, _, _):
            [operand]
        case .and(let operands), .or(let operands), .coalesce(let operands, _): operands
        case .conditional(let branches, let otherwise, _):
            branches.flatMap { [$0.condition, $0.result] } + (otherwise.map { [$0] } ?? [])
        case .call(let call): call.arguments
        }
    }

    /// The same node over other operands, which must be as many as `children`.
    public func replacingChildren(_ new: [BoundExpression]) -> BoundExpression {
        precondition(new.count == children.count, "replacing \(children.count) operands by \(new.count)")
        switch self {
        case .literal, .column: return self
        case .arithmetic(let op, _, _, let type): return .arithmetic(op, new[0], new[1], type: type)
        case .comparison(let op, _, _): return .comparison(op, new[0], new[1])
        case .negate: return .negate(new[0])
        case .not: return .not(new[0])
        case .isNull: return .isNull(new[0])
        case .isTruth(_, let truth, let negated): return .isTruth(new[0], truth, negated: negated)
        case .cast(_, let type, let isTry): return .cast(new[0], to: type, isTry: isTry)
        case .inList(_, let list, let negated): return .inList(new[0], list, negated: negated)
        case .member(_, let index, let name, let type):
            return .member(new[0], index: index, name: name, type: type)
        case .and: return .and(new)
        case .or: return .or(new)
        case .coalesce(_, let type): return .coalesce(new, type: type)
        case .conditional(let branches, let otherwise, let type):
            let pairs = branches.indices.map { Branch(condition: new[2 * $0], result: new[2 * $0 + 1]) }
            return .conditional(pairs, otherwise: otherwise == nil ? nil : new[new.count - 1], type: type)
        case .call(let call):
            return .call(FunctionCall(name: call.name, arguments: new, type: call.type))
        }
    }

    /// Rewrites bottom-up: `transform` sees each node after its operands were rewritten.
    public func rewritten(_ transform: (BoundExpression) throws -> BoundExpression) rethrows -> BoundExpression {
        let operands = children
        if operands.isEmpty { return try transform(self) }
        return try transform(replacingChildren(operands.map { try $0.rewritten(transform) }))
    }

    /// Visits this node and all below it, parents first.
    public func visit(_ body: (BoundExpression) -> Void) {
        body(self)
        for child in children { child.visit(body) }
    }

    /// The `index` of every column the expression reads.
    public var referencedColumns: Set<Int> {
        var found: Set<Int> = []
        visit { if case .column(let reference) = $0 { found.insert(reference.index) } }
        return found
    }

    public var isLiteral: Bool {
        if case .literal = self { true } else { false }
    }
}
