import Connectors
import Dataflow
import GRDB
import HostSystem
import JSONModel
import Planner
import SQLSyntax
import Synchronization
import Testing

@testable import ControlPlane

@Suite struct ConnectionRegistryTests {
    static let kafkaProfile = #"{"bootstrap_servers": "localhost:9092", "authentication": {"type": "none"}}"#
    static let saslProfile = #"""
        {"bootstrap_servers": ["broker1:9092", "broker2:9092"], "authentication": {"type": "sasl", "sasl_config":
        {"mechanism": "PLAIN", "username": "user", "password": "canary-password", "protocol": "SASL_SSL"}},
        "schema_registry": {"endpoint": "https://schema-registry:8081", "api_key": "key",
        "api_secret": "canary-secret"},
        "connection_properties": {"ssl.key.password": "canary-property", "client.id": "visible"}}
        """#
    static let ordersSchema = #"""
        {"format": {"json": {}}, "fields": [
        {"field_name": "id", "field_type": {"primitive": "Int64"}, "nullable": false},
        {"field_name": "amount", "field_type": {"primitive": "Float64"}, "nullable": false},
        {"field_name": "customer", "field_type": {"primitive": "Utf8"}, "nullable": true}]}
        """#
    static let ordersConfig = #"{"topic": "orders", "type": {"source_config": {"offset": "latest"}}}"#

    @Test func `the document's Kafka and Iceberg calls work as written and answer what was given`() async throws {
        let fixture = try ConnectionFixture()
        let local = try await fixture.profile("kafka", "local-kafka", Self.kafkaProfile)
        #expect(local.id.hasPrefix("prof_") && local.description == "localhost:9092" && local.name == "local-kafka")
        #expect(local.config == (try JSONParser.parse(Self.kafkaProfile)))
        let orders = try await fixture.table(
            "kafka", "orders", Self.ordersConfig, schema: Self.ordersSchema, profile: local.id)
        #expect(orders.id.hasPrefix("tbl_") && orders.tableType == "source" && orders.consumers == 0)
        #expect(orders.config == (try JSONParser.parse(Self.ordersConfig)))
        #expect(orders.schema == (try JSONParser.parse(Self.ordersSchema)))
        #expect(orders.profile?.id == local.id)
        let large = try await fixture.table(
            "kafka", "large-orders", #"{"topic": "large-orders", "type": {"sink_config": {}}}"#,
            schema: #"{"format": {"json": {}}}"#, profile: local.id)
        #expect(large.tableType == "sink")
        let rest = try await fixture.profile(
            "iceberg", "iceberg-rest",
            #"{"catalog": {"type": "rest", "rest_catalog_config": {"uri": "http://localhost:8181"}}}"#)
        _ = try await fixture.profile(
            "iceberg", "iceberg-glue",
            #"""
            {"catalog": {"type": "glue", "glue_catalog_config": {"database_name": "my_database",
            "region": "us-east-1"}}}
            """#)
        let events = try await fixture.table(
            "iceberg", "events_iceberg",
            #"""
            {"database": "analytics", "table": "events", "type": {"sink_config":
            {"commit_interval_micros": 60000000}}}
            """#,
            profile: rest.id)
        #expect(events.tableType == "sink" && events.schema == nil)
        #expect(
            try await fixture.registry.profiles(PageRequest()).items.map(\.name) == [
                "iceberg-glue", "iceberg-rest", "local-kafka",
            ])
        #expect(try await fixture.registry.table(id: events.id).name == "events_iceberg")
    }

    @Test func `the workflow's pipeline is planned over stored tables`() async throws {
        let fixture = try ConnectionFixture()
        let local = try await fixture.profile("kafka", "local-kafka", Self.kafkaProfile)
        let orders = try await fixture.table(
            "kafka", "orders", Self.ordersConfig, schema: Self.ordersSchema, profile: local.id)
        let large = try await fixture.table(
            "single_file", "large-orders", #"{"path": "\#(fixture.folder)/data/out", "table_type": "sink"}"#)
        let stored = try fixture.registry.storedTables()
        let compiler = QueryCompiler(connectors: fixture.registry.catalog, stored: stored)
        let result = compiler.compile("INSERT INTO `large-orders` SELECT * FROM orders WHERE amount > 100")
        #expect(!result.hasErrors && result.graph != nil, "\(result.diagnostics)")
        #expect(Set(result.usedTables) == [orders.id, large.id])
        let options = try #require(stored.first { $0.name == "orders" }?.options)
        #expect(options["bootstrap_servers"] == "localhost:9092" && options["source.offset"] == "latest")
        #expect(options["type"] == "source" && options["format"] == "json" && options["topic"] == "orders")
    }

    @Test func `secrets are neither answered nor in the database's files, and the planner gets them`() async throws {
        let fixture = try ConnectionFixture()
        let profile = try await fixture.profile("kafka", "prod", Self.saslProfile)
        let table = try await fixture.table(
            "kafka", "t",
            #"{"topic": "t", "type": {"sink_config": {}}, "client_configs": {"ssl.key.password": "canary-client"}}"#,
            profile: profile.id)
        let registry = fixture.registry
        let answers = [
            "\(profile)", "\(table)", "\(try await registry.profiles(PageRequest()).items)",
            "\(try await registry.profile(id: profile.id))",
            "\(try await registry.tables(PageRequest()))", "\(try await registry.table(id: table.id))",
            "\(registry.connectors())", "\(fixture.settings)",
        ]
        for answer in answers { #expect(!answer.contains("canary"), "\(answer)") }
        #expect(profile.config["authentication"]?["sasl_config"]?["password"] == "********")
        #expect(profile.config["schema_registry"]?["api_secret"] == "********")
        #expect(profile.config["connection_properties"] == ["ssl.key.password": "********", "client.id": "visible"])
        try await fixture.database.pool.writeWithoutTransaction { try $0.execute(sql: "VACUUM") }
        try await fixture.database.pool.writeWithoutTransaction { _ = try $0.checkpoint(.full) }
        for name in try PosixFileSystem().list(fixture.folder) where name.hasPrefix("laminar.db") {
            let bytes = try PosixFileSystem().readAll(fixture.folder + "/" + name)
            #expect(bytes.firstRange(of: Array("canary".utf8)) == nil, "\(name)")
            if name == "laminar.db" { #expect(bytes.firstRange(of: Array("visible".utf8)) != nil) }
        }
        let options = try #require(try registry.storedTables().first?.options)
        #expect(options["auth.password"] == "canary-password")
        #expect(options["schema_registry.api_secret"] == "canary-secret")
        #expect(options["client_configs.ssl.key.password"] == "canary-client")
        #expect(try registry.storedProfiles().first?.options["auth.password"] == "canary-password")
    }

    @Test func `variables stay as written until a table is opened`() async throws {
        let fixture = try ConnectionFixture()
        let config = Self.saslProfile.replacing("canary-password", with: "{{ KAFKA_PASSWORD }}")
        _ = try await fixture.profile("kafka", "prod", config)
        let stored = try #require(try fixture.registry.storedProfiles().first)
        #expect(stored.options["auth.password"] == "{{ KAFKA_PASSWORD }}")
        let prepare = ConnectionRegistry.preparation(fixture.settings)
        #expect(try prepare("kafka", stored.options)["auth.password"] == "from the environment")
    }

    @Test func `names are unique whatever their case, and what is in use stays`() async throws {
        let fixture = try ConnectionFixture()
        let registry = fixture.registry
        let profile = try await fixture.profile("kafka", "p", Self.kafkaProfile)
        let again = await ConnectionFixture.refusal(.conflict) {
            _ = try await fixture.profile("kafka", "P", Self.kafkaProfile)
        }
        #expect(again == "a connection profile with that name already exists: 'P'")
        let table = try await fixture.table("stdout", "t", "{}")
        let other = await ConnectionFixture.refusal(.conflict) { _ = try await fixture.table("stdout", "T", "{}") }
        #expect(other == "a connection table with that name already exists: 'T'")
        for index in 0..<7 {
            _ = try await fixture.table(
                "kafka", "k\(index)", #"{"topic": "t", "type": {"sink_config": {}}}"#, profile: profile.id)
        }
        let used = await ConnectionFixture.refusal(.conflict) { try await registry.deleteProfile(id: profile.id) }
        #expect(
            used
                == "Cannot delete connection_profile; it is still being used by "
                + "connection tables 'k0', 'k1', 'k2', 'k3', "
                + "'k4' and 2 more")
        try await Self.use(fixture, table.id, pipeline: "pl_1", isPreview: false)
        try await Self.use(fixture, table.id, pipeline: "pl_2", isPreview: true)
        #expect(try await registry.table(id: table.id).consumers == 1)
        let busy = await ConnectionFixture.refusal(.conflict) { try await registry.deleteTable(id: table.id) }
        #expect(busy == "Cannot delete connection_table; it is still being used by pipeline 'name of pl_1 (pl_1)'")
        try await fixture.database.pool.write { try $0.execute(sql: "DELETE FROM pipelines WHERE id = 'pl_1'") }
        try await registry.deleteTable(id: table.id)
        for gone in [table.id, "tbl_nothing"] {
            #expect(
                await ConnectionFixture.refusal(.notFound) { _ = try await registry.table(id: gone) }
                    == "Connection table not found: \(gone)")
            #expect(
                await ConnectionFixture.refusal(.notFound) { try await registry.deleteTable(id: gone) }
                    == "Connection table not found: \(gone)")
        }
        #expect(
            await ConnectionFixture.refusal(.notFound) { try await registry.deleteProfile(id: "x") }
                == "Connection profile not found: x")
    }

    @Test func `planning does not look at a table's users, and they are found by an index`() async throws {
        let fixture = try ConnectionFixture()
        let table = try await fixture.table("stdout", "t", "{}")
        let statements = Mutex<[String]>([])
        let pool = fixture.database.pool
        try await pool.read { database in
            database.trace { event in statements.withLock { $0.append("\(event)") } }
        }
        _ = try fixture.registry.planned(tableID: table.id)
        let seen = statements.withLock { $0 }
        #expect(seen.contains { $0.contains("FROM connection_tables") })
        #expect(!seen.contains { $0.contains("pipeline_tables") }, "\(seen)")
        let steps = try await pool.read { database in
            try Row.fetchAll(
                database, sql: "EXPLAIN QUERY PLAN SELECT count(*) FROM pipeline_tables WHERE table_id = ?",
                arguments: [table.id]
            ).map { "\($0["detail"] as String)" }
        }
        #expect(steps.allSatisfy { $0.contains("USING COVERING INDEX pipeline_tables_by_table") }, "\(steps)")
    }

    static func use(_ fixture: ConnectionFixture, _ table: String, pipeline: String, isPreview: Bool) async throws {
        try await fixture.database.pool.write { database in
            let columns = try database.columns(in: "pipelines")
            var names: [String] = []
            var values: [String] = []
            for column in columns where column.isNotNull || column.primaryKeyIndex > 0 {
                names.append(column.name)
                let text = column.name == "id" ? pipeline : column.name == "name" ? "name of \(pipeline)" : "{}"
                values.append(
                    column.type == "INTEGER" ? (column.name == "is_preview" && isPreview ? "1" : "0") : "'\(text)'")
            }
            try database.execute(
                sql:
                    "INSERT INTO pipelines (\(names.joined(separator: ", "))) "
                    + "VALUES (\(values.joined(separator: ", ")))"
            )
            try database.execute(
                sql: "INSERT INTO pipeline_tables (pipeline_id, table_id) VALUES (?, ?)", arguments: [pipeline, table])
        }
    }

    @Test func `profiles come in pages, newest first, and tables show theirs`() async throws {
        let fixture = try ConnectionFixture()
        var ids: [String] = []
        for index in 0..<5 {
            let config = #"{"bootstrap_servers": "h\#(index):1", "authentication": {"type": "none"}}"#
            ids.insert(try await fixture.profile("kafka", "p\(index)", config).id, at: 0)
        }
        let first = try await fixture.registry.profiles(PageRequest(limit: 3))
        #expect(first.items.map(\.id) == Array(ids.prefix(3)) && first.hasMore)
        let last = try await fixture.registry.profiles(PageRequest(startingAfter: ids[2], limit: 3))
        #expect(last.items.map(\.id) == Array(ids.suffix(2)) && !last.hasMore)
        let unknown = await ConnectionFixture.refusal {
            _ = try await fixture.registry.profiles(PageRequest(startingAfter: "prof_x"))
        }
        #expect(unknown == "starting_after: there is no connection profile 'prof_x'")
        // Configs of a mebibyte, so that the bytes end the page.
        let long = String(repeating: "x", count: 1 << 20)
        let profile = ids[0]
        try await fixture.database.pool.write { database in
            try database.execute(
                sql: "UPDATE connection_profiles SET config = '{\"x\": \"' || ? || '\"}'", arguments: [long])
            for index in 0..<20 {
                try database.execute(
                    sql: """
                        INSERT INTO connection_tables (id, name, connector, profile_id, table_type, config, created_at)
                        VALUES (?, ?, 'kafka', ?, 'source', '{}', 1)
                        """, arguments: ["tbl_\(index)", "t\(index)", profile])
            }
        }
        #expect(try await fixture.registry.profiles(PageRequest()).items.count == 5)
        let tables = try await fixture.registry.tables(PageRequest())
        #expect(tables.items.count == 7 && tables.hasMore && tables.items[0].profile?.id == ids[0])
    }

    @Test func `tables come in pages, newest first`() async throws {
        let fixture = try ConnectionFixture()
        for index in 0..<25 { _ = try await fixture.table("stdout", "t\(index)", "{}") }
        var seen: [String] = []
        var request = PageRequest(limit: 10)
        while true {
            let page = try await fixture.registry.tables(request)
            seen += page.items.map(\.name)
            #expect(page.hasMore == (seen.count < 25))
            guard page.hasMore, let last = page.items.last else { break }
            request.startingAfter = last.id
        }
        #expect(seen == (0..<25).reversed().map { "t\($0)" })
        let unknown = await ConnectionFixture.refusal {
            _ = try await fixture.registry.tables(PageRequest(startingAfter: "tbl_x"))
        }
        #expect(unknown == "starting_after: there is no connection table 'tbl_x'")
    }

    @Test(
        "what is wrong with a table is said with its field",
        arguments: [
            ("nobody", "{}", nil, "connector: there is no connector 'nobody'"),
            ("kafak", "{}", nil, "connector: there is no connector 'kafak': did you mean 'kafka'?"),
            ("kafka", "[]", nil, "config: expected an object, found an array"),
            (
                "kafka", #"{"topic": "t", "type": {"source_config": {"offset": "x"}}}"#, ordersSchema,
                "config.type.source_config.offset: expected one of latest, earliest, group, found 'x'"
            ),
            (
                "kafka", #"{"topik": "t", "type": {"sink_config": {}}}"#, nil,
                "config.topic: is missing; config.topik: is not known here: did you mean 'topic'?"
            ),
            ("kafka", ordersConfig, nil, "schema.fields: is missing: a source needs its columns"),
            (
                "kafka", ordersConfig, #"{"format": {"json": {}}}"#,
                "schema.fields: is missing: a source needs its columns"
            ),
            (
                "kafka", #"{"topic": "t", "type": {"sink_config": {}}, "client_configs": {"password": "********"}}"#,
                nil, "config.client_configs.password: '********' stands for a secret: give the secret itself"
            ),
            ("impulse", "{}", ordersSchema, "schema.fields: connector 'impulse' defines the columns itself"),
            (
                "single_file", #"{"path": "/etc/passwd", "table_type": "source"}"#, ordersSchema,
                "config: option 'path': '/etc/passwd' lies outside of "
                    + "the folders that may be used (setting files.roots)"
            ),
            (
                "single_file", #"{"path": "-", "table_type": "sink"}"#, nil,
                "config: option 'path': the standard streams of the server are not for tables"
            ),
            (
                "single_file", #"{"path": "s3://../../../etc/passwd", "table_type": "source"}"#, ordersSchema,
                "config: option 'path': expected a path of this machine"
            ),
            (
                "filesystem", #"{"path": "s3::/../../etc", "type": {"sink_config": {}}}"#, nil,
                "config: option 'path': 's3::/../../etc' lies outside of the folders that may be used "
                    + "(setting files.roots)"
            ),
            (
                "delta", #"{"path": "/etc/x"}"#, nil,
                "config: option 'path': '/etc/x' lies outside of the folders that may be used (setting files.roots)"
            ),
            (
                "mock", #"{"fields": {"nope": {"generator": "uuid"}}}"#, ordersSchema,
                "config: unknown option 'fields.nope.generator' "
                    + "(write fields.<column>.<setting>, where the columns are: id, amount, customer)"
            ),
        ])
    func wrongTables(connector: String, config: String, schema: String?, message: String) async throws {
        let fixture = try ConnectionFixture()
        let said = await ConnectionFixture.refusal {
            _ = try await fixture.table(connector, "t", config, schema: schema)
        }
        #expect(said == message)
        #expect(try await fixture.registry.tables(PageRequest()).items.isEmpty)
    }

    @Test(
        "names have rules",
        arguments: [
            ("", "must not be empty"), (" a", "must not begin or end with a blank"),
            ("a\n", "must not begin or end with a blank"),
            ("a\u{0}b", "has control characters"), ("a\"b", "has a quote: \""), ("a`b", "has a quote: `"),
            (String(repeating: "x", count: 129), "expected at most 128 characters, found 129"),
        ])
    func names(name: String, why: String) async throws {
        let fixture = try ConnectionFixture()
        #expect(await ConnectionFixture.refusal { _ = try await fixture.table("stdout", name, "{}") } == "name: \(why)")
        #expect(
            await ConnectionFixture.refusal { _ = try await fixture.profile("kafka", name, Self.kafkaProfile) }
                == "name: \(why)")
    }

    @Test func `profiles must be there and of the same connector`() async throws {
        let fixture = try ConnectionFixture()
        let confluent = try await fixture.profile(
            "confluent", "c", #"{"bootstrap_servers": "a:1", "key": "k", "secret": "s"}"#)
        let sink = #"{"topic": "t", "type": {"sink_config": {}}}"#
        #expect(
            await ConnectionFixture.refusal { _ = try await fixture.table("kafka", "t", sink, profile: confluent.id) }
                == "connection_profile_id: profile 'c' is for another connector than requested "
                + "(found confluent, expected kafka)"
        )
        #expect(
            await ConnectionFixture.refusal { _ = try await fixture.table("kafka", "t", sink, profile: "prof_abc123") }
                == "connection_profile_id: there is no connection profile with id 'prof_abc123'")
        #expect(
            await ConnectionFixture.refusal { _ = try await fixture.profile("single_file", "p", "{}") }
                == "connector: 'single_file' has no connection profiles")
        #expect(
            await ConnectionFixture.refusal { _ = try await fixture.table("kafka", "t", sink) }
                .contains("missing option 'bootstrap_servers'"))
    }

    @Test func `the format may stand in the config, and stored files run`() async throws {
        let fixture = try ConnectionFixture()
        let path = fixture.folder + "/data/in.csv"
        let table = try await fixture.table(
            "single_file", "Lines", #"{"path": "\#(path)", "table_type": "source", "format": "csv"}"#,
            schema: #"{"fields": [{"name": "a", "type": "int64", "required": true}, {"name": "b", "type": "string"}]}"#)
        #expect(table.schema?["format"] == ["csv": [:]])
        #expect(table.config == (try JSONParser.parse(#"{"path": "\#(path)", "table_type": "source"}"#)))
        let result = QueryCompiler(connectors: fixture.registry.catalog, stored: try fixture.registry.storedTables())
            .compile("SELECT a + 1 AS x, b FROM lines")
        #expect(!result.hasErrors, "\(result.diagnostics)")
        #expect(result.usedTables == [table.id])
    }

    @Test func `tables over object stores can be stored`() async throws {
        let fixture = try ConnectionFixture()
        let table = try await fixture.table(
            "filesystem", "t",
            #"{"path": "s3://b/x", "storage_options": {"aws_secret_access_key": "k"}, "type": {"sink_config": {}}}"#)
        #expect(table.config["storage_options"] == ["aws_secret_access_key": "********"])
    }

    @Test func `another key cannot open what is stored, and says so without it`() async throws {
        let fixture = try ConnectionFixture()
        _ = try await fixture.profile("kafka", "prod", Self.saslProfile)
        var settings = fixture.settings
        settings.secrets = try SecretBox(key: Secret(String(repeating: "ab", count: 32)))
        let other = ConnectionRegistry(fixture.database, catalog: fixture.registry.catalog, settings: settings)
        #expect(throws: OperationalError.self) { try other.storedProfiles() }
        // Whoever uses it is told which it is; everybody else goes on.
        _ = try await fixture.table("impulse", "ticks", #"{"event_rate": 10}"#)
        func compile(_ query: String) throws -> CompilationResult {
            QueryCompiler(connectors: other.catalog, stored: try other.storedObjects()).compile(query)
        }
        #expect(try !compile("SELECT counter FROM ticks").hasErrors)
        let used = try compile(
            "CREATE TABLE t (a BIGINT) WITH (connector = 'kafka', connection_profile = 'PROD', topic = 't', "
                + "type = 'source', format = 'json'); SELECT a FROM t")
        let told = try #require(used.diagnostics.first)
        #expect(
            told.code == "E0314" && told.message.hasPrefix("connection profile 'prod' cannot be used: a stored secret"))
        #expect(told.span != nil && !told.message.contains("canary"), "\(told)")
        let profile = try await other.profiles(PageRequest()).items[0].id
        _ = try await fixture.table(
            "kafka", "orders", Self.ordersConfig, schema: Self.ordersSchema, profile: profile)
        let table = try compile("SELECT id FROM orders").diagnostics
        #expect(
            table.contains { $0.code == "E0314" && $0.message.contains("table 'orders' cannot be used") }, "\(table)")
        #expect(try !compile("SELECT counter FROM ticks").hasErrors)
        #expect(try compile("SELECT 1 FROM ordrs").diagnostics.first?.hint?.contains("orders") == true)
        #expect(try await other.profiles(PageRequest()).items.count == 1)
    }

    @Test func `the list of connectors tells what can run`() throws {
        let fixture = try ConnectionFixture()
        let list = fixture.registry.connectors()
        #expect(list.count == 21 && list.map(\.name) == list.map(\.name).sorted())
        let kafka = try #require(list.first { $0.id == "kafka" })
        #expect(kafka.isEnabled && kafka.isSource && kafka.isSink && kafka.profileSchema != nil && kafka.isTesting)
        #expect(list.filter(\.isEnabled).count == 10)
        #expect(kafka.tableSchema["$schema"] == "https://json-schema.org/draft/2020-12/schema")
    }
}
