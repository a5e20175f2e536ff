import Foundation
import TestKit
import Testing

/// State four times as large as its budget, in a real process: the same rows, within the memory, and nothing is left
/// behind. Needs the release binary, as the debug one takes minutes.
@Suite(
    .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["LAMINAR_BINARY"] != nil, "LAMINAR_BINARY is not set"))
struct SpillTests {
    static let limit = ["--set", "pipeline.max-state-memory=64MB"]
    static let limitBytes = 64 << 20
    /// What the process may have beside its state.
    static let besideBytes = 100 << 20
    /// A process with little state; the test holds without it being exact.
    static let emptyBytes = 20 << 20

    static let queries: [(name: String, rows: Int, keys: Int, results: Int, query: String)] = [
        (
            "tumbling aggregate", 600_000, 500_000, 500_000,
            "SELECT k, tumble(INTERVAL '1 hour') AS w, count(*) AS n, max(v) AS most FROM rows GROUP BY k, w"
        ),
        (
            "updating aggregate", 600_000, 400_000, 400_000,
            "SELECT k, count(*) AS n, max(v) AS most FROM rows GROUP BY k"
        ),
        (
            "updating join", 260_000, 260_000, 260_000,
            "SELECT a.k, 1 AS n, a.v || b.v AS most FROM rows a JOIN (SELECT k, v FROM others) b ON a.k = b.k"
        ),
        (
            // Three panes of 200 000 keys each, in five windows.
            "hopping aggregate", 600_000, 600_000, 1_800_000,
            """
            SELECT k, hop(INTERVAL '200 milliseconds', INTERVAL '600 milliseconds') AS w, count(*) AS n, max(v) AS most
            FROM rows GROUP BY k, w
            """
        ),
    ]

    /// The last row says how many result rows there are in the end, and a hash that does not depend on their order.
    static func sql(_ number: Int, rate: Int? = nil) -> String {
        let (_, rows, keys, _, query) = queries[number]
        let options = """
            connector = 'impulse', message_count = \(rows), event_time_interval = 1, base_time = 0, type = 'source'\
            \(rate.map { ", event_rate = \($0)" } ?? "")
            """
        return """
            SET runtime_mode = 'streaming';
            SET updating_ttl = 'none';
            CREATE TABLE i WITH (\(options));
            CREATE TABLE j WITH (\(options));
            CREATE VIEW rows AS SELECT lpad(CAST(counter % \(keys) AS TEXT), 100, 'k') AS k,
                lpad(CAST(counter AS TEXT), 100, 'v') AS v FROM i;
            CREATE VIEW others AS SELECT lpad(CAST(counter * 7 % \(keys) AS TEXT), 100, 'k') AS k,
                lpad(CAST(counter AS TEXT), 200, 'u') AS v FROM j;
            SELECT count(*) AS rows, sum(n) AS n, sum(hash64(k || most) % 1000003 * n) AS hash FROM (\(query));
            """
    }

    /// What the last record says is true in the end.
    static func last(_ output: String) -> Substring {
        let line = output.split(separator: "\n").last ?? ""
        guard let after = line.range(of: "\"after\":"), let end = line.range(of: ",\"op\"") else { return line }
        return line[after.upperBound..<end.lowerBound]
    }

    static func command(_ number: Int, rate: Int? = nil) -> [String] {
        [CommandLineTests.binary, "run", "-p", "1", "-e", sql(number, rate: rate)]
    }

    static func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "laminar-spill-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    /// Folders of state beyond memory under a folder.
    static func spilled(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasPrefix("spill-") }
    }

    @Test("the same rows within the budget", arguments: queries.indices)
    func sameRows(number: Int) throws {
        let free = try #require(ChildProcess.run(Self.command(number), watchesMemory: true))
        #expect(free.status == 0, "\(free.errorOutput)")
        #expect(
            free.peakResidentBytes >= 4 * Self.limitBytes + Self.emptyBytes,
            "the state is too small to show anything: \(free.peakResidentBytes >> 20) MB")
        try Self.withFolder { folder in
            let limited = try #require(
                ChildProcess.run(
                    ["env", "TMPDIR=\(folder)"] + Self.command(number) + Self.limit, watchesMemory: true))
            #expect(limited.status == 0, "\(limited.errorOutput)")
            #expect(Self.last(limited.output) == Self.last(free.output))
            #expect(
                limited.peakResidentBytes <= Self.limitBytes + Self.besideBytes,
                "\(limited.peakResidentBytes >> 20) MB")
            #expect(Self.spilled(folder + "/laminar") == [])
        }
        let rows = "\"rows\":\(Self.queries[number].results),"
        #expect(Self.last(free.output).contains(rows), "\(Self.last(free.output))")
    }

    @Test("after kill -9 a run goes on from its checkpoint, with the same rows, and leaves nothing", arguments: [0, 1])
    func killed(number: Int) throws {
        let wanted = try #require(ChildProcess.run(Self.command(number)))
        try Self.withFolder { folder in
            let command =
                Self.command(number, rate: 80_000) + Self.limit
                + ["--state-dir", folder, "--checkpoint-interval", "300"]
            // Killed once it has put state aside and has a checkpoint to go on from.
            let first = try #require(ChildProcess.start(command))
            let isReady = Waiting.until {
                !Self.spilled(folder).flatMap { Self.files("\(folder)/\($0)") }.isEmpty
                    && Self.files("\(folder)/files").contains { $0.contains("part-") }
            }
            first.send(SIGKILL)
            let killed = first.finish()
            #expect(isReady && killed.status == 137, "\(killed.status): \(killed.errorOutput)")
            #expect(Self.spilled(folder).count == 1, "the killed process had put nothing aside")
            let second = try #require(ChildProcess.run(command))
            #expect(second.status == 0, "\(second.errorOutput)")
            #expect(Self.last(second.output) == Self.last(wanted.output))
            #expect(Self.spilled(folder) == [])
        }
    }

    @Test("a checkpoint that was written without a budget is gone on from with one, within the budget")
    func undivided() throws {
        let number = 0
        let wanted = try #require(ChildProcess.run(Self.command(number)))
        try Self.withFolder { folder in
            let command =
                Self.command(number, rate: 100_000) + ["--state-dir", folder, "--checkpoint-interval", "200"]
            let first = try #require(ChildProcess.start(command))
            // Killed when most of the state has been written: in the end it is 3 MB in compressed files.
            let isReady = Waiting.until {
                Self.files("\(folder)/files").compactMap {
                    (try? FileManager.default.attributesOfItem(atPath: "\(folder)/files/\($0)")[.size]) as? Int
                }.reduce(0, +) > 2 << 20
            }
            first.send(SIGKILL)
            let killed = first.finish()
            #expect(isReady && killed.status == 137, "\(killed.status): \(killed.errorOutput)")
            let second = try #require(ChildProcess.run(command + Self.limit, watchesMemory: true))
            #expect(second.status == 0, "\(second.errorOutput)")
            #expect(Self.last(second.output) == Self.last(wanted.output))
            #expect(
                second.peakResidentBytes <= Self.limitBytes + Self.besideBytes, "\(second.peakResidentBytes >> 20) MB")
            #expect(Self.spilled(folder) == [])
        }
    }

    static func files(_ folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }
}

/// Waits for other processes.
enum Waiting {
    /// Looks until something is so; false when a minute has not been enough.
    static func until(_ isSo: () -> Bool) -> Bool {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if isSo() { return true }
            usleep(5000)
        }
        return false
    }
}
