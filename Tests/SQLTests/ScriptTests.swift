import Connectors
import Dataflow
import Engine
import Expressions
import Foundation
import SQLTestRunner
import Testing

/// Every script below `sql-tests/` gives its rows under every batch size, parallelism and optimizer setting.
@Suite(.serialized) struct ScriptTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let scripts: [String] = {
        let entries = FileManager.default.enumerator(atPath: root.path + "/sql-tests")?.compactMap { $0 as? String }
        return (entries ?? []).filter { $0.hasSuffix(".slt") }.sorted()
    }()

    static func session(_ configuration: RunConfiguration) throws -> QuerySession {
        try QuerySession(configuration, connectors: { ConnectorCatalog.builtin(preview: $0) }) {
            try Engine(configuration: $0, connectors: $1)
        }
    }

    @Test("there are scripts")
    func scriptsExist() { #expect(Self.scripts.count >= 10) }

    @Test("a script gives its rows under every configuration", arguments: scripts)
    func everyConfiguration(path: String) async throws {
        let file = Self.root.path + "/sql-tests/" + path
        let script = try TestScript(path: path, text: try String(contentsOfFile: file, encoding: .utf8))
        #expect(!script.records.isEmpty)
        let runner = ScriptRunner { try Self.session($0) }
        for configuration in RunConfiguration.all(for: script) {
            for failure in try await runner.run(script, under: configuration).failures {
                Issue.record("\(failure)")
            }
        }
    }

    @Test("every aggregate is run within windows")
    func windowAggregates() throws {
        let file = Self.root.path + "/sql-tests/streaming/window_aggregates.slt"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let missing = FunctionRegistry.builtin.aggregates.map(\.name).filter { !text.contains("\($0)(") }
        #expect(missing.isEmpty)
    }

    @Test(
        "a script that is wrong fails",
        arguments: [
            "query I\nSELECT 1\n----\n2\n", "query I\nSELECT nothing\n----\n1\n", "statement error\nSELECT 1\n",
            "statement error no such text\nSELECT nothing\n", "statement ok\nSELEC 1\n",
            "query I\nSELECT * FROM (VALUES (1), (2)) AS t(a)\n----\n1\n",
        ])
    func wrongScripts(text: String) async throws {
        let script = try TestScript(path: "inline", text: text)
        let runner = ScriptRunner { try Self.session($0) }
        #expect(try await runner.run(script, under: .plain).failures.count == 1)
    }
}
