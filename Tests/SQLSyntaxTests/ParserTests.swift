import Foundation
import TestKit
import Testing

@testable import SQLSyntax

/// Mistakes are told with their place; no text brings the parser down.
@Suite struct ParserTests {
    @Test(
        "mistakes have a code, a message and a place",
        arguments: [
            ("SELEC 1", "E0110", "SELEC", "did you mean SELECT?"), ("SELECT 1 FROM", "E0110", "", ""),
            ("SELECT a, FROM t", "E0110", "FROM", "remove the comma before FROM"),
            ("SELECT (1 + 2", "E01", "", ""), ("SELECT 'open", "E01", "'", ""),
            ("SELECT \"open", "E01", "\"", ""), ("SELECT /* open", "E01", "", ""),
            ("SELECT a IS 5", "E0110", "5", ""), ("SELECT CASE END", "E0110", "END", ""),
            ("CREATE TABLE t (a)", "E0110", ")", ""),
            ("CREATE TABLE t (a INT, WATERMARK FOR a, WATERMARK FOR b)", "E0112", "", ""),
            ("INSERT t SELECT 1", "E0110", "t", ""), ("DROP INDEX i", "E0110", "INDEX", ""),
            ("SELECT * FROM t JOIN u", "E0110", "", ""), ("SELECT 1 2", "E0110", "2", ""), ("FOO", "E0110", "FOO", ""),
            ("SELECT $", "E01", "$", ""), ("SELECT a FROM t LIMIT", "E0110", "", ""),
        ])
    func mistakes(text: String, code: String, at: String, hint: String) throws {
        let result = Parser.parse(text)
        let diagnostic = try #require(result.diagnostics.first, "\(text)")
        #expect(diagnostic.code.hasPrefix(code), "\(diagnostic)")
        #expect(!diagnostic.message.isEmpty)
        if !at.isEmpty, let span = diagnostic.span {
            #expect(SyntaxCorpus.slice(text, span).hasPrefix(at), "\(diagnostic)")
        }
        if !hint.isEmpty { #expect(diagnostic.hint == hint, "\(diagnostic)") }
    }

    @Test("several mistakes are reported at once and the statements between are read")
    func recovery() {
        let result = Parser.parse(
            "SELECT a, FROM t WHERE; SELECT 1; CREATE TABLE (a INT); INSERT INTO t SELECT 2; SELEC 3")
        #expect(result.diagnostics.count >= 4, "\(result.diagnostics)")
        #expect(result.statements.contains { SQLPrinter().print($0) == "SELECT 1" })
        #expect(result.statements.contains { SQLPrinter().print($0) == "INSERT INTO t SELECT 2" })
    }

    @Test("spans lie in the text and hold the statement")
    func spans() {
        for text in SyntaxCorpus.statements {
            for statement in Parser.parse(text).statements {
                #expect(statement.span.start >= 0 && statement.span.end <= text.utf8.count)
                #expect(Parser.parse(SyntaxCorpus.slice(text, statement.span)).statements.count == 1, "\(text)")
            }
        }
    }

    @Test(
        "nesting and length have limits",
        arguments: [
            String(repeating: "(", count: 100_000), "SELECT " + String(repeating: "(", count: 5000) + "1",
            "SELECT " + String(repeating: "NOT ", count: 5000) + "a",
            "SELECT " + String(repeating: "- ", count: 5000) + "a",
            "SELECT " + String(repeating: "[", count: 5000), "SELECT a" + String(repeating: "[1]", count: 20_000),
            "SELECT a" + String(repeating: ".b", count: 20_000),
            "SELECT a" + String(repeating: " IS NULL", count: 20_000),
            "SELECT CAST(a AS " + String(repeating: "ARRAY<", count: 5000),
            "SELECT " + String(repeating: "CASE WHEN ", count: 5000),
            String(repeating: "SELECT * FROM (", count: 3000), String(repeating: "EXPLAIN ", count: 5000) + "SELECT 1",
            "SELECT 1" + String(repeating: " UNION SELECT 1", count: 5000),
            "SELECT " + String(repeating: "a", count: 100_000),
            "SELECT 1" + String(repeating: " + 1", count: 20_000),
            "SELECT * FROM t" + String(repeating: " JOIN t ON a", count: 5000),
            "SELECT " + String(repeating: "f(", count: 5000), "SELECT a" + String(repeating: "::INT", count: 20_000),
        ])
    func limits(text: String) {
        let result = Parser.parse(text)
        for diagnostic in result.diagnostics {
            if let span = diagnostic.span { #expect(span.start <= span.end && span.end <= text.utf8.count) }
        }
        for statement in result.statements { _ = SQLPrinter().print(statement) }
    }

    @Test("no text crashes or hangs the parser", arguments: 1...8)
    func fuzz(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        let corpus = SyntaxCorpus.statements
        let tokens = corpus.joined(separator: " ").split(separator: " ").map(String.init)
        // LAMINAR_FUZZ_SECONDS makes it search on.
        let seconds = ProcessInfo.processInfo.environment["LAMINAR_FUZZ_SECONDS"].flatMap(Double.init) ?? 0
        let end = ContinuousClock.now + .seconds(seconds)
        var round = 0
        while round < 150 || ContinuousClock.now < end {
            round += 1
            var bytes: [UInt8]
            switch random.below(3) {
            case 0: bytes = (0..<random.below(80)).map { _ in UInt8(random.below(256)) }
            case 1:
                bytes = Array(
                    (0..<random.below(40)).map { _ in tokens[random.below(tokens.count)] }.joined(separator: " ").utf8)
            default:
                bytes = Array(corpus[random.below(corpus.count)].utf8)
                for _ in 0...random.below(4) where !bytes.isEmpty {
                    let position = random.below(bytes.count)
                    switch random.below(3) {
                    case 0: bytes[position] = UInt8(random.below(128))
                    case 1: bytes.remove(at: position)
                    default: bytes.insert(contentsOf: tokens[random.below(tokens.count)].utf8, at: position)
                    }
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let result = Parser.parse(text)
            #expect(
                !(result.statements.isEmpty && result.diagnostics.isEmpty) || Self.isBlank(text),
                "seed \(seed): \(text)")
            for diagnostic in result.diagnostics {
                guard let span = diagnostic.span else { continue }
                #expect(span.start <= span.end && span.end <= text.utf8.count, "seed \(seed): \(text)")
                _ = DiagnosticRenderer().render(diagnostic, in: SourceText(text, name: "fuzz"))
            }
            if !result.hasErrors {
                for statement in result.statements {
                    let printed = SQLPrinter().print(statement)
                    #expect(!Parser.parse(printed).hasErrors, "seed \(seed): \(text)\nprinted as \(printed)")
                }
            }
        }
    }

    /// Whether a text has no statement: blanks, semicolons and comments only.
    private static func isBlank(_ text: String) -> Bool {
        var lexer = Lexer(Array(text.utf8))
        lexer.run()
        return lexer.tokens.allSatisfy { $0.kind == .end || ($0.kind == .symbol && $0.text == ";") }
    }
}
