import Columnar
import Dataflow
import HostSystem

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
    private let stride: Int64
    private let subtask: Int64
    private let total: Int64
    private let intervalNanos: Int64?
    private let baseTime: Int64
    private let clock: any WallClock
    private var given: Int64 = 0
    private var pacing: Pacing

    init(_ spec: ConnectorSpec, _ context: OperatorContext) {
        schema = spec.outputSchema
        stride = Int64(context.parallelism)
        subtask = Int64(context.subtask)
        let count = spec.options["message_count"]?.int ?? Int64.max
        total = count > subtask ? (count - subtask - 1) / stride + 1 : 0
        intervalNanos = spec.options["event_time_interval"]?.int.map { $0 &* 1000 }
        clock = context.clock
        baseTime = (spec.options["base_time"]?.int).map { $0 &* 1_000_000 } ?? context.clock.nowNanoseconds()
        let rate = spec.options["event_rate"]?.float
        pacing = Pacing(rate: rate.map { $0 / Double(context.parallelism) }, clock: context.clock)
    }

    func read(rowLimit: Int) async throws -> SourceEvent {
        let left = total - given
        if left <= 0 { return .endOfData }
        let allowance = pacing.allowance(given: given, wanted: Int(min(Int64(rowLimit), left)))
        if allowance.rows == 0 { return .idle(millis: allowance.waitMillis) }
        let batch = batch(allowance.rows)
        given += Int64(allowance.rows)
        return .batch(batch)
    }

    private func batch(_ count: Int) -> RecordBatch {
        let arrival = clock.nowNanoseconds()
        let first = subtask + given * stride
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
