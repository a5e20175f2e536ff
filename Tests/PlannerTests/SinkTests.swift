import Columnar
import Dataflow
import Planner
import SQLSyntax
import TestKit
import Testing

@Suite struct SinkTests {
    /// A source and sink whose place is its option `place`.
    struct PlaceConnector: Connector {
        let name = "place"
        let options = OptionSchema([.init("place", .text, "where the rows lie")])

        func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
            TableTraits(
                roles: [.source, .sink], isBounded: true, maximumParallelism: 1, location: options["place"]?.text)
        }

        func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
            throw OptionError(key: nil, message: "not run")
        }

        func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
            throw OptionError(key: nil, message: "not run")
        }
    }

    static func compile(_ sql: String) -> CompilationResult {
        QueryCompiler(connectors: ConnectorCatalog([PlaceConnector()])).compile(sql)
    }

    /// A table at a place; `columns` may be empty.
    static func table(_ name: String, _ role: String, _ place: String?, _ columns: String = "(id BIGINT)") -> String {
        let option = place.map { ", place = '\($0)'" } ?? ""
        return "CREATE TABLE \(name) \(columns) WITH (connector = 'place', type = '\(role)'\(option));\n"
    }

    static func sinks(_ graph: DataflowGraph) -> [DataflowGraph.Node] {
        graph.nodes.filter { if case .sink = $0.spec { true } else { false } }
    }

    @Test func `queries that write one table share its writer`() throws {
        let sql =
            Self.table("f", "source", "a") + Self.table("o", "sink", "b")
            + "INSERT INTO o SELECT id FROM f; INSERT INTO o SELECT id * 2 FROM f; INSERT INTO o SELECT id FROM f"
        let result = Self.compile(sql)
        #expect(result.diagnostics.isEmpty, "\(result.diagnostics)")
        let graph = try #require(result.graph)
        let sinks = Self.sinks(graph)
        #expect(sinks.count == 1)
        let union = try #require(graph.nodes.first { $0.spec == .union })
        #expect(graph.edges.filter { $0.to == union.id }.map(\.input).sorted() == [0, 1, 2])
        #expect(graph.edges.filter { $0.to == sinks[0].id }.map(\.from) == [union.id])
        #expect(sinks[0].schema == Schema([Field("id", .int64)]))
    }

    @Test func `different tables keep their own writers`() throws {
        let sql =
            Self.table("f", "source", "a") + Self.table("o", "sink", "b") + Self.table("p", "sink", nil)
            + "INSERT INTO o SELECT id FROM f; INSERT INTO p SELECT id FROM f"
        let graph = try #require(Self.compile(sql).graph)
        #expect(Self.sinks(graph).count == 2)
        #expect(!graph.nodes.contains { $0.spec == .union })
    }

    static let conflicts: [(String, String)] = [
        (
            table("f", "source", "a") + table("o", "sink", "a") + "INSERT INTO o SELECT id FROM f",
            "table o would overwrite a, which table f is read from"
        ),
        (
            table("f", "source", "a") + table("o", "sink", "b") + table("p", "sink", "a")
                + "INSERT INTO o SELECT id FROM f; INSERT INTO p SELECT 1",
            "table p would overwrite a, which table f is read from"
        ),
        (
            table("f", "source", "a") + table("o", "sink", "b") + table("p", "sink", "b")
                + "INSERT INTO o SELECT id FROM f; INSERT INTO p SELECT id FROM f",
            "tables o and p would both overwrite b"
        ),
        (
            table("f", "source", "a") + table("o", "sink", "b", "")
                + "INSERT INTO o SELECT id FROM f; INSERT INTO o SELECT id AS other FROM f",
            "two INSERTs give table o different columns: (id BIGINT) and (other BIGINT)"
        ),
    ]

    @Test(arguments: conflicts)
    func `a pipeline that would destroy its own files is refused`(sql: String, expected: String) {
        let result = Self.compile(sql)
        #expect(result.graph == nil)
        #expect(result.diagnostics.map(\.message) == [expected])
    }

    @Test func `a slip in an option's name is recognised`() {
        let result = Self.compile("CREATE TABLE f (id BIGINT) WITH (connector = 'place', plase = 'a')")
        #expect(result.diagnostics.first?.message == "table f: unknown option 'plase'")
        #expect(result.diagnostics.first?.hint == "did you mean 'place'?")
    }
}
