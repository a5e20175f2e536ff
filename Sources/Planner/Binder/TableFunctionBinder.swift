import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// Functions in FROM: windows over a table in the form Flink has them, and series of numbers.
struct TableFunctionBinder {
    private let binder: Binder
    private let ctes: Binder.CTEs
    private let parent: ParentScope?

    init(_ binder: Binder, _ ctes: Binder.CTEs, _ parent: ParentScope?) {
        self.binder = binder
        self.ctes = ctes
        self.parent = parent
    }

    func bind(_ function: TableFunction, _ span: SourceSpan) throws(Diagnostic) -> Binder.BoundQuery {
        switch function.name.name {
        case "tumble", "hop": return try window(function, span)
        case "cumulate", "session":
            throw Diagnostic(
                "E0417", "\(function.name.name) windows are not supported in FROM yet", span: span,
                hint: "use \(function.name.name)(…) in GROUP BY")
        case "generate_series", "range", "unnest": return try series(function, span)
        default:
            throw Diagnostic(
                "E0230", "there is no table function \(function.name.name)", span: function.name.span,
                hint: NameSuggestion.closest(
                    to: function.name.name, among: ["tumble", "hop", "generate_series", "range", "unnest"]
                ).map { "did you mean \($0)?" })
        }
    }

    /// `generate_series(1, 10)` as a table of one column.
    private func series(_ function: TableFunction, _ span: SourceSpan) throws(Diagnostic) -> Binder.BoundQuery {
        let one = LogicalPlan.values(.init(columns: [], rows: [[]]))
        let expressions = ExpressionBinder(binder, Scope(parent: parent), ctes, one)
        var arguments: [BoundExpression] = []
        for argument in function.arguments {
            guard case .expr(let expr) = argument.value else {
                throw Diagnostic("E0231", "\(function.name.name) takes values", span: argument.span)
            }
            arguments.append(try expressions.bind(expr))
        }
        let list =
            function.name.name == "unnest" && arguments.count == 1
            ? arguments[0] : try expressions.apply(function.name.name, arguments, span)
        guard case .list(let type) = list.type else {
            throw Diagnostic("E0239", "\(function.name.name) gives no list", span: span)
        }
        let element = binder.numbering.column(function.name.name, type)
        let plan = LogicalPlan.unnest(
            .init(input: one, list: list, element: element, ordinality: nil, keepsEmpty: false))
        return .init(plan: plan, columns: [element])
    }

    // MARK: - Windows

    /// `TUMBLE(TABLE t, DESCRIPTOR(ts), size)`, `HOP(TABLE t, DESCRIPTOR(ts), slide, size)`: the rows of the table with
    /// `window_start`, `window_end` and `window_time` added; a hop gives each row once per window it is in.
    private func window(_ function: TableFunction, _ span: SourceSpan) throws(Diagnostic) -> Binder.BoundQuery {
        let names =
            function.name.name == "tumble" ? ["data", "timecol", "size"] : ["data", "timecol", "slide", "size"]
        var byName: [String: TableFunction.Argument] = [:]
        for (index, argument) in function.arguments.enumerated() {
            guard let name = argument.name?.name ?? (index < names.count ? names[index] : nil), names.contains(name)
            else {
                throw Diagnostic(
                    "E0231", "\(function.name.name) takes the arguments \(names.joined(separator: ", "))",
                    span: argument.span)
            }
            byName[name] = argument
        }
        guard let data = byName["data"], let column = byName["timecol"] else {
            throw Diagnostic(
                "E0231", "\(function.name.name) takes the arguments \(names.joined(separator: ", "))", span: span,
                hint: "\(function.name.name.uppercased())(TABLE t, DESCRIPTOR(ts), INTERVAL '10' MINUTE)")
        }
        let input = try table(data)
        let time = try timeColumn(column, input)
        let expressions = ExpressionBinder(
            binder, Scope(relations: [.init(name: nil, columns: input.columns)]), ctes, input.plan)
        var lengths: [Int64] = []
        for name in names.dropFirst(2) {
            guard let argument = byName[name], case .expr(let expr) = argument.value else {
                throw Diagnostic("E0231", "\(function.name.name) needs the argument \(name)", span: span)
            }
            lengths.append(try WindowCall.length(expr, expressions))
        }
        let kind = try WindowCall.kind(function.name.name, lengths, span)
        return try windowed(input, time, kind, span)
    }

