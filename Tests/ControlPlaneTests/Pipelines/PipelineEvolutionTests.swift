import Columnar
import Dataflow
import Engine
import Foundation
import HostSystem
import Synchronization
import TestKit
import Testing

@testable import ControlPlane

/// Pipelines that go on with another query, on the engine, by the calls that users have.
@Suite(.serialized, .timeLimit(.minutes(4))) struct PipelineEvolutionTests {
    static let rowCount = 30_000

    static func numbers(_ name: String = "numbers", rows: Int = rowCount) -> String {
        """
        CREATE TABLE \(name) WITH (connector = 'impulse', event_rate = 20000, message_count = \(rows), type = 'source');

        """
    }

    static func sink(_ bench: RegistryBench, _ name: String, connector: String = "filesystem", options: String = "")
        -> String
    {
        """
        CREATE TABLE \(name) (k BIGINT, n BIGINT) WITH (connector = '\(connector)', path = '\(bench.folder)/\(name)',
            format = 'json', type = 'sink'\(options));

        """
    }

    /// How often each of seven keys came, in one window that closes at the end.
    static func counts(_ select: String = "k, n", where condition: String = "counter >= 0", hours: Int = 100_000)
        -> String
    {
        """
        INSERT INTO counts SELECT \(select) FROM (SELECT tumble(INTERVAL '\(hours) hours') AS w,
            CAST(counter % 7 AS BIGINT) AS k, count(*) AS n FROM numbers WHERE \(condition)
            GROUP BY w, CAST(counter % 7 AS BIGINT));
        """
    }

    /// The rows that readers of a sink see.
    static func rows(_ bench: RegistryBench, _ name: String, connector: String = "filesystem") async throws -> [[Int64]]
    {
        if !FileManager.default.fileExists(atPath: "\(bench.folder)/\(name)") { return [] }
        let table = """
            CREATE TABLE t (k BIGINT, n BIGINT) WITH (connector = '\(connector)', path = '\(bench.folder)/\(name)',
                format = 'json', type = 'source');
            """
        let result = try await bench.registry.run(query: table + "SELECT k, n FROM t", limit: 10_000_000)
        var rows: [[Int64]] = []
        for batch in result.batches {
            for row in 0..<batch.rowCount {
                var values: [Int64] = []
                for column in batch.columns {
                    if case .int(let value) = column.scalar(at: row).storage { values.append(value) }
                }
                rows.append(values)
            }
        }
        return rows
    }

    static func change(
        _ bench: RegistryBench, _ made: PipelineInfo, _ query: String,
        _ adjust: (inout PipelineChange) -> Void = { _ in }
    ) async throws -> PipelineInfo {
        var change = PipelineChange()
        change.query = query
        adjust(&change)
        return try await bench.registry.changePipeline(id: made.id, change)
    }

    static func actions(_ info: PipelineInfo) -> [String] {
        (info.queryChange?.operators ?? []).filter { $0.state != nil || $0.description.hasPrefix("Sink") }.map {
            entry in
            "\(entry.description.prefix { $0 != " " }) \(entry.action.rawValue)"
        }
    }

    /// Waits until some rows have been read in the run under way.
    static func flow(_ bench: RegistryBench, _ made: PipelineInfo, run: Int) async throws {
        try await bench.wait(made) { $0.runID >= run && $0.state == .running || $0.state.isTerminal }
        for _ in 0..<1000 {
            let read =
                bench.registry.live(made.id)?.supervisor.currentRun?.snapshot().tasks
                .filter(\.isSource).reduce(0) { $0 + $1.rowsSent } ?? 0
            if read > 500 { return }
            try await Task.sleep(nanoseconds: 2_000_000)
        }
    }

    @Test("another projection behind an aggregate keeps its counts")
    func keepsCounts() async throws {
        let bench = try await RegistryBench()
        let tables = Self.numbers() + Self.sink(bench, "counts")
        let made = try await bench.create(tables + Self.counts())
        try await Self.flow(bench, made, run: 1)
        let changed = try await Self.change(bench, made, tables + Self.counts("k + 100, n * 2"))
        #expect(changed.query == tables + Self.counts("k + 100, n * 2") && changed.id == made.id)
        #expect(
            Self.actions(changed) == ["Source kept", "Watermark kept", "WindowAggregate kept", "Sink kept"],
            "\(Self.actions(changed))")
        let job = try await bench.wait(made, for: .finished)
        #expect(job.runID == 2)
        let rows = try await Self.rows(bench, "counts").sorted { $0[0] < $1[0] }
        let wanted = (0..<7).map { key in
            [Int64(key) + 100, 2 * Int64((0..<Self.rowCount).count { $0 % 7 == key })]
        }
        #expect(rows == wanted)
        let states = try await bench.registry.transitions(pipelineID: made.id, jobID: made.jobID)
        #expect(states.contains { $0.state == .restarting && $0.cause == "another query is wanted" })
        let messages = try await bench.registry.messages(pipelineID: made.id, jobID: made.jobID, PageRequest())
        #expect(
            messages.items.map(\.message) == ["the job goes on with another query: of the operators with state 4 kept"])
        await bench.remove()
    }

    @Test(
        "what comes from other rows, or is of another shape, begins anew where the source is",
        arguments: [("counter % 2 = 0", 100_000, 15_000), ("counter >= 0", 200_000, 30_000)])
    func rebuilds(condition: String, hours: Int, all: Int64) async throws {
        let bench = try await RegistryBench()
        let tables = Self.numbers() + Self.sink(bench, "counts")
        let made = try await bench.create(tables + Self.counts())
        try await Self.flow(bench, made, run: 1)
        let changed = try await Self.change(bench, made, tables + Self.counts(where: condition, hours: hours))
        #expect(
            Self.actions(changed) == ["Source kept", "Watermark kept", "WindowAggregate rebuilt", "Sink kept"],
            "\(Self.actions(changed))")
        try await bench.wait(made, for: .finished)
        let counts = try await Self.rows(bench, "counts").map { $0[1] }
        let sum = counts.reduce(0, +)
        #expect(counts.count == 7 && sum > 0 && sum < all, "\(counts)")
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "\(counts)")
        await bench.remove()
    }

    @Test("a running pipeline that is given another sink, and another parallelism, writes each row once")
    func movesSink() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(bench.counting("out", rows: Self.rowCount))
        try await Self.flow(bench, made, run: 1)
        let changed = try await Self.change(bench, made, bench.counting("other", rows: Self.rowCount)) {
            $0.parallelism = 3
            $0.name = "moved"
        }
        #expect(changed.name == "moved" && changed.parallelism == 3)
        #expect(changed.graph.nodes.first?.parallelism == 3)
        try await bench.wait(made, for: .finished)
        let (out, other) = (try await bench.counted("out"), try await bench.counted("other"))
        #expect(!out.isEmpty && !other.isEmpty)
        #expect((out + other).sorted() == Array(0..<Int64(Self.rowCount)))
        #expect(Self.hidden(bench).isEmpty, "\(Self.hidden(bench))")
        await bench.remove()
    }

    /// Files that no reader sees.
    static func hidden(_ bench: RegistryBench) -> [String] {
        (FileManager.default.enumerator(atPath: bench.folder)?.compactMap { $0 as? String } ?? []).filter {
            $0.hasSuffix(".inprogress")
        }
    }

    @Test("files that were kept open are shown before their sink goes")
    func openFiles() async throws {
        let bench = try await RegistryBench()
        let rolling = ", rolling_policy.file_size = '100MB'"
        func query(_ name: String) -> String {
            Self.numbers() + Self.sink(bench, name, options: rolling)
                + "INSERT INTO \(name) SELECT CAST(counter AS BIGINT), 1 FROM numbers;"
        }
        let made = try await bench.create(query("out"))
        try await Self.flow(bench, made, run: 1)
        try await Task.sleep(nanoseconds: 250_000_000)
        _ = try await Self.change(bench, made, query("other"))
        try await bench.wait(made, for: .finished)
        let all = try await Self.rows(bench, "out") + Self.rows(bench, "other")
        #expect(all.map { $0[0] }.sorted() == Array(0..<Int64(Self.rowCount)))
        #expect(Self.hidden(bench).isEmpty, "\(Self.hidden(bench))")
        await bench.remove()
    }

    @Test("a second query begins with the rows from now on, one that is taken out leaves what it has written")
    func addsAndRemoves() async throws {
        let bench = try await RegistryBench()
        let first = "INSERT INTO out SELECT CAST(counter AS BIGINT), 1 FROM numbers;"
        let tables = Self.numbers() + Self.numbers("others", rows: 1_000_000) + Self.sink(bench, "out")
        let second =
            Self.sink(bench, "more", connector: "single_file")
            + "INSERT INTO more SELECT CAST(counter AS BIGINT), 2 FROM numbers;"
        let third = Self.sink(bench, "third") + "INSERT INTO third SELECT CAST(counter AS BIGINT), 3 FROM others;"
        let made = try await bench.create(tables + first + third)
        try await Self.flow(bench, made, run: 1)
        let changed = try await Self.change(bench, made, tables + first + second)
        #expect(
            Self.actions(changed).sorted()
                == [
                    "Sink dropped", "Sink kept", "Sink new", "Source dropped", "Source kept",
                ],
            "\(Self.actions(changed))")
        try await bench.wait(made, for: .finished)
        #expect(try await Self.rows(bench, "out").map { $0[0] }.sorted() == Array(0..<Int64(Self.rowCount)))
        let more = try await Self.rows(bench, "more", connector: "single_file").map { $0[0] }.sorted()
        #expect(!more.isEmpty && more == Array((more.first ?? 0)..<Int64(Self.rowCount)) && more[0] > 0)
        let removed = try await Self.rows(bench, "third").map { $0[0] }.sorted()
        #expect(!removed.isEmpty && removed == Array(0..<Int64(removed.count)))
        await bench.remove()
    }

    @Test(
        "stopped in any way and changed, it goes on from its last checkpoint",
        arguments: [JobStopMode.checkpoint, .immediate])
    func stopped(mode: JobStopMode) async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(bench.counting("out", rows: Self.rowCount))
        try await Self.flow(bench, made, run: 1)
        try await Task.sleep(nanoseconds: 150_000_000)
        try await bench.stop(made, mode)
        try await bench.wait(made, for: .stopped)
        _ = try await Self.change(bench, made, bench.counting("other", rows: Self.rowCount))
        #expect(try await bench.job(made).state == .stopped)
        // Also with another server.
        await bench.registry.shutDown()
        try await bench.reopen()
        try await bench.stop(made, .none)
        try await bench.wait(made, for: .finished)
        let (out, other) = (try await bench.counted("out"), try await bench.counted("other"))
        #expect(!other.isEmpty && (out + other).sorted() == Array(0..<Int64(Self.rowCount)))
        await bench.remove()
    }

    @Test("shown only, nothing changes; what cannot be planned, or would destroy rows, is refused and changes nothing")
    func dryRunAndRefusals() async throws {
        let bench = try await RegistryBench()
        let tables = Self.numbers(rows: 10_000_000) + Self.sink(bench, "counts", connector: "single_file")
        let made = try await bench.create(tables + Self.counts())
        try await Self.flow(bench, made, run: 1)
        let shown = try await Self.change(bench, made, tables + Self.counts(hours: 7)) { $0.isDryRun = true }
        #expect(
            Self.actions(shown).contains("WindowAggregate rebuilt") && shown.query == tables + Self.counts(hours: 7))
        let wrong = await refusal { try await Self.change(bench, made, "SELECT nothing FROM nowhere") }
        #expect(wrong?.kind == .invalid && wrong?.diagnostics.isEmpty == false)
        let overwriting = tables.replacingOccurrences(of: "'json'", with: "'csv'") + Self.counts()
        let refused = await refusal { try await Self.change(bench, made, overwriting) }
        #expect(
            refused?.kind == .conflict && refused?.message.contains("would begin file") == true,
            "\(String(describing: refused))")
        let (pipeline, job) = (try await bench.registry.pipeline(id: made.id), try await bench.job(made))
        #expect(pipeline.query == made.query && pipeline.graph == made.graph && pipeline.queryChange == nil)
        #expect(job.runID == 1 && job.state == .running)
        await bench.remove()
    }

    /// A disk on which no state can be written while `isFull`.
    final class FullDisk: ForwardingFileSystem {
        let base = PosixFileSystem()
        let isFull = Atomic<Bool>(false)

        func openForWriting(_ path: String, _ mode: WriteMode) throws(FileError) -> any WritableFile {
            if isFull.load(ordering: .relaxed), path.hasSuffix(".state") {
                throw FileError(.write, path: path, errno: 28)
            }
            return try base.openForWriting(path, mode)
        }
    }

    @Test("a job that cannot take the checkpoint keeps its query, says so, and loses nothing")
    func keepsQuery() async throws {
        let disk = FullDisk()
        let bench = try await RegistryBench(files: disk)
        let made = try await bench.create(bench.counting("out", rows: Self.rowCount))
        try await Self.flow(bench, made, run: 1)
        disk.isFull.store(true, ordering: .relaxed)
        let changed = try await Self.change(bench, made, bench.counting("other", rows: Self.rowCount))
        #expect(changed.query != made.query)
        try await bench.wait(made) { $0.runID == 2 && $0.state == .running }
        disk.isFull.store(false, ordering: .relaxed)
        #expect(try await bench.registry.pipeline(id: made.id).query == made.query)
        try await bench.wait(made, for: .finished)
        #expect(try await bench.counted("out") == Array(0..<Int64(Self.rowCount)))
        #expect(!FileManager.default.fileExists(atPath: "\(bench.folder)/other"))
        let messages = try await bench.registry.messages(pipelineID: made.id, jobID: made.jobID, PageRequest())
        #expect(messages.items.contains { $0.level == .error && $0.message.hasPrefix("the job keeps its query") })
        await bench.remove()
    }

    @Test(
        "killed at any moment of a change it is the old query or the new one, and each row stands once",
        arguments: 0..<3)
    func killed(seed: Int) async throws {
        let bench = try await RegistryBench()
        var random = SeededRandom(UInt64(seed) + 77)
        let names = ["out", "other", "third"]
        let made = try await bench.create(bench.counting(names[0], rows: 60_000), parallelism: 2)
        for round in 1...6 {
            try await bench.wait(made) { $0.state == .running || $0.state == .restarting || $0.state.isTerminal }
            let name = names[round % 3]
            do {
                _ = try await Self.change(bench, made, bench.counting(name, rows: 60_000)) { change in
                    if round % 2 == 0 { change.parallelism = 1 + random.below(3) }
                }
            } catch let error as ControlError where error.kind == .conflict {
                // It finishes already.
            }
            try await Task.sleep(nanoseconds: UInt64(random.below(120)) * 1_000_000)
            bench.die()
            try await bench.reopen()
        }
        let job = try await bench.wait(made) { $0.state.isTerminal }
        #expect(job.state == .finished, "\(job)")
        var all: [Int64] = []
        for name in names where FileManager.default.fileExists(atPath: "\(bench.folder)/\(name)") {
            all += try await bench.counted(name)
        }
        #expect(all.count == 60_000 && all.sorted() == Array(0..<60_000), "seed \(seed): \(all.count) rows")
        await bench.remove()
    }
}
