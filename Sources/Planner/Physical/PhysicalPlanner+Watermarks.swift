import Columnar
import Dataflow
import Expressions

/// Watermarks of sources that are read in splits are made right above the source, where it is known which split a row
/// came of; all scans of such a table share them, also those that read no event time. Generated columns come behind:
/// what the watermark needs of them is computed in front of it.
extension PhysicalPlanner {
    /// The watermarks of a table, over the columns that any scan reads, by position.
    struct SharedWatermark {
        var spec: WatermarkSpec
        /// The event time where it is generated; `spec.eventTime` is then the column behind all others.
        var generatedTime: BoundExpression?

        /// Where that is found in front of the watermark.
        var timeColumn: PlanColumn? {
            generatedTime.map { PlanColumn(id: Int.min + 1, name: HiddenColumn.watermark, type: $0.type) }
        }
    }

    /// By table name, what is made right above the source. `positions`: the columns that any scan reads.
    static func watermarks(
        of plans: [LogicalPlan], _ positions: [String: [Int]], _ functions: FunctionRegistry
    ) -> [String: SharedWatermark] {
        var found: [String: SharedWatermark] = [:]
        for plan in plans {
            plan.visit { node in
                guard case .watermark(let watermark) = node, let (scan, projects) = tableBelow(watermark),
                    scan.table.traits.hasSplits, scan.retraction == nil, !scan.table.traits.givesChanges,
                    let read = positions[scan.table.name], canRepeat(projects, functions)
                else { return }
                found[scan.table.name] = shared(watermark, scan, projects, read)
            }
        }
        return found
    }

    /// The scan right below, but for the projections that compute the table's generated columns, outermost first.
    private static func tableBelow(
        _ watermark: LogicalPlan.Watermarking
    ) -> (scan: LogicalPlan.Scan, projects: [LogicalPlan.Project])? {
        var projects: [LogicalPlan.Project] = []
        var plan = watermark.input
        while case .project(let project) = plan, project.window == nil {
            projects.append(project)
            plan = project.input
        }
        guard case .scan(let scan) = plan else { return nil }
        return (scan, projects)
    }

    /// Whether generated columns are the same wherever they are computed, as the time is.
    private static func canRepeat(_ projects: [LogicalPlan.Project], _ functions: FunctionRegistry) -> Bool {
        var result = true
        for column in projects.flatMap(\.columns) {
            column.expression.visit { node in
                guard case .call(let call) = node else { return }
                if functions.scalar(call.name)?.volatility != .immutable { result = false }
            }
        }
        return result
    }

    private static func shared(
        _ watermark: LogicalPlan.Watermarking, _ scan: LogicalPlan.Scan, _ projects: [LogicalPlan.Project],
        _ read: [Int]
    ) -> SharedWatermark {
        let ids = read.map { position in scan.positions.firstIndex(of: position).map { scan.columns[$0].id } }
        /// An expression over what the source gives; `time`: the column that stands behind all of that.
        func overSource(_ expression: BoundExpression, time: Int? = nil) -> BoundExpression {
            let computed = projects.reduce(expression) { expression, project in
                expression.rewritten { node in
                    guard case .column(let reference) = node, reference.index != time,
                        let column = project.columns.first(where: { $0.column.id == reference.index })
                    else { return node }
                    return column.expression
                }
            }
            return computed.rewritten { node in
                guard case .column(var reference) = node else { return node }
                guard let index = reference.index == time ? read.count : ids.firstIndex(of: reference.index) else {
                    return node
                }
                reference.index = index
                return .column(reference)
            }
        }
        func position(_ expression: BoundExpression) -> Int? {
            if case .column(let reference) = expression { reference.index } else { nil }
        }
        let time = watermark.eventTime.map { overSource($0.expression) }
        let generated = time.flatMap { position($0) == nil ? $0 : nil }
        return SharedWatermark(
            spec: WatermarkSpec(
                eventTime: generated == nil ? time.flatMap(position) : read.count,
                watermark: watermark.watermark.map {
                    overSource($0, time: generated == nil ? nil : watermark.eventTime?.id)
                }, idleMillis: watermark.idleMillis,
                timeless: watermark.timeless.flatMap { position(overSource($0.expression)) }),
            generatedTime: generated)
    }

    func sharedWatermark(of scan: LogicalPlan.Scan) -> SharedWatermark? {
        scan.retraction == nil ? sharedWatermarks[scan.table.name] : nil
    }

    /// A watermark that its table's scans share, with the generated columns behind it; nil when it is none.
    mutating func lowerShared(_ watermark: LogicalPlan.Watermarking) -> Lowered? {
        guard let (scan, projects) = Self.tableBelow(watermark), let shared = sharedWatermark(of: scan) else {
            return nil
        }
        var lowered = watermarked(scan, shared, watermark.output)
        // Right above the source the event time has been computed already.
        let computed = projects.count == 1 ? shared.timeColumn : nil
        for project in projects.reversed() {
            let columns = project.columns.map { column in
                guard let computed, column.column.id == watermark.eventTime?.id else { return column }
                return ComputedColumn(column.column, computed.expression)
            }
            lowered = addProjection(columns + [.passing(watermark.output)], over: lowered)
        }
        return projects.isEmpty ? self.project(lowered, onto: scan.columns + [watermark.output]) : lowered
    }

    /// A scan with the watermarks of its table, whose event time nobody reads.
    mutating func lower(_ scan: LogicalPlan.Scan, under shared: SharedWatermark) -> Lowered {
        let time = PlanColumn(id: Int.min, name: HiddenColumn.eventTime, type: .timestamp, isNullable: false)
        return project(watermarked(scan, shared, time), onto: scan.columns)
    }

    /// All columns of a scan's table that are read, and the event time behind them.
    private mutating func watermarked(
        _ scan: LogicalPlan.Scan, _ shared: SharedWatermark, _ time: PlanColumn
    ) -> Lowered {
        let whole = source(of: scan)
        var input = whole
        if let generated = shared.generatedTime, let time = shared.timeColumn {
            let columns = whole.columns + [time]
            let passing = whole.columns.enumerated().map { index, column in
                BoundExpression.column(
                    .init(index: index, name: column.name, type: column.type, isNullable: column.isNullable))
            }
            let spec = ProjectionSpec(expressions: passing + [generated], schema: Schema(columns.map(\.field)))
            input = add(.projection(spec), columns, over: [whole], parallelism: whole.parallelism)
        }
        return add(.watermark(shared.spec), input.columns + [time], over: [input], parallelism: input.parallelism)
    }
}
