import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// The `OVER` calls of one SELECT, grouped by partition and order.
final class WindowCollector {
    struct Group {
        var partitionBy: [BoundExpression]
        var orderBy: [SortKey]
        var calls: [LogicalPlan.Over.OverColumn]
    }

    let named: [Select.NamedWindow]
    private(set) var groups: [Group] = []

    init(named: [Select.NamedWindow]) { self.named = named }

    func add(
        _ call: OverCall, partitionBy: [BoundExpression], orderBy: [SortKey], numbering: ColumnNumbering
    ) -> PlanColumn {
        let index = groups.firstIndex { $0.partitionBy == partitionBy && $0.orderBy == orderBy }
        if let index, let known = groups[index].calls.first(where: { $0.call == call }) { return known.column }
        let column = numbering.column(call.call.name, call.call.type)
        if let index {
            groups[index].calls.append(.init(column: column, call: call))
        } else {
            groups.append(
                Group(partitionBy: partitionBy, orderBy: orderBy, calls: [.init(column: column, call: call)]))
        }
        return column
    }

    /// Rewrites every expression, e.g. after the rows were grouped.
    func mapExpressions(_ transform: (BoundExpression) throws(Diagnostic) -> BoundExpression) throws(Diagnostic) {
        for index in groups.indices {
            var group = groups[index]
            var partition: [BoundExpression] = []
            for expression in group.partitionBy { partition.append(try transform(expression)) }
            group.partitionBy = partition
            var order: [SortKey] = []
            for key in group.orderBy {
                order.append(
                    SortKey(
                        expression: try transform(key.expression), isDescending: key.isDescending,
                        nullsFirst: key.nullsFirst))
            }
            group.orderBy = order
            for position in group.calls.indices {
                var call = group.calls[position].call.call
                var arguments: [BoundExpression] = []
                for argument in call.arguments { arguments.append(try transform(argument)) }
                call.arguments = arguments
                if let filter = call.filter { call.filter = try transform(filter) }
                group.calls[position].call.call = call
            }
            groups[index] = group
        }
    }

    var ids: Set<Int> { Set(groups.flatMap { $0.calls.map(\.column.id) }) }

    func apply(to plan: LogicalPlan) -> LogicalPlan {
        groups.reduce(plan) { plan, group in
            .over(.init(input: plan, partitionBy: group.partitionBy, orderBy: group.orderBy, calls: group.calls))
        }
    }
}

extension ExpressionBinder {
    func windowCall(_ call: FunctionCallExpr, _ span: SourceSpan) throws(Diagnostic) -> BoundExpression {
        guard let windows, let over = call.over else {
            throw Diagnostic(
                "E0242", "window functions are not allowed in \(place)", span: span,
                hint: "compute it in a sub-query, or filter with QUALIFY")
        }
        var definition: WindowDefinition
        switch over {
        case .inline(let inline): definition = inline
        case .named(let name): definition = try named(name, windows)
        }
        if let base = definition.base {
            let inherited = try named(base, windows)
            definition.partitionBy = inherited.partitionBy + definition.partitionBy
            if definition.orderBy.isEmpty { definition.orderBy = inherited.orderBy }
            if definition.frame == nil { definition.frame = inherited.frame }
        }
        let bound = try overCall(call, definition, span)
        var partition: [BoundExpression] = []
        for expr in definition.partitionBy { partition.append(try bind(expr)) }
        let order = try ordering(definition.orderBy).map {
            SortKey(expression: $0.expression, isDescending: $0.isDescending, nullsFirst: $0.nullsFirst)
        }
        return windows.add(bound, partitionBy: partition, orderBy: order, numbering: binder.numbering).expression
    }

    private func named(_ name: Identifier, _ windows: WindowCollector) throws(Diagnostic) -> WindowDefinition {
        guard let window = windows.named.first(where: { $0.name == name }) else {
            throw Diagnostic("E0243", "there is no window \(name.name)", span: name.span)
        }
        return window.definition
    }

    private func overCall(
        _ call: FunctionCallExpr, _ definition: WindowDefinition, _ span: SourceSpan
    ) throws(Diagnostic) -> OverCall {
        let frame = try definition.frame.map { clause throws(Diagnostic) in try self.frame(clause, span) }
        let name = call.name.name
        guard let shape = WindowFunctions.shape(of: name) else {
            return OverCall(call: try makeCall(call, span), frame: frame)
        }
        var arguments: [BoundExpression] = []
        for argument in call.arguments { arguments.append(try bind(argument.value)) }
        guard shape.argumentCounts.contains(arguments.count) else {
            throw Diagnostic("E0231", "\(name) is called as \(shape.syntax)", span: span)
        }
        let type = shape.returnType ?? arguments[0].type
        return OverCall(call: AggregateCall(name: name, arguments: arguments, type: type), frame: frame)
    }

    private func frame(_ clause: FrameClause, _ span: SourceSpan) throws(Diagnostic) -> OverCall.Frame {
        let unit: OverCall.Frame.Unit =
            switch clause.unit {
            case .rows: .rows
            case .range: .range
            case .groups: .groups
            }
        return OverCall.Frame(unit: unit, start: try bound(clause.start), end: try bound(clause.end))
    }

    private func bound(_ bound: FrameClause.Bound) throws(Diagnostic) -> OverCall.Frame.Bound {
        switch bound {
        case .unboundedPreceding: return .unboundedPreceding
        case .unboundedFollowing: return .unboundedFollowing
        case .currentRow: return .currentRow
        case .preceding(let expr): return .preceding(try constant(expr))
        case .following(let expr): return .following(try constant(expr))
        }
    }

    private func constant(_ expr: Expr) throws(Diagnostic) -> ScalarValue {
        let folded = ConstantFolding.fold(try bind(expr), registry: registry)
        guard case .literal(let value) = folded, !value.isNull else {
            throw Diagnostic("E0244", "a frame's bound must be a constant", span: expr.span)
        }
        return value
    }
}

/// Functions that exist only with OVER.
enum WindowFunctions {
    struct Shape {
        var syntax: String
        var argumentCounts: ClosedRange<Int>
        /// nil: the type of the first argument.
        var returnType: DataType?
    }

    static func shape(of name: String) -> Shape? {
        switch name {
        case "row_number", "rank", "dense_rank":
            Shape(syntax: "\(name)()", argumentCounts: 0...0, returnType: .int64)
        case "percent_rank", "cume_dist": Shape(syntax: "\(name)()", argumentCounts: 0...0, returnType: .float64)
        case "ntile": Shape(syntax: "ntile(buckets)", argumentCounts: 1...1, returnType: .int64)
        case "lag", "lead":
            Shape(syntax: "\(name)(value [, offset [, default]])", argumentCounts: 1...3, returnType: nil)
        case "first_value", "last_value": Shape(syntax: "\(name)(value)", argumentCounts: 1...1, returnType: nil)
        case "nth_value": Shape(syntax: "nth_value(value, n)", argumentCounts: 2...2, returnType: nil)
        default: nil
        }
    }
}
