import Columnar
import Dataflow
import Expressions
import HostSystem
import Synchronization
import Testing

@testable import Engine

/// Errors, stops and cancellation.
@Suite(.serialized) struct EndingTests {
    /// Two sources in two subtasks each, a shuffle, an operator, sinks.
    static func graph() -> DataflowGraph {
        var builder = GraphBuilder()
        let first = builder.add(GraphBuilder.source(), parallelism: 2)
        let second = builder.add(GraphBuilder.source(), parallelism: 2)
        let step = builder.add(
            GraphBuilder.join, parallelism: 2, from: [(first, GraphBuilder.byKey), (second, GraphBuilder.byKey)],
            numbersInputs: true)
        builder.add(GraphBuilder.sink, from: [(step, .rebalance)])
        return builder.graph
    }

    static func endless(_ hub: TestHub) -> TestConnector {
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = { subtask, read in
            // It goes quiet before what the sink remembers outgrows a machine too busy to stop it soon.
            read % 5 == 4 || read > 2000 ? .idle(millis: 2) : .rows(numberedRows(read * 10..<read * 10 + 10))
        }
        return connector
    }

    static func bounded(_ hub: TestHub) -> TestConnector {
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = { _, read in read < 20 ? .rows(numberedRows(read * 10..<read * 10 + 10)) : nil }
        return connector
    }

    static func failing(_ hub: TestHub) -> TestOperators {
        [
            2: { _ in
                let step = ClosureOperator()
                step.start = { try hub.failIfAsked("operator start") }
                step.onProcess = { batch, _, out in
                    try hub.failIfAsked("operator process")
                    try out.emit(batch)
                }
                step.watermark = { time, _ in
                    try hub.failIfAsked("operator watermark")
                    return time
                }
                step.inputEnd = { _ in try hub.failIfAsked("operator input end") }
                step.end = { _ in try hub.failIfAsked("operator end") }
                return step
            }
        ]
    }

    @Test(
        "an error from any place ends everything and is the one that is told",
        arguments: [
            "source factory", "source start", "source read", "operator factory", "operator start",
            "operator process", "operator watermark", "operator input end", "operator end", "sink factory",
            "sink start", "sink write", "sink end",
        ], [true, false])
    func errors(place: String, isBounded: Bool) async throws {
        if !isBounded && (place.hasSuffix("end") || place == "operator watermark") { return }
        let hub = TestHub(failingPlace: place)
        let connector = isBounded ? Self.bounded(hub) : Self.endless(hub)
        let engine = try testEngine(connector, operators: Self.failing(hub))
        await #expect(throws: TestFailure(place: place)) { try await run(Self.graph(), on: engine) }
        if place != "source start" { #expect(hub.openSources.load(ordering: .relaxed) <= 0) }
        #expect(hub.endedSinks.load(ordering: .relaxed) == 0)
    }

    @Test("nothing flows before everything could be opened")
    func commonStart() async throws {
        let hub = TestHub(failingPlace: "sink start")
        let engine = try testEngine(Self.bounded(hub))
        await #expect(throws: TestFailure.self) { try await run(Self.graph(), on: engine) }
        #expect(hub.readCount.load(ordering: .relaxed) == 0)
    }

    @Test("a source that does not exist is an error in words")
    func unknownConnector() async throws {
        var builder = GraphBuilder()
        let source = builder.add(
            .source(ConnectorSpec(connector: "nothing", table: "t", options: [:], schema: testSchema)))
        builder.add(GraphBuilder.sink, from: [(source, .forward)])
        let engine = try testEngine(TestConnector(hub: TestHub()))
        await #expect(throws: OperationalError.self) { try await run(builder.graph, on: engine) }
    }

    @Test("a graceful stop writes what was read and closes no window")
    func gracefulStop() async throws {
        let hub = TestHub()
        let read = Atomic<Int>(0)
        let operators: TestOperators = [
            2: { _ in
                let step = ClosureOperator()
                step.onProcess = { batch, _, out in
                    read.wrappingAdd(batch.rowCount, ordering: .relaxed)
                    try out.emit(batch)
                }
                step.watermark = { time, _ in
                    hub.note("watermark \(time)")
                    return time
                }
                step.end = { _ in hub.note("end") }
                step.inputEnd = { _ in hub.note("input end") }
                return step
            }
        ]
        let engine = try testEngine(Self.endless(hub), operators: operators)
        let pipeline = try engine.start(Self.graph())
        while hub.rows.count < 500 { try await Task.sleep(nanoseconds: 1_000_000) }
        pipeline.stop(.graceful)
        let summary = try await pipeline.wait()
        #expect(summary.outcome == .stopped)
        #expect(summary.rowsRead == read.load(ordering: .relaxed))
        #expect(summary.rowsRead == hub.rows.count)
        #expect(hub.allNotes.isEmpty)
        #expect(hub.endedSinks.load(ordering: .relaxed) == 1)
        #expect(hub.openSources.load(ordering: .relaxed) == 0)
    }

    @Test("a graceful stop wakes sources that sleep")
    func stopWakesSleepers() async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = { _, _ in .idle(millis: 60_000) }
        let engine = try testEngine(connector)
        let pipeline = try engine.start(Self.graph())
        while hub.readCount.load(ordering: .relaxed) < 4 { try await Task.sleep(nanoseconds: 1_000_000) }
        let clock = ContinuousClock()
        let start = clock.now
        pipeline.stop(.graceful)
        _ = try await pipeline.wait()
        #expect(clock.now - start < .seconds(40), "the sources sleep for a minute")
    }

