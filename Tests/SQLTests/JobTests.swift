import Columnar
import Foundation
import SQLTestRunner
import TestKit
import Testing

/// The jobs over real input equal results that other engines computed.
@Suite(.serialized) struct JobTests {
    /// The rows of a CSV file with a header; quotes do not occur in these files.
    static func expected(_ path: String) throws -> [[String]] {
        let text = try String(
            contentsOfFile: "\(ScriptTests.root.path)/fixtures/data/expected/\(path)", encoding: .utf8)
        return text.split(separator: "\n").dropFirst().map { line in
            line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
    }

    /// The text of a job; its files are named from the checkout's folder.
    static func sql(_ job: String) throws -> String {
        let sql = try String(contentsOfFile: "\(ScriptTests.root.path)/fixtures/jobs/\(job).sql", encoding: .utf8)
        return sql.replacingOccurrences(of: "'fixtures/", with: "'\(ScriptTests.root.path)/fixtures/")
    }

    /// The rows a job gives.
    static func rows(_ job: String, parallelism: Int, isStreaming: Bool = false) async throws -> [[String]] {
        let sql = try sql(job)
        let configuration = RunConfiguration(
            batchSize: isStreaming ? 1000 : 8192, parallelism: parallelism, isOptimized: true,
            isStreaming: isStreaming)
        guard case .rows(let rows, _) = try await ScriptTests.session(configuration).run(sql) else {
            Issue.record("\(job) gave no rows")
            return []
        }
        return rows.map { $0.map(text) }
    }

    /// As the expected files write values: null as nothing, floats to six places.
    static func text(_ value: ScalarValue) -> String {
        if value.isNull { return "" }
        if let number = value.floatValue { return rounded(number) }
        return value.text
    }

    static func rounded(_ number: Double) -> String { String(format: "%.6f", number) }

    /// Expected cells with numbers after the point rounded the same way.
    static func normal(_ rows: [[String]]) -> [[String]] {
        rows.map { row in row.map { cell in cell.contains(".") ? Double(cell).map(rounded) ?? cell : cell } }
    }

    static func sorted(_ rows: [[String]]) -> [[String]] { rows.sorted { $0.lexicographicallyPrecedes($1) } }

    @Test("flights by hour and airport, and long flights by carrier", arguments: [1, 2])
    func flights(parallelism: Int) async throws {
        for job in ["flights_hourly_by_origin", "long_haul_by_carrier"] {
            let found = try await Self.rows(job, parallelism: parallelism)
            let wanted = try Self.expected("\(job).csv")
            #expect(wanted.count > 10)
            #expect(Self.sorted(found) == Self.sorted(Self.normal(wanted)), "\(job), parallelism \(parallelism)")
        }
    }

    /// A query's parallelism, and whether its results are updated as rows come.
    static let ways = [(1, false), (2, false), (1, true), (3, true)]

    @Test(
        "Nexmark queries over the official generator's events",
        arguments: ["q2", "q3", "q4", "q5", "q7", "q8", "q15", "q17", "q18", "q19"], ways.indices)
    func nexmark(query: String, way: Int) async throws {
        let (parallelism, isStreaming) = Self.ways[way]
        let found = try await Self.rows("nexmark_\(query)", parallelism: parallelism, isStreaming: isStreaming)
        let wanted = try Self.expected("nexmark/\(query).csv")
        #expect(!wanted.isEmpty)
        #expect(Self.sorted(found) == Self.sorted(Self.normal(wanted)))
    }

    @Test("Nexmark queries equal DuckDB's results", arguments: ["q9", "q11", "q16", "q20", "q22"])
    func nexmarkInDuckDB(query: String) async throws {
        let root = ScriptTests.root.path
        let python = ProcessInfo.processInfo.environment["LAMINAR_PYTHON"] ?? root + "/.venv/bin/python3"
        let result = try #require(
            ChildProcess.run([
                python, root + "/scripts/nexmark-in-duckdb.py", root + "/fixtures/data/nexmark-100k.jsonl.zst", query,
            ]))
        #expect(result.status == 0, "\(result.errorOutput)")
        let wanted = result.output.split(separator: "\n").map(String.init).sorted()
        #expect(wanted.count > 5000)
        for (parallelism, isStreaming) in [Self.ways[1], Self.ways[3]] {
            let found = try await Self.rows("nexmark_\(query)", parallelism: parallelism, isStreaming: isStreaming)
            #expect(found.map { $0.joined(separator: ",") }.sorted() == wanted, "\(parallelism), \(isStreaming)")
        }
    }

    @Test("Nexmark q1 turns every price into euros", arguments: [1, 2])
    func nexmarkCurrency(parallelism: Int) async throws {
        let found = try await Self.rows("nexmark_q1", parallelism: parallelism)
        #expect(found.count == 92_000)
        for row in found.prefix(2000) {
            let price = try #require(Double(row[2]))
            #expect(row[3] == Self.rounded(price * 0.908))
        }
        // The sum of all prices is known from q17.
        let total = found.reduce(into: Int64(0)) { $0 += Int64($1[2]) ?? 0 }
        let wanted = try Self.expected("nexmark/q17.csv").reduce(into: Int64(0)) { $0 += Int64($1[9]) ?? 0 }
        #expect(total == wanted)
    }
}
