import Columnar

/// Runs a script under a configuration and says what differs.
public struct ScriptRunner {
    public typealias SessionFactory = @Sendable (RunConfiguration) throws -> QuerySession

    private let makeSession: SessionFactory

    public init(makeSession: @escaping SessionFactory) { self.makeSession = makeSession }

    /// One record that did not give what it should.
    public struct Failure: Sendable, CustomStringConvertible {
        public var place: String
        public var configuration: RunConfiguration
        public var message: String

        public var description: String { "\(place) [\(configuration)]\n\(message)" }
    }

    /// Everything that differs; also what the queries gave, by record, for rewriting goldens.
    public func run(
        _ script: TestScript, under configuration: RunConfiguration
    ) async throws -> (failures: [Failure], results: [Int: [String]]) {
        let session = try makeSession(configuration)
        var failures: [Failure] = []
        var results: [Int: [String]] = [:]
        for (index, record) in script.records.enumerated() {
            if case .warning(let pattern) = record.expectation {
                if !configuration.isStreaming, let message = check(session.diagnostics(record.sql), pattern) {
                    failures.append(
                        Failure(
                            place: "\(script.path):\(record.line)", configuration: configuration,
                            message: "\(record.sql)\n\(message)"))
                }
                continue
            }
            let outcome = await session.run(record.sql)
            if configuration.isStreaming, Self.needsEnd(record, outcome) { continue }
            if let lines = lines(of: outcome, record) { results[index] = lines }
            if let message = check(record, outcome, isStreaming: configuration.isStreaming) {
                failures.append(
                    Failure(
                        place: "\(script.path):\(record.line)", configuration: configuration,
                        message: "\(record.sql)\n\(message)"))
            }
        }
        return (failures, results)
    }

    /// Whether a record is one that streams refuse, or tells how they are refused.
    private static func needsEnd(_ record: TestScript.Record, _ outcome: QuerySession.Outcome) -> Bool {
        if case .error = record.expectation { return true }
        if case .failed(let message) = outcome { return message.hasPrefix("E040") }
        if case .answer = outcome { return true }
        return false
    }

    private func lines(of outcome: QuerySession.Outcome, _ record: TestScript.Record) -> [String]? {
        guard case .rows(_, let isSorted) = record.expectation else { return nil }
        switch outcome {
        case .rows(let rows, _):
            let lines = QuerySession.lines(rows)
            return isSorted ? lines.sorted() : lines
        case .answer(let lines): return lines
        case .done: return []
        case .failed: return nil
        }
    }

    private func check(
        _ record: TestScript.Record, _ outcome: QuerySession.Outcome, isStreaming: Bool
    ) -> String? {
        switch (record.expectation, outcome) {
        case (.error(let pattern), .failed(let message)):
            return matches(message, pattern) ? nil : "expected an error like: \(pattern)\nfound: \(message)"
        case (.error(let pattern), _): return "expected an error like: \(pattern)\nbut it succeeded"
        case (_, .failed(let message)): return "failed: \(message)"
        case (.ok, _), (.warning, _): return nil
        case (.rows(let expected, let isSorted), _):
            let isSorted = isSorted || isStreaming
            let wanted = isSorted ? expected.sorted() : expected
            let given = lines(of: outcome, record) ?? []
            let found = isSorted ? given.sorted() : given
            return wanted == found ? nil : difference(wanted, found)
        }
    }

    /// What is wrong with the warnings of a statement; nil: nothing.
    private func check(_ warnings: [String], _ pattern: String?) -> String? {
        let found = warnings.isEmpty ? "none" : warnings.joined(separator: "\n")
        guard let pattern else { return warnings.isEmpty ? nil : "expected no warning\nfound: \(found)" }
        return warnings.contains { matches($0, pattern) } ? nil : "expected a warning like: \(pattern)\nfound: \(found)"
    }

    private func matches(_ message: String, _ pattern: String) -> Bool {
        if pattern.isEmpty { return true }
        guard let regex = try? Regex(pattern) else { return message.contains(pattern) }
        return message.firstMatch(of: regex) != nil
    }

    private func difference(_ expected: [String], _ found: [String]) -> String {
        let shown = 20
        var text = "expected \(expected.count) rows:\n" + expected.prefix(shown).joined(separator: "\n")
        text += "\nfound \(found.count) rows:\n" + found.prefix(shown).joined(separator: "\n")
        if let index = zip(expected, found).enumerated().first(where: { $1.0 != $1.1 })?.offset, index >= shown {
            text += "\nfirst difference in row \(index + 1):\n  \(expected[index])\n  \(found[index])"
        }
        return text
    }

    /// The script's text with the expected rows replaced by what was found.
    public static func rewriting(_ text: String, _ script: TestScript, _ results: [Int: [String]]) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for (index, record) in script.records.enumerated().reversed() {
            guard let rows = results[index] else { continue }
            var replacement = rows
            if record.expectedLines.lowerBound > 0, lines[record.expectedLines.lowerBound - 1] != "----" {
                replacement.insert("----", at: 0)
            }
            lines.replaceSubrange(record.expectedLines, with: replacement)
        }
        return lines.joined(separator: "\n")
    }
}
