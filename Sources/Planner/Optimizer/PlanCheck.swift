import Columnar
import Expressions

/// Checks that a plan makes sense: debug builds run it after every rule.
enum PlanCheck {
    /// The first thing wrong with the plan; nil when nothing is.
    static func problem(in plan: LogicalPlan) -> String? {
        for child in plan.children {
            if let problem = problem(in: child) { return problem }
        }
        let added = if case .lookup(let node) = plan { node.columns } else { [PlanColumn]() }
        let visible = Dictionary(
            (plan.children.flatMap(\.outputs) + added).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for expression in plan.expressions {
            var missing: String?
            expression.visit { node in
                guard case .column(let reference) = node else { return }
                guard let column = visible[reference.index] else {
                    missing = "column \(reference.name)#\(reference.index) is not produced below"
                    return
                }
                if column.type != reference.type {
                    missing =
                        "column \(reference.name)#\(reference.index) is \(column.type.sqlName), "
                        + "read as \(reference.type.sqlName)"
                }
            }
            if let missing { return missing }
        }
        return shapeProblem(in: plan)
    }

    private static func shapeProblem(in plan: LogicalPlan) -> String? {
        switch plan {
        case .filter(let node) where node.predicate.type != .boolean && node.predicate.type != .null:
            return "a filter by \(node.predicate.type.sqlName)"
        case .project(let node):
            for column in node.columns where column.column.type != column.expression.type {
                return "\(column.column.name) is \(column.column.type.sqlName), computed as "
                    + column.expression.type.sqlName
            }
            return nil
        case .union(let node):
            for input in node.inputs where input.outputs.map(\.type) != node.columns.map(\.type) {
                return "a union of different types"
            }
            return nil
        default: return nil
        }
    }
}
