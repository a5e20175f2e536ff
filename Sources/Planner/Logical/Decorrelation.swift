import Columnar
import Dataflow
import Expressions

/// Makes sub-queries that read columns of the enclosing query into plain joins.
///
/// A dependent join `left ⋈ right(left)` becomes a join of `left` with `right` computed for every distinct combination
/// of the columns it reads ("domain"), which is pushed down until nothing below reads them.
/// (T. Neumann, A. Kemper: "Unnesting Arbitrary Queries", BTW 2015.)
struct Decorrelation {
    let numbering: ColumnNumbering

    /// Why a sub-query cannot be made a join; the text completes "this correlated sub-query …".
    struct Unsupported: Error {
        var reason: String
    }

    /// Joins `left` with a right side that may read columns of the left.
    func join(
        _ left: LogicalPlan, _ right: LogicalPlan, kind: JoinKind, condition: BoundExpression?,
        mark: PlanColumn? = nil
    ) throws(Unsupported) -> LogicalPlan {
        let outer = left.outputs.filter { right.freeColumns.contains($0.id) }
        if outer.isEmpty {
            return .join(
                .init(
                    left: left, right: right, kind: kind, keys: [], residual: condition, nullsAreEqual: false,
                    mark: mark))
        }
        // Fresh names for the domain's columns, so that they do not collide with the left's own in the join.
        let copies = outer.map { numbering.column($0.name, $0.type) }
        let renaming = Dictionary(uniqueKeysWithValues: zip(outer.map(\.id), copies.map(\.expression)))
        let domain = distinct(
            .project(
                .init(input: left, columns: zip(copies, outer).map { ComputedColumn($0, $1.expression) })))
        let renamed = rename(right, renaming)
        let pushed = try push(domain, copies, into: renamed)
        var conditions = zip(outer, copies).map {
            BoundExpression.comparison(.isNotDistinctFrom, $0.expression, $1.expression)
        }
        if let condition { conditions.append(condition) }
        return .join(
            .init(
                left: left, right: pushed, kind: kind, keys: [],
                residual: BoundExpression.conjunction(conditions), nullsAreEqual: false, mark: mark))
    }

    private func distinct(_ plan: LogicalPlan) -> LogicalPlan {
        .aggregate(
            .init(input: plan, keys: plan.outputs.map { .passing($0) }, aggregates: [], window: nil))
    }

    private func rename(_ plan: LogicalPlan, _ renaming: [Int: BoundExpression]) -> LogicalPlan {
        plan.rewritten { $0.mapExpressions { $0.substituting(renaming) } }
    }

    /// The plan computed for every row of the domain, whose columns come out beside its own.
    private func push(
        _ domain: LogicalPlan, _ columns: [PlanColumn], into plan: LogicalPlan
    ) throws(Unsupported) -> LogicalPlan {
        let ids = Set(columns.map(\.id))
        if plan.freeColumns.isDisjoint(with: ids) {
            return .join(
                .init(left: domain, right: plan, kind: .inner, keys: [], residual: nil, nullsAreEqual: false))
        }
        switch plan {
        case .filter(var node):
            node.input = try push(domain, columns, into: node.input)
            return .filter(node)
        case .project(var node):
            node.input = try push(domain, columns, into: node.input)
            node.columns += columns.map { .passing($0) }
            return .project(node)
        case .aggregate(let node): return try push(domain, columns, into: node)
        case .join(let node): return try push(domain, columns, into: node)
        case .unnest(var node):
            node.input = try push(domain, columns, into: node.input)
            return .unnest(node)
        case .lookup(var node):
            node.input = try push(domain, columns, into: node.input)
            return .lookup(node)
        case .over(var node):
            node.input = try push(domain, columns, into: node.input)
            node.partitionBy += columns.map(\.expression)
            return .over(node)
        case .sort(let node):
            let inner = try push(domain, columns, into: node.input)
            return limited(inner, columns, node.keys, node.offset, node.limit)
        case .limit(let node):
            // A limit per outer row: number the rows of each domain value, in the order asked for.
            var keys: [SortKey] = []
            var input = node.input
            if case .sort(let sort) = input, sort.limit == nil {
                keys = sort.keys
                input = sort.input
            }
            let inner = try push(domain, columns, into: input)
            return limited(inner, columns, keys, node.offset, node.limit)
        case .union(var node):
            let outputs = node.columns
            node.inputs = try node.inputs.map { input throws(Unsupported) in
                // Every branch computes its own copy of the domain under the same ids, taken by position.
                let pushed = try push(domain, columns, into: input)
                let order = input.outputs + columns
                return .project(.init(input: pushed, columns: order.map { .passing($0) }))
            }
            node.columns = outputs + columns
            return .union(node)
        case .scan, .values, .watermark:
            throw Unsupported(reason: "reads a column of the enclosing query in a place that cannot be joined")
        }
    }

