import Columnar
import Dataflow
import Formats
import HostSystem
import State
import Synchronization

/// Made-up rows for the columns a user declares: for trying queries out before the real source is there.
///
/// Every value is a function of the seed, the row's number and the column's path alone, so that neither parallelism
/// nor the choice of columns read changes any.
public struct MockConnector: Connector {
    public let name = "mock"
    public let options = OptionSchema(
        [
            .init(
                "event_rate", .float(0.001...1e9), "rows per second over all subtasks; without it as fast as possible"),
            .init("message_count", .integer(0...Int64.max), "how many rows there are; without it there is no end"),
            .init("seed", .integer(0...Int64.max), "chooses the random values; 0 by default"),
            .init("null_ratio", .float(0...1), "the share of NULLs in columns that may have them; 0 by default"),
            .init("bad_record_ratio", .float(0...1), "the share of records that cannot be decoded; 0 by default"),
        ], openPrefixes: ["fields."])

    public init() {}

    public func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
        _ = try badRecordPolicy(options)
        _ = try MockFieldReader.fields(of: schema, options)
        return TableTraits(roles: [.source], isBounded: options["message_count"] != nil)
    }

    public func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
        let all = try MockFieldReader.fields(of: spec.schema, spec.options, allowsUnread: true)
        return MockSource(spec, all, try badRecordPolicy(spec.options), context)
    }

    public func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
        throw OptionError(key: "connector", message: "table '\(spec.table)': mock is a source, not a sink")
    }

    private func badRecordPolicy(_ options: [String: OptionValue]) throws(OptionError) -> BadRecordPolicy {
        guard let text = options["bad_data"]?.text else { return .fail }
        if let policy = BadRecordPolicy(rawValue: text) { return policy }
        throw OptionError(key: "bad_data", message: "option 'bad_data': expected fail or drop, found '\(text)'")
    }
}

/// One subtask's share of the rows: every `parallelism`-th, beginning with its own number.
final class MockSource: SourceOperator {
    private let table: String
    private let schema: Schema
    private let fields: [MockField]
    private let seed: UInt64
    private let badRatio: Double
    private let policy: BadRecordPolicy
    private let metrics: OperatorMetrics
    private var reports: BadRecordReporter
    private var share: NumberedShare
    private var pacing: Pacing

    init(_ spec: ConnectorSpec, _ all: [MockField], _ policy: BadRecordPolicy, _ context: OperatorContext) {
        table = spec.table
        schema = spec.outputSchema
        fields = spec.projection.map { all[$0] }
        seed = UInt64(bitPattern: spec.options["seed"]?.int ?? 0)
        badRatio = spec.options["bad_record_ratio"]?.float ?? 0
        self.policy = policy
        metrics = context.metrics
        reports = BadRecordReporter(table: spec.table, context: context)
        share = NumberedShare(total: spec.options["message_count"]?.int ?? Int64.max, context: context)
        let rate = spec.options["event_rate"]?.float
        pacing = Pacing(rate: rate.map { $0 / Double(context.parallelism) }, clock: context.clock)
    }

    func snapshot() throws -> StateSnapshot { share.snapshot() }

    func restore(_ state: RestoredState) throws { share.restore(state) }

    func read(rowLimit: Int) async throws -> SourceEvent {
        if share.isAtEnd { return .endOfData }
        let allowance = pacing.allowance(given: share.given, wanted: rowLimit)
        if allowance.rows == 0 { return .idle(millis: allowance.waitMillis) }
        guard let part = share.take(limit: allowance.rows) else { return .endOfData }
        let rows = try goodRows((0..<Int64(part.count)).map { part.first &+ $0 &* part.stride })
        let columns = rows.withUnsafeBufferPointer { rows in fields.map { $0.column(seed: seed, rows: rows) } }
        return .batch(RecordBatch(schema: schema, columns: columns, rowCount: rows.count))
    }

    private func tell(_ numbers: [Int64], _ good: [Int64]) {
        let known = Set(good)
        let bad = numbers.filter { !known.contains($0) }
        for number in policy == .fail ? bad.prefix(1) : bad[...] {
            reports.report(
                line: Int(truncatingIfNeeded: number) + 1, offset: -1, reason: Self.badReason, excerpt: [],
                byteCount: nil, isFatal: policy == .fail)
        }
    }

    func onClose() async { reports.finish() }

    private static let badReason = "made bad on purpose (bad_record_ratio)"

    /// The numbers without those of bad rows.
    private func goodRows(_ numbers: [Int64]) throws -> [Int64] {
        if badRatio == 0 { return numbers }
        let good = numbers.filter { number in
            var draws = EventDraws(seed: seed, event: number, field: 0)
            return draws.fraction() >= badRatio
        }
        let badCount = numbers.count - good.count
        if badCount == 0 { return good }
        if policy == .fail || reports.isHeard { tell(numbers, good) }
        metrics.badRecords.wrappingAdd(policy == .fail ? 1 : badCount, ordering: .relaxed)
        if policy == .fail {
            let known = Set(good)
            let line = numbers.first { !known.contains($0) } ?? 0
            let record = BadRecord(
                line: Int(truncatingIfNeeded: line) + 1, offset: 0, reason: Self.badReason)
            throw OperationalError(
                "table '\(table)': \(BadRecordError(format: "mock", record: record))", domain: .user)
        }
        return good
    }
}
