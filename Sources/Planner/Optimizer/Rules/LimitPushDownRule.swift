/// Moves limits into sorts (which then keep only the first rows), through projections and into unions.
struct LimitPushDownRule: OptimizerRule {
    let name = "limit_push_down"

    func apply(to plan: LogicalPlan, context: OptimizerContext) -> LogicalPlan {
        plan.rewritten { node in
            guard case .limit(let limit) = node else { return node }
            return push(limit)
        }
    }

    private func push(_ limit: LogicalPlan.Limit) -> LogicalPlan {
        switch limit.input {
        case .sort(var sort) where sort.limit == nil && sort.offset == 0:
            sort.limit = limit.limit
            sort.offset = limit.offset
            return .sort(sort)
        case .project(var project):
            var inner = limit
            inner.input = project.input
            project.input = push(inner)
            return .project(project)
        case .union(var union):
            guard let count = limit.limit, !union.inputs.contains(where: isLimit) else { return .limit(limit) }
            let (total, overflow) = count.addingReportingOverflow(limit.offset)
            if overflow { return .limit(limit) }
            union.inputs = union.inputs.map { .limit(.init(input: $0, offset: 0, limit: total)) }
            var outer = limit
            outer.input = .union(union)
            return .limit(outer)
        default: return .limit(limit)
        }
    }

    private func isLimit(_ plan: LogicalPlan) -> Bool {
        if case .limit = plan { true } else { false }
    }
}
