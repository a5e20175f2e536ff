import Expressions

/// Makes one projection of two and drops those that change nothing.
struct MergeProjectionsRule: OptimizerRule {
    let name: String

    init(pass: Int = 1) { name = pass == 1 ? "merge_projections" : "merge_projections_\(pass)" }

    func apply(to plan: LogicalPlan, context: OptimizerContext) -> LogicalPlan {
        plan.rewritten { node in
            guard case .project(var outer) = node else { return node }
            if case .project(let inner) = outer.input, canMerge(outer, inner, context) {
                let expressions = Dictionary(
                    inner.columns.map { ($0.column.id, $0.expression) }, uniquingKeysWith: { first, _ in first })
                outer.columns = outer.columns.map {
                    ComputedColumn($0.column, $0.expression.substituting(expressions))
                }
                outer.input = inner.input
            }
            let isIdentity =
                outer.columns.allSatisfy(\.isPassThrough)
                && outer.columns.map(\.column.id) == outer.input.outputs.map(\.id)
            return isIdentity ? outer.input : .project(outer)
        }
    }

    /// Merging must not compute anything twice nor move random values.
    private func canMerge(
        _ outer: LogicalPlan.Project, _ inner: LogicalPlan.Project, _ context: OptimizerContext
    ) -> Bool {
        var uses: [Int: Int] = [:]
        for column in outer.columns {
            column.expression.visit { if case .column(let reference) = $0 { uses[reference.index, default: 0] += 1 } }
        }
        return inner.columns.allSatisfy { column in
            switch column.expression {
            case .column, .literal, .member(.column, _, _, _): true
            default: uses[column.column.id, default: 0] <= 1 && context.isDeterministic(column.expression)
            }
        }
    }
}
