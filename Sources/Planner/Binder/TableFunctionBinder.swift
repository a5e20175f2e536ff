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
        case "tumble", "hop", "cumulate", "session": return try window(function, span)
        case "generate_series", "range", "unnest": return try series(function, span)
        default:
            throw Diagnostic(
                "E0230", "there is no table function \(function.name.name)", span: function.name.span,
                hint: NameSuggestion.closest(
                    to: function.name.name,
                    among: ["tumble", "hop", "cumulate", "session", "generate_series", "range", "unnest"]
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
    /// `window_start`, `window_end` and `window_time` added; `HOP` and `CUMULATE` give each row once per window.
    /// `SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), gap)` gives the rows of a session when it is over.
    private func window(_ function: TableFunction, _ span: SourceSpan) throws(Diagnostic) -> Binder.BoundQuery {
        let names =
            switch function.name.name {
            case "tumble": ["data", "timecol", "size"]
            case "session": ["data", "timecol", "gap"]
            case "cumulate": ["data", "timecol", "step", "size"]
            default: ["data", "timecol", "slide", "size"]
            }
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
        if case .session(let gap) = kind { return try sessions(input, time, gap, data.partitionBy, span) }
        if let first = data.partitionBy.first {
            throw Diagnostic(
                "E0231", "only sessions are told apart by PARTITION BY", span: first.span,
                hint: "name the column in GROUP BY")
        }
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
        var plan = input.plan
        // Computed from the hidden event time, the windows keep the watermarks that close them.
        let origin = EventTimeOrigin(of: input.plan)
        let eventTime = origin.distance(of: time.expression) == 0...0 ? origin.time(in: input.plan) : nil
        // Over input that ends all its rows may be grouped at once, whatever the time.
        if eventTime == nil && !input.plan.isBounded { try input.plan.checkWatermarks(span) }
        let timestamp = eventTime?.expression ?? TypeCoercion.cast(time.expression, to: .timestamp)
        func bin(_ width: Int64) throws(Diagnostic) -> BoundExpression {
            try expressions.apply("date_bin", [interval(width), timestamp, .literal(.timestamp(0))], span)
        }
        let startValue: BoundExpression
        let endValue: BoundExpression
        let widest: Int64
        switch kind {
        case .tumble(let size):
            widest = size
            startValue = try bin(size)
            endValue = .arithmetic(.add, startValue, interval(size), type: .timestamp)
        case .hop(let slide, let size):
            // The windows a row is in begin at the last `size / slide` slides up to its own.
            widest = size
            let back = try steps(0, (size + slide - 1) / slide - 1, of: slide, &plan, expressions, span)
            startValue = .arithmetic(.subtract, try bin(slide), back, type: .timestamp)
            endValue = .arithmetic(.add, startValue, interval(size), type: .timestamp)
        case .cumulate(let step, let size):
            // The windows a row is in end with the steps of its width behind it.
            widest = size
            let on = try steps(1, size / step, of: step, &plan, expressions, span)
            startValue = try bin(size)
            endValue = .arithmetic(.add, startValue, on, type: .timestamp)
        case .instant, .session:
            preconditionFailure("sessions are bound by themselves, and windows of one instant have no name")
        }
        let start = binder.numbering.column("window_start", .timestamp, isNullable: false)
        let end = binder.numbering.column("window_end", .timestamp, isNullable: false)
        let passing = plan.outputs.map { ComputedColumn.passing($0) }
        plan = .project(
            .init(input: plan, columns: passing + [ComputedColumn(start, startValue), ComputedColumn(end, endValue)]))
        if case .tumble = kind {
        } else {
            // Some windows of the steps end before the row.
            plan = .filter(.init(input: plan, predicate: .comparison(.greater, end.expression, timestamp)))
        }
        let isFixed = if case .cumulate = kind { false } else { true }
        return timed(plan, input, start, end, widest, isFixed: isFixed, isByEventTime: eventTime != nil)
    }

    /// A row per number of a range, and that many steps.
    private func steps(
        _ first: Int64, _ last: Int64, of length: Int64, _ plan: inout LogicalPlan, _ expressions: ExpressionBinder,
        _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        let numbers = try expressions.apply(
            "generate_series", [.literal(.int64(first)), .literal(.int64(last))], span)
        let step = binder.numbering.column("step", .int64)
        plan = .unnest(.init(input: plan, list: numbers, element: step, ordinality: nil, keepsEmpty: false))
        return .arithmetic(.multiply, interval(length), step.expression, type: .interval)
    }

    /// Adds the last moment of each row's window, which takes the place of the event time.
    private func timed(
        _ plan: LogicalPlan, _ input: Binder.BoundQuery, _ start: PlanColumn, _ end: PlanColumn, _ widest: Int64?,
        isFixed: Bool, isByEventTime: Bool
    ) -> Binder.BoundQuery {
        let last = binder.numbering.column("window_time", .timestamp, isNullable: false)
        let lastValue = BoundExpression.arithmetic(.subtract, end.expression, interval(1), type: .timestamp)
        let outputs = plan.outputs
        let columns = input.columns + [start, end, last]
        guard isByEventTime else {
            let all = outputs.map { ComputedColumn.passing($0) }
            return .init(
                plan: .project(.init(input: plan, columns: all + [ComputedColumn(last, lastValue)])), columns: columns)
        }
        let output = binder.numbering.column(HiddenColumn.eventTime, .timestamp, isNullable: false)
        let visible = Set(input.columns.map(\.id))
        let kept = outputs.filter { !$0.isHidden || visible.contains($0.id) }.map { ComputedColumn.passing($0) }
        let times = [ComputedColumn(last, lastValue), ComputedColumn(output, lastValue)]
        return .init(
            plan: .project(
                .init(
                    input: plan, columns: kept + times,
                    window: .init(
                        start: start, end: end, last: last, output: output, widest: widest, isFixed: isFixed))),
            columns: columns)
    }

    /// `SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), gap)`: the rows of each session, collected until it is over.
    private func sessions(
        _ input: Binder.BoundQuery, _ time: PlanColumn, _ gap: Int64, _ partitionBy: [Identifier], _ span: SourceSpan
    ) throws(Diagnostic) -> Binder.BoundQuery {
        try input.plan.checkWatermarks(span)
        let origin = EventTimeOrigin(of: input.plan)
        guard origin.distance(of: time.expression) == 0...0, let eventTime = origin.time(in: input.plan) else {
            throw Diagnostic(
                "E0417", "sessions go by the event time, which \(time.name) is not", span: span,
                hint: "declare it in the table: WATERMARK FOR \(time.name) AS \(time.name) - INTERVAL '5 seconds'")
        }
        let scope = Scope(relations: [.init(name: nil, columns: input.columns)])
        var keys: [ComputedColumn] = []
        for name in partitionBy {
            let column = try scope.resolve([name]).column
            keys.append(ComputedColumn(binder.numbering.column(column.name, column.type), column.expression))
        }
        let expressions = ExpressionBinder(binder, Scope(), ctes, input.plan)
        let row = try expressions.apply("struct", input.columns.map(\.expression), span)
        let rows = binder.numbering.column("rows", .list(row.type))
        let window = binder.numbering.column(
            "window", .structure([Field("start", .timestamp), Field("end", .timestamp)]), isNullable: false)
        let closed = binder.numbering.column(HiddenColumn.eventTime, .timestamp, isNullable: false)
        let sessions = LogicalPlan.aggregate(
            .init(
                input: input.plan, keys: keys,
                aggregates: [
                    .init(column: rows, call: AggregateCall(name: "array_agg", arguments: [row], type: rows.type))
                ], window: .init(kind: .session(gap: gap), eventTime: eventTime, column: window, output: closed)))
        let element = binder.numbering.column("row", row.type)
        let each = LogicalPlan.unnest(
            .init(input: sessions, list: rows.expression, element: element, ordinality: nil, keepsEmpty: false))
        let columns = input.columns.map { binder.numbering.column($0.name, $0.type, isNullable: $0.isNullable) }
        let start = binder.numbering.column("window_start", .timestamp, isNullable: false)
        let end = binder.numbering.column("window_end", .timestamp, isNullable: false)
        let members = columns.enumerated().map { index, column in
            ComputedColumn(
                column, .member(element.expression, index: index, name: "c\(index)", type: column.type))
        }
        let bounds = [start, end].enumerated().map { index, column in
            ComputedColumn(
                column,
                .member(window.expression, index: index, name: index == 0 ? "start" : "end", type: .timestamp))
        }
        let plan = LogicalPlan.project(.init(input: each, columns: members + bounds))
        return timed(
            plan, .init(plan: plan, columns: columns), start, end, nil, isFixed: false, isByEventTime: true)
    }

    private func interval(_ nanoseconds: Int64) -> BoundExpression {
        .literal(.interval(Interval(nanoseconds: nanoseconds)))
    }
}
