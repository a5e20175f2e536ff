import Columnar
import Dataflow
import Expressions

/// One line of text per operator, for EXPLAIN, graphs and messages; stable from run to run.
enum OperatorDescription {
    static func text(of spec: OperatorSpec) -> String {
        switch spec {
        case .source(let source):
            return "Source \(source.table) (\(source.connector)) columns=[\(names(source.outputSchema))]"
        case .sink(let sink): return describe(sink)
        case .values(let values): return "Values rows=\(values.rows.count)"
        case .watermark(let watermark): return describe(watermark)
        case .filter(let filter): return "Filter \(sql(filter.predicate))"
        case .projection(let projection):
            let columns = zip(projection.expressions, projection.schema.fields).map { expression, field in
                let text = sql(expression)
                return text == field.name ? text : "\(text) AS \(field.name)"
            }
            return "Projection [\(columns.joined(separator: ", "))]"
        case .unnest(let unnest):
            return "Unnest \(sql(unnest.list))\(unnest.withOrdinality ? " WITH ORDINALITY" : "")"
        case .windowAggregate(let aggregate):
            return "WindowAggregate \(describe(aggregate.window))"
                + grouping(aggregate.keys, aggregate.aggregates)
        case .aggregate(let aggregate): return "Aggregate" + grouping(aggregate.keys, aggregate.aggregates)
        case .sort(let sort): return "Sort [\(keys(sort.keys))]\(range(sort.offset, sort.limit))"
        case .limit(let limit): return "Limit\(range(limit.offset, limit.limit))"
        case .hashJoin(let join): return describe(join)
        case .overWindow(let over): return describe(over)
        case .windowed(let windowed): return text(of: windowed.bounded) + " windowed"
        case .updatingAggregate(let aggregate):
            return "UpdatingAggregate" + grouping(aggregate.keys, aggregate.aggregates) + ttl(aggregate.ttlMillis)
        case .updatingJoin(let join): return "Updating" + describe(join.join) + ttl(join.ttlMillis)
        case .updatingOverWindow(let over):
            let limit = over.limit.map { " row_number<=\($0.count)" } ?? ""
            return "Updating" + describe(over.over) + limit + ttl(over.ttlMillis)
        case .intervalJoin(let join):
            return "IntervalJoin" + describe(join.join).dropFirst("HashJoin".count) + bounds(join.lower, join.upper)
        case .lookupJoin(let join): return describe(join)
        case .temporalJoin(let join):
            return "TemporalJoin" + describe(join.join).dropFirst("HashJoin".count) + " asOf=#\(join.eventTimes[0])"
        case .eventTimeOver(let over):
            return "EventTime" + describe(over.over) + (over.reach.isUnbounded ? " unbounded" : "")
        case .finalRows: return "FinalRows"
        case .union: return "Union"
        }
    }

    static func sql(_ expression: BoundExpression) -> String { ExpressionRenderer.render(expression) }

    static func call(_ call: AggregateCall) -> String {
        var arguments = call.arguments.map(sql).joined(separator: ", ")
        if call.name == "count" && call.arguments.isEmpty { arguments = "*" }
        if call.isDistinct { arguments = "DISTINCT " + arguments }
        if !call.ordering.isEmpty {
            let order = call.ordering.map {
                key(SortKey(expression: $0.expression, isDescending: $0.isDescending, nullsFirst: $0.nullsFirst))
            }
            arguments += " ORDER BY " + order.joined(separator: ", ")
        }
        let filter = call.filter.map { " FILTER (WHERE \(sql($0)))" } ?? ""
        return "\(call.name)(\(arguments))\(filter)"
    }

    static func keys(_ keys: [SortKey]) -> String { keys.map(key).joined(separator: ", ") }

    static func describe(_ window: WindowKind) -> String {
        switch window {
        case .tumble(let width): "tumble(\(duration(width)))"
        case .hop(let slide, let width): "hop(\(duration(slide)), \(duration(width)))"
        case .cumulate(let step, let width): "cumulate(\(duration(step)), \(duration(width)))"
        case .session(let gap): "session(\(duration(gap)))"
        case .instant: "instant"
        }
    }

