import Columnar
import Foundation
import SQLTestRunner
import TestKit
import Testing

/// Nexmark queries over the generator, updated as events come, leave the rows that the same queries give over a file of
/// the same events read to its end.
@Suite(.serialized) struct NexmarkGeneratorTests {
    static let queries = [
        "q2", "q3", "q4", "q5", "q7", "q8", "q9", "q11", "q15", "q16", "q17", "q18", "q19", "q20", "q22",
    ]
    static let inDuckDB = ["q9", "q11", "q16", "q20", "q22"]

    /// 100 000 events, one a millisecond.
    static let generator = """
        CREATE TABLE nexmark WITH (connector = 'nexmark', events_num = 100000, seed = 20260115,
            event_time_interval = 1000, type = 'source');

        """

    /// Writes all events to a file, by the engine itself.
    static func writeEvents(_ path: String) async throws {
        let sql =
            generator + """
                CREATE TABLE events WITH (connector = 'single_file', path = '\(path)', format = 'json', type = 'sink');
                INSERT INTO events SELECT person, auction, bid,
                    coalesce(person.datetime, auction.datetime, bid.datetime) AS ts FROM nexmark;
                """
        let outcome = try await ScriptTests.session(.plain).run(sql)
        guard case .done = outcome else { throw Failure(description: "the events were not written: \(outcome)") }
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// A job's text with its table of events replaced.
    static func sql(_ query: String, overFile path: String?) throws -> String {
        let job = try JobTests.sql("nexmark_\(query)")
        if let path {
            let fixture = "\(ScriptTests.root.path)/fixtures/data/nexmark-100k.jsonl.zst"
            #expect(job.contains(fixture))
            return job.replacingOccurrences(of: fixture, with: path)
        }
        let end = try #require(job.range(of: ";\n"))
        #expect(job[..<end.lowerBound].contains("CREATE TABLE nexmark"))
        return generator + job[end.upperBound...]
    }

    static func rows(_ sql: String, _ configuration: RunConfiguration) async throws -> [String] {
        let outcome = try await ScriptTests.session(configuration).run(sql)
        guard case .rows(let rows, _) = outcome else { throw Failure(description: "\(outcome)") }
        return rows.map { $0.map(JobTests.text).joined(separator: ",") }.sorted()
    }

    @Test("queries over the generator as events come, and over a file of the same events")
    func streaming() async throws {
        let path = FileManager.default.temporaryDirectory.path + "/laminar-nexmark-\(UUID().uuidString).jsonl.zst"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await Self.writeEvents(path)
        for (number, query) in Self.queries.enumerated() {
            let wanted = try await Self.rows(Self.sql(query, overFile: path), .plain)
            #expect(!wanted.isEmpty, "\(query)")
            let streaming = RunConfiguration(
                batchSize: 1000, parallelism: 1 + number % 3, isOptimized: true, isStreaming: true)
            let found = try await Self.rows(Self.sql(query, overFile: nil), streaming)
            #expect(found.count == wanted.count && found == wanted, "\(query), \(streaming)")
            if Self.inDuckDB.contains(query) {
                let other = try Self.duckDB(query, path)
                #expect(other.count == wanted.count && other == wanted, "\(query) in DuckDB")
            }
        }
    }

    /// The rows that DuckDB gives over a file.
    static func duckDB(_ query: String, _ path: String) throws -> [String] {
        let root = ScriptTests.root.path
        let python = ProcessInfo.processInfo.environment["LAMINAR_PYTHON"] ?? root + "/.venv/bin/python3"
        let result = try #require(ChildProcess.run([python, root + "/scripts/nexmark-in-duckdb.py", path, query]))
        #expect(result.status == 0, "\(result.errorOutput)")
        return result.output.split(separator: "\n").map(String.init).sorted()
    }
}
