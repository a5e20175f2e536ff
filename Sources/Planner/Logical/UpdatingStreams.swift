import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// Finds where an optimized plan gives results that change, and carries the column that says so from there to the sink;
/// refuses what can never give a result over input that does not end.
///
/// Runs after the optimizer: rules need not know of changes, since filters, projections, unions and joins mean the same
/// over rows that come and go.
struct UpdatingStreams {
    let numbering: ColumnNumbering
    let settings: StreamSettings
    var warnings: [Diagnostic] = []
    /// Whether bounded tables of changes are to give them all, as the versions of rows.
    private var wantsVersions = false

    init(numbering: ColumnNumbering, settings: StreamSettings) {
        self.numbering = numbering
        self.settings = settings
    }

    /// The plan with its changes said. Errors: E0401 to E0407.
    mutating func apply(_ sink: SinkPlan) throws(Diagnostic) -> SinkPlan {
        var sink = sink
        sink.input = try rewrite(sink.input)
        guard let retraction = sink.input.retraction else { return sink }
        guard sink.table.traits.takesChanges else {
            throw Diagnostic(
                "E0405", "table \(sink.table.name) cannot take updates, and the results of this query change",
                span: nil,
                hint: "write them with format = 'debezium_json', or group by a window, whose results are final")
        }
        sink.columns.append(retraction)
        return sink
    }

    /// Gives a plan whose sink is shared with one of changes the column too.
    func withRetraction(_ sink: SinkPlan) -> SinkPlan {
        guard sink.input.retraction == nil else { return sink }
        var sink = sink
        let added = retraction()
        sink.input = appending(added, false, to: sink.input)
        sink.columns.append(added)
        return sink
    }

    private func retraction() -> PlanColumn {
        numbering.column(HiddenColumn.retraction, .boolean, isNullable: false)
    }

    /// The plan with a constant retraction column.
    private func appending(_ column: PlanColumn, _ value: Bool, to plan: LogicalPlan) -> LogicalPlan {
        let columns = plan.outputs.map { ComputedColumn.passing($0) }
        return .project(.init(input: plan, columns: columns + [ComputedColumn(column, .literal(.boolean(value)))]))
    }

    private func isEndless(_ plan: LogicalPlan) -> Bool { settings.isStreaming || !plan.isBounded }

    // MARK: - Nodes

    private mutating func rewrite(_ plan: LogicalPlan) throws(Diagnostic) -> LogicalPlan {
        var inputs: [LogicalPlan] = []
        for (index, child) in plan.children.enumerated() {
            let isVersions = if case .join(let join) = plan { join.versions != nil && index == 1 } else { false }
            let outer = wantsVersions
            wantsVersions = outer || isVersions
            defer { wantsVersions = outer }
            inputs.append(try rewrite(child))
        }
        let isEndless = isEndless(plan)
        let changes = inputs.contains { $0.retraction != nil }
        let node = plan.replacingChildren(inputs)
        switch node {
        case .scan(var scan):
            let givesChanges = scan.table.traits.givesChanges && !scan.isForBadRecords
            if givesChanges, isEndless || wantsVersions { scan.retraction = retraction() }
            return .scan(scan)
        case .project(var project):
            if let retraction = inputs[0].retraction { project.columns.append(.passing(retraction)) }
            return .project(project)
        case .union(let union): return changes ? rewrite(union) : node
        case .aggregate(let aggregate): return try rewrite(aggregate, isEndless: isEndless, changes: changes)
        case .join(let join): return try rewrite(join, changes: changes)
        case .over(let over): return try rewrite(over, isEndless: isEndless, changes: changes)
        case .filter(let filter): return limited(filter)
        case .lookup(let lookup) where changes:
            throw Diagnostic(
                "E0408",
                "a look-up in \(lookup.table.name) for rows that change: what is taken back later might look up "
                    + "something else", span: nil, hint: "look up before grouping or joining")
        case .sort where isEndless:
            throw Diagnostic(
                "E0401", "ORDER BY needs input that ends: a stream has no last row", span: nil,
                hint: "for the first rows of each key filter by ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) <= n, "
                    + "or bound the source, e.g. with events_num or message_count")
        case .limit where changes:
            throw Diagnostic(
                "E0407", "LIMIT over results that change has no meaning", span: nil,
                hint: "filter by ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) <= n")
        default: return node
        }
    }

    private func rewrite(_ union: LogicalPlan.Union) -> LogicalPlan {
        var union = union
        let output = retraction()
        union.inputs = union.inputs.map { input in
            guard let given = input.retraction else { return appending(retraction(), false, to: input) }
            // A union goes by position.
            let columns = input.lastingOutputs + [given]
            return .project(.init(input: input, columns: columns.map { .passing($0) }))
        }
        union.columns.append(output)
        return .union(union)
    }

    private mutating func rewrite(
        _ aggregate: LogicalPlan.Aggregate, isEndless: Bool, changes: Bool
    ) throws(Diagnostic) -> LogicalPlan {
        if let window = aggregate.window {
            if window.kind != .instant { warnOfArrival(aggregate.input) }
            if !changes { return .aggregate(aggregate) }
            throw Diagnostic(
                "E0406", "a window is given out once, but the rows it would hold may still be taken back", span: nil,
                hint: "group by date_trunc(…) or another expression instead: such results are updated")
        }
        guard isEndless || changes else { return .aggregate(aggregate) }
        var aggregate = aggregate
        let isDistinct = aggregate.aggregates.isEmpty && !changes
        aggregate.updating = .init(output: isDistinct ? nil : retraction(), ttlMillis: settings.ttlMillis)
        warn("GROUP BY without a window keeps every key in memory")
        return .aggregate(aggregate)
    }

