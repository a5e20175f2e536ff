import Dataflow

/// Builds the operators that graphs name.
public enum OperatorCatalog {
    /// The operator of one subtask, with room beyond memory where the context gives it. Sources, sinks, values and
    /// unions are the engine's own affair. Errors: `OperatorError` when a spec names what does not exist.
    @Sendable
    public static func make(_ spec: OperatorSpec, context: OperatorContext) throws -> any Operator {
        guard let space = context.spillSpace, let spilling = Spilling(spec) else { return try inMemory(spec, context) }
        return try SpillingOperator(context, space, keys: spilling.keys, isTimed: spilling.isTimed) {
            try inMemory(spec, context)
        }
    }

    private static func inMemory(_ spec: OperatorSpec, _ context: OperatorContext) throws -> any Operator {
        switch spec {
        case .watermark(let spec): return WatermarkOperator(spec, context: context)
        case .filter(let spec): return FilterOperator(spec, context: context)
        case .projection(let spec): return ProjectionOperator(spec, context: context)
        case .unnest(let spec): return UnnestOperator(spec, context: context)
        case .windowAggregate(let spec):
            if case .session(let gap) = spec.window {
                return try SessionWindowOperator(spec, gap: gap, context: context)
            }
            return try WindowAggregateOperator(spec, context: context)
        case .aggregate(let spec): return try AggregateOperator(spec, context: context)
        case .windowed(let spec): return try WindowedOperator(spec, context: context)
        case .sort(let spec): return SortOperator(spec, context: context)
        case .limit(let spec): return LimitOperator(spec)
        case .hashJoin(let spec): return HashJoinOperator(spec, context: context)
        case .overWindow(let spec): return try OverWindowOperator(spec, context: context)
        case .updatingAggregate(let spec): return try UpdatingAggregateOperator(spec, context: context)
        case .updatingJoin(let spec): return UpdatingJoinOperator(spec, context: context)
        case .updatingOverWindow(let spec): return UpdatingOverWindowOperator(spec, context: context)
        case .intervalJoin(let spec): return IntervalJoinOperator(spec, context: context)
        case .lookupJoin(let spec): return try LookupJoinOperator(spec, context: context)
        case .temporalJoin(let spec): return TemporalJoinOperator(spec, context: context)
        case .eventTimeOver(let spec): return try EventTimeOverOperator(spec, context: context)
        case .finalRows(let spec): return FinalRowsOperator(spec, context: context)
        case .source, .values, .union, .sink:
            throw OperatorError(operatorName: "graph", message: "a source, sink or union is no operator of a chain")
        }
    }
}
