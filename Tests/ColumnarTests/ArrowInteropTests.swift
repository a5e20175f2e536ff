import Foundation
import TestKit
import Testing

@testable import Columnar

/// Exchanges Arrow streams with pyarrow, another implementation of the format.
@Suite struct ArrowInteropTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// A Python with pyarrow: `LAMINAR_PYTHON`, the virtual environment of the checkout, or the one on the path.
    private static let python: String? = {
        let candidates = [
            ProcessInfo.processInfo.environment["LAMINAR_PYTHON"], root.path + "/.venv/bin/python3", "python3",
        ]
        return candidates.compactMap { $0 }.first { run([$0, "-c", "import pyarrow"]) != nil }
    }()

    /// The output of a command; nil when it failed.
    private static func run(_ arguments: [String]) -> String? {
        guard let result = ChildProcess.run(arguments) else { return nil }
        if result.status != 0 { print(result.errorOutput) }
        return result.status == 0 ? result.output : nil
    }

    private static func runScript(_ arguments: [String]) throws -> [String]? {
        guard let python else {
            if ProcessInfo.processInfo.environment["CI"] != nil {
                Issue.record("no Python with pyarrow: expected LAMINAR_PYTHON, .venv/bin/python3 or python3 to have it")
            } else {
                print("SKIPPED: Arrow is not checked against pyarrow, as no python3 with pyarrow was found")
            }
            return nil
        }
        let output = run([python, root.path + "/Tests/interop/arrow_interop.py"] + arguments)
        return try #require(output).split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
    }

    private static func withTemporaryFile(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "laminar-arrow-\(UUID().uuidString).arrows"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    /// The canonical text of Tests/interop/arrow_interop.py.
    private static func text(_ value: ScalarValue) -> String {
        switch value.storage {
        case .null: return "null"
        case .boolean(let flag): return flag ? "true" : "false"
        case .int(let number): return "\(number)"
        case .uint(let number): return "\(number)"
        case .decimal(let number): return "\(number)"
        case .float(let number):
            if number.isNaN { return "nan" }
            let digits = String(number.bitPattern, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        case .bytes(let bytes):
            return "x" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        case .interval(let span): return "\(span.months)/\(span.days)/\(span.nanoseconds)"
        case .nested(let items):
            let inner = items.map(text).joined(separator: ",")
            if case .structure = value.type { return "{\(inner)}" }
            return "[\(inner)]"
        }
    }

    private static func lines(_ batches: [RecordBatch]) -> [String] {
        batches.flatMap { batch in
            (0..<batch.rowCount).map { batch.row($0).map(text).joined(separator: "|") }
        }
    }

    @Test(arguments: [false, true]) func `pyarrow reads what we write`(textAsOffsets: Bool) throws {
        var random = Seeded(61)
        let batches = [(9, 0.0), (0, 0.0), (70, 0.3), (33, 1.0)].map { everyTypeBatch($0, nullRate: $1, &random) }
        // pyarrow refuses random bytes as text, so binary is made of text bytes here already.
        try Self.withTemporaryFile { path in
            let bytes = try ArrowStreamWriter.stream(
                batches, schema: batches[0].schema, textAsOffsets: textAsOffsets)
            try Data(bytes).write(to: URL(filePath: path))
            guard let output = try Self.runScript(["read", path]) else { return }
            let types = try #require(output.first)
            #expect(types.contains(textAsOffsets ? "c13: string;" : "c13: string_view;"), "\(types)")
            #expect(types.contains("c19: timestamp[ns, tz=UTC]"), "\(types)")
            #expect(types.contains("arrow.json"), "\(types)")
            #expect(Array(output.dropFirst()) == Self.lines(batches))
        }
    }

    @Test(arguments: 1...3) func `We read what pyarrow writes`(seed: Int) throws {
        try Self.withTemporaryFile { path in
            guard let expected = try Self.runScript(["write", path, "\(seed)"]) else { return }
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
            let (schema, batches) = try ArrowStreamReader.read(bytes)
            #expect(schema.count == 46)
            #expect(Self.lines(batches) == expected)
        }
    }
}