    private mutating func rewrite(_ join: LogicalPlan.Join, changes: Bool) throws(Diagnostic) -> LogicalPlan {
        if join.versions != nil { return .join(try temporal(join)) }
        if join.eventTimes != nil && !changes { return .join(join) }
        var join = join
        let interval = join.interval
        join.interval = nil
        let rightIsFinal = !isEndless(join.right) && join.right.retraction == nil
        if rightIsFinal && (!isEndless(join.left) || canProbe(join.kind)) && join.left.retraction == nil {
            return .join(join)
        }
        if let interval, !changes { return .join(within(interval, join)) }
        guard join.kind != .mark, join.kind != .nullAwareAnti else {
            throw Diagnostic(
                "E0403", "a sub-query with NOT IN, or IN among other conditions, needs a table that ends", span: nil,
                hint: "write EXISTS or NOT EXISTS")
        }
        guard !join.keys.isEmpty else {
            throw Diagnostic(
                "E0403", "a join of streams needs an equality between both sides", span: nil,
                hint: "add one to ON, or group both sides by the same window and join on the window")
        }
        join.eventTimes = nil
        let stays = !changes && (join.kind == .inner || join.kind == .leftSemi)
        join.updating = .init(output: stays ? nil : retraction(), ttlMillis: settings.ttlMillis)
        warn("a join without a window keeps the rows of both sides in memory")
        return .join(join)
    }

    /// A join by keys and nearness in event time, without the conditions that say how near.
    private func within(_ interval: LogicalPlan.Join.Interval, _ join: LogicalPlan.Join) -> LogicalPlan.Join {
        var join = join
        let bounds = IntervalBounds(join.left, join.right)
        let rest = (join.residual?.conjuncts ?? []).filter {
            !bounds.covers($0, lower: interval.lower, upper: interval.upper)
        }
        join.residual = BoundExpression.conjunction(rest)
        join.interval = interval
        return join
    }

    /// Kinds whose rows depend on nothing of the left but the row itself: the right side is built, the left flows.
    private func canProbe(_ kind: JoinKind) -> Bool { kind != .right && kind != .full }

    private mutating func rewrite(
        _ over: LogicalPlan.Over, isEndless: Bool, changes: Bool
    ) throws(Diagnostic) -> LogicalPlan {
        var over = over
        let orderTime = over.orderTime
        over.orderTime = nil
        guard isEndless || changes else { return .over(over) }
        if over.eventTime != nil && !changes { return .over(over) }
        if let orderTime, !changes, let reach = over.reach {
            over.orderTime = orderTime
            if reach.isUnbounded {
                warn(
                    "window functions by event time without the start of a frame keep a state of every partition",
                    lasts: true)
            }
            return .over(over)
        }
        over.eventTime = nil
        over.updating = .init(output: retraction(), ttlMillis: settings.ttlMillis)
        warn("window functions without a window keep the rows of every partition in memory")
        return .over(over)
    }

    /// Tells window functions that only low row numbers are wanted.
    private func limited(_ filter: LogicalPlan.Filter) -> LogicalPlan {
        var filter = filter
        guard case .over(var over) = filter.input, over.updating != nil else { return .filter(filter) }
        for (index, column) in over.calls.enumerated() where column.call.call.name == "row_number" {
            let bounds = filter.predicate.conjuncts.compactMap { Self.upperBound($0, of: column.column.id) }
            guard let least = bounds.min() else { continue }
            over.limit = .init(call: index, count: least)
        }
        filter.input = .over(over)
        return .filter(filter)
    }

    /// The greatest value of a column that meets a condition of the form `column <= constant`; nil for other forms.
    private static func upperBound(_ condition: BoundExpression, of id: Int) -> Int64? {
        func isColumn(_ side: BoundExpression) -> Bool {
            if case .cast(let inner, _, _) = side { return isColumn(inner) }
            if case .column(let reference) = side { return reference.index == id }
            return false
        }
        func constant(_ side: BoundExpression) -> Int64? {
            if case .literal(let value) = side, case .int(let number) = value.storage { return number }
            return nil
        }
        guard case .comparison(let op, let left, let right) = condition else { return nil }
        if isColumn(left), let bound = constant(right) {
            switch op {
            case .lessOrEqual, .equal: return bound
            case .less: return bound - 1
            default: return nil
            }
        }
        if isColumn(right), let bound = constant(left) {
            switch op {
            case .greaterOrEqual, .equal: return bound
            case .greater: return bound - 1
            default: return nil
            }
        }
        return nil
    }

    /// Says what is kept, and for how long; with `lasts` whatever the time to live.
    mutating func warn(_ what: String, lasts: Bool = false) {
        guard lasts || !settings.isTTLGiven, !settings.isStreaming,
            !warnings.contains(where: { $0.message.hasPrefix(what) })
        else { return }
        let ttl = lasts ? nil : settings.ttlMillis
        let time = ttl.map { "until none has come for \(OperatorDescription.duration($0 * 1_000_000))" }
        let hint =
            lasts
            ? nil
            : "SET updating_ttl = INTERVAL '…' says for how long; a window lets go of its rows when it closes"
        warnings.append(
            Diagnostic("W0401", "\(what) \(time ?? "for ever")", span: nil, hint: hint, severity: .warning))
    }
}
