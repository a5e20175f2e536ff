import Dataflow
import Engine
import Formats
import HostSystem
import Synchronization
import TestKit
import Testing

@testable import ControlPlane

/// Records that cannot be decoded, from files to whoever is told of them.
@Suite(.serialized, .timeLimit(.minutes(1))) struct BadRecordReportTests {
    struct Case: Sendable, CustomStringConvertible {
        var format: String
        var lines: [[UInt8]]
        /// Line and first bytes of each bad record.
        var bad: [(line: Int, excerpt: [UInt8])]
        var description: String { format }
    }

    static let long = Array(#"{"id":"secret"#.utf8) + [UInt8](repeating: 0x41, count: 3000)

    static let cases = [
        Case(
            format: "json",
            lines: [
                Array(#"{"id":1}"#.utf8), Array(#"{"id":"secret"}"#.utf8), Array(#"{"id":2}"#.utf8), [0x7B, 0xFF], long,
            ],
            bad: [(2, Array(#"{"id":"secret"}"#.utf8)), (4, [0x7B, 0xFF]), (5, Array(long.prefix(1024)))]),
        Case(
            format: "csv",
            lines: [Array("id".utf8), Array("1".utf8), Array("secret".utf8), Array("2".utf8), Array("1,2".utf8)],
            bad: [(3, Array("secret".utf8)), (5, Array("1,2".utf8))]),
    ]

    static func write(_ lines: [[UInt8]]) throws -> String {
        let path = "/tmp/laminar-bad-\(SystemWallClock().nowNanoseconds())-\(lines.count)"
        let file = try PosixFileSystem().openForWriting(path, .replace)
        try file.write(Array(lines.joined(separator: [0x0A])) + [0x0A])
        try file.close()
        return path
    }

    static func sql(_ one: Case, _ path: String, _ policy: String) -> String {
        """
        CREATE TABLE input (id BIGINT NOT NULL) WITH (
            connector = 'single_file', path = '\(path)', format = '\(one.format)', type = 'source',
            bad_data = '\(policy)');
        SELECT id FROM input;
        """
    }

    @Test(
        "dropped records are told with their beginning, place and reason, and no text shows their values",
        arguments: cases)
    func drop(one: Case) async throws {
        let path = try Self.write(one.lines)
        defer { try? PosixFileSystem().remove(path) }
        let bench = try OutputBench()
        let summary = try await bench.run(Self.sql(one, path, "drop"))
        let reports = bench.badRecords.withLock { $0 }
        #expect(summary.badRecords == one.bad.count)
        #expect(reports.map(\.line) == one.bad.map(\.line))
        #expect(reports.map(\.excerpt) == one.bad.map(\.excerpt))
        #expect(reports.allSatisfy { $0.table == "input" && $0.nodeID == 0 && $0.subtask == 0 && !$0.isFatal })
        #expect(
            reports.allSatisfy { !$0.reason.isEmpty && !$0.message.contains("secret") && !"\($0)".contains("secret") })
    }

    @Test("the record that ends a job is told of, once", arguments: cases)
    func fail(one: Case) async throws {
        let path = try Self.write(one.lines)
        defer { try? PosixFileSystem().remove(path) }
        let bench = try OutputBench()
        await #expect(throws: OperationalError.self) { try await bench.run(Self.sql(one, path, "fail")) }
        let reports = bench.badRecords.withLock { $0 }
        #expect(reports.map(\.isFatal) == [true])
        #expect(reports.map(\.line) == [one.bad[0].line])
        #expect(reports.map(\.excerpt) == [one.bad[0].excerpt])
    }

    @Test("of many bad records ten a second are told, the others counted")
    func many() async throws {
        let path = try Self.write((0..<5000).map { _ in Array("x".utf8) })
        defer { try? PosixFileSystem().remove(path) }
        let bench = try OutputBench()
        try await bench.run(Self.sql(Self.cases[0], path, "drop"))
        let reports = bench.badRecords.withLock { $0 }
        let described = reports.filter { !$0.excerpt.isEmpty }
        #expect(described.count >= 10 && described.count <= 100)
        #expect(described.count + reports.reduce(0) { $0 + $1.untoldCount } == 5000)
    }

    @Test("a bad record shows none of its values when it is printed in any way")
    func printing() {
        let excerpt = Array("secret\r\n".utf8).withUnsafeBytes { RecordExcerpt($0) }
        let record = BadRecord(line: 1, offset: 2, reason: "why", excerpt: excerpt)
        #expect(excerpt.bytes == Array("secret".utf8) && excerpt.byteCount == 6)
        var dumped = ""
        dump(record, to: &dumped)
        let error = BadRecordError(format: "json", record: record)
        for text in ["\(record)", String(reflecting: record), "\(error)", String(reflecting: error), dumped] {
            #expect(!text.contains("secret") && !text.contains("115"), "\(text)")
        }
    }
}
