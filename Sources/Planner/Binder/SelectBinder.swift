import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// Binds one SELECT: FROM, WHERE, grouping, HAVING, window functions, the select list, DISTINCT, ORDER BY, LIMIT.
final class SelectBinder {
    private let binder: Binder
    private let ctes: Binder.CTEs
    private let parent: ParentScope?

    /// One column of the select list.
    private struct Item {
        var name: String
        var expression: BoundExpression
        var span: SourceSpan
    }

    init(_ binder: Binder, _ ctes: Binder.CTEs, _ parent: ParentScope?) {
        self.binder = binder
        self.ctes = ctes
        self.parent = parent
    }

    func bind(_ select: Select, _ query: Query) throws(Diagnostic) -> Binder.BoundQuery {
        var from = FromBinder(binder, ctes, parent)
        try from.bind(select.from)
        var scope = from.scope
        scope.parent = parent
        let expressions = ExpressionBinder(binder, scope, ctes, from.plan)
        if let filter = select.filter {
            expressions.place = "WHERE"
            try expressions.filter(by: filter)
        }
        let grouping = try GroupingBinder(binder, select, query).bind(expressions)
        expressions.aggregates = grouping.map { $0.collector }
        expressions.grouping = grouping
        let windows = WindowCollector(named: select.windows)
        expressions.windows = windows
        expressions.unnested = []
        expressions.place = "the select list"
        var items = try self.items(select, expressions)
        expressions.unnested = expressions.unnested?.isEmpty == true ? nil : expressions.unnested
        let unnested = expressions.unnested?.first
        expressions.unnested = nil
        var having = try select.having.map { expr throws(Diagnostic) -> BoundExpression in
            guard grouping != nil else {
                throw Diagnostic("E0245", "HAVING needs GROUP BY or an aggregate", span: expr.span)
            }
            expressions.windows = nil
            expressions.place = "HAVING"
            return try withAliases(select, expressions, expr)
        }
        expressions.windows = windows
        expressions.place = "QUALIFY"
        var qualify = try select.qualify.map { expr throws(Diagnostic) in try expressions.boolean(expr) }
        expressions.place = "ORDER BY"
        var order = try orderKeys(query.orderBy, items, expressions)

        var plan = expressions.plan
        if let grouping {
            let grouped = try grouping.apply(to: plan, expressions)
            plan = grouped.plan
            for index in items.indices {
                items[index].expression = try grouped.rewrite(items[index].expression, items[index].span)
            }
            for index in order.indices {
                order[index].expression = try grouped.rewrite(order[index].expression, query.span)
            }
            having = try having.map { value throws(Diagnostic) in try grouped.rewrite(value, select.span) }
            qualify = try qualify.map { value throws(Diagnostic) in try grouped.rewrite(value, select.span) }
            try windows.mapExpressions { value throws(Diagnostic) in try grouped.rewrite(value, select.span) }
        }
        if let having { plan = .filter(.init(input: plan, predicate: having)) }
        plan = windows.apply(to: plan)
        if let qualify { plan = .filter(.init(input: plan, predicate: qualify)) }
        if let unnested {
            plan = .unnest(
                .init(input: plan, list: unnested.list, element: unnested.element, ordinality: nil, keepsEmpty: false))
        }
        return try finish(plan, items, order, select, query, expressions)
    }

    // MARK: - The select list

    private func items(_ select: Select, _ expressions: ExpressionBinder) throws(Diagnostic) -> [Item] {
        var items: [Item] = []
        var failure: Diagnostic?
        for item in select.items {
            do throws(Diagnostic) {
                if case .star(let qualifier) = item.expr.kind {
                    items += try star(qualifier, expressions.scope, item.expr.span)
                } else {
                    let bound = try expressions.bind(item.expr)
                    let name = item.alias?.name ?? Self.name(of: item.expr)
                    items.append(Item(name: name, expression: bound, span: item.expr.span))
                }
            } catch {
                // Every wrong item is reported, the first one ends the statement.
                if let first = failure { binder.diagnostics.append(first) }
                failure = error
            }
        }
        if let failure { throw failure }
        return items
    }

    private func star(_ qualifier: [Identifier], _ scope: Scope, _ span: SourceSpan) throws(Diagnostic) -> [Item] {
        let columns: [PlanColumn]
        if let first = qualifier.first {
            if let relation = scope.relations.first(where: { $0.name == first.name }), qualifier.count == 1 {
                columns = relation.columns
            } else {
                // `s.*` of a struct column gives its members.
                let found = try scope.resolve(qualifier)
                guard let fields = found.column.type.structureFields else {
                    throw Diagnostic("E0204", "there is no table \(first.name) in FROM", span: span)
                }
                return fields.enumerated().map { index, field in
                    Item(
                        name: field.name,
                        expression: .member(found.column.expression, index: index, name: field.name, type: field.type),
                        span: span)
                }
            }
        } else {
            columns = scope.starColumns
        }
        if columns.isEmpty {
            throw Diagnostic("E0227", "* has no columns to stand for: there is no FROM", span: span)
        }
        return columns.map { Item(name: $0.name, expression: $0.expression, span: span) }
    }

