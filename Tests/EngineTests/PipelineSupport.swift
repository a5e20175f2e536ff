import Columnar
import Dataflow
import Expressions
import HostSystem
import Synchronization

@testable import Engine

/// The schema of all test streams: a key and a value.
let testSchema = Schema([Field("key", .int64, isNullable: false), Field("value", .int64, isNullable: false)])

struct TestRow: Hashable, Comparable, Sendable {
    var key: Int64
    var value: Int64

    static func < (left: TestRow, right: TestRow) -> Bool { (left.key, left.value) < (right.key, right.value) }
}

func testBatch(_ rows: [TestRow]) -> RecordBatch {
    let columns = [rows.map(\.key), rows.map(\.value)].map {
        Column(type: .int64, count: rows.count, values: .copying($0))
    }
    return RecordBatch(schema: testSchema, columns: columns, rowCount: rows.count)
}

func testRows(_ batch: RecordBatch) -> [TestRow] {
    let keys = batch.columns[0].pointer(Int64.self)
    let values = batch.columns[1].pointer(Int64.self)
    return (0..<batch.rowCount).map { TestRow(key: keys[$0], value: values[$0]) }
}

/// Rows `range` with keys that repeat every `keyCount`.
func numberedRows(_ range: Range<Int>, keyCount: Int = 10) -> [TestRow] {
    range.map { TestRow(key: Int64($0 % keyCount), value: Int64($0)) }
}

struct TestFailure: Error, Equatable {
    var place: String
}

/// What a test source does next.
enum SourceStep: Sendable {
    case rows([TestRow])
    case idle(millis: Int)
    case fail(String)
}

/// A source that follows a script, or a function of how often it was read.
final class ScriptedSource: SourceOperator {
    let next: (Int) -> SourceStep?
    let hub: TestHub
    var readCount = 0

    init(hub: TestHub, next: @escaping (Int) -> SourceStep?) {
        self.hub = hub
        self.next = next
    }

    func onStart() async throws {
        hub.openSources.wrappingAdd(1, ordering: .relaxed)
        try hub.failIfAsked("source start")
    }

    func read(rowLimit: Int) async throws -> SourceEvent {
        try hub.failIfAsked("source read")
        guard let step = next(readCount) else { return .endOfData }
        readCount += 1
        hub.readCount.wrappingAdd(1, ordering: .relaxed)
        switch step {
        case .rows(let rows): return .batch(testBatch(rows))
        case .idle(let millis): return .idle(millis: millis)
        case .fail(let place): throw TestFailure(place: place)
        }
    }

    func onClose() async { hub.openSources.wrappingSubtract(1, ordering: .relaxed) }
}

/// A sink that remembers what it got.
final class RememberingSink: SinkOperator {
    let hub: TestHub
    let context: OperatorContext
    let delayMillis: Int

    init(hub: TestHub, context: OperatorContext, delayMillis: Int) {
        self.hub = hub
        self.context = context
        self.delayMillis = delayMillis
    }

    func onStart() async throws { try hub.failIfAsked("sink start") }

    func write(_ batch: RecordBatch) async throws {
        try hub.failIfAsked("sink write")
        if delayMillis > 0 { try? await Task.sleep(nanoseconds: UInt64(delayMillis) * 1_000_000) }
        hub.record(testRows(batch), node: context.nodeID, subtask: context.subtask)
    }

    func onEnd() async throws {
        try hub.failIfAsked("sink end")
        hub.endedSinks.wrappingAdd(1, ordering: .relaxed)
    }
}

/// What sources, operators and sinks of one test share.
final class TestHub: Sendable {
    struct Received: Sendable {
        var node: Int
        var subtask: Int
        var rows: [TestRow]
    }

    let received = Mutex<[Received]>([])
    /// What operators note: hooks called, watermarks seen.
    let notes = Mutex<[String]>([])
    let failingPlace: String?
    let openSources = Atomic<Int>(0)
    let endedSinks = Atomic<Int>(0)
    let readCount = Atomic<Int>(0)

    init(failingPlace: String? = nil) { self.failingPlace = failingPlace }

    func failIfAsked(_ place: String) throws {
        if failingPlace == place { throw TestFailure(place: place) }
    }

    func note(_ text: String) { notes.withLock { $0.append(text) } }

    func record(_ rows: [TestRow], node: Int, subtask: Int) {
        received.withLock { $0.append(Received(node: node, subtask: subtask, rows: rows)) }
    }

    var rows: [TestRow] { received.withLock { $0.flatMap(\.rows) } }
    func rows(node: Int) -> [TestRow] { received.withLock { $0.filter { $0.node == node }.flatMap(\.rows) } }
    var allNotes: [String] { notes.withLock { $0 } }
}

/// One connector for all tests: `table` names the script of a source.
struct TestConnector: Connector {
    let name = "test"
    let options = OptionSchema([])
    let hub: TestHub
    /// The script of each table, by subtask and read.
    var scripts: [String: @Sendable (_ subtask: Int, _ read: Int) -> SourceStep?] = [:]
    var sinkDelayMillis = 0

    func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
        TableTraits(roles: [.source, .sink], isBounded: true)
    }

    func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
        try hub.failIfAsked("source factory")
        guard let script = scripts[spec.table] else { throw TestFailure(place: "no script \(spec.table)") }
        let subtask = context.subtask
        return ScriptedSource(hub: hub) { script(subtask, $0) }
    }

    func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
        try hub.failIfAsked("sink factory")
        return RememberingSink(hub: hub, context: context, delayMillis: sinkDelayMillis)
    }
}

