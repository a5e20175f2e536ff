import Columnar
import Foundation
import TestKit
import Testing

/// Runs the scripts of Tests/interop that check formats with other implementations of them.
enum Interop {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The output lines of a script; nil, with a word about it, where there is no Python with the packages it needs.
    static func lines(_ script: String, needs package: String, _ arguments: [String]) throws -> [String]? {
        let candidates = [
            ProcessInfo.processInfo.environment["LAMINAR_PYTHON"], root.path + "/.venv/bin/python3", "python3",
        ]
        let python = candidates.compactMap { $0 }.first { python in
            ChildProcess.run([python, "-c", "import \(package)"])?.status == 0
        }
        guard let python else {
            if ProcessInfo.processInfo.environment["CI"] != nil {
                Issue.record("no Python with \(package): run scripts/install-python.sh")
            } else {
                print("SKIPPED: a format is not checked, as no python3 with \(package) was found")
            }
            return nil
        }
        let result = try #require(ChildProcess.run([python, root.path + "/Tests/interop/" + script] + arguments))
        if result.status != 0 { print(result.errorOutput) }
        try #require(result.status == 0)
        return result.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    static func withFolder(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "laminar-formats-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    static func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

    static func write(_ bytes: [UInt8], _ path: String) throws {
        try Data(bytes).write(to: URL(filePath: path))
    }

    /// Messages each after its length in four bytes.
    static func messages(_ path: String) throws -> [[UInt8]] {
        var rest = try bytes(path)[...]
        var messages: [[UInt8]] = []
        while rest.count >= 4 {
            let count = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            messages.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return messages
    }

    /// The canonical text of a row that the scripts print too.
    static func text(_ row: [ScalarValue]) -> String { row.map { text($0) }.joined(separator: "|") }

    static func text(_ value: ScalarValue) -> String {
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
            let isStructure = value.type.layout == .structure
            var texts = items.map { text($0) }
            // Maps have no order.
            if case .map = value.type { texts.sort() }
            let inner = texts.joined(separator: ",")
            return isStructure ? "{" + inner + "}" : "[" + inner + "]"
        }
    }
}
