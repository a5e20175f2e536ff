import Columnar
import Dataflow
import Expressions
import SQLSyntax

extension ExpressionBinder {
    func call(_ call: FunctionCallExpr, _ span: SourceSpan) throws(Diagnostic) -> BoundExpression {
        let name = call.name.name
        if call.over != nil { return try windowCall(call, span) }
        if registry.aggregate(name) != nil && registry.scalar(name) == nil { return try aggregateCall(call, span) }
        if call.isDistinct || call.filter != nil || !call.orderBy.isEmpty || !call.withinGroup.isEmpty {
            throw Diagnostic("E0236", "\(name) is no aggregate: it takes no DISTINCT, ORDER BY or FILTER", span: span)
        }
        if let special = try special(call, span) { return special }
        if let macro = binder.catalog.macros[name] { return try expand(macro, call, span) }
        var arguments: [BoundExpression] = []
        for argument in call.arguments { arguments.append(try bind(argument.value)) }
        if name == "struct", call.arguments.contains(where: { $0.name != nil }) {
            return try namedStructure(call, arguments, span)
        }
        return try apply(name, arguments, span)
    }

    /// `STRUCT(a AS x, b AS y)` as `named_struct('x', a, 'y', b)`.
    private func namedStructure(
        _ call: FunctionCallExpr, _ values: [BoundExpression], _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        var arguments: [BoundExpression] = []
        for (index, (argument, value)) in zip(call.arguments, values).enumerated() {
            arguments.append(.literal(.utf8(argument.name?.name ?? "c\(index)")))
            arguments.append(value)
        }
        return try apply("named_struct", arguments, span)
    }

    /// Functions that are expressions of their own; nil for all others.
    private func special(_ call: FunctionCallExpr, _ span: SourceSpan) throws(Diagnostic) -> BoundExpression? {
        switch call.name.name {
        case "coalesce", "ifnull", "nvl":
            if call.arguments.isEmpty { throw Diagnostic("E0231", "coalesce needs an argument", span: span) }
            var arguments: [BoundExpression] = []
            for argument in call.arguments { arguments.append(try bind(argument.value)) }
            let type = try commonType(&arguments, call.name.name, span)
            return .coalesce(arguments.map { TypeCoercion.cast($0, to: type) }, type: type)
        case "nullif":
            guard call.arguments.count == 2 else {
                throw Diagnostic("E0231", "nullif takes two arguments, found \(call.arguments.count)", span: span)
            }
            let value = try bind(call.arguments[0].value)
            let same = try compare(.equal, value, try bind(call.arguments[1].value), span)
            let null = BoundExpression.literal(.null(value.type))
            return .conditional([.init(condition: same, result: null)], otherwise: value, type: value.type)
        case "row_time":
            guard let eventTime = plan.eventTime else {
                throw Diagnostic(
                    "E0237", "row_time() needs rows with an event time", span: span,
                    hint: "read from a table, not from a GROUP BY without a window")
            }
            return eventTime.expression
        case let name where WindowCall.names.contains(name):
            if let window = grouping?.windowColumn(for: Expr(.call(call), span: span)) { return window.expression }
            throw Diagnostic(
                "E0238", "\(call.name.name)(…) is only allowed in GROUP BY", span: span,
                hint: "write GROUP BY \(call.name.name)(…), and select it under the same words or an alias")
        case "unnest": return try unnest(call, span)
        default: return nil
        }
    }

    private func unnest(_ call: FunctionCallExpr, _ span: SourceSpan) throws(Diagnostic) -> BoundExpression {
        guard unnested != nil, call.arguments.count == 1 else {
            throw Diagnostic(
                "E0239", "unnest(list) is only allowed in a select list and in FROM", span: span,
                hint: "write FROM …, UNNEST(list) AS t(element)")
        }
        let list = try bind(call.arguments[0].value)
        guard case .list(let element) = list.type else {
            throw Diagnostic("E0239", "unnest takes a list, found a \(list.type.sqlName)", span: span)
        }
        if let known = unnested?.first(where: { $0.list == list }) { return known.element.expression }
        if unnested?.isEmpty == false {
            throw Diagnostic("E0413", "only one list can be unnested per SELECT", span: span)
        }
        let column = binder.numbering.column("unnest", element)
        unnested?.append((list, column))
        return column.expression
    }

