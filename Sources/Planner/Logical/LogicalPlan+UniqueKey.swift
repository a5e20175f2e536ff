import Dataflow
import Expressions

extension LogicalPlan {
    /// Ids of columns no two rows agree in, at any time; empty where there is at most one row, nil where nothing is
    /// known.
    var uniqueKey: Set<Int>? {
        switch self {
        case .scan(let scan):
            let declared = scan.table.columns.filter(\.isPrimaryKey).map(\.field.name)
            let ids = scan.columns.filter { declared.contains($0.name) }.map(\.id)
            return declared.isEmpty || ids.count < declared.count ? nil : Set(ids)
        case .aggregate(let node): return node.window == nil ? Set(node.keys.map(\.column.id)) : nil
        case .project(let node):
            guard let below = node.input.uniqueKey else { return nil }
            let kept = below.compactMap { id in
                node.columns.first { column in
                    if case .column(let reference) = column.expression { reference.index == id } else { false }
                }?.column.id
            }
            return kept.count == below.count ? Set(kept) : nil
        case .join(let node):
            switch node.kind {
            case .leftSemi, .leftAnti, .nullAwareAnti, .mark, .leftSingle: return node.left.uniqueKey
            case .inner, .left, .right, .full:
                guard let left = node.left.uniqueKey, let right = node.right.uniqueKey else { return nil }
                return left.union(right)
            }
        case .filter, .over, .lookup, .watermark, .sort, .limit: return children[0].uniqueKey
        case .values, .union, .unnest: return nil
        }
    }
}