    private func table(_ argument: TableFunction.Argument) throws(Diagnostic) -> Binder.BoundQuery {
        switch argument.value {
        case .table(let name): return try binder.table(name, ctes: ctes)
        case .query(let query): return try binder.bind(query, ctes: ctes, parent: parent)
        case .expr(let expr):
            if case .name(let parts) = expr.kind {
                return try binder.table(QualifiedName(parts: parts, span: expr.span), ctes: ctes)
            }
            if case .subquery(let query) = expr.kind { return try binder.bind(query, ctes: ctes, parent: parent) }
            fallthrough
        case .descriptor: throw Diagnostic("E0231", "expected TABLE and a table's name", span: argument.span)
        }
    }

    private func timeColumn(
        _ argument: TableFunction.Argument, _ input: Binder.BoundQuery
    ) throws(Diagnostic) -> PlanColumn {
        guard case .descriptor(let names) = argument.value, names.count == 1 else {
            throw Diagnostic("E0231", "expected DESCRIPTOR(column)", span: argument.span)
        }
        let found = try Scope(relations: [.init(name: nil, columns: input.columns)]).resolve(names).column
        guard found.type.isTimestamp else {
            throw Diagnostic(
                "E0233", "\(found.name) is \(found.type.sqlName): a window needs a TIMESTAMP", span: argument.span)
        }
        return found
    }

    private func windowed(
        _ input: Binder.BoundQuery, _ time: PlanColumn, _ kind: WindowKind, _ span: SourceSpan
    ) throws(Diagnostic) -> Binder.BoundQuery {
        let expressions = ExpressionBinder(binder, Scope(), ctes, input.plan)
        let width: Int64
        var plan = input.plan
        var startValue: BoundExpression
        let origin = BoundExpression.literal(.timestamp(0))
        let timestamp = TypeCoercion.cast(time.expression, to: .timestamp)
        switch kind {
        case .tumble(let size):
            width = size
            startValue = try expressions.apply("date_bin", [interval(size), timestamp, origin], span)
        case .hop(let slide, let size):
            // The windows a row is in begin at the last `size / slide` slides up to its own.
            width = size
            let last = try expressions.apply("date_bin", [interval(slide), timestamp, origin], span)
            let count = (size + slide - 1) / slide
            let steps = try expressions.apply(
                "generate_series", [.literal(.int64(0)), .literal(.int64(count - 1))], span)
            let step = binder.numbering.column("step", .int64)
            plan = .unnest(.init(input: plan, list: steps, element: step, ordinality: nil, keepsEmpty: false))
            let back = BoundExpression.arithmetic(.multiply, interval(slide), step.expression, type: .interval)
            startValue = .arithmetic(.subtract, last, back, type: .timestamp)
        case .instant, .session, .cumulate:
            throw Diagnostic("E0417", "this window is not supported here", span: span)
        }
        let start = binder.numbering.column("window_start", .timestamp, isNullable: false)
        let passing = plan.outputs.map { ComputedColumn.passing($0) }
        plan = .project(.init(input: plan, columns: passing + [ComputedColumn(start, startValue)]))
        let end = binder.numbering.column("window_end", .timestamp, isNullable: false)
        let last = binder.numbering.column("window_time", .timestamp, isNullable: false)
        let endValue = BoundExpression.arithmetic(.add, start.expression, interval(width), type: .timestamp)
        let lastValue = BoundExpression.arithmetic(.subtract, endValue, interval(1), type: .timestamp)
        let all = plan.outputs.map { ComputedColumn.passing($0) }
        plan = .project(
            .init(input: plan, columns: all + [ComputedColumn(end, endValue), ComputedColumn(last, lastValue)]))
        if case .hop = kind {
            // Of the earliest slides some windows end before the row when the width is no multiple of the slide.
            plan = .filter(
                .init(input: plan, predicate: .comparison(.greater, end.expression, timestamp)))
        }
        return .init(plan: plan, columns: input.columns + [start, end, last])
    }

    private func interval(_ nanoseconds: Int64) -> BoundExpression {
        .literal(.interval(Interval(nanoseconds: nanoseconds)))
    }
}
