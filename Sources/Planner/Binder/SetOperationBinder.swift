import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// UNION, INTERSECT and EXCEPT.
struct SetOperationBinder {
    let numbering: ColumnNumbering

    func bind(
        _ op: SetOperator, _ isAll: Bool, _ left: Binder.BoundQuery, _ right: Binder.BoundQuery, _ span: SourceSpan
    ) throws(Diagnostic) -> Binder.BoundQuery {
        guard left.columns.count == right.columns.count else {
            throw Diagnostic(
                "E0226",
                "\(op.rawValue) of queries with \(left.columns.count) and \(right.columns.count) columns", span: span,
                hint: "both sides need the same columns in the same order")
        }
        var types: [DataType] = []
        for (a, b) in zip(left.columns, right.columns) {
            guard let type = TypeCoercion.common([a.type, b.type]) else {
                throw Diagnostic(
                    "E0225",
                    "\(op.rawValue): column \(a.name) is \(a.type.sqlName) on one side, \(b.type.sqlName) on the other",
                    span: span, hint: "add a CAST to one side")
            }
            types.append(type)
        }
        let leftSide = converted(left, to: types)
        let rightSide = converted(right, to: types)
        switch op {
        case .union:
            let bound = union(leftSide, rightSide)
            return isAll ? bound : distinct(bound)
        case .intersect: return matching(leftSide, rightSide, kind: .leftSemi, isAll: isAll)
        case .except: return matching(leftSide, rightSide, kind: .leftAnti, isAll: isAll)
        }
    }

    /// The query with its columns as the types given, and its event time, if it has one, last.
    private func converted(_ query: Binder.BoundQuery, to types: [DataType]) -> Binder.BoundQuery {
        if query.columns.map(\.type) == types && query.plan.outputs.map(\.id) == query.columns.map(\.id) {
            return query
        }
        var columns: [ComputedColumn] = []
        for (column, type) in zip(query.columns, types) {
            if column.type == type {
                columns.append(.passing(column))
            } else {
                let fresh = numbering.column(column.name, type)
                columns.append(ComputedColumn(fresh, TypeCoercion.cast(column.expression, to: type)))
            }
        }
        let visible = columns.map(\.column)
        if let eventTime = query.plan.eventTime { columns.append(.passing(eventTime)) }
        return .init(plan: .project(.init(input: query.plan, columns: columns)), columns: visible)
    }

    private func union(_ left: Binder.BoundQuery, _ right: Binder.BoundQuery) -> Binder.BoundQuery {
        let visible = zip(left.columns, right.columns).map {
            numbering.column($0.name, $0.type, isNullable: $0.isNullable || $1.isNullable)
        }
        var columns = visible
        var inputs = [left.plan, right.plan]
        if left.plan.eventTime != nil && right.plan.eventTime != nil {
            columns.append(numbering.column(HiddenColumn.eventTime, .timestamp, isNullable: false))
        } else {
            inputs = [left, right].map { query in
                .project(.init(input: query.plan, columns: query.columns.map { .passing($0) }))
            }
        }
        return .init(plan: .union(.init(inputs: inputs, columns: columns)), columns: visible)
    }

    func distinct(_ query: Binder.BoundQuery) -> Binder.BoundQuery {
        let keys = query.columns.map { ComputedColumn.passing($0) }
        let window = EventTimeOrigin.instant(of: query.plan, keys: keys, numbering: numbering)
        return .init(
            plan: .aggregate(.init(input: query.plan, keys: keys, aggregates: [], window: window)),
            columns: query.columns)
    }

    /// Rows of the left that have, or have not, an equal on the right. With ALL the n-th copy matches the n-th copy.
    private func matching(
        _ left: Binder.BoundQuery, _ right: Binder.BoundQuery, kind: JoinKind, isAll: Bool
    ) -> Binder.BoundQuery {
        var leftPlan = isAll ? left.plan : distinct(left).plan
        var rightPlan = right.plan
        var pairs = zip(left.columns, right.columns).map {
            LogicalPlan.Join.KeyPair(left: $0.expression, right: $1.expression)
        }
        if isAll {
            let leftNumber = numbering.column("copy", .int64)
            let rightNumber = numbering.column("copy", .int64)
            leftPlan = numbered(leftPlan, by: left.columns, as: leftNumber)
            rightPlan = numbered(rightPlan, by: right.columns, as: rightNumber)
            pairs.append(.init(left: leftNumber.expression, right: rightNumber.expression))
        }
        let join = LogicalPlan.join(
            .init(left: leftPlan, right: rightPlan, kind: kind, keys: pairs, residual: nil, nullsAreEqual: true))
        return .init(
            plan: .project(.init(input: join, columns: left.columns.map { .passing($0) })), columns: left.columns)
    }

    private func numbered(_ plan: LogicalPlan, by columns: [PlanColumn], as number: PlanColumn) -> LogicalPlan {
        let call = AggregateCall(name: "row_number", arguments: [], type: .int64)
        return .over(
            .init(
                input: plan, partitionBy: columns.map(\.expression), orderBy: [],
                calls: [.init(column: number, call: OverCall(call: call, frame: nil))]))
    }
}

/// Looks for a table's name in a query.
enum QueryNames {
    /// Whether a query reads from `name` anywhere in its FROM clauses.
    static func mentions(_ name: String, in query: Query) -> Bool { mentions(name, in: query.body) }

    private static func mentions(_ name: String, in body: QueryBody) -> Bool {
        switch body {
        case .select(let select): select.from.contains { mentions(name, in: $0) }
        case .values: false
        case .setOperation(_, _, let left, let right, _): mentions(name, in: left) || mentions(name, in: right)
        case .nested(let query): mentions(name, in: query)
        }
    }

    private static func mentions(_ name: String, in reference: TableReference) -> Bool {
        switch reference.kind {
        case .table(let table, _): table.name == name
        case .subquery(let query, _): mentions(name, in: query)
        case .join(let left, _, let right, _): mentions(name, in: left) || mentions(name, in: right)
        case .function, .unnest: false
        }
    }
}
