import Columnar
import Expressions

/// Finds the equalities between the two sides among a join's conditions and makes them hash keys.
struct EquiJoinKeysRule: OptimizerRule {
    let name = "equi_join_keys"

    func apply(to plan: LogicalPlan, context: OptimizerContext) -> LogicalPlan {
        plan.rewritten { node in
            guard case .join(var join) = node, let residual = join.residual else { return node }
            let left = join.left.outputIDs
            let right = join.right.outputIDs
            var rest: [BoundExpression] = []
            let distinctness = residual.conjuncts.contains {
                if case .comparison(.isNotDistinctFrom, let a, let b) = $0 { return pair(a, b, left, right) != nil }
                return false
            }
            // One flag serves all keys: null-safe equalities are keys only where no plain one is.
            let hasPlain = residual.conjuncts.contains {
                if case .comparison(.equal, let a, let b) = $0 { return pair(a, b, left, right) != nil }
                return false
            }
            let nullSafe = join.nullsAreEqual || (distinctness && !hasPlain && join.keys.isEmpty)
            for conjunct in residual.conjuncts {
                guard case .comparison(let op, let a, let b) = conjunct, let key = pair(a, b, left, right),
                    op == (nullSafe ? .isNotDistinctFrom : .equal)
                else {
                    rest.append(conjunct)
                    continue
                }
                join.keys.append(key)
            }
            join.nullsAreEqual = nullSafe
            join.residual = BoundExpression.conjunction(rest)
            return .join(join)
        }
    }

    private func pair(
        _ a: BoundExpression, _ b: BoundExpression, _ left: Set<Int>, _ right: Set<Int>
    ) -> LogicalPlan.Join.KeyPair? {
        let inA = a.referencedColumns
        let inB = b.referencedColumns
        if inA.isEmpty || inB.isEmpty { return nil }
        if inA.isSubset(of: left) && inB.isSubset(of: right) { return .init(left: a, right: b) }
        if inA.isSubset(of: right) && inB.isSubset(of: left) { return .init(left: b, right: a) }
        return nil
    }
}