    /// A SQL-defined function: its body with the arguments in the parameters' places.
    private func expand(
        _ macro: Catalog.Macro, _ call: FunctionCallExpr, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        guard macro.parameters.count == call.arguments.count else {
            throw Diagnostic(
                "E0231",
                "function \(call.name.name) takes \(macro.parameters.count) arguments, found \(call.arguments.count)",
                span: span)
        }
        if binder.expansionDepth > 32 {
            throw Diagnostic("E0414", "function \(call.name.name) calls itself", span: span)
        }
        var values: [String: BoundExpression] = [:]
        for (parameter, argument) in zip(macro.parameters, call.arguments) {
            var value = try bind(argument.value)
            if value.isLiteral { value = try TypeCoercion.adapt(value, to: parameter.type, span: argument.value.span) }
            values[parameter.name] = TypeCoercion.cast(value, to: parameter.type)
        }
        let inner = ExpressionBinder(binder, Scope(), ctes, plan)
        inner.parameters = values
        binder.expansionDepth += 1
        defer { binder.expansionDepth -= 1 }
        return TypeCoercion.cast(try inner.bind(macro.body), to: macro.returns)
    }

    // MARK: - Aggregates

    private func aggregateCall(_ call: FunctionCallExpr, _ span: SourceSpan) throws(Diagnostic) -> BoundExpression {
        guard let aggregates else {
            throw Diagnostic(
                "E0240", "aggregate \(call.name.name) is not allowed in \(place)", span: span,
                hint: place == "WHERE" ? "conditions on aggregates go into HAVING" : nil)
        }
        if isInsideAggregate {
            throw Diagnostic(
                "E0240", "aggregates cannot be nested", span: span, hint: "use a sub-query for the inner one")
        }
        isInsideAggregate = true
        defer { isInsideAggregate = false }
        return aggregates.add(try makeCall(call, span), numbering: binder.numbering).expression
    }

    /// Binds an aggregate's or window function's arguments and finds its types.
    func makeCall(_ call: FunctionCallExpr, _ span: SourceSpan) throws(Diagnostic) -> AggregateCall {
        let name = call.name.name
        guard let function = registry.aggregate(name) else { throw unknownFunction(name, span) }
        var arguments: [BoundExpression] = []
        var isCountStar = false
        for argument in call.arguments {
            if case .star = argument.value.kind {
                guard name == "count" else {
                    throw Diagnostic("E0227", "\(name)(*) has no meaning: only count(*) has", span: argument.value.span)
                }
                isCountStar = true
            } else {
                arguments.append(try bind(argument.value))
            }
        }
        if isCountStar && !arguments.isEmpty { throw Diagnostic("E0227", "count(*) takes nothing else", span: span) }
        var ordering = try self.ordering(call.orderBy)
        if function.takesWithinGroup, !call.withinGroup.isEmpty {
            let within = try self.ordering(call.withinGroup)
            arguments = within.map(\.expression) + arguments
            // Descending percentiles are those of the other end.
            if within.first?.isDescending == true, arguments.count > 1 {
                arguments[arguments.count - 1] = .arithmetic(
                    .subtract, .literal(.float64(1)), TypeCoercion.cast(arguments[arguments.count - 1], to: .float64),
                    type: .float64)
            }
        } else if !call.withinGroup.isEmpty {
            ordering = try self.ordering(call.withinGroup)
        }
        if !function.isOrderSensitive { ordering = [] }
        let signature: ResolvedSignature
        do throws(SignatureError) {
            signature = try function.resolve(arguments.map(\.type))
        } catch {
            throw Diagnostic(
                "E0231", "aggregate \(name) \(error.message)", span: span,
                hint: "it is called as \(function.documentation.syntax)")
        }
        guard signature.argumentTypes.count == arguments.count else {
            throw Diagnostic(
                "E0231", "aggregate \(name) takes \(signature.argumentTypes.count) arguments, found \(arguments.count)",
                span: span, hint: "it is called as \(function.documentation.syntax)")
        }
        var casted: [BoundExpression] = []
        for (argument, type) in zip(arguments, signature.argumentTypes) {
            casted.append(TypeCoercion.cast(argument, to: type))
        }
        let filter = try call.filter.map { expr throws(Diagnostic) in try boolean(expr) }
        return AggregateCall(
            name: function.name, arguments: casted, isDistinct: call.isDistinct, filter: filter, ordering: ordering,
            type: signature.returnType)
    }

    func ordering(_ items: [OrderItem]) throws(Diagnostic) -> [AggregateCall.Ordering] {
        var result: [AggregateCall.Ordering] = []
        for item in items {
            result.append(
                .init(
                    expression: try bind(item.expr), isDescending: item.isDescending,
                    nullsFirst: item.nullsFirst ?? item.isDescending))
        }
        return result
    }
}

/// The aggregate calls of one SELECT, each once.
final class AggregateCollector {
    private(set) var columns: [LogicalPlan.Aggregate.AggregateColumn] = []

    func add(_ call: AggregateCall, numbering: ColumnNumbering) -> PlanColumn {
        if let known = columns.first(where: { $0.call == call }) { return known.column }
        let column = numbering.column(call.name, call.type)
        columns.append(.init(column: column, call: call))
        return column
    }

    var ids: Set<Int> { Set(columns.map(\.column.id)) }
}
