import Columnar
import Connectors
import Dataflow
import HostSystem
import JSONModel
import Planner
import Testing

@testable import ControlPlane

/// What the API's tables of files say of bad records, and how pipelines over them are planned.
@Suite struct FileTableTests {
    static let schema = #"""
        {"format": {"json": {}}, "bad_data": {"table": {"name": "lost"}}, "fields": [
         {"field_name": "id", "field_type": {"primitive": "Int64"}}]}
        """#

    @Test(arguments: ["single_file", "filesystem"])
    func `bad records of stored tables go to a stored table`(connector: String) async throws {
        let fixture = try ConnectionFixture()
        let path = fixture.folder + "/data/in"
        let config =
            connector == "single_file"
            ? #"{"path": "\#(path)", "table_type": "source"}"# : #"{"path": "\#(path)", "type": {"source_config": {}}}"#
        let table = try await fixture.table(connector, "events", config, schema: Self.schema)
        #expect(table.schema?["bad_data"] == ["table": ["name": "lost"]])
        let lost = try await fixture.table(
            "single_file", "lost", #"{"path": "\#(fixture.folder)/data/lost", "table_type": "sink"}"#)
        _ = try await fixture.table(
            "single_file", "good", #"{"path": "\#(fixture.folder)/data/good", "table_type": "sink"}"#)
        let stored = try fixture.registry.storedTables()
        let result = QueryCompiler(connectors: fixture.registry.catalog, stored: stored)
            .compile("INSERT INTO good SELECT id FROM events")
        #expect(!result.hasErrors && result.usedTables.contains(lost.id), "\(result.diagnostics)")
        var (sources, sinks): ([ConnectorSpec], [String: ConnectorSpec]) = ([], [:])
        for node in result.graph?.nodes ?? [] {
            if case .source(let spec) = node.spec { sources.append(spec) }
            if case .sink(let spec) = node.spec { sinks[spec.table] = spec }
        }
        #expect(sources.count == 1 && sources.first?.metadata.count == 6)
        #expect(
            sinks["lost"]?.schema.fields.map(\.name) == ["source", "record", "error", "path", "line", "offset"])
        #expect(sinks["good"]?.schema.fields.map(\.name) == ["id"])
    }

    @Test func `one table takes bad records of topics and files`() throws {
        let text = """
            CREATE TABLE topic (a BIGINT) WITH (connector = 'kafka', bootstrap_servers = 'h:1', topic = 't',
                type = 'source', format = 'json', bad_data = 'table:lost');
            CREATE TABLE file (a BIGINT) WITH (connector = 'single_file', path = 'x', type = 'source', format = 'json',
                bad_data = 'table:lost');
            CREATE TABLE lost WITH (connector = 'blackhole', type = 'sink');
            CREATE TABLE out WITH (connector = 'blackhole', type = 'sink');
            INSERT INTO out SELECT a FROM topic UNION ALL SELECT a FROM file
            """
        let result = QueryCompiler(connectors: .builtin { _ in }).compile(text)
        #expect(!result.hasErrors, "\(result.diagnostics)")
        let lost = result.graph?.nodes.compactMap { node -> ConnectorSpec? in
            guard case .sink(let spec) = node.spec, spec.table == "lost" else { return nil }
            return spec
        }
        #expect(lost?.count == 1)
        #expect(
            lost?.first?.schema.fields.map { "\($0.name) \($0.type.sqlName)" } == [
                "source TEXT", "record BYTEA", "error TEXT", "path TEXT", "line BIGINT", "partition INT",
                "offset BIGINT", "time TIMESTAMP",
            ])
    }
}
