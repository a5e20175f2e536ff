import Columnar
import Dataflow
import HostSystem
import Synchronization
import TestKit
import Testing

@testable import Engine

/// How long rows take through a pipeline.
@Suite(.serialized) struct LatencyTests {
    @Test("quantiles are those of the sorted times, off by an eighth at most", arguments: 1...20)
    func quantiles(seed: UInt64) {
        var random = SeededRandom(seed)
        var histogram = LatencyHistogram()
        var times: [Double] = []
        for _ in 0..<Int.random(in: 1...2000, using: &random) {
            let nanos =
                UInt64(1) << UInt64.random(in: 11...38, using: &random) | UInt64.random(in: 0...1000, using: &random)
            let rows = Int.random(in: 1...5, using: &random)
            histogram.record(nanos: nanos, rows: rows)
            times += Array(repeating: Double(nanos) / 1e9, count: rows)
        }
        times.sort()
        #expect(histogram.rowCount == times.count)
        #expect(abs(histogram.sumSeconds - times.reduce(0, +)) <= 1e-6 * histogram.sumSeconds)
        for share in [0.0, 0.1, 0.5, 0.9, 0.99, 1.0] {
            let rank = max(1, Int((share * Double(times.count)).rounded(.up)))
            let expected = times[rank - 1]
            let found = histogram.quantile(share) ?? -1
            #expect(found >= expected * 0.79 && found <= expected * 1.26, "\(share): \(found), expected \(expected)")
        }
    }

    @Test("what was counted since is what was recorded since")
    func since() {
        var histogram = LatencyHistogram()
        #expect(histogram.quantile(0.5) == nil)
        histogram.record(nanos: 500_000_000_000, rows: 1000)
        let earlier = histogram
        #expect(histogram.since(earlier).quantile(0.5) == nil)
        histogram.record(nanos: 1_000_000, rows: 3)
        let recent = histogram.since(earlier)
        #expect(recent.rowCount == 3)
        #expect((recent.quantile(0.99) ?? 1) < 0.002)
        #expect((histogram.quantile(0.5) ?? 0) > 400)
        histogram.record(nanos: .max, rows: 1)
        histogram.record(nanos: 0, rows: 1)
        #expect(histogram.since(earlier).quantile(1) == Double(1 << 40) / 1e9)
    }

    @Test("pieces that become one batch count from the oldest")
    func oldest() throws {
        let executor = try ThreadPoolExecutor(threadCount: 1, name: "test")
        defer { executor.shutDown() }
        let queue = BatchQueue(limits: QueueLimits(rows: 1000, batches: 10, bytes: 1 << 20), executor: executor)
        let targets = [Exchange.Target(queue: queue, channel: 0), Exchange.Target(queue: queue, channel: 1)]
        let exchange = try Exchange(
            kind: GraphBuilder.byKey, targets: targets, subtask: 0, batchSize: 1000,
            makeKeyHasher: { TestKeyHasher($0) })
        var outbox: [Delivery] = []
        let one = testBatch([TestRow(key: 1, value: 1)])
        try exchange.accept(one, stamp: 70, into: &outbox)
        try exchange.accept(one, stamp: 50, into: &outbox)
        try exchange.accept(one, stamp: 90, into: &outbox)
        #expect(outbox.isEmpty)
        exchange.broadcast(.watermark(.time(1)), stamp: 90, into: &outbox)
        #expect(outbox.map(\.entry.stamp) == [50, 90, 90])
        exchange.broadcast(.barrier(Barrier(epoch: 1)), stamp: 90, into: &outbox)
        #expect(outbox.suffix(2).map(\.entry.stamp) == [0, 0])
        // What was sent does not make the next batch older.
        try exchange.accept(one, stamp: 100, into: &outbox)
        exchange.flush(into: &outbox)
        #expect(outbox.last?.entry.stamp == 100)
    }

    @Test("every row is counted once an operator, later ones further down, and a slow sink shows")
    func pipeline() async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.sinkDelayMillis = 15
        connector.scripts["t"] = PipelineTests.script(count: 400, size: 50)
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source())
        let step = builder.add(GraphBuilder.step, from: [(source, .forward)])
        builder.add(GraphBuilder.sink, from: [(step, GraphBuilder.byKey)])
        let configuration = EngineConfiguration(threads: 2, batchSize: 50, isChainingEnabled: false)
        let pipeline = try testEngine(connector, configuration: configuration).start(builder.graph)
        _ = try await pipeline.wait()
        let tasks = pipeline.snapshot().tasks
        #expect(tasks.map(\.latencies.rowCount) == [0, 400, 400], "a source has no figure of its own")
        let passed = try #require(tasks[1].latencies.quantile(0.5))
        let written = try #require(tasks[2].latencies.quantile(0.5))
        #expect(written >= 0.015 * 0.79)
        #expect(passed <= written)
        // The last of eight batches has waited for the others.
        #expect(try #require(tasks[2].latencies.quantile(1)) >= 0.030)
    }

    @Test("what event time lets out counts from the rows that moved it on, not from its own")
    func eventTime() async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        // A row, a long wait, and a row that lets it out.
        connector.scripts["t"] = { _, read in
            switch read {
            case 0: .rows([TestRow(key: 1, value: 1)])
            case 1...6: .idle(millis: 50)
            case 7: .rows([TestRow(key: 1, value: 2)])
            default: nil
            }
        }
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source())
        let clock = builder.add(GraphBuilder.step, from: [(source, .forward)])
        let window = builder.add(GraphBuilder.step, from: [(clock, GraphBuilder.byKey)])
        builder.add(GraphBuilder.sink, from: [(window, .forward)])
        let operators: TestOperators = [
            clock: { _ in
                let made = ClosureOperator()
                var last: Int64?
                made.onProcess = { batch, _, out in
                    last = testRows(batch).map(\.value).max()
                    try out.emit(batch)
                }
                made.generates = { last }
                return made
            },
            window: { _ in
                let made = ClosureOperator()
                var kept: [TestRow] = []
                made.onProcess = { batch, _, _ in kept += testRows(batch) }
                made.watermark = { time, out in
                    let due = kept.filter { $0.value < time }
                    kept.removeAll { $0.value < time }
                    if !due.isEmpty { try out.emit(testBatch(due)) }
                    return time
                }
                return made
            },
        ]
        let engine = try testEngine(connector, operators: operators)
        let pipeline = try engine.start(builder.graph)
        _ = try await pipeline.wait()
        let tasks = pipeline.snapshot().tasks
        #expect(hub.rows.map(\.value) == [1, 2])
        let first = tasks[window].latencies
        #expect(first.rowCount >= 1)
        #expect((first.quantile(0) ?? 1) < 0.25, "the first row has waited 300 ms for event time, which is no latency")
    }
}
