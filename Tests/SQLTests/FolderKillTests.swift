import Foundation
import TestKit
import Testing

/// A real process that writes a folder of files is killed at random moments and started again, each time at another
/// parallelism: the files that readers see hold each row once, at the end and at every moment before.
@Suite(.serialized) struct FolderKillTests {
    /// How the sink is declared, besides its path.
    static let tables = [
        ("closed at checkpoints", "format = 'json', partitioning.fields = ['kind']"),
        (
            "kept open",
            """
            format = 'json', compression = 'zstd', partitioning.time_pattern = '%H-%M', filename.strategy = 'serial',
            rolling_policy.file_size = '20KB'
            """
        ),
    ]

    static let columns = "(start TIMESTAMP, auction BIGINT, kind BIGINT, n BIGINT, total BIGINT)"

    static func sql(_ options: String, into path: String) -> String {
        """
        SET runtime_mode = 'streaming';
        CREATE TABLE nexmark WITH (connector = 'nexmark', events_num = 120000, event_rate = 100000,
            event_time_interval = 1000, type = 'source');
        CREATE TABLE result \(columns) WITH (connector = 'filesystem', path = '\(path)', \(options), type = 'sink');
        INSERT INTO result SELECT w.start, auction, auction % 3, n, total FROM (
            SELECT tumble(INTERVAL '2 seconds') AS w, bid.auction AS auction, count(*) AS n, sum(bid.price) AS total
            FROM nexmark WHERE bid IS NOT NULL GROUP BY w, bid.auction);
        """
    }

    /// The rows that the filesystem source finds in a folder, sorted.
    static func rows(_ path: String) throws -> [Substring] {
        let table = "CREATE TABLE r \(columns) WITH (connector = 'filesystem', path = '\(path)', type = 'source');"
        let result = try CommandLineTests.run("run", "-p", "2", "-e", table + "SELECT * FROM r")
        #expect(result.status == 0, "\(result.errorOutput)")
        return result.output.split(separator: "\n").sorted()
    }

    static func hiddenFiles(_ path: String) -> [String] {
        (FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []).filter {
            $0.hasSuffix(".inprogress")
        }
    }

    @Test("kill -9 at random moments", arguments: tables.indices)
    func kill(number: Int) throws {
        let (name, options) = Self.tables[number]
        let folder = FileManager.default.temporaryDirectory.appending(path: "laminar-kill-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let straight = try CommandLineTests.run("run", "-e", Self.sql(options, into: folder + "/straight"))
        #expect(straight.status == 0, "\(straight.errorOutput)")
        let wanted = try Self.rows(folder + "/straight")
        #expect(wanted.count > 1000)

        let seed = UInt64.random(in: 0..<1_000_000)
        print("folder, \(name): seed \(seed)")
        var random = SeededRandom(seed)
        let command = [
            CommandLineTests.binary, "run", "-e", Self.sql(options, into: folder + "/result"), "--state-dir",
            folder + "/state", "--checkpoint-interval", "20",
        ]
        var killed = 0
        var seen = 0
        var leftovers: Set<String> = []
        for _ in 0..<8 {
            let seconds = Double(80 + random.below(250)) / 1000
            let result = try #require(
                ChildProcess.run(
                    ["timeout", "-s", "KILL", "\(seconds)"] + command + ["-p", "\(1 + random.below(3))"]))
            #expect(result.status == 0 || result.status == 137, "\(result.status): \(result.errorOutput)")
            if result.status == 137 { killed += 1 }
            guard FileManager.default.fileExists(atPath: folder + "/result") else { continue }
            let rows = try Self.rows(folder + "/result")
            #expect(rows.count >= seen && Set(rows).count == rows.count && Set(rows).isSubset(of: wanted))
            // What a process leaves that died before it had anything to go on from.
            if rows.isEmpty { leftovers.formUnion(Self.hiddenFiles(folder + "/result")) }
            seen = rows.count
        }
        let last = try #require(ChildProcess.run(command))
        #expect(last.status == 0, "\(last.errorOutput)")
        #expect(killed > 0, "no run was killed")
        #expect(try Self.rows(folder + "/result") == wanted, "\(name), seed \(seed), \(killed) kills")
        #expect(Set(Self.hiddenFiles(folder + "/result")).isSubset(of: leftovers), "\(name), seed \(seed)")
        print("folder, \(name): \(killed) kills, \(seen) of \(wanted.count) rows seen before the last run")
    }
}
