import Dataflow
import Expressions

/// Whether an operator's state can be divided by keys, and how.
struct Spilling {
    /// By what each input is dealt out to subtasks: the state's tables begin with the same.
    var keys: [[BoundExpression]]
    /// Whether the operator does something when event time passes.
    var isTimed: Bool

    /// Nil for operators that keep little, or whose rows all belong together.
    init?(_ spec: OperatorSpec) {
        isTimed = false
        switch spec {
        case .windowAggregate(let spec):
            keys = [spec.keys]
            isTimed = true
        case .aggregate(let spec): keys = [spec.keys]
        case .updatingAggregate(let spec): keys = [spec.keys]
        case .hashJoin(let spec):
            guard let joined = Self.keys(spec) else { return nil }
            keys = joined
        case .updatingJoin(let spec):
            guard let joined = Self.keys(spec.join) else { return nil }
            keys = joined
        case .overWindow(let spec): keys = [spec.partitionBy]
        case .updatingOverWindow(let spec): keys = [spec.over.partitionBy]
        case .windowed(let spec):
            isTimed = true
            switch spec.body {
            case .hashJoin(let join):
                guard let joined = Self.keys(join) else { return nil }
                keys = joined
            case .overWindow(let over): keys = [over.partitionBy]
            }
        case .intervalJoin(let spec):
            guard let joined = Self.keys(spec.join) else { return nil }
            keys = joined
            isTimed = true
        case .temporalJoin(let spec):
            guard let joined = Self.keys(spec.join) else { return nil }
            keys = joined
            isTimed = true
        case .eventTimeOver(let spec):
            keys = [spec.over.partitionBy]
            isTimed = true
        case .source, .values, .watermark, .filter, .projection, .unnest, .sort, .limit, .lookupJoin, .finalRows,
            .union,
            .sink:
            return nil
        }
        if keys.contains(where: \.isEmpty) { return nil }
    }

    /// Nil where one row decides for all.
    private static func keys(_ join: HashJoinSpec) -> [[BoundExpression]]? {
        join.kind == .nullAwareAnti || join.kind == .mark ? nil : [join.leftKeys, join.rightKeys]
    }
}
