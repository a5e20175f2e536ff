import Foundation
import TestKit
import Testing

/// A real process is killed at random moments and started again, each time at another parallelism and with or without
/// memory for its state: what its sink holds in the end is what an undisturbed run writes, no row missing, none twice.
@Suite(.serialized) struct KillTests {
    static let pipelines: [(name: String, query: String)] = [
        (
            "stateless",
            "SELECT bid.auction AS auction, bid.price * 2 AS price FROM nexmark WHERE bid.price > 3000000"
        ),
        (
            "tumbling",
            """
            SELECT w.start, auction, n, total FROM (SELECT tumble(INTERVAL '2 seconds') AS w, bid.auction AS auction,
            count(*) AS n, sum(bid.price) AS total FROM nexmark WHERE bid IS NOT NULL GROUP BY w, bid.auction)
            """
        ),
        (
            "session",
            """
            SELECT w.start, w.end, bidder, n FROM (SELECT session(INTERVAL '100 milliseconds') AS w,
            bid.bidder AS bidder, count(*) AS n FROM nexmark WHERE bid IS NOT NULL GROUP BY w, bid.bidder)
            """
        ),
        (
            "joined windows",
            """
            WITH counts AS (SELECT hop(INTERVAL '1 second', INTERVAL '3 seconds') AS w, bid.auction AS auction,
            count(*) AS n FROM nexmark WHERE bid IS NOT NULL GROUP BY w, bid.auction)
            SELECT start, auction, n, r FROM (SELECT c.w.start, c.auction, c.n, row_number() OVER (PARTITION BY c.w
            ORDER BY c.n DESC, c.auction) AS r FROM counts c JOIN (SELECT w, max(n) AS most FROM counts GROUP BY w) m
            ON c.w = m.w AND c.n < m.most) WHERE r <= 500
            """
        ),
        (
            "updating join",
            """
            SELECT p.name, a.item, a.r FROM (SELECT auction.seller AS seller, auction.item_name AS item,
            auction.reserve AS r FROM nexmark WHERE auction IS NOT NULL) a JOIN (SELECT person.id AS id,
            person.name AS name FROM nexmark WHERE person IS NOT NULL) p ON a.seller = p.id
            """
        ),
        (
            "interval join",
            """
            SELECT a.item, b.bidder, b.price FROM (SELECT auction.id AS id, auction.item_name AS item, row_time() AS ts
            FROM nexmark WHERE auction IS NOT NULL) a JOIN (SELECT bid.auction AS auction, bid.bidder AS bidder,
            bid.price AS price, row_time() AS ts FROM nexmark WHERE bid IS NOT NULL) b
            ON a.id = b.auction AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1 second'
            """
        ),
    ]

    /// Of each pipeline: 36 over all of them.
    static let kills = 6

    /// Whether a folder's log has an entry that keeps something.
    static func hasCheckpoint(_ folder: String) -> Bool {
        SpillTests.files(folder).contains { name in
            guard name.hasPrefix("manifest-"),
                let text = try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            else { return false }
            return !text.contains("\nepoch 0\n")
        }
    }

    static func sql(_ query: String, into path: String) -> String {
        """
        SET runtime_mode = 'streaming';
        CREATE TABLE nexmark WITH (connector = 'nexmark', events_num = 120000, event_rate = 100000,
            event_time_interval = 1000, type = 'source');
        CREATE TABLE result WITH (connector = 'single_file', path = '\(path)', format = 'json', type = 'sink');
        INSERT INTO result \(query);
        """
    }

