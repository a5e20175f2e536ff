import Columnar
import Dataflow
import Expressions

/// Turns an outer join into a narrower one when a filter above rejects the rows that only the outer join adds.
struct OuterToInnerRule: OptimizerRule {
    let name: String

    init(pass: Int = 1) { name = pass == 1 ? "outer_to_inner" : "outer_to_inner_\(pass)" }

    func apply(to plan: LogicalPlan, context: OptimizerContext) -> LogicalPlan {
        plan.rewritten { node in
            guard case .filter(var filter) = node, case .join(var join) = filter.input else { return node }
            let left = join.left.outputIDs
            let right = join.right.outputIDs
            let conjuncts = filter.predicate.conjuncts
            let rejectsLeft = conjuncts.contains { NullRejection.rejects($0, nullsOf: left) }
            let rejectsRight = conjuncts.contains { NullRejection.rejects($0, nullsOf: right) }
            switch (join.kind, rejectsLeft, rejectsRight) {
            case (.left, _, true), (.right, true, _), (.full, true, true): join.kind = .inner
            case (.full, true, false): join.kind = .left
            case (.full, false, true): join.kind = .right
            default: return node
            }
            filter.input = .join(join)
            return .filter(filter)
        }
    }
}

/// Decides whether a predicate can be true when some columns are all null.
enum NullRejection {
    /// True when the predicate is certainly not true for rows whose columns `ids` are all null.
    static func rejects(_ predicate: BoundExpression, nullsOf ids: Set<Int>) -> Bool {
        switch predicate {
        case .and(let operands): operands.contains { rejects($0, nullsOf: ids) }
        case .or(let operands): operands.allSatisfy { rejects($0, nullsOf: ids) }
        case .comparison(let op, let left, let right)
        where op != .isDistinctFrom && op != .isNotDistinctFrom:
            isNull(left, ids) || isNull(right, ids)
        case .not(.isNull(let operand)): isNull(operand, ids)
        case .isTruth(let operand, .isTrue, negated: false): rejects(operand, nullsOf: ids)
        case .inList(let operand, _, _): isNull(operand, ids)
        case .column(let reference): ids.contains(reference.index)
        case .not(let operand): isNull(operand, ids)
        default: false
        }
    }

    /// True when the expression is certainly null if the columns `ids` are.
    private static func isNull(_ expression: BoundExpression, _ ids: Set<Int>) -> Bool {
        switch expression {
        case .column(let reference): ids.contains(reference.index)
        case .literal(let value): value.isNull
        case .cast(let operand, _, _), .negate(let operand), .member(let operand, _, _, _), .not(let operand):
            isNull(operand, ids)
        case .arithmetic(_, let left, let right, _): isNull(left, ids) || isNull(right, ids)
        case .comparison(let op, let left, let right) where op != .isDistinctFrom && op != .isNotDistinctFrom:
            isNull(left, ids) || isNull(right, ids)
        default: false
        }
    }
}
