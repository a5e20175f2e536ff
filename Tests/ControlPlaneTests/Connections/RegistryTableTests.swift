import Columnar
import Connectors
import Dataflow
import HostSystem
import JSONModel
import Planner
import SQLSyntax
import Synchronization
import TestKit
import Testing

@testable import ControlPlane

/// Tables whose columns a schema registry has, through the API; the registry is scripted.
@Suite struct RegistryTableTests {
    static let avro =
        #"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},"#
        + #"{"name":"n","type":["null","string"]}]}"#
    static let config = #"{"topic": "orders", "type": {"source_config": {"offset": "earliest"}}}"#
    static let schema = #"{"format": {"avro": {"confluent_schema_registry": true}}, "primary_keys": ["id"]}"#

    static func registry(_ status: String = "200 OK", _ text: String? = nil) throws -> TinyServer {
        try TinyServer { _ in
            let schema = JSONValue.string(avro).text()
            return TinyServer.json(status, text ?? #"{"subject":"s","version":3,"id":7,"schema":\#(schema)}"#)
        }
    }

    static func profile(_ fixture: ConnectionFixture, _ endpoint: String) async throws -> ProfileInfo {
        try await fixture.profile(
            "kafka", "p",
            #"""
            {"bootstrap_servers": "localhost:9092", "authentication": {"type": "none"}, "schema_registry":
             {"endpoint": "\#(endpoint)", "api_key": "me", "api_secret": "{{ KAFKA_PASSWORD }}"}}
            """#)
    }

    @Test func `a source without fields takes those of the newest schema, and keeps them`() async throws {
        let server = try Self.registry()
        let fixture = try ConnectionFixture()
        let profile = try await Self.profile(fixture, server.url)
        let table = try await fixture.table(
            "kafka", "orders", Self.config, schema: Self.schema, profile: profile.id)
        #expect(table.schema?["fields"]?.array?.count == 2)
        #expect(table.schema?["definition"]?["avro_schema"] == .string(Self.avro))
        #expect(server.received.count == 1 && server.received[0].contains("GET /subjects/orders-value/versions/latest"))
        // base64 of "me:from the environment"
        #expect(server.received[0].contains("Basic bWU6ZnJvbSB0aGUgZW52aXJvbm1lbnQ="))
        server.stop()
        // Planning asks nobody any more.
        let stored = try fixture.registry.storedTables()
        let result = QueryCompiler(connectors: fixture.registry.catalog, stored: stored).compile("DESCRIBE orders")
        #expect(result.diagnostics.isEmpty && result.missingDefinitions.isEmpty)
        #expect(result.answers == ["id BIGINT NOT NULL\nn TEXT"])
        #expect(stored[0].columns[0].isPrimaryKey && stored[0].options["avro.reader_schema"]?.text == Self.avro)
    }

    @Test(
        "what the registry says is shown",
        arguments: [
            ("404 Not Found", #"{"error_code":40401,"message":"Subject not found"}"#, "there is no such subject"),
            ("401 Unauthorized", #"{"message":"who are you?"}"#, "refused the key: who are you?"),
            (
                "200 OK", #"{"version":1,"id":1,"schemaType":"JSON","schema":"{}"}"#,
                "is of type JSON, and the format is avro"
            ),
            ("200 OK", #"{"version":1,"id":1,"schema":"{"}"#, "the Avro schema is no JSON"),
            ("200 OK", #"{"version":1,"id":1,"schema":"\"long\""}"#, "expected a record, found long"),
        ])
    func refusals(status: String, answer: String, says: String) async throws {
        let server = try Self.registry(status, answer)
        defer { server.stop() }
        let fixture = try ConnectionFixture()
        let profile = try await Self.profile(fixture, server.url)
        let message = await ConnectionFixture.refusal {
            _ = try await fixture.table("kafka", "orders", Self.config, schema: Self.schema, profile: profile.id)
        }
        #expect(message.contains(says) && !message.contains("from the environment"), "\(message)")
    }

    @Test func `hosts that the policy does not allow are not asked`() async throws {
        let fixture = try ConnectionFixture()
        let catalog = ConnectorCatalog.builtin(egress: EgressPolicy(.publicOnly)) { _ in }
        let result = QueryCompiler(connectors: catalog).compile(
            """
            CREATE TABLE t WITH (connector = 'kafka', bootstrap_servers = 'h:1', topic = 't', type = 'source',
                format = 'avro', avro.confluent_schema_registry = 'true',
                schema_registry.endpoint = 'http://127.0.0.1:8081')
            """)
        #expect(result.missingDefinitions.isEmpty)
        #expect(result.diagnostics.first?.message.contains("option 'schema_registry.endpoint'") == true)
        withExtendedLifetime(fixture) {}
    }

    static func table(_ role: String, _ endpoint: String, _ more: String = "") -> String {
        """
        WITH (connector = 'kafka', bootstrap_servers = '127.0.0.1:1', topic = 'orders', type = '\(role)',
            format = 'avro', avro.confluent_schema_registry = 'true', schema_registry.endpoint = '\(endpoint)'\(more))
        """
    }

    @Test func `a text's tables are asked for once, and what was found is kept with the pipeline`() async throws {
        let server = try Self.registry()
        let planner = QueryPlanner(
            connectors: ConnectorCatalog.builtin { _ in }, tables: nil, options: CompilerOptions())
        let text = """
            CREATE TABLE a \(Self.table("source", server.url));
            CREATE TABLE b (PRIMARY KEY (id)) \(Self.table("source", server.url));
            CREATE TABLE out WITH (connector = 'blackhole');
            INSERT INTO out SELECT a.id, b.n FROM a JOIN b ON a.id = b.id
            """
        let planned = try await planner.planAsking(text, parallelism: 2)
        #expect(server.received.count == 1)
        server.stop()
        let kept = StoredJSON.definitions(StoredJSON.text(planned.definitions))
        #expect(kept == planned.definitions && kept.found.count == 1)
        #expect(try planner.plan(text, parallelism: 2, kept).graph == planned.graph)
        // Nobody answers any more.
        await #expect(throws: ControlError.self) { _ = try await planner.planAsking(text, parallelism: 2) }
    }

    @Test func `a key that the definition does not have is told`() async throws {
        let server = try Self.registry()
        defer { server.stop() }
        let planner = QueryPlanner(connectors: .builtin { _ in }, tables: nil, options: CompilerOptions())
        let text = "CREATE TABLE b (PRIMARY KEY (x)) \(Self.table("source", server.url)); SELECT id FROM b"
        let message = await ConnectionFixture.refusal { _ = try await planner.planAsking(text, parallelism: 1) }
        #expect(message.contains("there is no column x"), "\(message)")
    }

    @Test func `the schema of a sink is registered with its pipeline, or the registry's words are shown`() async throws
    {
        for isCompatible in [true, false] {
            let server = try TinyServer { request in
                if request.hasPrefix("get /subjects/orders-value") {
                    let older = JSONValue.string(Self.avro.replacing("long", with: "string")).text()
                    return TinyServer.json("200 OK", #"{"version":1,"id":1,"schema":\#(older)}"#)
                }
                if request.hasPrefix("post /compatibility/") {
                    return TinyServer.json(
                        "200 OK", #"{"is_compatible":\#(isCompatible),"messages":["id: long is no string"]}"#)
                }
                return TinyServer.json("200 OK", #"{"id":2}"#)
            }
            let planner = QueryPlanner(connectors: .builtin { _ in }, tables: nil, options: CompilerOptions())
            let text = """
                CREATE TABLE i WITH (connector = 'impulse', event_rate = 1);
                CREATE TABLE o \(Self.table("sink", server.url));
                INSERT INTO o SELECT CAST(counter AS BIGINT) AS id FROM i
                """
            let graph = try await planner.planAsking(text, parallelism: 1).graph
            for isTrial in [true, false] {
                let problems = try await planner.prepareSinks(graph, isTrial: isTrial)
                #expect(problems.isEmpty == isCompatible)
                #expect(
                    isCompatible
                        || problems.first?.message.contains(
                            "is not compatible with the newest one: id: long is no string")
                            == true
                )
            }
            let registered = server.received.filter { $0.hasPrefix("POST /subjects/") }
            #expect(registered.count == (isCompatible ? 1 : 0))
            #expect(!isCompatible || registered.first?.contains(#"\"name\":\"Order\""#) == true, "\(registered)")
            server.stop()
            await #expect(throws: ControlError.self) { _ = try await planner.prepareSinks(graph, isTrial: false) }
        }
    }

    @Test func `what a definition uses is registered with the pipeline, before the definition that names it`()
        async throws
    {
        let isThere = Atomic<Bool>(false)
        let server = try TinyServer { request in
            if request.hasPrefix("post /subjects/base.proto/versions") {
                isThere.store(true, ordering: .relaxed)
                return TinyServer.json("200 OK", #"{"id":1}"#)
            }
            if request.hasPrefix("post /subjects/base.proto "), isThere.load(ordering: .relaxed) {
                return TinyServer.json("200 OK", #"{"subject":"base.proto","version":4,"id":1,"schema":""}"#)
            }
            if request.hasPrefix("post /compatibility/") {
                return TinyServer.json("200 OK", #"{"is_compatible":true}"#)
            }
            if request.hasPrefix("post /subjects/orders-value/versions") {
                return TinyServer.json("200 OK", #"{"id":2}"#)
            }
            return TinyServer.json("404 Not Found", #"{"error_code":40401,"message":"not there"}"#)
        }
        defer { server.stop() }
        let planner = QueryPlanner(connectors: .builtin { _ in }, tables: nil, options: CompilerOptions())
        let text = """
            CREATE TABLE i WITH (connector = 'impulse', event_rate = 1);
            CREATE TABLE o WITH (connector = 'kafka', bootstrap_servers = '127.0.0.1:1', topic = 'orders',
                type = 'sink', format = 'protobuf', protobuf.confluent_schema_registry = 'true',
                schema_registry.endpoint = '\(server.url)', protobuf.schema =
                'syntax = "proto3"; import "base.proto"; message M { int64 n = 1; Base base = 2; }',
                protobuf.dependencies.base.proto = 'syntax = "proto3"; message Base { int32 b = 1; }');
            INSERT INTO o SELECT CAST(counter AS BIGINT) AS n FROM i
            """
        let graph = try await planner.planAsking(text, parallelism: 1).graph
        for isTrial in [true, false] {
            #expect(try await planner.prepareSinks(graph, isTrial: isTrial).isEmpty)
            let registered = server.received.filter { $0.hasPrefix("POST /subjects/") && $0.contains("/versions") }
            #expect(registered.count == (isTrial ? 0 : 2))
            if isTrial { continue }
            #expect(registered.first?.hasPrefix("POST /subjects/base.proto/") == true, "\(registered)")
            #expect(
                registered.last?.contains(
                    #""references":[{"name":"base.proto","subject":"base.proto","version":4}]"#) == true,
                "\(registered)")
        }
    }
}
