import Columnar
import Expressions

/// Gives all scans of one table the same struct types, so that one source can serve them all.
enum ScanUnification {
    /// The plans with the struct columns of each table widened to what any of its scans reads.
    static func unify(_ plans: [LogicalPlan]) -> [LogicalPlan] {
        var wanted: [Place: [Field]] = [:]
        for plan in plans {
            plan.visit { node in
                guard case .scan(let scan) = node else { return }
                for (position, column) in zip(scan.positions, scan.columns) {
                    guard let fields = column.type.structureFields else { continue }
                    let full = scan.table.physicalSchema[position].type.structureFields ?? fields
                    let place = Place(table: scan.table.name, position: position)
                    let names = Set((wanted[place] ?? []).map(\.name)).union(fields.map(\.name))
                    wanted[place] = full.filter { names.contains($0.name) }
                }
            }
        }
        return plans.map { widen($0, wanted) }
    }

    private struct Place: Hashable {
        var table: String
        var position: Int
    }

    private static func widen(_ plan: LogicalPlan, _ wanted: [Place: [Field]]) -> LogicalPlan {
        var changes: [Int: StructRetyping] = [:]
        plan.visit { node in
            guard case .scan(let scan) = node else { return }
            for (position, column) in zip(scan.positions, scan.columns) {
                guard let fields = column.type.structureFields,
                    let target = wanted[Place(table: scan.table.name, position: position)], target != fields
                else { continue }
                changes[column.id] = StructRetyping(from: fields, to: target)
            }
        }
        return StructRetyping.apply(changes, to: plan)
    }
}
