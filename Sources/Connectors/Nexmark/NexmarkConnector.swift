import Columnar
import Dataflow
import HostSystem
import State

/// The Nexmark benchmark's auction site as a source: people, auctions and bids, 1 : 3 : 46.
///
/// Deterministic by seed at any parallelism; makes only the fields that are read. Replayable by event number.
public struct NexmarkConnector: Connector {
    public let name = "nexmark"
    public let options = OptionSchema([
        .init("event_rate", .float(0.001...1e9), "events per second; without it as fast as they are taken"),
        .init("events_num", .integer(0...Int64.max), "how many events there are; without it there is no end"),
        .init("runtime", .float(0...1e9), "seconds of event time after which the source ends"),
        .init("seed", .integer(0...Int64.max), "chooses the random values; 0 by default"),
        .init("event_time_interval", .integer(1...1_000_000_000), "microseconds of event time between two events"),
        .init(
            "base_time", .integer(0...7_258_118_400_000),
            "the first event's time, milliseconds since 1970, up to the year 2200"),
    ])

    /// 2026-01-15T00:00:00Z.
    static let defaultBaseMillis: Int64 = 1_768_435_200_000

    public init() {}

    public func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
        TableTraits(
            roles: [.source], fixedSchema: NexmarkModel.schema,
            isBounded: options["events_num"] != nil || options["runtime"] != nil,
            eventTimeColumn: HiddenColumn.eventTime)
    }

    public func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
        NexmarkSource(spec, context)
    }

    public func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
        throw OptionError(key: "connector", message: "table '\(spec.table)': nexmark is a source, not a sink")
    }
}

/// One subtask's share of the events: every `parallelism`-th, beginning with its own number.
final class NexmarkSource: SourceOperator {
    private let generator: NexmarkGenerator
    private var share: NumberedShare
    private var pacing: Pacing

    init(_ spec: ConnectorSpec, _ context: OperatorContext) {
        let rate = spec.options["event_rate"]?.float
        let micros = spec.options["event_time_interval"]?.int ?? rate.map { max(1, Int64(1e6 / $0)) } ?? 100
        let interval = micros &* 1000
        var count = spec.options["events_num"]?.int ?? Int64.max
        if let seconds = spec.options["runtime"]?.float {
            count = min(count, Int64(min(seconds * 1e9 / Double(interval), 1e18)))
        }
        let base = (spec.options["base_time"]?.int ?? NexmarkConnector.defaultBaseMillis) &* 1_000_000
        generator = NexmarkGenerator(
            fields: NexmarkFields(
                seed: UInt64(bitPattern: spec.options["seed"]?.int ?? 0), baseTime: base, intervalNanos: interval),
            schema: spec.outputSchema)
        share = NumberedShare(total: count, context: context)
        pacing = Pacing(rate: rate.map { $0 / Double(context.parallelism) }, clock: context.clock)
    }

    func snapshot() throws -> StateSnapshot { share.snapshot() }

    func restore(_ state: RestoredState) throws { share.restore(state) }

    func read(rowLimit: Int) async throws -> SourceEvent {
        if share.isAtEnd { return .endOfData }
        let allowance = pacing.allowance(given: share.given, wanted: rowLimit)
        if allowance.rows == 0 { return .idle(millis: allowance.waitMillis) }
        guard let events = share.take(limit: allowance.rows) else { return .endOfData }
        return .batch(generator.batch(first: events.first, stride: events.stride, count: events.count))
    }
}
