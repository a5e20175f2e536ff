import Dataflow
import Expressions

/// Moves the conjuncts of filters as far down as they mean the same: through projections, joins, unions, sorts,
/// aggregates by key, and windows. They stay above watermarks, which must see every row, and above limits.
struct FilterPushDownRule: OptimizerRule {
    let name: String

    init(pass: Int = 1) { name = pass == 1 ? "filter_push_down" : "filter_push_down_\(pass)" }

    func apply(to plan: LogicalPlan, context: OptimizerContext) -> LogicalPlan {
        push([], into: plan, context)
    }

    /// The plan with `predicates`, which are over its outputs, applied as deep as possible.
    private func push(
        _ predicates: [BoundExpression], into plan: LogicalPlan, _ context: OptimizerContext
    ) -> LogicalPlan {
        switch plan {
        case .filter(let node):
            return push(node.predicate.conjuncts + predicates, into: node.input, context)
        case .project(let node): return throughProject(predicates, node, context)
        case .join(let node): return throughJoin(predicates, node, context)
        case .aggregate(let node): return throughAggregate(predicates, node, context)
        case .union(var node):
            node.inputs = node.inputs.map { input in
                let renaming = Dictionary(
                    zip(node.columns.map(\.id), input.outputs.map(\.expression)),
                    uniquingKeysWith: { first, _ in first })
                return push(predicates.map { $0.substituting(renaming) }, into: input, context)
            }
            return .union(node)
        case .sort(var node) where node.limit == nil && node.offset == 0:
            node.input = push(predicates, into: node.input, context)
            return .sort(node)
        case .unnest(var node):
            let (below, above) = split(predicates, within: node.input.outputIDs, context)
            node.input = push(below, into: node.input, context)
            return filtered(.unnest(node), above)
        case .lookup(var node):
            let (below, above) = split(predicates, within: node.input.outputIDs, context)
            node.input = push(below, into: node.input, context)
            return filtered(.lookup(node), above)
        case .over(var node):
            // Dropping a whole partition changes no other; only conditions on the partition's keys do that.
            let keys = Set(node.partitionBy.compactMap { if case .column(let key) = $0 { key.index } else { nil } })
            let (below, above) = split(predicates, within: keys, context)
            node.input = push(below, into: node.input, context)
            return filtered(.over(node), above)
        case .scan, .values, .watermark, .sort, .limit:
            return filtered(plan.replacingChildren(plan.children.map { push([], into: $0, context) }), predicates)
        }
    }

    private func filtered(_ plan: LogicalPlan, _ predicates: [BoundExpression]) -> LogicalPlan {
        guard let predicate = BoundExpression.conjunction(predicates) else { return plan }
        return .filter(.init(input: plan, predicate: predicate))
    }

    /// Splits predicates into those that read only `ids` and the rest. What can fail or is random stays above, unless
    /// the rows it sees are the same.
    private func split(
        _ predicates: [BoundExpression], within ids: Set<Int>, _ context: OptimizerContext
    ) -> (below: [BoundExpression], above: [BoundExpression]) {
        var below: [BoundExpression] = []
        var above: [BoundExpression] = []
        for predicate in predicates {
            let moves =
                predicate.referencedColumns.isSubset(of: ids) && context.isDeterministic(predicate)
                && !context.canFail(predicate)
            if moves { below.append(predicate) } else { above.append(predicate) }
        }
        return (below, above)
    }

    private func throughProject(
        _ predicates: [BoundExpression], _ node: LogicalPlan.Project, _ context: OptimizerContext
    ) -> LogicalPlan {
        var node = node
        let expressions = Dictionary(
            node.columns.map { ($0.column.id, $0.expression) }, uniquingKeysWith: { first, _ in first })
        var below: [BoundExpression] = []
        var above: [BoundExpression] = []
        for predicate in predicates {
            let used = predicate.referencedColumns.compactMap { expressions[$0] }
            // A projection sees the same rows as the filter below it would, so failing work may move too, as long
            // as it is not done twice: only cheap or once-used expressions are substituted.
            let moves = used.allSatisfy { context.isDeterministic($0) } && context.isDeterministic(predicate)
            if moves { below.append(predicate.substituting(expressions)) } else { above.append(predicate) }
        }
        node.input = push(below, into: node.input, context)
        return filtered(.project(node), above)
    }

    private func throughJoin(
        _ predicates: [BoundExpression], _ node: LogicalPlan.Join, _ context: OptimizerContext
    ) -> LogicalPlan {
        var node = node
        let leftIDs = node.left.outputIDs
        let rightIDs = node.right.outputIDs
        // Above an outer join a condition may only go to the side whose rows all survive.
        let leftOpen: Bool
        let rightOpen: Bool
        switch node.kind {
        case .inner: (leftOpen, rightOpen) = (true, true)
        case .left, .leftSemi, .leftAnti, .nullAwareAnti, .leftSingle, .mark: (leftOpen, rightOpen) = (true, false)
        case .right: (leftOpen, rightOpen) = (false, true)
        case .full: (leftOpen, rightOpen) = (false, false)
        }
        // Which version is valid is decided among all of them.
        let isTemporal = node.versions != nil
        let (toLeft, rest) = leftOpen ? split(predicates, within: leftIDs, context) : ([], predicates)
        var (toRight, above) = rightOpen && !isTemporal ? split(rest, within: rightIDs, context) : ([], rest)
        var leftPredicates = toLeft

        // The join's own condition: a side that is not preserved may be filtered before the join.
        var residual = node.residual?.conjuncts ?? []
        if node.kind == .inner {
            let joinable = above.filter { !context.canFail($0) && context.isDeterministic($0) }
            above.removeAll { joinable.contains($0) }
            residual += joinable
        }
        if [.inner, .left, .leftSemi, .leftAnti, .leftSingle, .mark].contains(node.kind) && !isTemporal {
            let (fromCondition, others) = split(residual, within: rightIDs, context)
            toRight += fromCondition
            residual = others
        }
        if [.inner, .right, .leftSemi].contains(node.kind) {
            let (fromCondition, others) = split(residual, within: leftIDs, context)
            leftPredicates += fromCondition
            residual = others
        }
        node.residual = BoundExpression.conjunction(residual)
        node.left = push(leftPredicates, into: node.left, context)
        node.right = push(toRight, into: node.right, context)
        return filtered(.join(node), above)
    }

    private func throughAggregate(
        _ predicates: [BoundExpression], _ node: LogicalPlan.Aggregate, _ context: OptimizerContext
    ) -> LogicalPlan {
        var node = node
        var keys: [Int: BoundExpression] = [:]
        for key in node.keys { keys[key.column.id] = key.expression }
        // Without keys there is one row even of nothing: a condition below would not remove it.
        let (below, above) =
            node.keys.isEmpty ? ([], predicates) : split(predicates, within: Set(keys.keys), context)
        node.input = push(below.map { $0.substituting(keys) }, into: node.input, context)
        return filtered(.aggregate(node), above)
    }
}
