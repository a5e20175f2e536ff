import Expressions
import Foundation
import SQLTestRunner
import Testing

/// What the documentation says about functions is true.
@Suite(.serialized) struct DocumentationTests {
    static let documented: [(name: String, documentation: FunctionDocumentation)] =
        FunctionRegistry.builtin.scalars.map { ($0.name, $0.documentation) }
        + FunctionRegistry.builtin.aggregates.map { ($0.name, $0.documentation) }

    @Test("every example gives the result that stands beside it")
    func examples() async throws {
        let session = try ScriptTests.session(.plain)
        var count = 0
        for (name, documentation) in Self.documented {
            for example in documentation.examples {
                count += 1
                let sql = example.sql.uppercased().hasPrefix("SELECT") ? example.sql : "SELECT \(example.sql)"
                switch await session.run(sql) {
                case .rows(let rows, _):
                    let line = QuerySession.lines(rows).joined(separator: "; ")
                    let wanted = example.result.isEmpty ? "(empty)" : example.result
                    #expect(line == wanted, "\(name): \(example.sql)")
                case .failed(let message): Issue.record("\(name): \(example.sql): \(message)")
                default: Issue.record("\(name): \(example.sql) gave no rows")
                }
            }
        }
        #expect(count > 100)
    }

    @Test("every function says what it does and how it is called")
    func summaries() {
        for (name, documentation) in Self.documented {
            #expect(documentation.summary.hasSuffix(".") || documentation.summary.hasSuffix("…."), "\(name)")
            #expect(!documentation.syntax.isEmpty, "\(name)")
        }
    }
}