    static func lines(_ path: String) throws -> [Substring] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").sorted()
    }

    @Test("kill -9 at random moments", arguments: pipelines.indices)
    func kill(number: Int) throws {
        let (name, query) = Self.pipelines[number]
        let folder = FileManager.default.temporaryDirectory.appending(path: "laminar-kill-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let straight = try CommandLineTests.run("run", "-e", Self.sql(query, into: folder + "/straight"))
        #expect(straight.status == 0, "\(straight.errorOutput)")

        let seed = UInt64.random(in: 0..<1_000_000)
        print("\(name): seed \(seed)")
        var random = SeededRandom(seed)
        let command = [
            CommandLineTests.binary, "run", "-e", Self.sql(query, into: folder + "/result"), "--state-dir",
            folder + "/state", "--checkpoint-interval", "20",
        ]
        var (killed, behind, attempts) = (0, 0, 0)
        // On a busy machine a process may need longer than that to its first checkpoint.
        while attempts < 5 * Self.kills, killed < Self.kills || behind < 2 {
            let seconds = Double((40 + random.below(160)) * (1 + attempts / Self.kills)) / 1000
            attempts += 1
            let result = try #require(
                ChildProcess.run(
                    ["timeout", "-s", "KILL", "\(seconds)"] + command
                        + [
                            "-p", "\(1 + random.below(3))", "--set",
                            "pipeline.max-state-memory=\(random.chance(0.5) ? "100kB" : "1GB")",
                        ]))
            #expect(result.status == 0 || result.status == 137, "\(result.status): \(result.errorOutput)")
            if result.status != 137 { break }
            killed += 1
            if Self.hasCheckpoint(folder + "/state") { behind += 1 }
        }
        let last = try #require(ChildProcess.run(command))
        #expect(last.status == 0, "\(last.errorOutput)")
        print("\(name): \(killed) kills, \(behind) of them with a checkpoint to go on from")
        #expect(killed >= Self.kills, "\(killed) runs were killed")
        #expect(behind >= 2, "\(behind) of \(killed) runs were killed behind a checkpoint")
        let wanted = try Self.lines(folder + "/straight")
        #expect(wanted.count > 1000)
        #expect(try Self.lines(folder + "/result") == wanted, "\(name), seed \(seed), \(killed) kills")
    }

    @Test("the state of another query is refused, and a finished one has nothing to do")
    func folders() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "laminar-state-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let source =
            "CREATE TABLE n WITH (connector = 'impulse', message_count = 5, event_time_interval = 1, type = 'source');"
        let first = try CommandLineTests.run(
            "run", "-e", source + "SELECT counter FROM n", "--state-dir", folder + "/a/b")
        #expect(first.status == 0 && first.output.split(separator: "\n").count == 5, "\(first.errorOutput)")
        let again = try CommandLineTests.run(
            "run", "-e", source + "SELECT counter FROM n", "--state-dir", folder + "/a/b")
        #expect(again.status == 0 && again.output.isEmpty, "\(again.errorOutput)")
        // The same where checkpoints were taken on the way, and with a file, which must stay as it is.
        let path = folder + "/rows"
        let many = """
            CREATE TABLE n WITH (connector = 'impulse', message_count = 3000, event_rate = 10000, type = 'source');
            CREATE TABLE o WITH (connector = 'single_file', path = '\(path)', format = 'json', type = 'sink');
            INSERT INTO o SELECT counter FROM n
            """
        for _ in 0..<2 {
            let run = try CommandLineTests.run(
                "run", "-e", many, "--state-dir", folder + "/many", "--checkpoint-interval", "30")
            #expect(run.status == 0, "\(run.errorOutput)")
            #expect(try Self.lines(path).count == 3000)
        }
        let limited = try CommandLineTests.run(
            "run", "-p", "2", "--state-dir", folder + "/limited", "-e",
            """
            CREATE TABLE n WITH (connector = 'impulse', event_rate = 10000, type = 'source');
            CREATE TABLE o WITH (connector = 'filesystem', path = '\(folder)/shown', format = 'json', type = 'sink');
            INSERT INTO o SELECT counter FROM n LIMIT 500
            """)
        #expect(limited.status == 0, "\(limited.errorOutput)")
        let other = try CommandLineTests.run(
            "run", "-e", source + "SELECT counter + 1 AS c FROM n", "--state-dir", folder + "/a/b")
        #expect(other.status == 1 && other.errorOutput.contains("belongs to another query"), "\(other.errorOutput)")
        let unwritable = try CommandLineTests.run("run", "-e", "SELECT 1", "--state-dir", "/proc/nothing/state")
        #expect(unwritable.status == 1 && unwritable.errorOutput.contains("/proc/nothing"), "\(unwritable.errorOutput)")
    }
}
