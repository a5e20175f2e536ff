import Columnar
import Connectors
import Dataflow
import Engine
import Foundation
import SQLTestRunner
import Synchronization
import TestKit
import Testing

/// Streaming queries are stopped with a checkpoint three times and go on at another parallelism: 1, 2, 3, 1. All their
/// rows together are those of a straight run.
@Suite(.serialized) struct RestartTests {
    /// The parallelism of each run, and how many batches its sources give; the last reads to the end.
    static let legs: [(parallelism: Int, batches: Int)] = [(1, 40), (2, 60), (3, 50), (1, .max)]

    /// How state is kept.
    enum Memory: CaseIterable {
        case enough
        /// In the first two runs it has no room in memory, in the others it has.
        case tooLittle
        /// It has no room in the first and the last run; the parallelism stays the same, so that checkpoints go on
        /// adding to one another.
        case changing

        func isSpilling(leg: Int) -> Bool {
            switch self {
            case .enough: false
            case .tooLittle: leg < 2
            case .changing: leg == 0 || leg == 3
            }
        }
    }

    static func sessions(
        _ gates: [PauseGate], batchSize: Int, isStreaming: Bool, memory: Memory
    ) throws -> [QuerySession] {
        let former = ChangeFold()
        return try legs.indices.map { leg in
            let (run, gate) = (legs[leg], gates[leg])
            return try QuerySession(
                RunConfiguration(
                    batchSize: batchSize, parallelism: memory == .changing ? 2 : run.parallelism, isOptimized: true,
                    isStreaming: isStreaming, isSpilling: memory.isSpilling(leg: leg)),
                former: former,
                connectors: { preview in
                    let builtin = ConnectorCatalog.builtin(preview: preview)
                    return ConnectorCatalog(
                        builtin.all.map { PausingConnector($0, afterBatches: run.batches, gate: gate) })
                },
                makeEngine: { try Engine(configuration: $0, connectors: $1) })
        }
    }

    /// The rows of a query over all runs; nil for a statement that gives none.
    static func rows(
        _ sql: String, setUp: [String] = [], batchSize: Int, isStreaming: Bool = false, memory: Memory = .enough
    ) async throws -> (rows: [[ScalarValue]], restarts: Int)? {
        let folder = FileManager.default.temporaryDirectory.appending(path: "laminar-slt-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let gates = legs.map { _ in PauseGate() }
        var all: [[ScalarValue]] = []
        var restarts = 0
        let sessions = try sessions(gates, batchSize: batchSize, isStreaming: isStreaming, memory: memory)
        for (session, gate) in zip(sessions, gates) {
            for statement in setUp { _ = await session.run(statement) }
            let finished = Mutex(false)
            let outcome = await session.run(sql) { engine, graph in
                let options = CheckpointOptions(directory: folder, intervalMillis: nil) { Issue.record("\($0)") }
                let running = try engine.start(graph, checkpoints: options)
                let stopper = Task {
                    while !gate.isReached && !Task.isCancelled { try await Task.sleep(for: .milliseconds(1)) }
                    if gate.isReached { running.stop(.checkpoint) }
                }
                let summary = try await running.wait()
                stopper.cancel()
                if case .finished = summary.outcome { finished.withLock { $0 = true } }
            }
            switch outcome {
            case .rows(let rows, _): all = rows
            // Streams refuse what needs an end.
            case .failed(let message) where isStreaming && message.hasPrefix("E040"): return nil
            case .failed(let message):
                Issue.record("\(sql)\n\(message)")
                return nil
            case .done, .answer: return nil
            }
            if finished.withLock({ $0 }) { break }
            restarts += 1
        }
        return (all, restarts)
    }

    static let scripts = ScriptTests.scripts.filter { $0.hasPrefix("streaming/") }

    @Test("scripts give the same rows across checkpoints, restarts and rescaling", arguments: scripts)
    func restarts(path: String) async throws { try await Self.run(path, isStreaming: false) }

    @Test("so they do when their state has no room in memory", arguments: scripts)
    func spillingRestarts(path: String) async throws {
        try await Self.run(path, isStreaming: false, memory: .tooLittle)
    }

    @Test(
        "so they do when there is room in some runs",
        arguments: scripts.filter { path in
            ["updating", "window_joins", "interval_joins", "tumbling_windows", "temporal_joins"].contains {
                path.contains($0)
            }
        })
    func changingMemory(path: String) async throws {
        try await Self.run(path, isStreaming: true, memory: .changing)
    }

    @Test("so they do when results are updated as rows come", arguments: scripts)
    func updatingRestarts(path: String) async throws { try await Self.run(path, isStreaming: true) }

    static func run(_ path: String, isStreaming: Bool, memory: Memory = .enough) async throws {
        let file = ScriptTests.root.path + "/sql-tests/" + path
        let script = try TestScript(path: path, text: try String(contentsOfFile: file, encoding: .utf8))
        var setUp: [String] = []
        var restarts: [Int] = []
        for record in script.records {
            switch record.expectation {
            case .ok: setUp.append(record.sql)
            case .error, .warning: continue
            case .rows(let expected, _):
                guard
                    let found = try await rows(
                        record.sql, setUp: setUp, batchSize: 3, isStreaming: isStreaming, memory: memory)
                else { continue }
                #expect(
                    QuerySession.lines(found.rows).sorted() == expected.sorted(),
                    "\(path):\(record.line) after \(found.restarts) restarts")
                restarts.append(found.restarts)
            }
        }
        print("\(path): \(restarts.reduce(0, +)) restarts of \(restarts.count) queries")
        // A query whose sources end within the first run shows nothing of restarts.
        #expect(!restarts.contains(0), "\(restarts)")
    }