/// An operator made of closures.
final class ClosureOperator: Operator {
    var onProcess: (RecordBatch, Int, any Collector) throws -> Void = { batch, _, collector in
        try collector.emit(batch)
    }
    var watermark: (Int64, any Collector) throws -> Int64? = { watermark, _ in watermark }
    var generates: () -> Int64? = { nil }
    var inputEnd: (Int) throws -> Void = { _ in }
    var end: (any Collector) throws -> Void = { _ in }
    var satisfied: () -> Bool = { false }
    var start: () throws -> Void = {}
    var isUnflushed: () -> Bool = { false }
    var heldBytes: () -> Int = { 0 }
    var flushing: (any Collector) throws -> Void = { _ in }

    func onStart() throws { try start() }
    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        try onProcess(batch, input, collector)
    }
    func onWatermark(_ time: Int64, into collector: any Collector) throws -> Int64? { try watermark(time, collector) }
    func onInputEnd(_ input: Int, into collector: any Collector) throws { try inputEnd(input) }
    func onEnd(into collector: any Collector) throws { try end(collector) }
    var currentWatermark: Int64? { generates() }
    var isSatisfied: Bool { satisfied() }
    var hasUnflushedChanges: Bool { isUnflushed() }
    var stateByteCount: Int { heldBytes() }
    func flush(into collector: any Collector) throws { try flushing(collector) }
}

/// Hashes the int64 columns the keys name.
final class TestKeyHasher: KeyHasher {
    let columns: [Int]

    init(_ keys: [BoundExpression]) { columns = keys.flatMap { $0.referencedColumns.sorted() } }

    func hash(_ batch: RecordBatch, into hashes: UnsafeMutablePointer<UInt64>) throws {
        for row in 0..<batch.rowCount {
            var hash: UInt64 = 0x1234_5678
            for column in columns {
                let bits = UInt64(bitPattern: batch.columns[column].pointer(Int64.self)[row])
                let product = (hash ^ bits).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
                hash = product.high ^ product.low ^ 0x55
            }
            hashes[row] = hash
        }
    }
}

typealias TestOperators = [Int: @Sendable (OperatorContext) throws -> any Operator]

/// Makes graphs of the test connector; nodes get their ids in the order in which they are added.
struct GraphBuilder {
    var graph = DataflowGraph()

    static let byKey = DataflowGraph.EdgeKind.shuffle(
        keys: [.column(.init(index: 0, name: "key", type: .int64, isNullable: false))])

    @discardableResult
    mutating func add(
        _ spec: OperatorSpec, parallelism: Int = 1, from inputs: [(node: Int, kind: DataflowGraph.EdgeKind)] = [],
        numbersInputs: Bool = false
    ) -> Int {
        let id = graph.nodes.count
        graph.nodes.append(
            .init(id: id, spec: spec, parallelism: parallelism, description: "node \(id)", schema: testSchema))
        for (number, input) in inputs.enumerated() {
            graph.edges.append(
                .init(from: input.node, to: id, input: numbersInputs ? number : 0, kind: input.kind))
        }
        return id
    }

    static func source(_ table: String = "t") -> OperatorSpec {
        .source(ConnectorSpec(connector: "test", table: table, options: [:], schema: testSchema))
    }

    static let sink = OperatorSpec.sink(
        ConnectorSpec(connector: "test", table: "out", options: [:], schema: testSchema))

    /// A node whose operator the test gives by the node's id.
    static let step = OperatorSpec.filter(FilterSpec(predicate: .literal(.boolean(true))))
    static let join = OperatorSpec.hashJoin(
        HashJoinSpec(kind: .inner, leftKeys: [], rightKeys: [], residual: nil, schema: testSchema))
    static func watermark(idleMillis: Int64?) -> OperatorSpec {
        .watermark(WatermarkSpec(eventTime: nil, watermark: nil, idleMillis: idleMillis))
    }
}

func testEngine(
    _ connector: TestConnector, operators: TestOperators = [:],
    configuration: EngineConfiguration = EngineConfiguration(threads: 2, batchSize: 100)
) throws -> Engine {
    let hub = connector.hub
    return try Engine(
        configuration: configuration, connectors: ConnectorCatalog([connector]),
        operators: { _, context in
            try hub.failIfAsked("operator factory")
            return try operators[context.nodeID]?(context) ?? ClosureOperator()
        },
        keyHashers: { TestKeyHasher($0) })
}

/// Runs a graph and gives what it did; a pipeline that hangs fails the test instead of stopping it for ever.
func run(
    _ graph: DataflowGraph, on engine: Engine, seconds: Int = 60
) async throws -> PipelineSummary {
    let pipeline = try engine.start(graph)
    let watchdog = Task {
        try await Task.sleep(nanoseconds: UInt64(seconds) * 1_000_000_000)
        pipeline.stop(.immediate)
    }
    defer { watchdog.cancel() }
    return try await pipeline.wait()
}

/// Numbers from a seed.
struct SeededNumbers {
    var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next(_ range: Range<Int>) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return range.lowerBound + Int(state % UInt64(max(1, range.count)))
    }
}
