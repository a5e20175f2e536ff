import Columnar
import Expressions

/// Cuts struct columns of scans down to the members that are read, so that decoders skip the others.
struct NarrowStructsRule: OptimizerRule {
    let name = "narrow_structs"

    func apply(to plan: LogicalPlan, context: OptimizerContext) -> LogicalPlan {
        var structs: [Int: [Field]] = [:]
        plan.visit { node in
            guard case .scan(let scan) = node else { return }
            for column in scan.columns {
                if let fields = column.type.structureFields { structs[column.id] = fields }
            }
        }
        if structs.isEmpty { return plan }
        var uses = MemberUses(candidates: Set(structs.keys))
        uses.wholes.formUnion(plan.outputIDs)
        plan.visit { node in
            if case .project(let project) = node {
                // A column passed on under its own id is read by whoever reads it above.
                for column in project.columns where !column.isPassThrough { uses.record(column.expression) }
            } else {
                for expression in node.expressions { uses.record(expression) }
            }
            // Anything that hands the column on by position reads all of it.
            if case .union(let union) = node { for input in union.inputs { uses.wholes.formUnion(input.outputIDs) } }
        }
        var changes: [Int: StructRetyping] = [:]
        for (id, fields) in structs where !uses.wholes.contains(id) {
            let members = uses.members[id, default: []].sorted()
            if members.count == fields.count { continue }
            changes[id] = StructRetyping(from: fields, to: members.map { fields[$0] })
        }
        return StructRetyping.apply(changes, to: plan)
    }

    /// Which members of which struct columns are read, and which columns are read whole.
    private struct MemberUses {
        let candidates: Set<Int>
        var members: [Int: Set<Int>] = [:]
        var wholes: Set<Int> = []

        init(candidates: Set<Int>) { self.candidates = candidates }

        mutating func record(_ expression: BoundExpression) {
            switch expression {
            case .member(.column(let reference), let index, _, _) where candidates.contains(reference.index):
                members[reference.index, default: []].insert(index)
            case .isNull(.column(let reference)) where candidates.contains(reference.index):
                members[reference.index, default: []].formUnion([])
            case .column(let reference): wholes.insert(reference.index)
            default: for child in expression.children { record(child) }
            }
        }
    }
}
