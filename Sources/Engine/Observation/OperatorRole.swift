import Dataflow

/// What a node is for, as far as the explanation of a stall needs to know.
public enum OperatorRole: Sendable, Hashable {
    case source
    /// Makes watermarks; its input counts as idle after this long without rows, if ever.
    case watermark(idleMillis: Int64?)
    case filter
    /// Gives rows out when event time has passed them.
    case windowed
    /// Gives its rows at the end of its input.
    case atEnd
    /// Pairs the rows of two inputs.
    case join
    /// Gives changed results out every flush interval.
    case updating
    case sink
    case other

    init(_ spec: OperatorSpec) {
        switch spec {
        case .source, .values: self = .source
        case .watermark(let spec): self = .watermark(idleMillis: spec.idleMillis.flatMap { $0 > 0 ? $0 : nil })
        case .filter: self = .filter
        case .windowAggregate, .windowed: self = .windowed
        case .aggregate, .sort, .overWindow, .finalRows: self = .atEnd
        case .hashJoin, .updatingJoin: self = .join
        case .updatingAggregate, .updatingOverWindow: self = .updating
        case .sink: self = .sink
        default: self = .other
        }
    }
}