    /// The name of an unaliased item, as PostgreSQL gives it.
    static func name(of expr: Expr) -> String {
        switch expr.kind {
        case .name(let parts): parts[parts.count - 1].name
        case .member(_, let name): name.name
        case .call(let call): call.name.name
        case .cast(let operand, _, _): name(of: operand)
        case .conditional: "case"
        case .extract: "extract"
        case .exists: "exists"
        case .array: "array"
        case .row: "row"
        case .element(let operand, _): name(of: operand)
        default: "?column?"
        }
    }

    /// Binds HAVING, where names of the select list may be used as well.
    private func withAliases(
        _ select: Select, _ expressions: ExpressionBinder, _ expr: Expr
    ) throws(Diagnostic) -> BoundExpression {
        let scope = expressions.scope
        let substituted = AliasSubstitution.apply(expr) { name in
            if scope.hasColumn(name.name) { return nil }
            return select.items.first { $0.alias == name }?.expr
        }
        return try expressions.boolean(substituted)
    }

    // MARK: - ORDER BY and the end

    private func orderKeys(
        _ orderBy: [OrderItem], _ items: [Item], _ expressions: ExpressionBinder
    ) throws(Diagnostic) -> [SortKey] {
        var keys: [SortKey] = []
        for item in orderBy {
            let expression: BoundExpression
            if case .number(let text) = item.expr.kind, let ordinal = Int(text) {
                guard ordinal >= 1, ordinal <= items.count else {
                    throw Diagnostic(
                        "E0223", "ORDER BY \(ordinal): the select list has \(items.count) columns", span: item.expr.span
                    )
                }
                expression = items[ordinal - 1].expression
            } else if case .name(let parts) = item.expr.kind, parts.count == 1,
                let match = items.first(where: { $0.name == parts[0].name })
            {
                expression = match.expression
            } else {
                expression = try expressions.bind(item.expr)
            }
            keys.append(
                SortKey(
                    expression: expression, isDescending: item.isDescending,
                    nullsFirst: item.nullsFirst ?? item.isDescending))
        }
        return keys
    }

    private func finish(
        _ input: LogicalPlan, _ items: [Item], _ order: [SortKey], _ select: Select, _ query: Query,
        _ expressions: ExpressionBinder
    ) throws(Diagnostic) -> Binder.BoundQuery {
        var computed: [ComputedColumn] = []
        for item in items {
            // The event time itself travels on, beside the columns that show it.
            if case .column(let reference) = item.expression, reference.index != input.eventTime?.id,
                !computed.contains(where: { $0.column.id == reference.index })
            {
                let column = PlanColumn(
                    id: reference.index, name: item.name, type: reference.type, isNullable: reference.isNullable)
                computed.append(ComputedColumn(column, item.expression))
            } else {
                let column = binder.numbering.column(
                    item.name, item.expression.type, isNullable: item.expression.isNullable)
                computed.append(ComputedColumn(column, item.expression))
            }
        }
        let visible = computed.map(\.column)
        if let eventTime = input.eventTime, !computed.contains(where: { $0.column.id == eventTime.id }) {
            computed.append(.passing(eventTime))
        }
        var plan = input
        var keys = order
        if case .on(let exprs) = select.distinct {
            plan = try distinctOn(exprs, plan, order, expressions)
        }
        // Sort keys that are not in the select list travel along and are dropped afterwards.
        var extra: [ComputedColumn] = []
        for index in keys.indices {
            if let known = (computed + extra).first(where: { $0.expression == keys[index].expression }) {
                keys[index].expression = known.column.expression
            } else {
                if select.distinct == .all {
                    throw Diagnostic(
                        "E0246", "with DISTINCT, ORDER BY takes only columns of the select list", span: query.span)
                }
                let column = binder.numbering.column("sort_key", keys[index].expression.type)
                extra.append(ComputedColumn(column, keys[index].expression))
                keys[index].expression = column.expression
            }
        }
        plan = .project(.init(input: plan, columns: computed + extra))
        var bound = Binder.BoundQuery(plan: plan, columns: visible)
        if select.distinct == .all { bound = SetOperationBinder(numbering: binder.numbering).distinct(bound) }
        if !keys.isEmpty { bound.plan = .sort(.init(input: bound.plan, keys: keys, offset: 0, limit: nil)) }
        bound = try binder.limited(bound, query)
        if !extra.isEmpty {
            bound.plan = .project(.init(input: bound.plan, columns: computed.map { .passing($0.column) }))
        }
        return bound
    }

    /// The first row, in the order asked for, of each combination of values.
    private func distinctOn(
        _ exprs: [Expr], _ plan: LogicalPlan, _ order: [SortKey], _ expressions: ExpressionBinder
    ) throws(Diagnostic) -> LogicalPlan {
        var partition: [BoundExpression] = []
        for expr in exprs { partition.append(try expressions.bind(expr)) }
        let number = binder.numbering.column("row_number", .int64)
        let call = AggregateCall(name: "row_number", arguments: [], type: .int64)
        let over = LogicalPlan.over(
            .init(
                input: plan, partitionBy: partition, orderBy: order,
                calls: [.init(column: number, call: OverCall(call: call, frame: nil))]))
        return .filter(
            .init(input: over, predicate: .comparison(.equal, number.expression, .literal(.int64(1)))))
    }
}
