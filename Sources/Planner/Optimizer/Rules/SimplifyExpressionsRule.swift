import Columnar
import Expressions

/// Folds constants, flattens AND and OR, and drops conditions that are always true.
struct SimplifyExpressionsRule: OptimizerRule {
    let name = "simplify_expressions"

    func apply(to plan: LogicalPlan, context: OptimizerContext) -> LogicalPlan {
        plan.rewritten { node in
            let simplified = node.mapExpressions { simplify($0, context: context) }
            if case .filter(let filter) = simplified {
                if case .literal(let value) = filter.predicate {
                    if value.booleanValue == true { return filter.input }
                    return .values(.init(columns: filter.input.outputs, rows: []))
                }
            }
            return simplified
        }
    }

    func simplify(_ expression: BoundExpression, context: OptimizerContext) -> BoundExpression {
        expression.rewritten { node in
            let folded =
                node.children.allSatisfy(\.isLiteral) ? ConstantFolding.fold(node, registry: context.registry) : node
            return reduce(folded)
        }
    }

    private func reduce(_ node: BoundExpression) -> BoundExpression {
        switch node {
        case .and(let operands): junction(operands, absorbing: false) { .and($0) }
        case .or(let operands): junction(operands, absorbing: true) { .or($0) }
        case .not(.not(let operand)): operand
        case .not(.comparison(let op, let left, let right)): .comparison(op.negated, left, right)
        case .cast(let operand, let type, _) where operand.type == type: operand
        case .isNull(let operand) where !operand.isNullable: .literal(.boolean(false))
        case .conditional(let branches, let otherwise, let type): conditional(branches, otherwise, type)
        default: node
        }
    }

    /// Flattens a junction; `absorbing` is the constant that decides it. A constant that decides is only used when it
    /// stands first, as operands before it might fail.
    private func junction(
        _ operands: [BoundExpression], absorbing: Bool, _ make: ([BoundExpression]) -> BoundExpression
    ) -> BoundExpression {
        var flat: [BoundExpression] = []
        for operand in operands {
            switch (operand, absorbing) {
            case (.and(let inner), false), (.or(let inner), true): flat += inner
            default: flat.append(operand)
            }
        }
        flat.removeAll { $0 == .literal(.boolean(!absorbing)) }
        if flat.first == .literal(.boolean(absorbing)) { return .literal(.boolean(absorbing)) }
        var seen: Set<BoundExpression> = []
        flat = flat.filter { seen.insert($0).inserted }
        switch flat.count {
        case 0: return .literal(.boolean(!absorbing))
        case 1: return flat[0]
        default: return make(flat)
        }
    }

    private func conditional(
        _ branches: [BoundExpression.Branch], _ otherwise: BoundExpression?, _ type: DataType
    ) -> BoundExpression {
        var kept: [BoundExpression.Branch] = []
        for branch in branches {
            if case .literal(let value) = branch.condition {
                if value.booleanValue != true { continue }
                if kept.isEmpty { return branch.result }
                return .conditional(kept, otherwise: branch.result, type: type)
            }
            kept.append(branch)
        }
        if kept.isEmpty { return otherwise ?? .literal(.null(type)) }
        return .conditional(kept, otherwise: otherwise, type: type)
    }
}