    @Test("an immediate stop ends at once, also when the sink is slow and the queues are full")
    func immediateStop() async throws {
        let hub = TestHub()
        var connector = Self.endless(hub)
        connector.sinkDelayMillis = 20
        let engine = try testEngine(connector)
        let pipeline = try engine.start(Self.graph())
        while hub.rows.isEmpty { try await Task.sleep(nanoseconds: 1_000_000) }
        pipeline.stop(.immediate)
        pipeline.stop(.graceful)
        #expect(try await pipeline.wait().outcome == .cancelled)
        #expect(hub.endedSinks.load(ordering: .relaxed) == 0)
        #expect(hub.openSources.load(ordering: .relaxed) == 0)
    }

    @Test("cancelling the task that runs a pipeline stops it")
    func cancelledRun() async throws {
        let hub = TestHub()
        let engine = try testEngine(Self.endless(hub))
        let task = Task { try await engine.run(Self.graph()) }
        while hub.rows.isEmpty { try await Task.sleep(nanoseconds: 1_000_000) }
        task.cancel()
        #expect(try await task.value.outcome == .cancelled)
    }

    @Test("a graph that cannot run is refused")
    func invalidGraphs() throws {
        let engine = try testEngine(TestConnector(hub: TestHub()))
        func refuses(_ comment: String, _ change: (inout DataflowGraph) -> Void) {
            var graph = Self.graph()
            change(&graph)
            #expect(throws: OperationalError.self, "\(comment)") { try engine.start(graph) }
        }
        refuses("empty") { $0 = DataflowGraph() }
        refuses("version") { $0.version = 99 }
        refuses("back edge") { $0.edges.append(.init(from: 3, to: 2, input: 0, kind: .rebalance)) }
        refuses("self edge") { $0.edges.append(.init(from: 2, to: 2, input: 0, kind: .forward)) }
        refuses("unknown node") { $0.edges.append(.init(from: 2, to: 9, input: 0, kind: .rebalance)) }
        refuses("negative node") { $0.edges.append(.init(from: -1, to: 2, input: 0, kind: .rebalance)) }
        refuses("forward of unequal parallelism") { $0.edges[2].kind = .forward }
        refuses("missing input") { $0.edges.remove(at: 1) }
        refuses("wrong input") { $0.edges[0].input = 7 }
        refuses("no reader") { $0.edges.remove(at: 2) }
        refuses("parallelism 0") { $0.nodes[0].parallelism = 0 }
        refuses("parallelism") { $0.nodes[0].parallelism = 1 << 40 }
        refuses("ids") { $0.nodes[0].id = 5 }
        refuses("key outside the schema") {
            $0.edges[0].kind = .shuffle(keys: [.column(.init(index: 2, name: "x", type: .int64))])
        }
        refuses("input of a source") { $0.edges.append(.init(from: 0, to: 1, input: 0, kind: .rebalance)) }
    }
}
