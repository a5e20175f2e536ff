import Dataflow
import SQLSyntax

/// Finds what would never give a result, or keep state without bound, when a source does not end.
enum StreamingCheck {
    static func check(_ sink: SinkPlan) throws(Diagnostic) {
        if sink.input.isBounded { return }
        var failure: Diagnostic?
        sink.input.visit { node in
            guard failure == nil else { return }
            failure = problem(node)
        }
        if let failure { throw failure }
    }

    private static func problem(_ node: LogicalPlan) -> Diagnostic? {
        let unbounded = node.children.contains { !$0.isBounded }
        guard unbounded else { return nil }
        let hint = "bound the source, e.g. with events_num or message_count"
        switch node {
        case .sort:
            return Diagnostic(
                "E0401", "ORDER BY needs input that ends: a stream has no last row", span: nil, hint: hint)
        case .aggregate(let aggregate) where aggregate.window == nil:
            return Diagnostic(
                "E0402", "GROUP BY without a window needs input that ends", span: nil,
                hint: "group by tumble(INTERVAL '…') as well, or \(hint)")
        case .join(let join) where join.eventTimes == nil:
            return Diagnostic(
                "E0403", "this join needs inputs that end", span: nil,
                hint: "group both sides by the same window and join on the window as well, or \(hint)")
        case .over(let over) where over.eventTime == nil:
            return Diagnostic(
                "E0404", "window functions need input that ends", span: nil,
                hint: "group by a window below and write PARTITION BY with it, or \(hint)")
        default: return nil
        }
    }
}
