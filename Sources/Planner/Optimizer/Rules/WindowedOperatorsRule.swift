import Columnar
import Dataflow
import Expressions

/// Finds joins and window functions that only bring together rows of equal windows, and notes the event time they go
/// by: such an operator gives out its rows, and forgets them, when the watermark has passed their window. Of other
/// joins it notes how near in event time rows must be.
struct WindowedOperatorsRule: OptimizerRule {
    let name = "windowed_operators"

    func apply(to plan: LogicalPlan, context: OptimizerContext) -> LogicalPlan {
        plan.rewritten { node in
            switch node {
            case .join(var join):
                if join.versions != nil { return .join(temporal(join)) }
                join.eventTimes = eventTimes(of: join)
                join.interval = join.eventTimes == nil ? interval(of: join, context) : nil
                return .join(join)
            case .filter(var filter):
                // What an inner join's rows must meet further up bounds them as well.
                guard case .join(var join) = filter.input, join.kind == .inner, join.eventTimes == nil,
                    join.versions == nil
                else { return node }
                join.interval = interval(of: join, context, knowing: filter.predicate.conjuncts)
                filter.input = .join(join)
                return .filter(filter)
            case .over(var over):
                let origin = EventTimeOrigin(of: over.input)
                let isWindowed = over.partitionBy.contains { origin.role(of: $0) != nil }
                over.eventTime = isWindowed ? origin.time(in: over.input) : nil
                let isEndless = context.isStreaming || !over.input.isBounded
                if isEndless, let first = over.orderBy.first, !first.isDescending,
                    origin.distance(of: first.expression)?.count == 1
                {
                    over.orderTime = origin.time(in: over.input)
                }
                return .over(over)
            default: return node
            }
        }
    }

    /// Notes the event times of a temporal join, if it is as of that of its left side.
    private func temporal(_ join: LogicalPlan.Join) -> LogicalPlan.Join {
        var join = join
        let unique = join.right.uniqueKey ?? []
        join.versions?.key = join.right.outputs.filter { unique.contains($0.id) }
        let left = EventTimeOrigin(of: join.left)
        if let asOf = join.versions?.asOf, left.distance(of: asOf) == 0...0, let leftTime = left.time(in: join.left),
            let rightTime = EventTimeOrigin(of: join.right).time(in: join.right)
        {
            join.versions?.asOf = leftTime.expression
            join.versions?.times = .init(left: leftTime, right: rightTime)
        }
        return join
    }

    private func interval(
        of join: LogicalPlan.Join, _ context: OptimizerContext, knowing known: [BoundExpression] = []
    ) -> LogicalPlan.Join.Interval? {
        guard context.isStreaming || !LogicalPlan.join(join).isBounded else { return nil }
        guard [.inner, .left, .right, .full, .leftSemi, .leftAnti].contains(join.kind) else { return nil }
        let bounds = IntervalBounds(of: join, knowing: known)
        guard let lower = bounds.lower, let upper = bounds.upper,
            let left = EventTimeOrigin(of: join.left).time(in: join.left),
            let right = EventTimeOrigin(of: join.right).time(in: join.right)
        else { return nil }
        return .init(times: .init(left: left, right: right), lower: lower, upper: upper)
    }

    private func eventTimes(of join: LogicalPlan.Join) -> LogicalPlan.Join.EventTimes? {
        // A null in any window decides for the rows of all windows.
        if join.kind == .nullAwareAnti { return nil }
        let left = EventTimeOrigin(of: join.left)
        let right = EventTimeOrigin(of: join.right)
        let tied = join.keys.contains { EventTimeOrigin.ties($0.left, in: left, to: $0.right, in: right) }
        guard tied, let leftTime = left.time(in: join.left), let rightTime = right.time(in: join.right) else {
            return nil
        }
        return .init(left: leftTime, right: rightTime)
    }
}
