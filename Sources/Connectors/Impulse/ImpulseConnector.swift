import Columnar
import Dataflow
import HostSystem
import State

/// Counts: a source of numbered rows at a steady rate, for trying things out.
public struct ImpulseConnector: Connector {
    public let name = "impulse"
    public let options = OptionSchema([
        .init("event_rate", .float(0.001...1e9), "rows per second over all subtasks; without it as fast as possible"),
        .init("message_count", .integer(0...Int64.max), "how many rows there are; without it there is no end"),
        .init(
            "event_time_interval", .integer(1...1_000_000_000_000),
            "microseconds of event time between two rows; without it rows carry their arrival time"),
        .init(
            "base_time", .integer(0...7_258_118_400_000),
            "the first row's time, milliseconds since 1970, up to the year 2200"),
    ])

    static let schema = Schema([
        Field("counter", .uint64, isNullable: false), Field("subtask_index", .uint64, isNullable: false),
        Field(HiddenColumn.eventTime, .timestamp, isNullable: false),
    ])

    public init() {}

    public func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
        TableTraits(
            roles: [.source], fixedSchema: ImpulseConnector.schema, isBounded: options["message_count"] != nil,
            eventTimeColumn: HiddenColumn.eventTime)
    }

    public func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
        ImpulseSource(spec, context)
    }

    public func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
        throw OptionError(key: "connector", message: "table '\(spec.table)': impulse is a source, not a sink")
    }
}

/// One subtask's share: the counters are dealt out in turn.
final class ImpulseSource: SourceOperator {
    private let schema: Schema
    private let subtask: Int64
    private let intervalNanos: Int64?
    private var baseTime: Int64
    private let clock: any WallClock
    private var share: NumberedShare
    private var pacing: Pacing

    init(_ spec: ConnectorSpec, _ context: OperatorContext) {
        schema = spec.outputSchema
        subtask = Int64(context.subtask)
        share = NumberedShare(total: spec.options["message_count"]?.int ?? Int64.max, context: context)
        intervalNanos = spec.options["event_time_interval"]?.int.map { $0 &* 1000 }
        clock = context.clock
        baseTime = (spec.options["base_time"]?.int).map { $0 &* 1_000_000 } ?? context.clock.nowNanoseconds()
        let rate = spec.options["event_rate"]?.float
        pacing = Pacing(rate: rate.map { $0 / Double(context.parallelism) }, clock: context.clock)
    }

    func snapshot() throws -> StateSnapshot {
        var snapshot = share.snapshot()
        snapshot.tables.append(StateTable("base_time", numbers: [baseTime]))
        return snapshot
    }

    func restore(_ state: RestoredState) throws {
        share.restore(state)
        // Rows keep the times they would have had.
        if let time = state.numbers("base_time").first?.first { baseTime = time }
    }

    func read(rowLimit: Int) async throws -> SourceEvent {
        if share.isAtEnd { return .endOfData }
        let allowance = pacing.allowance(given: share.given, wanted: rowLimit)
        if allowance.rows == 0 { return .idle(millis: allowance.waitMillis) }
        guard let rows = share.take(limit: allowance.rows) else { return .endOfData }
        return .batch(batch(rows.first, rows.stride, rows.count))
    }

    private func batch(_ first: Int64, _ stride: Int64, _ count: Int) -> RecordBatch {
        let arrival = clock.nowNanoseconds()
        let columns = schema.fields.map { field -> Column in
            let buffer = Buffer(byteCount: count * 8)
            let values = buffer.assuming(Int64.self)
            switch field.name {
            case "counter": for row in 0..<count { values[row] = first &+ Int64(row) &* stride }
            case "subtask_index": for row in 0..<count { values[row] = subtask }
            default:
                for row in 0..<count {
                    values[row] = intervalNanos.map { baseTime &+ (first &+ Int64(row) &* stride) &* $0 } ?? arrival
                }
            }
            return Column(type: field.type, count: count, values: buffer)
        }
        return RecordBatch(schema: schema, columns: columns, rowCount: count)
    }
}
