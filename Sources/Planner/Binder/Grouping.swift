import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// The grouping of one SELECT as it is being bound.
final class Grouping {
    let collector = AggregateCollector()
    private(set) var keys: [ComputedColumn] = []
    /// The combinations of keys to group by; one unless there are grouping sets.
    var sets: [[Int]] = [[]]
    private var window: LogicalPlan.Aggregate.Window?
    private var windowSyntax: Expr?
    private let binder: Binder

    init(binder: Binder) { self.binder = binder }

    /// Adds a key unless it is there, and gives its index.
    func addKey(_ expression: BoundExpression, name: String) -> Int {
        if let known = keys.firstIndex(where: { $0.expression == expression }) { return known }
        if case .column(let reference) = expression {
            let column = PlanColumn(
                id: reference.index, name: reference.name, type: reference.type, isNullable: reference.isNullable)
            keys.append(ComputedColumn(column, expression))
        } else {
            let column = binder.numbering.column(name, expression.type, isNullable: expression.isNullable)
            keys.append(ComputedColumn(column, expression))
        }
        return keys.count - 1
    }

    /// Groups by a window of event time.
    func setWindow(_ call: WindowCall, written: Expr, _ expressions: ExpressionBinder) throws(Diagnostic) {
        if windowSyntax == written { return }
        if window != nil { throw Diagnostic("E0248", "a GROUP BY takes one window only", span: call.span) }
        guard let eventTime = expressions.plan.eventTime else {
            throw Diagnostic(
                "E0249", "a window needs rows with an event time", span: call.span,
                hint: "declare one in the table: WATERMARK FOR column AS column - INTERVAL '5 seconds'")
        }
        try expressions.plan.checkWatermarks(call.span)
        let time = Field("start", .timestamp, isNullable: false)
        let end = Field("end", .timestamp, isNullable: false)
        windowSyntax = written
        window = .init(
            kind: call.kind, eventTime: eventTime,
            column: binder.numbering.column("window", .structure([time, end]), isNullable: false),
            output: binder.numbering.column(HiddenColumn.eventTime, .timestamp, isNullable: false))
    }

    /// The plan grouped, and how expressions over its input read in terms of its output.
    struct Applied {
        var plan: LogicalPlan
        fileprivate var replacements: [BoundExpression: BoundExpression]
        fileprivate var allowed: Set<Int>

        /// The expression in terms of keys and aggregates; an error when it reads anything else.
        func rewrite(_ expression: BoundExpression, _ span: SourceSpan) throws(Diagnostic) -> BoundExpression {
            if let replacement = replacements[expression] { return replacement }
            if case .column(let reference) = expression {
                if allowed.contains(reference.index) { return expression }
                throw Diagnostic(
                    "E0250", "column \(reference.name) must be in GROUP BY or inside an aggregate", span: span,
                    hint: "add it to GROUP BY, or take any value of it: first_value(\(reference.name))")
            }
            var operands: [BoundExpression] = []
            for child in expression.children { operands.append(try rewrite(child, span)) }
            return operands.isEmpty ? expression : expression.replacingChildren(operands)
        }
    }

    func apply(to input: LogicalPlan, _ expressions: ExpressionBinder) throws(Diagnostic) -> Applied {
        let isPlain = sets.count == 1 && sets[0].count == keys.count
        var plan = isPlain ? grouped(input, sets[0]) : try groupingSets(input)
        for join in expressions.joinsAfterGrouping { plan = try Binder.run(join, on: plan, SourceSpan(0, 0)) }
        var replacements: [BoundExpression: BoundExpression] = [:]
        for key in keys { replacements[key.expression] = key.column.expression }
        var allowed = collector.ids.union(expressions.columnsAfterGrouping)
        if let window {
            if let column = window.column { allowed.insert(column.id) }
            allowed.insert(window.output.id)
        }
        if let windows = expressions.windows { allowed.formUnion(windows.ids) }
        if let unnested = expressions.unnested { allowed.formUnion(unnested.map(\.element.id)) }
        // What an enclosing query provides is constant here.
        let own = input.outputIDs
        var outer: Set<Int> = []
        var scope = expressions.scope.parent
        while let enclosing = scope {
            for relation in enclosing.scope.relations { outer.formUnion(relation.columns.map(\.id)) }
            scope = enclosing.scope.parent
        }
        allowed.formUnion(outer.subtracting(own))
        return Applied(plan: plan, replacements: replacements, allowed: allowed)
    }

    private func grouped(_ input: LogicalPlan, _ set: [Int]) -> LogicalPlan {
        let columns = set.map { keys[$0] }
        let window = window ?? EventTimeOrigin.instant(of: input, keys: columns, numbering: binder.numbering)
        return .aggregate(.init(input: input, keys: columns, aggregates: collector.columns, window: window))
    }

    /// One aggregation per set, keys outside the set null; all put together.
    private func groupingSets(_ input: LogicalPlan) throws(Diagnostic) -> LogicalPlan {
        if window != nil {
            throw Diagnostic("E0418", "grouping sets cannot be combined with a time window yet", span: nil)
        }
        let outputs = keys.map { $0.column.asNullable } + collector.columns.map(\.column)
        var branches: [LogicalPlan] = []
        for set in sets {
            var columns: [ComputedColumn] = []
            var branchKeys: [ComputedColumn] = []
            for (index, key) in keys.enumerated() {
                let fresh = binder.numbering.column(key.column.name, key.column.type)
                if set.contains(index) {
                    let inner = binder.numbering.column(key.column.name, key.column.type)
                    branchKeys.append(ComputedColumn(inner, key.expression))
                    columns.append(ComputedColumn(fresh, inner.expression))
                } else {
                    columns.append(ComputedColumn(fresh, .literal(.null(key.column.type))))
                }
            }
            var aggregates: [LogicalPlan.Aggregate.AggregateColumn] = []
            for aggregate in collector.columns {
                let inner = binder.numbering.column(aggregate.column.name, aggregate.column.type)
                aggregates.append(.init(column: inner, call: aggregate.call))
                let fresh = binder.numbering.column(aggregate.column.name, aggregate.column.type)
                columns.append(ComputedColumn(fresh, inner.expression))
            }
            let aggregate = LogicalPlan.aggregate(
                .init(input: input, keys: branchKeys, aggregates: aggregates, window: nil))
            branches.append(.project(.init(input: aggregate, columns: columns)))
        }
        // The keys get ids of their own: the input's columns of the same id are not what comes out.
        let renamed = outputs.map { binder.numbering.column($0.name, $0.type) }
        let union = LogicalPlan.union(.init(inputs: branches, columns: renamed))
        return .project(
            .init(input: union, columns: zip(outputs, renamed).map { ComputedColumn($0, $1.expression) }))
    }

    /// The select list may repeat the window call of GROUP BY: it then means the window.
    func windowColumn(for expr: Expr) -> PlanColumn? {
        expr == windowSyntax ? window?.column : nil
    }
}
