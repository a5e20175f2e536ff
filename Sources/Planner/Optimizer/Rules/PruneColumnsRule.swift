import Dataflow
import Expressions

/// Drops columns nobody above reads, down to the fields a source decodes; watermarks go where no event time is read.
struct PruneColumnsRule: OptimizerRule {
    let name = "prune_columns"

    func apply(to plan: LogicalPlan, context: OptimizerContext) -> LogicalPlan {
        prune(plan, keeping: plan.outputIDs)
    }

    private func prune(_ plan: LogicalPlan, keeping needed: Set<Int>) -> LogicalPlan {
        switch plan {
        case .scan(var node):
            let kept = node.columns.indices.filter { needed.contains(node.columns[$0].id) }
            node.positions = kept.map { node.positions[$0] }
            node.columns = kept.map { node.columns[$0] }
            return .scan(node)
        case .values(var node):
            let kept = node.columns.indices.filter { needed.contains(node.columns[$0].id) }
            node.rows = node.rows.map { row in kept.map { row[$0] } }
            node.columns = kept.map { node.columns[$0] }
            return .values(node)
        case .watermark(var node):
            if !needed.contains(node.output.id) { return prune(node.input, keeping: needed) }
            node.input = prune(node.input, keeping: needed.union(reads(plan)))
            return .watermark(node)
        case .project(var node):
            node.columns = node.columns.filter { needed.contains($0.column.id) }
            let read = node.columns.reduce(into: Set<Int>()) { $0.formUnion($1.expression.referencedColumns) }
            node.input = prune(node.input, keeping: read)
            return .project(node)
        case .aggregate(var node):
            node.aggregates = node.aggregates.filter { needed.contains($0.column.id) }
            node.input = prune(node.input, keeping: reads(.aggregate(node)))
            return .aggregate(node)
        case .union(var node):
            let kept = node.columns.indices.filter { needed.contains(node.columns[$0].id) }
            node.columns = kept.map { node.columns[$0] }
            node.inputs = node.inputs.map { projected($0, onto: kept) }
            return .union(node)
        case .unnest(var node):
            node.input = prune(node.input, keeping: needed.union(reads(plan)))
            return .unnest(node)
        case .lookup(var node):
            let read = needed.union(node.residual?.referencedColumns ?? [])
            let kept = node.columns.indices.filter { read.contains(node.columns[$0].id) }
            node.positions = kept.map { node.positions[$0] }
            node.columns = kept.map { node.columns[$0] }
            let own = Set(node.columns.map(\.id))
            node.input = prune(node.input, keeping: needed.union(reads(.lookup(node))).subtracting(own))
            return .lookup(node)
        case .over(var node):
            node.calls = node.calls.filter { needed.contains($0.column.id) }
            if node.calls.isEmpty { return prune(node.input, keeping: needed) }
            node.input = prune(node.input, keeping: needed.union(reads(.over(node))))
            return .over(node)
        case .filter, .join, .sort, .limit:
            let all = needed.union(reads(plan))
            return plan.replacingChildren(plan.children.map { prune($0, keeping: all.intersection($0.outputIDs)) })
        }
    }

    private func reads(_ plan: LogicalPlan) -> Set<Int> {
        plan.expressions.reduce(into: Set<Int>()) { $0.formUnion($1.referencedColumns) }
    }

    /// A union matches by position, so every input gives exactly the columns kept, in order.
    private func projected(_ input: LogicalPlan, onto kept: [Int]) -> LogicalPlan {
        let outputs = input.outputs
        let columns = kept.map { outputs[$0] }
        let pruned = prune(input, keeping: Set(columns.map(\.id)))
        if pruned.outputs.map(\.id) == columns.map(\.id) { return pruned }
        return .project(.init(input: pruned, columns: columns.map { .passing($0) }))
    }
}
