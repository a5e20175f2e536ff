import Connectors
import Dataflow
import Foundation
import Planner
import SQLSyntax
import SQLTestRunner
import TestKit
import Testing

/// No text brings the compiler down, and what compiles runs or says why not.
@Suite(.serialized) struct CompilerFuzzTests {
    /// Statements of the scripts, by script, in order.
    static let scripts: [[String]] = ScriptTests.scripts.compactMap { path in
        let file = "\(ScriptTests.root.path)/sql-tests/\(path)"
        guard let text = try? String(contentsOfFile: file, encoding: .utf8),
            let script = try? TestScript(path: path, text: text)
        else { return nil }
        return script.records.map(\.sql)
    }

    @Test("mutated queries compile or are refused with places in the text", arguments: 1...6)
    func mutations(seed: Int) {
        var random = SeededRandom(UInt64(seed) &* 7919)
        let words = Self.scripts.joined().flatMap { $0.split(separator: " ").map(String.init) }
        // LAMINAR_FUZZ_SECONDS makes it search on.
        let seconds = ProcessInfo.processInfo.environment["LAMINAR_FUZZ_SECONDS"].flatMap(Double.init) ?? 0
        let end = ContinuousClock.now + .seconds(seconds)
        var round = 0
        while round < 120 || ContinuousClock.now < end {
            round += 1
            let script = Self.scripts[random.below(Self.scripts.count)]
            let setUp = script.filter { $0.uppercased().hasPrefix("CREATE") }
            let compiler = QueryCompiler(connectors: ConnectorCatalog.builtin { _ in })
            for statement in setUp { _ = compiler.compile(statement) }
            var parts = script[random.below(script.count)].split(separator: " ").map(String.init)
            for _ in 0...random.below(3) where !parts.isEmpty {
                let position = random.below(parts.count)
                switch random.below(3) {
                case 0: parts[position] = words[random.below(words.count)]
                case 1: parts.remove(at: position)
                default: parts.insert(words[random.below(words.count)], at: position)
                }
            }
            let text = parts.joined(separator: " ")
            let result = compiler.compile(text)
            #expect(
                result.hasErrors || result.graph != nil || !result.answers.isEmpty
                    || !text.uppercased().hasPrefix("SELECT"),
                "seed \(seed): \(text)")
            for diagnostic in result.diagnostics {
                guard let span = diagnostic.span else { continue }
                #expect(span.start <= span.end && span.end <= text.utf8.count, "seed \(seed): \(text)")
            }
        }
    }

    @Test("random cells through queries run or fail with a message", arguments: 1...4)
    func randomRuns(seed: Int) async throws {
        var random = SeededRandom(UInt64(seed) &* 104_729)
        let queries = Self.scripts.joined().filter { $0.hasPrefix("SELECT") && !$0.contains("FROM") }
        let literals = [
            "NULL", "0", "-1", "9223372036854775807", "1.5", "''", "'abc'", "'1'", "true", "DATE '2024-02-29'",
            "TIMESTAMP '1677-09-22 00:00:00'", "TIMESTAMP '2262-04-11 00:00:00'", "INTERVAL '1 month'", "1e308",
            "[1, 2]",
            "'NaN'::DOUBLE", "-9223372036854775808", "'{\"a\": [1]}'", "CAST(1 AS DECIMAL(38, 10))", "X'00'",
        ]
        for _ in 0..<150 {
            var text = queries[random.below(queries.count)]
            // A literal takes another's place, so that functions meet what they do not expect.
            if let match = text.matches(of: /'[^']*'|\b\d+(?:\.\d+)?\b/).randomElement(using: &random) {
                text.replaceSubrange(match.range, with: literals[random.below(literals.count)])
            }
            let session = try ScriptTests.session(.plain)
            if case .failed(let message) = await session.run(text) { #expect(!message.isEmpty, "\(text)") }
        }
    }
}