    private func push(
        _ domain: LogicalPlan, _ columns: [PlanColumn], into node: LogicalPlan.Aggregate
    ) throws(Unsupported) -> LogicalPlan {
        var node = node
        if node.window != nil { throw Unsupported(reason: "has a time window") }
        let isGlobal = node.keys.isEmpty
        node.input = try push(domain, columns, into: node.input)
        node.keys += columns.map { .passing($0) }
        guard isGlobal else { return .aggregate(node) }
        // Without groups there is a row even of nothing: outer rows without input get the empty result.
        var projected: [ComputedColumn] = []
        for index in node.aggregates.indices where node.aggregates[index].call.name == "count" {
            let column = node.aggregates[index].column
            let raw = numbering.column(column.name, column.type)
            node.aggregates[index].column = raw
            let zero = BoundExpression.literal(.int64(0))
            projected.append(ComputedColumn(column, .coalesce([raw.expression, zero], type: column.type)))
        }
        let counted = Set(projected.map(\.column.id))
        let copies = columns.map { numbering.column($0.name, $0.type) }
        let renamed = LogicalPlan.project(
            .init(
                input: domain, columns: zip(copies, columns).map { ComputedColumn($0, $1.expression) }))
        let conditions = zip(copies, columns).map {
            BoundExpression.comparison(.isNotDistinctFrom, $0.expression, $1.expression)
        }
        let joined = LogicalPlan.join(
            .init(
                left: renamed, right: .aggregate(node), kind: .left, keys: [],
                residual: BoundExpression.conjunction(conditions), nullsAreEqual: false))
        let others = node.aggregates.map(\.column).filter { column in
            !counted.contains(column.id) && joined.outputIDs.contains(column.id)
        }
        let fromCopies = zip(columns, copies).map { ComputedColumn($0, $1.expression) }
        return .project(
            .init(
                input: joined,
                columns: projected + others.map { .passing($0.asNullable) } + fromCopies))
    }

    private func push(
        _ domain: LogicalPlan, _ columns: [PlanColumn], into node: LogicalPlan.Join
    ) throws(Unsupported) -> LogicalPlan {
        var node = node
        let ids = Set(columns.map(\.id))
        let rightDepends = !node.right.freeColumns.isDisjoint(with: ids)
        switch node.kind {
        case .inner where !rightDepends, .left where !rightDepends, .leftSemi where !rightDepends,
            .leftAnti where !rightDepends, .leftSingle where !rightDepends, .mark where !rightDepends,
            .nullAwareAnti where !rightDepends:
            node.left = try push(domain, columns, into: node.left)
            return .join(node)
        case .inner where node.left.freeColumns.isDisjoint(with: ids):
            node.right = try push(domain, columns, into: node.right)
            return .join(node)
        default: break
        }
        guard [.inner, .left, .leftSemi, .leftAnti, .leftSingle, .mark].contains(node.kind) else {
            throw Unsupported(reason: "reads the enclosing query from below a \(node.kind.rawValue) join")
        }
        // Both sides depend: each is computed per domain row, and they meet on the domain's columns.
        node.left = try push(domain, columns, into: node.left)
        let copies = columns.map { numbering.column($0.name, $0.type) }
        let renaming = Dictionary(uniqueKeysWithValues: zip(columns.map(\.id), copies.map(\.expression)))
        let copiedDomain = LogicalPlan.project(
            .init(input: domain, columns: zip(copies, columns).map { ComputedColumn($0, $1.expression) }))
        node.right = try push(copiedDomain, copies, into: rename(node.right, renaming))
        let conditions = zip(columns, copies).map {
            BoundExpression.comparison(.isNotDistinctFrom, $0.expression, $1.expression)
        }
        node.residual = BoundExpression.conjunction((node.residual.map { [$0] } ?? []) + conditions)
        return .join(node)
    }

    private func limited(
        _ plan: LogicalPlan, _ columns: [PlanColumn], _ keys: [SortKey], _ offset: Int, _ limit: Int?
    ) -> LogicalPlan {
        if limit == nil && offset == 0 { return plan }
        let number = numbering.column("row_number", .int64)
        let call = AggregateCall(name: "row_number", arguments: [], type: .int64)
        let over = LogicalPlan.over(
            .init(
                input: plan, partitionBy: columns.map(\.expression), orderBy: keys,
                calls: [.init(column: number, call: OverCall(call: call, frame: nil))]))
        var conditions: [BoundExpression] = []
        if offset > 0 {
            conditions.append(.comparison(.greater, number.expression, .literal(.int64(Int64(offset)))))
        }
        if let limit {
            let last = Int64(offset).addingReportingOverflow(Int64(limit))
            conditions.append(
                .comparison(
                    .lessOrEqual, number.expression, .literal(.int64(last.overflow ? .max : last.partialValue))))
        }
        guard let predicate = BoundExpression.conjunction(conditions) else { return over }
        return .filter(.init(input: over, predicate: predicate))
    }
}
