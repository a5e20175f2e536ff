import Columnar
import Connectors
import Dataflow
import HostSystem
import JSONModel
import Planner
import TestKit
import Testing

@testable import ControlPlane

/// What the API's tables of topics can say, and how their sinks are planned.
@Suite struct KafkaTableTests {
    static let profile = #"{"bootstrap_servers": "localhost:9092", "authentication": {"type": "none"}}"#

    @Test func `sinks have a codec and write upserts`() async throws {
        let fixture = try ConnectionFixture()
        let profile = try await fixture.profile("kafka", "p", Self.profile)
        let config =
            #"{"topic": "t", "type": {"sink_config": {"compression": "zstd", "upsert": true, "key_field": "id"}}}"#
        let table = try await fixture.table("kafka", "t", config, profile: profile.id)
        #expect(table.config["type"]?["sink_config"]?["compression"] == "zstd")
        let options = try #require(try fixture.registry.storedTables().first?.options)
        #expect(options["sink.compression"]?.text == "zstd" && options["sink.upsert"]?.bool == true)
        let said = await ConnectionFixture.refusal {
            _ = try await fixture.table("kafka", "u", config.replacing("zstd", with: "rar"), profile: profile.id)
        }
        #expect(said.contains("compression: expected one of none, gzip, snappy, lz4, zstd"), "\(said)")
    }

    @Test func `columns of maps and intervals can be stored and used`() async throws {
        let fixture = try ConnectionFixture()
        let profile = try await fixture.profile("kafka", "p", Self.profile)
        let schema = #"""
            {"format": {"json": {}}, "fields": [
             {"field_name": "m",
              "field_type": {"map": {"key": {"primitive": "Utf8"}, "value": {"primitive": "Int32"}}}},
             {"field_name": "n", "field_type": {"primitive": "Int64"}}]}
            """#
        _ = try await fixture.table(
            "kafka", "t", #"{"topic": "t", "type": {"source_config": {"offset": "latest"}}}"#, schema: schema,
            profile: profile.id)
        let stored = try fixture.registry.storedTables()
        let result = QueryCompiler(connectors: fixture.registry.catalog, stored: stored)
            .compile("SELECT m, n FROM t")
        #expect(!result.hasErrors, "\(result.diagnostics)")
    }

    /// The sink of an INSERT into a topic.
    static func sink(_ columns: String, _ more: String, _ query: String) throws -> ConnectorSpec {
        let text = """
            CREATE TABLE orders (id BIGINT, at TIMESTAMP NOT NULL, WATERMARK FOR at AS at) WITH (connector = 'kafka',
                bootstrap_servers = 'h:1', topic = 'orders', type = 'source', format = 'json');
            CREATE TABLE out (\(columns)) WITH (connector = 'kafka', bootstrap_servers = 'h:1', topic = 'out',
                type = 'sink', format = 'json'\(more));
            INSERT INTO out \(query)
            """
        let result = QueryCompiler(connectors: .builtin { _ in }).compile(text)
        #expect(!result.hasErrors, "\(result.diagnostics)")
        for node in result.graph?.nodes ?? [] { if case .sink(let spec) = node.spec { return spec } }
        throw OperationalError("there is no sink", domain: .internal)
    }

    @Test func `a sink of records is given the event time of rows where no column is the record's time`() throws {
        let plain = try Self.sink("id BIGINT", "", "SELECT id FROM orders")
        #expect(plain.eventTime == 1 && plain.schema.fields.map(\.name) == ["id", "_timestamp"])
        let named = try Self.sink(
            "id BIGINT, t TIMESTAMP", ", sink.timestamp_field = 't'", "SELECT id, at FROM orders")
        #expect(named.eventTime == nil && named.schema.count == 2)
        let windows = try Self.sink(
            "n BIGINT", "", "SELECT count(*) FROM orders GROUP BY tumble(INTERVAL '1 minute')")
        #expect(windows.eventTime == 1)
        // Rows that change have none that counts.
        let changing = try Self.sink(
            "id BIGINT PRIMARY KEY, n BIGINT", ", sink.upsert = 'true'", "SELECT id, count(*) FROM orders GROUP BY id")
        #expect(changing.eventTime == nil)
    }

    @Test func `a registry that cannot be reached is no mistake of the request`() async throws {
        let fixture = try ConnectionFixture()
        let profile = try await RegistryTableTests.profile(fixture, "http://127.0.0.1:1")
        let table = await ConnectionFixture.refusal(.unavailable) {
            _ = try await fixture.table(
                "kafka", "orders", RegistryTableTests.config, schema: RegistryTableTests.schema, profile: profile.id)
        }
        #expect(table.hasPrefix("the schema registry at http://127.0.0.1:1 cannot be reached"), "\(table)")
        let planner = QueryPlanner(connectors: .builtin { _ in }, tables: nil, options: CompilerOptions())
        let text = "CREATE TABLE b \(RegistryTableTests.table("source", "http://127.0.0.1:1")); SELECT id FROM b"
        let query = await ConnectionFixture.refusal(.unavailable) {
            _ = try await planner.planAsking(text, parallelism: 1)
        }
        #expect(query.hasPrefix("the schema registry at http://127.0.0.1:1 cannot be reached"), "\(query)")
    }

    @Test func `a pipeline is created when the registry takes the schema of its rows, and not otherwise`() async throws
    {
        let bench = try await RegistryBench()
        for isCompatible in [false, true] {
            let server = try TinyServer { request in
                if request.hasPrefix("get /subjects/orders-value") {
                    let older = JSONValue.string(RegistryTableTests.avro.replacing("long", with: "string")).text()
                    return TinyServer.json("200 OK", #"{"version":1,"id":1,"schema":\#(older)}"#)
                }
                if request.hasPrefix("post /compatibility/") {
                    return TinyServer.json("200 OK", #"{"is_compatible":\#(isCompatible),"messages":["id: no"]}"#)
                }
                return TinyServer.json("200 OK", #"{"id":2}"#)
            }
            var draft = PipelineDraft(
                name: "p",
                query: """
                    CREATE TABLE i WITH (connector = 'impulse', event_rate = 1);
                    CREATE TABLE o \(RegistryTableTests.table("sink", server.url));
                    INSERT INTO o SELECT CAST(counter AS BIGINT) AS id FROM i
                    """, parallelism: 1)
            draft.starts = false
            func registered() -> Int { server.received.count { $0.hasPrefix("POST /subjects/") } }
            if isCompatible {
                _ = try await bench.registry.createPipeline(draft)
                #expect(registered() == 1)
            } else {
                let said = await ConnectionFixture.refusal { _ = try await bench.registry.createPipeline(draft) }
                #expect(said.contains("is not compatible with the newest one: id: no") && registered() == 0, "\(said)")
            }
            server.stop()
            let unreachable = await ConnectionFixture.refusal(.unavailable) {
                _ = try await bench.registry.createPipeline(draft)
            }
            #expect(unreachable.contains("cannot be reached"), "\(unreachable)")
        }
        await bench.remove()
    }
}
