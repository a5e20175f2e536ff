import Columnar
import Dataflow
import Glibc
import HostSystem
import Synchronization
import TestKit
import Testing

@testable import Engine

/// Stops of pipelines that keep checkpoints, and what is recorded of these.
@Suite(.serialized, .timeLimit(.minutes(2))) struct StopTests {
    static func options(_ files: SimulatedFileSystem, millis: Int? = nil) -> CheckpointOptions {
        CheckpointOptions(directory: "state", fileSystem: files, intervalMillis: millis) { Issue.record("\($0)") }
    }

    @Test("a graceful stop reads no more, writes what was read, and leaves a last checkpoint")
    func graceful() async throws {
        let hub = TestHub()
        let engine = try testEngine(EndingTests.endless(hub))
        let pipeline = try engine.start(EndingTests.graph(), checkpoints: Self.options(SimulatedFileSystem()))
        while hub.rows.count < 500 { try await Task.sleep(nanoseconds: 1_000_000) }
        pipeline.stop(.graceful)
        let summary = try await pipeline.wait()
        #expect(summary.outcome == .stopped)
        #expect(summary.rowsRead == hub.rows.count, "all that was read was written")
        #expect(summary.checkpoints?.completed == 1)
        let record = try #require(pipeline.checkpointRecords.last)
        #expect(record.stops && record.outcome == .completed)
    }

    @Test("a graceful stop waits for a checkpoint under way, but sources read nothing meanwhile")
    func gracefulBehindAnother() async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = { _, read in .rows(numberedRows(read..<read + 1)) }
        let release = Atomic<Bool>(false)
        let operators: TestOperators = [
            2: { _ in
                let step = ClosureOperator()
                // The first barrier comes through only when the test lets it.
                step.onProcess = { batch, _, out in
                    while !release.load(ordering: .relaxed) { usleep(1000) }
                    try out.emit(batch)
                }
                return step
            }
        ]
        let engine = try testEngine(
            connector, operators: operators,
            configuration: EngineConfiguration(threads: 4, batchSize: 100, queueRowLimit: 10, queueBatchLimit: 4))
        let pipeline = try engine.start(EndingTests.graph(), checkpoints: Self.options(SimulatedFileSystem()))
        while hub.readCount.load(ordering: .relaxed) < 10 { try await Task.sleep(nanoseconds: 1_000_000) }
        pipeline.checkpoint()
        pipeline.stop(.graceful)
        let before = hub.readCount.load(ordering: .relaxed)
        release.store(true, ordering: .relaxed)
        let summary = try await pipeline.wait()
        // Each of the four sources may have been on its way into one read.
        #expect(hub.readCount.load(ordering: .relaxed) <= before + 4)
        #expect(summary.checkpoints?.completed == 2 && summary.outcome == .stopped)
        #expect(summary.rowsRead == hub.rows.count)
    }

    @Test("stops at once take no checkpoint", arguments: [StopMode.immediate, .force])
    func immediate(mode: StopMode) async throws {
        let hub = TestHub()
        let engine = try testEngine(EndingTests.endless(hub))
        let pipeline = try engine.start(EndingTests.graph(), checkpoints: Self.options(SimulatedFileSystem()))
        while hub.rows.count < 100 { try await Task.sleep(nanoseconds: 1_000_000) }
        pipeline.stop(mode)
        let summary = try await pipeline.wait()
        #expect(summary.outcome == .cancelled && summary.checkpoints?.completed == 0)
    }

    /// The test's connector, whose sources are made only when the gate is open.
    struct GatedConnector: Connector {
        final class Gate: Sendable {
            let isReached = Atomic<Bool>(false)
            let isOpen = Atomic<Bool>(false)
        }

        let base: TestConnector
        let gate: Gate
        var name: String { base.name }
        var options: OptionSchema { base.options }

        func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
            try base.traits(options: options, schema: schema)
        }
        func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
            gate.isReached.store(true, ordering: .relaxed)
            while !gate.isOpen.load(ordering: .relaxed) { usleep(1000) }
            return try base.makeSource(spec, context: context)
        }
        func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
            try base.makeSink(spec, context: context)
        }
    }

    @Test("a checkpoint asked for before all sources have begun is taken", arguments: [StopMode.checkpoint, .graceful])
    func earlyStop(mode: StopMode) async throws {
        let connector = GatedConnector(base: EndingTests.endless(TestHub()), gate: GatedConnector.Gate())
        // The one thread makes the first source; the others are made when the barrier has been asked for.
        let engine = try Engine(
            configuration: EngineConfiguration(threads: 1, batchSize: 100),
            connectors: ConnectorCatalog([connector]), operators: { _, _ in ClosureOperator() },
            keyHashers: { TestKeyHasher($0) })
        let pipeline = try engine.start(EndingTests.graph(), checkpoints: Self.options(SimulatedFileSystem()))
        while !connector.gate.isReached.load(ordering: .relaxed) { try await Task.sleep(nanoseconds: 1_000_000) }
        pipeline.stop(mode)
        connector.gate.isOpen.store(true, ordering: .relaxed)
        let summary = try await pipeline.wait()
        #expect(summary.outcome == .stopped && summary.checkpoints?.completed == 1)
    }

    @Test("milestones are told once each: started, the end of the input, an error")
    func milestones() async throws {
        let told = Mutex<[String]>([])
        let observer: @Sendable (PipelineMilestone) -> Void = { milestone in
            let name =
                switch milestone {
                case .started: "started"
                case .inputEnded: "inputEnded"
                case .failed(let error): "\(error)"
                }
            told.withLock { $0.append(name) }
        }
        let engine = try testEngine(EndingTests.bounded(TestHub()))
        _ = try await engine.start(EndingTests.graph(), observer: observer).wait()
        #expect(told.withLock { $0 } == ["started", "inputEnded"])
        told.withLock { $0 = [] }
        let failing = try testEngine(EndingTests.endless(TestHub(failingPlace: "sink write")))
        let pipeline = try failing.start(EndingTests.graph(), observer: observer)
        await #expect(throws: TestFailure.self) { try await pipeline.wait() }
        #expect(told.withLock { $0 } == ["started", "\(TestFailure(place: "sink write"))"])
    }

    @Test("the records of the last twenty checkpoints, with the spans of every task")
    func records() async throws {
        let hub = TestHub()
        let engine = try testEngine(EndingTests.endless(hub))
        let pipeline = try engine.start(EndingTests.graph(), checkpoints: Self.options(SimulatedFileSystem()))
        // Another interval takes effect at once.
        pipeline.setCheckpointInterval(millis: 2)
        while pipeline.checkpoints?.completed ?? 0 < 25 { try await Task.sleep(nanoseconds: 1_000_000) }
        pipeline.setCheckpointInterval(millis: nil)
        pipeline.stop(.checkpoint)
        let summary = try await pipeline.wait()
        let records = pipeline.checkpointRecords
        #expect(records.count == 20)
        #expect(records.last?.epoch == summary.checkpoints?.lastEpoch && records.last?.stops == true)
        #expect(zip(records, records.dropFirst()).allSatisfy { $0.epoch + 1 == $1.epoch })
        for record in records {
            // Two sources in two subtasks each, the join in two, one sink.
            #expect(record.outcome == .completed && record.spans.count == 7)
            for span in record.spans {
                #expect(span.alignmentStart <= span.syncStart && span.syncStart <= span.syncEnd)
                #expect(try span.syncEnd <= #require(span.asyncEnd) && record.startTime <= span.alignmentStart)
            }
        }
    }

    @Test("figures of channels and phases while a pipeline runs")
    func figures() async throws {
        let hub = TestHub()
        let engine = try testEngine(EndingTests.endless(hub))
        let pipeline = try engine.start(EndingTests.graph())
        while hub.rows.count < 500 { try await Task.sleep(nanoseconds: 1_000_000) }
        let snapshot = pipeline.snapshot()
        #expect(snapshot.hasStarted)
        // Each subtask of the join has a channel from each subtask of both sources; the sink one from each of the join.
        #expect(snapshot.channels.count { $0.nodeID == 2 } == 8)
        #expect(
            Set(snapshot.channels.filter { $0.nodeID == 2 && $0.subtask == 1 }.map { [$0.fromNode, $0.fromSubtask] })
                == [[0, 0], [0, 1], [1, 0], [1, 1]])
        #expect(snapshot.channels.count { $0.nodeID == 3 } == 2)
        for task in snapshot.tasks where task.nodeID == 0 {
            #expect(task.lastSent != nil && task.lastRows != nil && task.rowsSent > 0)
        }
        pipeline.stop(.immediate)
        _ = try await pipeline.wait()
        #expect(pipeline.snapshot().tasks.allSatisfy { $0.phase == .ended && $0.isFinished })
        #expect(pipeline.checkpointRecords.isEmpty)
    }
}
