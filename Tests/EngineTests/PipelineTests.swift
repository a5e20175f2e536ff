import Columnar
import Dataflow
import HostSystem
import Synchronization
import Testing

@testable import Engine

@Suite(.serialized) struct PipelineTests {
    /// `count` rows in batches of `size`, for subtask 0 of 1 or dealt out by subtask.
    static func script(
        count: Int, size: Int, subtasks: Int = 1
    ) -> @Sendable (_ subtask: Int, _ read: Int) -> SourceStep? {
        { subtask, read in
            let start = (read * subtasks + subtask) * size
            return start < count ? .rows(numberedRows(start..<min(count, start + size))) : nil
        }
    }

    @Test("rows come through filters and projections in order", arguments: [true, false])
    func linear(isChained: Bool) async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = Self.script(count: 1000, size: 37)
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source())
        let odd = builder.add(GraphBuilder.step, from: [(source, .forward)])
        let double = builder.add(GraphBuilder.step, from: [(odd, .forward)])
        builder.add(GraphBuilder.sink, from: [(double, .forward)])
        let operators: TestOperators = [
            odd: { _ in
                let step = ClosureOperator()
                step.onProcess = { batch, _, out in
                    try out.emit(testBatch(testRows(batch).filter { $0.value % 2 == 1 }))
                }
                return step
            },
            double: { _ in
                let step = ClosureOperator()
                step.onProcess = { batch, _, out in
                    try out.emit(testBatch(testRows(batch).map { TestRow(key: $0.key, value: $0.value * 2) }))
                }
                return step
            },
        ]
        let configuration = EngineConfiguration(threads: 2, batchSize: 100, isChainingEnabled: isChained)
        let engine = try testEngine(connector, operators: operators, configuration: configuration)
        let pipeline = try engine.start(builder.graph)
        let summary = try await pipeline.wait()
        let expected: [Int64] = stride(from: 2, to: 2000, by: 4).map { Int64($0) }
        #expect(hub.rows.map(\.value) == expected)
        #expect(summary.outcome == .finished)
        #expect(summary.rowsRead == 1000)
        #expect(summary.rowsWritten == 500)
        #expect(hub.endedSinks.load(ordering: .relaxed) == 1)
        #expect(hub.openSources.load(ordering: .relaxed) == 0)
        let metrics = pipeline.metrics()
        #expect(metrics.map(\.nodeID) == [0, 1, 2, 3])
        #expect(metrics.map(\.rowsReceived) == [0, 1000, 500, 500])
        #expect(metrics.map(\.rowsSent) == [1000, 500, 500, 0])
        #expect(Set(metrics.map(\.taskID)).count == (isChained ? 1 : 4))
        #expect(metrics.allSatisfy { $0.isFinished })
    }

    @Test("a shuffle brings each key to one subtask, in order, and loses nothing", arguments: 1...4, [1, 3, 4])
    func shuffle(upstream: Int, downstream: Int) async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = Self.script(count: 5000, size: 61, subtasks: upstream)
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source(), parallelism: upstream)
        builder.add(GraphBuilder.sink, parallelism: downstream, from: [(source, GraphBuilder.byKey)])
        _ = try await run(builder.graph, on: testEngine(connector))
        #expect(hub.rows.sorted() == numberedRows(0..<5000).sorted())
        var home: [Int64: Int] = [:]
        for received in hub.received.withLock({ $0 }) {
            for row in received.rows {
                #expect(home[row.key, default: received.subtask] == received.subtask)
                home[row.key] = received.subtask
            }
        }
        if upstream == 1 {
            for key in 0..<Int64(10) {
                let values = hub.rows.filter { $0.key == key }.map(\.value)
                #expect(values == values.sorted())
            }
        }
        if downstream > 1 { #expect(Set(home.values).count > 1) }
    }

    @Test("rebalancing deals batches out, broadcasting copies them to all")
    func rebalanceAndBroadcast() async throws {
        for (kind, copies) in [(DataflowGraph.EdgeKind.rebalance, 1), (.broadcast, 3)] {
            let hub = TestHub()
            var connector = TestConnector(hub: hub)
            connector.scripts["t"] = Self.script(count: 900, size: 10)
            var builder = GraphBuilder()
            let source = builder.add(GraphBuilder.source())
            builder.add(GraphBuilder.sink, parallelism: 3, from: [(source, kind)])
            _ = try await run(builder.graph, on: testEngine(connector))
            let expected = (0..<copies).flatMap { _ in numberedRows(0..<900) }.sorted()
            #expect(hub.rows.sorted() == expected)
            let perSubtask = Dictionary(grouping: hub.received.withLock { $0 }, by: \.subtask)
            #expect(perSubtask.count == 3)
        }
    }

    @Test("a stream may part and come together again", arguments: [true, false])
    func diamond(isChained: Bool) async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = Self.script(count: 20_000, size: 50)
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source())
        let left = builder.add(GraphBuilder.step, from: [(source, .forward)])
        let right = builder.add(GraphBuilder.step, parallelism: 2, from: [(source, .rebalance)])
        let join = builder.add(
            GraphBuilder.join, parallelism: 2, from: [(left, GraphBuilder.byKey), (right, GraphBuilder.byKey)],
            numbersInputs: true)
        let union = builder.add(
            .union, from: [(join, .rebalance), (source, .forward)], numbersInputs: true)
        builder.add(GraphBuilder.sink, from: [(union, .forward)])
        let ends = Mutex<[Int]>([])
        let operators: TestOperators = [
            join: { _ in
                let step = ClosureOperator()
                step.inputEnd = { input in ends.withLock { $0.append(input) } }
                return step
            }
        ]
        let configuration = EngineConfiguration(
            threads: 2, batchSize: 100, queueRowLimit: 200, queueBatchLimit: 3, isChainingEnabled: isChained)
        let engine = try testEngine(connector, operators: operators, configuration: configuration)
        let summary = try await run(builder.graph, on: engine)
        #expect(summary.outcome == .finished)
        let one = numberedRows(0..<20_000)
        #expect(hub.rows.sorted() == (one + one + one).sorted())
        #expect(ends.withLock { $0.sorted() } == [0, 0, 1, 1])
    }

    @Test("literal rows are given once, whatever the parallelism")
    func values() async throws {
        let hub = TestHub()
        var builder = GraphBuilder()
        let rows: [[ScalarValue]] = (0..<5).map { [.int64(Int64($0)), .int64(7)] }
        let source = builder.add(.values(ValuesSpec(schema: testSchema, rows: rows)), parallelism: 2)
        builder.add(GraphBuilder.sink, parallelism: 2, from: [(source, .forward)])
        _ = try await run(builder.graph, on: testEngine(TestConnector(hub: hub)))
        #expect(hub.rows.sorted() == (0..<5).map { TestRow(key: Int64($0), value: 7) })
    }

    @Test("a full LIMIT stops its sources, however endless", arguments: [true, false])
    func earlyStop(isChained: Bool) async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = { _, read in .rows(numberedRows(read * 10..<read * 10 + 10)) }
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source(), parallelism: 2)
        let middle = builder.add(GraphBuilder.step, parallelism: 2, from: [(source, .forward)])
        let limit = builder.add(GraphBuilder.step, from: [(middle, .rebalance)])
        builder.add(GraphBuilder.sink, from: [(limit, .forward)])
        let operators: TestOperators = [
            limit: { _ in
                let step = ClosureOperator()
                var left = 25
                step.satisfied = { left == 0 }
                step.onProcess = { batch, _, out in
                    let kept = min(left, batch.rowCount)
                    left -= kept
                    try out.emit(batch.slice(0, kept))
                }
                return step
            }
        ]
        let configuration = EngineConfiguration(threads: 2, batchSize: 100, isChainingEnabled: isChained)
        let summary = try await run(
            builder.graph, on: testEngine(connector, operators: operators, configuration: configuration))
        #expect(summary.outcome == .finished)
        #expect(hub.rows.count == 25)
        #expect(hub.openSources.load(ordering: .relaxed) == 0)
    }

    @Test("one of two readers may be satisfied without cutting the other off")
    func earlyStopOfOneBranch() async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = Self.script(count: 3000, size: 10)
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source())
        let none = builder.add(GraphBuilder.step, from: [(source, .forward)])
        builder.add(GraphBuilder.sink, from: [(none, .forward)])
        let all = builder.add(GraphBuilder.sink, from: [(source, .forward)])
        let operators: TestOperators = [
            none: { _ in
                let step = ClosureOperator()
                step.satisfied = { true }
                return step
            }
        ]
        _ = try await run(builder.graph, on: testEngine(connector, operators: operators))
        #expect(hub.rows(node: all) == numberedRows(0..<3000))
    }

    @Test("a slow sink holds its sources back: what waits stays within the limits")
    func backpressure() async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        let longest = Mutex(0)
        let script = Self.script(count: 1000, size: 10)
        connector.scripts["t"] = { subtask, read in
            let waiting = read - hub.received.withLock { $0.count }
            longest.withLock { $0 = max($0, waiting) }
            return script(subtask, read)
        }
        connector.sinkDelayMillis = 1
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source())
        builder.add(GraphBuilder.sink, from: [(source, .forward)])
        let configuration = EngineConfiguration(
            threads: 2, batchSize: 10, queueRowLimit: 80, queueBatchLimit: 8, isChainingEnabled: false)
        let engine = try testEngine(connector, configuration: configuration)
        let pipeline = try engine.start(builder.graph)
        _ = try await pipeline.wait()
        // Eight wait, eight are being written, one was with the source.
        let most = longest.withLock { $0 }
        #expect(most <= 17 && most >= 8, "\(most) batches in flight")
        #expect(hub.rows == numberedRows(0..<1000))
        #expect(pipeline.metrics()[0].backpressureNanos > 0)
    }

    @Test("several pipelines share an engine")
    func severalPipelines() async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = Self.script(count: 1000, size: 7, subtasks: 2)
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source(), parallelism: 2)
        builder.add(GraphBuilder.sink, parallelism: 2, from: [(source, GraphBuilder.byKey)])
        let engine = try testEngine(connector)
        let pipelines = try (0..<8).map { _ in try engine.start(builder.graph) }
        for pipeline in pipelines { #expect(try await pipeline.wait().rowsWritten == 1000) }
        #expect(hub.rows.count == 8000)
    }

    @Test("tiny batches of a shuffle are joined to fuller ones")
    func coalescing() async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = Self.script(count: 5000, size: 1)
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source())
        builder.add(GraphBuilder.sink, parallelism: 2, from: [(source, GraphBuilder.byKey)])
        let configuration = EngineConfiguration(threads: 2, batchSize: 100, lingerMillis: 10_000)
        _ = try await run(builder.graph, on: testEngine(connector, configuration: configuration))
        #expect(hub.rows.sorted() == numberedRows(0..<5000).sorted())
        #expect(hub.received.withLock { $0.count } <= 52)
    }

    @Test("rows kept back for fuller batches go after the linger time")
    func linger() async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = { _, read in
            if read == 0 { return .rows(numberedRows(0..<3)) }
            return hub.rows.count == 3 || read > 2000 ? nil : .idle(millis: 1)
        }
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source())
        builder.add(GraphBuilder.sink, parallelism: 2, from: [(source, GraphBuilder.byKey)])
        _ = try await run(builder.graph, on: testEngine(connector))
        #expect(hub.readCount.load(ordering: .relaxed) < 1000)
    }
}
