import Columnar
import Dataflow
import Expressions

/// What counts of operators that keep state.
extension MeaningReader {
    typealias Part = OperatorMeaning.Part

    /// All but the rows that come in. Times to live do not count: what is kept is the same under another one.
    static func parts(of spec: OperatorSpec, _ inputs: [StreamMeaning]) -> [Part] {
        let first = inputs.first ?? StreamMeaning(rows: 0, columns: [])
        func grouping(_ keys: [BoundExpression], _ calls: [AggregateCall]) -> [Part] {
            [Part("keys", first.texts(of: keys)), Part("aggregates", first.text(of: calls))]
        }
        switch spec {
        case .windowAggregate(let spec):
            return [
                Part("window", CanonicalText.of(spec.window)), Part("event time", "\(first.column(spec.eventTime))"),
            ] + grouping(spec.keys, spec.aggregates)
        case .aggregate(let spec): return grouping(spec.keys, spec.aggregates)
        case .updatingAggregate(let spec):
            return grouping(spec.keys, spec.aggregates) + [
                Part("changes", "\(spec.retraction != nil) \(spec.emitsChanges)")
            ]
        case .limit(let spec): return [Part("limit", CanonicalText.of(spec))]
        case .sort(let spec):
            return [
                columns(inputs), Part("order", text(spec.keys, first)), Part("types", first.types),
                Part("limit", "\(spec.offset) \(spec.limit ?? -1)"),
            ]
        case .hashJoin(let spec): return join(spec, inputs)
        case .updatingJoin(let spec):
            return join(spec.join, inputs, spec.sides.map(\.count)) + [
                Part("changes", "\(spec.retractions.map { $0 != nil }) \(spec.emitsChanges)")
            ]
        case .intervalJoin(let spec):
            return join(spec.join, inputs) + [
                times(spec.eventTimes, inputs), Part("distance in time", "\(spec.lower) \(spec.upper)"),
            ]
        case .temporalJoin(let spec):
            return join(spec.join, inputs, spec.sides.map(\.count)) + [
                times(spec.eventTimes, inputs), Part("changes", "\(spec.retraction != nil)"),
            ]
        case .overWindow(let spec): return over(spec, inputs)
        case .updatingOverWindow(let spec):
            return over(spec.over, inputs) + [
                Part("changes", "\(spec.retraction != nil)"),
                Part("limit", spec.limit.map { CanonicalText.of($0) } ?? ""),
            ]
        case .eventTimeOver(let spec):
            return over(spec.over, inputs) + [
                times([spec.eventTime], inputs), Part("reach", CanonicalText.of(spec.reach)),
            ]
        case .windowed(let spec):
            let body =
                switch spec.body {
                case .hashJoin(let spec): join(spec, inputs)
                case .overWindow(let spec): over(spec, inputs)
                }
            return body + [times(spec.eventTimes, inputs)]
        case .finalRows: return [columns(inputs), Part("types", first.types)]
        // Whatever it is, only the very same goes on with its state.
        default: return [columns(inputs), Part("details", CanonicalText.of(spec))]
        }
    }

    /// The columns of rows that are kept whole.
    private static func columns(_ inputs: [StreamMeaning]) -> Part {
        Part("columns", inputs.map { "\($0.columns)" }.joined(separator: ";"))
    }

    private static func times(_ columns: [Int], _ inputs: [StreamMeaning]) -> Part {
        Part("event time", zip(columns, inputs).map { "\($1.column($0))" }.joined(separator: ","))
    }

    /// `widths`: how many columns of each input its condition may read; nil: all.
    private static func join(_ spec: HashJoinSpec, _ inputs: [StreamMeaning], _ widths: [Int]? = nil) -> [Part] {
        guard inputs.count == 2 else { return [Part("details", CanonicalText.of(spec))] }
        let keys = inputs[0].texts(of: spec.leftKeys) + "=" + inputs[1].texts(of: spec.rightKeys)
        let both = inputs.enumerated().flatMap { index, input in input.columns.prefix(widths?[index] ?? .max) }
        let condition = spec.residual.map(StreamMeaning(rows: 0, columns: both).text) ?? ""
        // Where the right side does not come out its rows are kept nevertheless.
        let kept = [.leftSemi, .leftAnti, .nullAwareAnti, .mark].contains(spec.kind) ? " " + inputs[1].types : ""
        return [
            columns(inputs), Part("keys", "\(keys) \(spec.nullsAreEqual)"), Part("kind", spec.kind.rawValue),
            Part("condition", condition), Part("types", types(spec.schema) + kept),
        ]
    }

    private static func over(_ spec: OverWindowSpec, _ inputs: [StreamMeaning]) -> [Part] {
        let first = inputs.first ?? StreamMeaning(rows: 0, columns: [])
        let calls = spec.calls.map { "\(first.text(of: $0.call)) \(CanonicalText.of($0.frame))" }
        return [
            columns(inputs), Part("partitions", first.texts(of: spec.partitionBy)),
            Part("order", text(spec.orderBy, first)), Part("calls", calls.joined(separator: ";")),
            Part("types", types(spec.schema)),
        ]
    }

    private static func text(_ keys: [SortKey], _ input: StreamMeaning) -> String {
        keys.map { "\(input.text(of: $0.expression)) \($0.isDescending) \($0.nullsFirst)" }.joined(separator: ",")
    }

    static func types(_ schema: Schema) -> String {
        schema.fields.map { CanonicalText.of($0.type) }.joined(separator: ",")
    }
}