    @Test(
        "Nexmark queries across three restarts equal the expected results",
        arguments: ["q2", "q5", "q7", "q8", "q17", "q4", "q18", "q19"])
    func nexmark(query: String) async throws {
        let sql = try JobTests.sql("nexmark_\(query)")
        // Those without a window are updated as rows come.
        let isStreaming = ["q4", "q17", "q18", "q19"].contains(query)
        let found = try #require(try await Self.rows(sql, batchSize: 500, isStreaming: isStreaming))
        #expect(found.restarts == 3)
        let wanted = try JobTests.expected("nexmark/\(query).csv")
        #expect(JobTests.sorted(found.rows.map { $0.map(JobTests.text) }) == JobTests.sorted(JobTests.normal(wanted)))
    }

    /// Waits until something is so. Errors: of a minute that has not been enough.
    private static func wait(_ isSo: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while !isSo() {
            try #require(ContinuousClock.now < end, "a minute has not been enough")
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    @Test("a disk that fails for a while costs checkpoints, not rows")
    func failingDisk() async throws {
        let files = SimulatedFileSystem()
        let warnings = Mutex<[String]>([])
        let session = try ScriptTests.session(.plain)
        let sql = """
            CREATE TABLE n WITH (connector = 'impulse', event_rate = 1000, type = 'source');
            SELECT counter FROM n
            """
        let outcome = await session.run(sql) { engine, graph in
            let options = CheckpointOptions(directory: "state", fileSystem: files, intervalMillis: 10) { message in
                warnings.withLock { $0.append(message) }
            }
            let running = try engine.start(graph, checkpoints: options)
            // Each step waits for what the one before it is to bring about, however busy the machine is.
            try await Self.wait { (running.checkpoints?.completed ?? 0) > 0 }
            files.inject(.failForever(from: 1))
            try await Self.wait { (running.checkpoints?.failed ?? 0) > 0 }
            let during = running.checkpoints?.completed ?? 0
            files.inject(.none)
            try await Self.wait { (running.checkpoints?.completed ?? 0) > during }
            running.stop(.checkpoint)
            _ = try await running.wait()
        }
        guard case .rows(let rows, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        // None is missing, and none comes twice.
        #expect(rows.map { $0.map(JobTests.text) } == rows.indices.map { ["\($0)"] })
        #expect(warnings.withLock { $0.contains { $0.contains("the next one may succeed") } })
    }
}
