import Columnar
import Connectors
import ControlPlane
import Dataflow
import Engine
import Expressions
import Foundation
import HostSystem
import Planner
import State
import Synchronization
import TestKit
import Testing

/// Jobs on the engine of this process: rescaled, restarted, failing and coming back, with the rows of a straight run.
@Suite(.serialized, .timeLimit(.minutes(3))) struct JobLifeTests {
    /// Sources that fail with an error of the world outside after so many batches, as often as there are numbers; and
    /// that, while `pauses` is set, give nothing more after thirty batches, so that a test can act meanwhile.
    final class TroubledConnector: Connector {
        private let base: any Connector
        private let failures: Mutex<[Int]>
        let failureCount = Atomic<Int>(0)
        let pauses = Atomic<Bool>(false)
        let pausedCount = Atomic<Int>(0)

        init(_ base: any Connector, failsAfterBatches failures: [Int] = []) {
            self.base = base
            self.failures = Mutex(failures)
        }

        var name: String { base.name }
        var options: OptionSchema { base.options }
        func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
            try base.traits(options: options, schema: schema)
        }
        func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
            Source(try base.makeSource(spec, context: context), self)
        }
        func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
            try base.makeSink(spec, context: context)
        }

        /// Whether a source that has given so many batches is to fail now.
        private func fails(at batches: Int) -> Bool {
            failures.withLock { failures in
                guard let first = failures.first, batches >= first else { return false }
                failures.removeFirst()
                failureCount.wrappingAdd(1, ordering: .relaxed)
                return true
            }
        }

        private final class Source: SourceOperator {
            let base: any SourceOperator
            let owner: TroubledConnector
            var batches = 0

            init(_ base: any SourceOperator, _ owner: TroubledConnector) {
                self.base = base
                self.owner = owner
            }

            func onStart() async throws { try await base.onStart() }
            func onClose() async { await base.onClose() }
            func snapshot() throws -> StateSnapshot { try base.snapshot() }
            func restore(_ state: RestoredState) throws { try base.restore(state) }
            func read(rowLimit: Int) async throws -> SourceEvent {
                if owner.fails(at: batches) {
                    throw OperationalError("the source is gone", domain: .external, isRetryable: true)
                }
                if batches >= 30 && owner.pauses.load(ordering: .relaxed) {
                    owner.pausedCount.wrappingAdd(1, ordering: .relaxed)
                    return .idle(millis: 5)
                }
                let event = try await base.read(rowLimit: rowLimit)
                if case .batch = event { batches += 1 }
                return event
            }
        }
    }

    static let rowCount = 40_000

    static func sql(into path: String) -> String {
        """
        SET runtime_mode = 'streaming';
        CREATE TABLE n WITH (connector = 'impulse', message_count = \(rowCount), event_time_interval = 1000,
            base_time = 1357016400000);
        CREATE TABLE o WITH (connector = 'single_file', path = '\(path)', format = 'json', type = 'sink');
        INSERT INTO o SELECT w.start AS start, k, n, total FROM (SELECT tumble(INTERVAL '1 second') AS w,
            counter % 7 AS k, count(*) AS n, sum(counter) AS total FROM n GROUP BY w, counter % 7);
        """
    }

    static func graph(_ sql: String, _ connectors: ConnectorCatalog, _ parallelism: Int) throws -> DataflowGraph {
        let result = QueryCompiler(connectors: connectors, options: CompilerOptions(parallelism: parallelism)).compile(
            sql)
        return try #require(result.graph, "\(result.diagnostics)")
    }

    static func folder() throws -> String {
        let path = FileManager.default.temporaryDirectory.appending(path: "laminar-jobs-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    static func lines(_ path: String) throws -> [Substring] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").sorted()
    }

    /// The rows of a run without any trouble.
    static func straight(_ folder: String) async throws -> [Substring] {
        let connectors = ConnectorCatalog.builtin { _ in }
        let engine = try Engine(configuration: EngineConfiguration(threads: 2, batchSize: 50), connectors: connectors)
        _ = try await engine.run(graph(sql(into: folder + "/straight.json"), connectors, 1))
        return try lines(folder + "/straight.json")
    }

    static func job(_ folder: String, _ troubled: TroubledConnector) -> JobSupervisor {
        let sql = sql(into: folder + "/out.json")
        let connectors = ConnectorCatalog(
            ConnectorCatalog.builtin { _ in }.all.map { $0.name == "impulse" ? troubled : $0 })
        let backend = EmbeddedBackend(
            makeEngine: {
                try Engine(configuration: EngineConfiguration(threads: 2, batchSize: 50), connectors: connectors)
            },
            checkpoints: { _ in CheckpointOptions(directory: folder + "/state") { Issue.record("\($0)") } })
        return JobSupervisor(
            pipelineID: "p", jobID: "j", desire: JobDesire(checkpointIntervalMillis: 20),
            policy: RestartPolicy(initialBackOffMillis: 5),
            backend: backend, plan: { try graph(sql, connectors, $0) })
    }

    static func troubled(failsAfterBatches failures: [Int] = []) throws -> TroubledConnector {
        TroubledConnector(
            try #require(ConnectorCatalog.builtin { _ in }["impulse"]), failsAfterBatches: failures)
    }

    /// Waits until a source of the run under way has paused.
    static func pause(_ troubled: TroubledConnector) async throws {
        troubled.pausedCount.store(0, ordering: .relaxed)
        while troubled.pausedCount.load(ordering: .relaxed) == 0 { try await Task.sleep(for: .milliseconds(1)) }
    }

    @Test("a job rescaled and restarted on its way writes the rows of a straight run")
    func rescaled() async throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let troubled = try Self.troubled()
        troubled.pauses.store(true, ordering: .relaxed)
        let job = Self.job(folder, troubled)
        var desire = JobDesire(checkpointIntervalMillis: 20)
        job.want(desire)
        for (run, parallelism) in [(1, 3), (2, 2), (3, 2), (4, 1)] {
            _ = await job.wait { $0.run == run && $0.state == .running || $0.state.isTerminal }
            try await Self.pause(troubled)
            if run == 4 { troubled.pauses.store(false, ordering: .relaxed) }
            if parallelism == desire.parallelism { desire.restartNonce += 1 }
            desire.parallelism = parallelism
            desire.checkpointIntervalMillis = 20 + run
            job.want(desire)
        }
        let status = await job.wait { $0.state.isTerminal }
        #expect(status.state == .finished, "\(String(describing: status.failure))")
        let states = status.history.map(\.state)
        #expect(states.count { $0 == .rescaling } == 3 && states.count { $0 == .restarting } == 1, "\(states)")
        #expect(status.run == 5 && status.restarts == 0)
        #expect(job.lastRun?.snapshot().tasks.contains { $0.isSource && $0.isFinished } == true)
        #expect(try Self.lines(folder + "/out.json") == (try await Self.straight(folder)))
    }

    @Test("a job whose source fails again and again comes back from its last checkpoint each time")
    func failing() async throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let failing = try Self.troubled(failsAfterBatches: [30, 60, 10, 0, 90])
        let job = Self.job(folder, failing)
        job.want(JobDesire(parallelism: 2, checkpointIntervalMillis: 20))
        let status = await job.wait { $0.state.isTerminal }
        #expect(status.state == .finished, "\(String(describing: status.failure))")
        let count = failing.failureCount.load(ordering: .relaxed)
        #expect(count == 5 && status.restarts >= 4 && status.run == status.restarts + 1)
        #expect(status.failure?.message == "the source is gone")
        #expect(try Self.lines(folder + "/out.json") == (try await Self.straight(folder)))
    }

    @Test("stopped in every way and resumed, a job loses nothing and repeats nothing")
    func stopped() async throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let troubled = try Self.troubled()
        troubled.pauses.store(true, ordering: .relaxed)
        let job = Self.job(folder, troubled)
        for mode in [JobStopMode.checkpoint, .graceful, .immediate, .force] {
            job.want(JobDesire(checkpointIntervalMillis: 20))
            _ = await job.wait { $0.state == .running || $0.state == .finished }
            try await Self.pause(troubled)
            job.want(JobDesire(stop: mode, checkpointIntervalMillis: 20))
            let status = await job.wait { $0.state.isTerminal }
            #expect(status.state == .stopped, "\(mode): \(status.state)")
            let records = job.lastRun?.checkpointRecords ?? []
            #expect(records.contains { $0.stops } == (mode == .checkpoint || mode == .graceful), "\(mode)")
        }
        troubled.pauses.store(false, ordering: .relaxed)
        job.want(JobDesire(checkpointIntervalMillis: 20))
        let status = await job.wait { $0.state == .finished || $0.state == .failed }
        #expect(status.state == .finished)
        #expect(try Self.lines(folder + "/out.json") == (try await Self.straight(folder)))
    }

    /// A connector whose sink hangs in its first write until it is let go.
    struct HangingConnector: Connector {
        let name = "hanging"
        let options = OptionSchema([])
        let release: Gate

        final class Gate: Sendable {
            let isOpen = Atomic<Bool>(false)
            let isReached = Atomic<Bool>(false)
        }

        func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
            TableTraits(roles: [.sink], isBounded: false)
        }
        func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
            throw OptionError(key: nil, message: "a sink only")
        }
        func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator { Sink(release) }

        private final class Sink: SinkOperator {
            let release: Gate
            init(_ release: Gate) { self.release = release }
            func write(_ batch: RecordBatch) async throws {
                release.isReached.store(true, ordering: .relaxed)
                // Holds its thread, as a library that blocks does.
                while !release.isOpen.load(ordering: .relaxed) { usleep(1000) }
            }
        }
    }

    @Test("a run that hangs in a call is given up by force, and the next one runs")
    func hanging() async throws {
        let gate = HangingConnector.Gate()
        defer { gate.isOpen.store(true, ordering: .relaxed) }
        let builtin = ConnectorCatalog.builtin { _ in }
        let connectors = ConnectorCatalog(builtin.all + [HangingConnector(release: gate)])
        let sql = """
            SET runtime_mode = 'streaming';
            CREATE TABLE n WITH (connector = 'impulse', event_rate = 1000);
            CREATE TABLE o (counter BIGINT) WITH (connector = 'hanging', type = 'sink');
            INSERT INTO o SELECT counter FROM n;
            """
        // One thread, and the call that hangs has it.
        let backend = EmbeddedBackend(makeEngine: {
            try Engine(configuration: EngineConfiguration(threads: 1), connectors: connectors)
        })
        let abandoned = Mutex<[Int]>([])
        let job = JobSupervisor(
            pipelineID: "p", jobID: "j", desire: JobDesire(), policy: RestartPolicy(giveUpMillis: 50), backend: backend,
            notify: { notice in if case .abandoned(let run) = notice { abandoned.withLock { $0.append(run) } } },
            plan: { try Self.graph(sql, connectors, $0) })
        job.want(JobDesire())
        while !gate.isReached.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(1)) }
        let run = try #require(job.currentRun)
        try await Task.sleep(for: .milliseconds(1100))
        let report = StallReport(run.snapshot())
        #expect(report.findings.first?.kind == .writing, "\(report.text())")
        job.want(JobDesire(stop: .immediate))
        _ = await job.wait { $0.state == .stopping }
        job.want(JobDesire(stop: .force))
        _ = await job.wait { $0.state == .stopped }
        #expect(abandoned.withLock { $0 } == [1])
        gate.isReached.store(false, ordering: .relaxed)
        job.want(JobDesire())
        _ = await job.wait { $0.run == 2 && $0.state == .running }
        while !gate.isReached.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(1)) }
        gate.isOpen.store(true, ordering: .relaxed)
        job.want(JobDesire(stop: .immediate))
        _ = await job.wait { $0.state == .stopped }
    }
}
