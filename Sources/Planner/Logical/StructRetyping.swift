import Columnar
import Expressions

/// A struct column's change to other members of the same names, applied to every expression that reads it.
struct StructRetyping {
    let type: DataType
    private let newIndex: [Int: Int]

    /// Members of `from` that are read must be among those of `to`.
    init(from: [Field], to: [Field]) {
        type = .structure(to)
        var mapping: [Int: Int] = [:]
        for (index, field) in from.enumerated() { mapping[index] = to.firstIndex { $0.name == field.name } }
        newIndex = mapping
    }

    /// The plan with the columns in `changes` (by id) retyped wherever they are produced, passed on or read.
    static func apply(_ changes: [Int: StructRetyping], to plan: LogicalPlan) -> LogicalPlan {
        if changes.isEmpty { return plan }
        return plan.rewritten { node in
            retype(node.mapExpressions { rewrite($0, changes) }, changes)
        }
    }

    private static func rewrite(_ expression: BoundExpression, _ changes: [Int: StructRetyping]) -> BoundExpression {
        expression.rewritten { part in
            switch part {
            case .column(var reference):
                guard let change = changes[reference.index] else { return part }
                reference.type = change.type
                return .column(reference)
            case .member(.column(let reference), let index, let name, let type):
                guard let change = changes[reference.index] else { return part }
                return .member(.column(reference), index: change.newIndex[index] ?? index, name: name, type: type)
            default: return part
            }
        }
    }

    /// Columns that only pass through carry the new type as well.
    private static func retype(_ node: LogicalPlan, _ changes: [Int: StructRetyping]) -> LogicalPlan {
        switch node {
        case .scan(var scan):
            scan.columns = scan.columns.map { retype($0, changes) }
            return .scan(scan)
        case .project(var project):
            project.columns = project.columns.map { ComputedColumn(retype($0.column, changes), $0.expression) }
            return .project(project)
        default: return node
        }
    }

    private static func retype(_ column: PlanColumn, _ changes: [Int: StructRetyping]) -> PlanColumn {
        guard let change = changes[column.id] else { return column }
        var column = column
        column.type = change.type
        return column
    }
}
