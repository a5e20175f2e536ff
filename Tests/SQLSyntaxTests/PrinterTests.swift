import Testing

@testable import SQLSyntax

/// Printing and parsing are each other's inverse.
@Suite struct PrinterTests {
    /// A tree as text without what depends on where it stood.
    static func shape(_ statement: Statement) -> String {
        var text = ""
        dump(statement, to: &text)
        let lines = text.split(separator: "\n")
        var kept: [Substring] = []
        var index = 0
        while index < lines.count {
            let line = lines[index]
            index += 1
            if line.contains("isQuoted") { continue }
            guard line.contains("SourceSpan") || line.contains("Span:") else {
                kept.append(line)
                continue
            }
            let indent = line.prefix { $0 == " " }.count
            while index < lines.count, lines[index].prefix(while: { $0 == " " }).count > indent { index += 1 }
        }
        return kept.joined(separator: "\n")
    }

    @Test("the corpus covers the grammar and the scripts")
    func corpusIsLarge() { #expect(SyntaxCorpus.statements.count > 300) }

    @Test("what is printed parses to the same tree")
    func roundTrip() throws {
        for text in SyntaxCorpus.statements {
            let first = Parser.parse(text)
            #expect(first.diagnostics.filter { $0.severity == .error }.isEmpty, "\(text): \(first.diagnostics)")
            for statement in first.statements {
                let printed = SQLPrinter().print(statement)
                let second = Parser.parse(printed)
                guard let again = second.statements.first, second.statements.count == 1, !second.hasErrors else {
                    Issue.record("\(text)\nprinted as \(printed)\n\(second.diagnostics)")
                    continue
                }
                #expect(Self.shape(again) == Self.shape(statement), "\(text)\nprinted as \(printed)")
                #expect(SQLPrinter().print(again) == printed)
            }
        }
    }

    @Test(
        "parentheses stand where they are needed and long chains do not nest",
        arguments: [
            ("SELECT ((a + b)) * c", "SELECT (a + b) * c"), ("SELECT (a * b) + c", "SELECT a * b + c"),
            ("SELECT a - (b - c)", "SELECT a - (b - c)"), ("SELECT (a AND b) OR c", "SELECT a AND b OR c"),
            ("select a from T where b = 'x'", "SELECT a FROM t WHERE b = 'x'"),
            ("SELECT \"Select\", \"select\", \"plain\"", "SELECT \"Select\", \"select\", plain"),
            ("SELECT -5, - (5)", "SELECT -5, -(5)"), ("SELECT a::INT", "SELECT CAST(a AS INT)"),
        ])
    func exactText(source: String, printed: String) throws {
        let statement = try #require(Parser.parse(source).statements.first)
        #expect(SQLPrinter().print(statement) == printed)
    }

    @Test("a chain of many operators prints without nesting")
    func longChain() throws {
        let text = "SELECT " + (0..<400).map { "a\($0)" }.joined(separator: " + ")
        let statement = try #require(Parser.parse(text).statements.first)
        #expect(SQLPrinter().print(statement) == text)
    }
}