    private static func describe(_ sink: ConnectorSpec) -> String {
        let fields = sink.schema.fields.filter { $0.name != HiddenColumn.retraction }
        let updates = fields.count < sink.schema.count ? " updates" : ""
        return "Sink \(sink.table) (\(sink.connector)) columns=[\(names(Schema(fields)))]\(updates)"
    }

    /// How far the right event time may lie from the left one.
    static func bounds(_ lower: Int64, _ upper: Int64) -> String {
        " rightTime - leftTime in [\(duration(lower)), \(duration(upper))]"
    }

    private static func ttl(_ millis: Int64?) -> String {
        millis.map { " ttl=\(duration($0 * 1_000_000))" } ?? ""
    }

    private static func key(_ key: SortKey) -> String {
        // Nulls come last ascending and first descending unless said otherwise.
        let nulls = key.nullsFirst == key.isDescending ? "" : key.nullsFirst ? " NULLS FIRST" : " NULLS LAST"
        return sql(key.expression) + (key.isDescending ? " DESC" : "") + nulls
    }

    static func range(_ offset: Int, _ limit: Int?) -> String {
        (limit.map { " limit=\($0)" } ?? "") + (offset > 0 ? " offset=\(offset)" : "")
    }

    static func grouping(_ keys: [BoundExpression], _ calls: [AggregateCall]) -> String {
        let by = keys.isEmpty ? "" : " by=[\(keys.map(sql).joined(separator: ", "))]"
        let aggregates = calls.isEmpty ? "" : " aggregates=[\(calls.map(call).joined(separator: ", "))]"
        return by + aggregates
    }

    private static func describe(_ watermark: WatermarkSpec) -> String {
        let time = watermark.eventTime.map { "eventTime=#\($0)" } ?? "eventTime=arrival"
        let expression = watermark.watermark.map(sql) ?? "eventTime - 1s"
        let timeless = watermark.timeless.map { " timeless=#\($0)" } ?? ""
        return "Watermark \(time) watermark=\(expression)\(timeless)"
    }

    private static func describe(_ join: HashJoinSpec) -> String {
        let keys = zip(join.leftKeys, join.rightKeys).map { "\(sql($0)) = \(sql($1))" }
        let on = keys.isEmpty ? "" : " on=[\(keys.joined(separator: ", "))]"
        let residual = join.residual.map { " where=\(sql($0))" } ?? ""
        return "HashJoin \(join.kind.rawValue)\(on)\(residual)\(join.nullsAreEqual ? " nullsAreEqual" : "")"
    }

    private static func describe(_ join: LookupJoinSpec) -> String {
        let keys = zip(join.tableKeys, join.keys).map { "\(join.table.schema[$0].name) = \(sql($1))" }
        return "LookupJoin \(join.keepsUnmatched ? "left" : "inner") \(join.table.table) (\(join.table.connector)) "
            + "columns=[\(names(join.table.outputSchema))] on=[\(keys.joined(separator: ", "))]"
            + (join.residual.map { " where=\(sql($0))" } ?? "")
    }

    private static func describe(_ over: OverWindowSpec) -> String {
        let partition =
            over.partitionBy.isEmpty ? "" : " partition=[\(over.partitionBy.map(sql).joined(separator: ", "))]"
        let order = over.orderBy.isEmpty ? "" : " order=[\(keys(over.orderBy))]"
        return "OverWindow\(partition)\(order) calls=[\(over.calls.map { call($0.call) }.joined(separator: ", "))]"
    }

    private static func names(_ schema: Schema) -> String {
        schema.fields.map { field in
            if case .structure(let members) = field.type {
                return "\(field.name){\(members.map(\.name).joined(separator: ", "))}"
            }
            return field.name
        }.joined(separator: ", ")
    }

    /// A length of time in its largest exact unit, e.g. `90s`, `1h`, `250ms`.
    static func duration(_ nanoseconds: Int64) -> String {
        let units: [(String, Int64)] = [
            ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000),
            ("ms", 1_000_000), ("us", 1_000),
        ]
        for (name, size) in units where nanoseconds != 0 && nanoseconds % size == 0 {
            return "\(nanoseconds / size)\(name)"
        }
        return "\(nanoseconds)ns"
    }
}
