import Foundation
import TestKit
import Testing

/// State in a folder is taken back by the query it is of, and by no other; and it is never silently given up.
@Suite(.serialized) struct OtherQueryTests {
    static func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "laminar-other-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    static func run(_ sql: String, _ folder: String) throws -> ChildProcess.Result {
        try CommandLineTests.run("run", "-e", sql, "--state-dir", folder + "/state", "--checkpoint-interval", "20")
    }

    /// Pairs of queries that EXPLAIN writes alike, but whose operators keep something else.
    static let pairs: [(name: String, first: String, second: String)] = [
        (
            "the type of a column", "SELECT k, min(v) AS least FROM t GROUP BY k",
            "SELECT k, min(v) AS least FROM t GROUP BY k"
        ),
        (
            "the frame of a window function",
            "SELECT k, sum(v) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING) AS s FROM t",
            "SELECT k, sum(v) OVER (PARTITION BY k ORDER BY ts ROWS 5 PRECEDING) AS s FROM t"
        ),
    ]

    @Test("a query whose operators keep something else is refused", arguments: pairs.indices)
    func refused(number: Int) throws {
        let pair = Self.pairs[number]
        try Self.withFolder { folder in
            let rows = (0..<50).map {
                #"{"k": \#($0 % 3), "v": \#($0), "ts": "2026-01-01T00:00:\#(10 + $0 % 50)Z"}"#
            }
            try rows.joined(separator: "\n").write(toFile: folder + "/rows", atomically: true, encoding: .utf8)
            func sql(_ type: String, _ query: String) -> String {
                """
                SET runtime_mode = 'streaming';
                CREATE TABLE t (k INT, v \(type), ts TIMESTAMP, WATERMARK FOR ts AS ts)
                WITH (connector = 'single_file', path = '\(folder)/rows', format = 'json', type = 'source');
                \(query);
                """
            }
            let first = try Self.run(sql("INT", pair.first), folder)
            #expect(first.status == 0 && !first.output.isEmpty, "\(first.errorOutput)")
            let again = try Self.run(sql("INT", pair.first), folder)
            #expect(again.status == 0 && again.output.isEmpty, "\(again.errorOutput)")
            let other = try Self.run(sql(number == 0 ? "BIGINT" : "INT", pair.second), folder)
            #expect(
                other.status == 1 && other.errorOutput.contains("belongs to another query"),
                "\(pair.name): \(other.status) \(other.errorOutput)")
        }
    }

    @Test("with every checkpoint damaged a run fails and names the file; without the folder it begins anew")
    func damaged() throws {
        try Self.withFolder { folder in
            let sql = """
                CREATE TABLE n WITH (connector = 'impulse', message_count = 1500, event_rate = 1000, type = 'source');
                SELECT counter FROM n
                """
            let command = [
                CommandLineTests.binary, "run", "-e", sql, "--state-dir", folder + "/state", "--checkpoint-interval",
                "20",
            ]
            let first = try #require(ChildProcess.start(command))
            let isReady = Waiting.until { KillTests.hasCheckpoint(folder + "/state") }
            first.send(SIGKILL)
            #expect(isReady && first.finish().status == 137)
            let files = SpillTests.files(folder + "/state/files").filter { $0.hasSuffix(".state") }
            #expect(!files.isEmpty)
            for name in files {
                try Data([1, 2, 3]).write(to: URL(fileURLWithPath: "\(folder)/state/files/\(name)"))
            }
            let second = try Self.run(sql, folder)
            #expect(second.status == 1 && second.output.isEmpty, "\(second.status): \(second.output)")
            #expect(
                second.errorOutput.contains("no checkpoint in") && second.errorOutput.contains("remove that folder"),
                "\(second.errorOutput)")
            try FileManager.default.removeItem(atPath: folder + "/state")
            let third = try Self.run(sql, folder)
            #expect(third.status == 0 && third.output.split(separator: "\n").count == 1500, "\(third.errorOutput)")
        }
    }
}
