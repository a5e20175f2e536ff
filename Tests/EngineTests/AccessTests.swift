import Columnar
import Dataflow
import HostSystem
import Synchronization
import TestKit
import Testing

@testable import Engine

/// State goes on when a table's address or password has changed, and belongs to another query when anything else has.
struct AccessTests {
    struct RemoteConnector: Connector {
        let base: CommitTests.CommittingConnector
        var name: String { base.name }
        let options = OptionSchema([
            .init("address", .text, "where it is"), .init("auth.password", .text, "for the place"),
            .init("topic", .text, "what is read"),
        ])

        func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
            TableTraits(roles: [.source, .sink], isBounded: true)
        }
        func isAccess(option key: String) -> Bool { key == "address" || key.hasPrefix("auth.") }
        func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
            try base.makeSource(spec, context: context)
        }
        func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
            try base.makeSink(spec, context: context)
        }
        let sinkCommits = true
    }

    static func graph(source: [String: OptionValue], sink: [String: OptionValue]) -> DataflowGraph {
        var graph = CommitTests.graph(sinkParallelism: 1)
        for index in graph.nodes.indices {
            switch graph.nodes[index].spec {
            case .source(var spec):
                spec.options = source
                graph.nodes[index].spec = .source(spec)
            case .sink(var spec):
                spec.options = sink
                graph.nodes[index].spec = .sink(spec)
            default: break
            }
        }
        return graph
    }

    static let first: [String: OptionValue] = ["address": "one:9092", "auth.password": "sesame", "topic": "orders"]

    static func changed(_ changes: [String: OptionValue]) -> [String: OptionValue] {
        first.merging(changes) { _, new in new }
    }

    @Test("the fingerprint leaves out how a table is reached, and nothing else")
    func fingerprint() {
        let catalog = ConnectorCatalog([
            RemoteConnector(base: CommitTests.CommittingConnector(store: CommitTests.Store()))
        ])
        func value(_ source: [String: OptionValue], _ sink: [String: OptionValue]) -> UInt64 {
            GraphFingerprint.value(Self.graph(source: source, sink: sink), catalog)
        }
        let base = value(Self.first, Self.first)
        #expect(value(Self.changed(["address": "two:9092", "auth.password": "other"]), Self.first) == base)
        #expect(value(Self.first, Self.changed(["address": "two:9092"])) == base)
        #expect(value(Self.first.filter { $0.key != "auth.password" }, Self.first) == base)
        #expect(value(Self.changed(["topic": "payments"]), Self.first) != base)
        #expect(value(Self.first, Self.changed(["topic": "payments"])) != base)
        #expect(value(Self.first.filter { $0.key != "topic" }, Self.first) != base)
        // A connector that says nothing has no such options.
        let plain = ConnectorCatalog([CommitTests.CommittingConnector(store: CommitTests.Store())])
        #expect(
            GraphFingerprint.value(Self.graph(source: Self.first, sink: [:]), plain)
                != GraphFingerprint.value(Self.graph(source: Self.changed(["address": "x"]), sink: [:]), plain))
    }

    @Test("a run goes on with another address and password; with another topic it is refused, and the state stays")
    func goingOn() async throws {
        let store = CommitTests.Store()
        let files = SimulatedFileSystem()
        store.limit.store(100, ordering: .relaxed)
        func start(_ source: [String: OptionValue]) throws -> RunningPipeline {
            let connector = RemoteConnector(base: CommitTests.CommittingConnector(store: store))
            let engine = try Engine(
                configuration: EngineConfiguration(threads: 2, batchSize: 10, chainsSingleShuffles: false),
                connectors: ConnectorCatalog([connector]), operators: { _, _ in ClosureOperator() },
                keyHashers: { TestKeyHasher($0) })
            return try engine.start(
                Self.graph(source: source, sink: Self.first), checkpoints: CommitTests.options(files))
        }
        let running = try start(Self.first)
        while running.checkpoints?.completed == 0 { try await Task.sleep(nanoseconds: 1_000_000) }
        running.stop(.checkpoint)
        _ = try await running.wait()
        store.limit.store(.max, ordering: .relaxed)
        do {
            _ = try start(Self.changed(["topic": "payments"]))
            Issue.record("another query's state was taken")
        } catch {
            #expect("\(error)".contains("belongs to another query"), "\(error)")
        }
        let again = try start(Self.changed(["address": "two:9092", "auth.password": "other"]))
        let summary = try await again.wait()
        #expect(summary.outcome == .finished && summary.checkpoints?.restoredEpoch != nil)
        #expect(store.content.withLock { $0.visible }.sorted() == Array(0..<400))
    }
}
