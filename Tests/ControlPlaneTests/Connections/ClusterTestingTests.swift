import Columnar
import Connectors
import Dataflow
import HostSystem
import JSONModel
import Synchronization
import TestKit
import Testing

@testable import ControlPlane

/// Trying out tables of brokers, and what can be chosen for them.
@Suite struct ClusterTestingTests {
    static let source = #"{"topic": "orders", "type": {"source_config": {"offset": "latest"}}}"#
    static let schema = #"{"format": {"json": {}}, "fields": [{"name": "a", "type": "int64"}]}"#

    /// The servers of a profile, with a registry where one is given.
    static func profile(_ servers: String, registry: String? = nil) -> String {
        let more = registry.map {
            #", "schema_registry": {"endpoint": "\#($0)", "api_key": "k", "api_secret": "s3cret"}"#
        }
        return #"{"bootstrap_servers": "\#(servers)", "authentication": {"type": "none"}\#(more ?? "")}"#
    }

    @Test("a sink's topic is found step by step, and nothing is written")
    func sink() async throws {
        let fixture = try ConnectionFixture(cluster: FakeCluster(brokers: ["up:9092", "up2:9093"]))
        let profile = try await fixture.profile("kafka", "p", Self.profile("up:9092"))
        let draft = try ConnectionFixture.draft(
            "kafka", "t", #"{"topic": "out", "type": {"sink_config": {}}}"#, profile: profile.id)
        let steps = try await ConnectionTestingTests.steps(fixture, draft)
        #expect(
            steps.map(\.message) == [
                "the config and the schema are well-formed", "connected to up on port 9092 (1.2.3.4)",
                "the cluster has 2 brokers and 2 topics", "connected to up2 on port 9093 (1.2.3.4)",
                "topic 'out' has 1 partition, the first with 7 records",
                "every partition has a leader; the topic's settings are not shown to this user",
                "the brokers took on a producer whose records they tell apart, so that none comes twice",
                "no record was written; whether this user may write to topic 'out' shows with the first one",
            ])
        #expect(steps.allSatisfy { !$0.isError } && steps.last?.isDone == true)
    }

    /// The messages of the steps of a sink's test.
    static func sinkSteps(_ cluster: FakeCluster, _ type: String = "{}") async throws -> [ConnectionTestStep] {
        let fixture = try ConnectionFixture(cluster: cluster)
        let profile = try await fixture.profile("kafka", "p", Self.profile("up:9092"))
        let config = #"{"topic": "out", "type": {"sink_config": \#(type)}}"#
        let draft = try ConnectionFixture.draft("kafka", "t", config, profile: profile.id)
        return try await ConnectionTestingTests.steps(fixture, draft)
    }

    @Test("a sink's test tells what the topic takes and what was tried, or what keeps it from being written to")
    func sinkFindings() async throws {
        let settings = KafkaProbe.TopicSettings(
            batchBytesMax: 1000, isCompacted: true, replicasMin: 2, clientBytesMax: 1_000_000)
        let steps = try await Self.sinkSteps(FakeCluster(settings: settings), #"{"commit_mode": "exactly_once"}"#)
        #expect(
            steps.suffix(3).map(\.message) == [
                "every partition has a leader; records of up to 1000 bytes are taken (max.message.bytes); the client "
                    + "lets larger ones through, which would fail: lower message.max.bytes in client_configs; 2 "
                    + "replicas must have them (min.insync.replicas); records without a key are refused "
                    + "(cleanup.policy is compact)",
                "the brokers took on a producer of transactions, with the id 'laminar-t-test'",
                "no record was written; whether this user may write to topic 'out' shows with the first one",
            ])
        let leaderless = try await Self.sinkSteps(FakeCluster(leaderless: ["out": [1, 4]])).last
        #expect(
            leaderless
                == .init(
                    isError: true, isDone: true,
                    message: "no broker leads partition 1, 4 of topic 'out', so it takes no records (check that all "
                        + "brokers run)"))
        let refusal = OperationalError("the brokers do not take on a producer: no (do that)", domain: .user)
        let refused = try await Self.sinkSteps(FakeCluster(producerFailure: refusal)).last
        #expect(refused == .init(isError: true, isDone: true, message: refusal.message))
    }

    @Test("a topic that is missing, a broker that hides, a cluster that refuses: each says what to do")
    func failures() async throws {
        func last(_ cluster: FakeCluster, _ topic: String, egress: EgressPolicy = EgressPolicy(.any)) async throws
            -> ConnectionTestStep?
        {
            let fixture = try ConnectionFixture(egress: egress, cluster: cluster)
            let profile = try await fixture.profile("kafka", "p", Self.profile("up:9092"))
            let draft = try ConnectionFixture.draft(
                "kafka", "t", Self.source.replacing("orders", with: topic), schema: Self.schema, profile: profile.id)
            return try await ConnectionTestingTests.steps(fixture, draft).last
        }
        let missing = try await last(FakeCluster(), "ordres")
        #expect(
            missing?.isError == true && missing?.message.contains("did you mean 'orders'?") == true, "\(missing as Any)"
        )
        let hidden = try await last(FakeCluster(brokers: ["down:9092"]), "orders")
        #expect(hidden?.message.contains("advertised.listeners") == true, "\(hidden as Any)")
        let lured = try await last(FakeCluster(brokers: ["169.254.169.254:80"]), "orders")
        #expect(lured?.message.contains("metadata service, which may not be connected to") == true, "\(lured as Any)")
        let refused = try await last(
            FakeCluster(failure: OperationalError("cannot ask the brokers: no (do that)", domain: .user)), "orders")
        #expect(refused == .init(isError: true, isDone: true, message: "cannot ask the brokers: no (do that)"))
    }

    @Test("topics and subjects are suggested; connectors without brokers suggest nothing")
    func autocomplete() async throws {
        let server = try TinyServer(answers: [TinyServer.json("200 OK", #"["b-value", "a-value"]"#)])
        defer { server.stop() }
        let fixture = try ConnectionFixture(dialer: LocalDialer())
        let profile = try await fixture.profile("kafka", "p", Self.profile("up:9092", registry: server.url))
        let values = try await fixture.registry.autocomplete(profileID: profile.id)
        #expect(values == ["topic": ["orders", "out"], "value_subject": ["a-value", "b-value"]])
        #expect(
            server.received.first?.contains("authorization: Basic azpzM2NyZXQ=") == true
                || server.received.first?
                    .lowercased().contains("authorization: basic azpzm2nyzxq=") == true
        )
        let catalog = try await fixture.profile(
            "iceberg", "i", #"{"catalog": {"type": "rest", "rest_catalog_config": {"uri": "http://up:8181"}}}"#)
        #expect(try await fixture.registry.autocomplete(profileID: catalog.id).isEmpty)
        let said = await ConnectionFixture.refusal(.notFound) {
            _ = try await fixture.registry.autocomplete(profileID: "x")
        }
        #expect(said == "Connection profile not found: x")
    }

    @Test("suggestions that cannot be had say why, without secrets")
    func noSuggestions() async throws {
        let fixture = try ConnectionFixture()
        let profile = try await fixture.profile("kafka", "p", Self.profile("down:9092"))
        let said = await ConnectionFixture.refusal {
            _ = try await fixture.registry.autocomplete(profileID: profile.id)
        }
        #expect(said == "profile 'p' gives no suggestions: cannot connect to 'down' on port 9092")
        let inside = try ConnectionFixture(egress: EgressPolicy(.publicOnly))
        let local = try await inside.profile("kafka", "p", Self.profile("localhost:9092"))
        let refused = await ConnectionFixture.refusal {
            _ = try await inside.registry.autocomplete(profileID: local.id)
        }
        #expect(refused.contains("which may not be connected to"))
    }

    @Test(
        "a registry that fails is told with what to do",
        arguments: [
            ("401 Unauthorized", "{}", "refuses the key (check api_key and api_secret)"),
            ("404 Not Found", "{}", "has no subjects (status 404) (check the path in endpoint)"),
            ("302 Found", "", "has no subjects (status 302)"),
            ("200 OK", "<html>", "does not answer as a schema registry"),
            ("503 Service Unavailable", "", "is in trouble (status 503)"),
        ])
    func registries(status: String, body: String, message: String) async throws {
        let server = try TinyServer(answers: [TinyServer.json(status, body)])
        defer { server.stop() }
        let fixture = try ConnectionFixture(dialer: LocalDialer())
        let step = try await fixture.registry.test(
            ProfileDraft(
                name: "", connector: "kafka",
                config: try JSONParser.parse(Self.profile("up:9092", registry: server.url))))
        #expect(step.isError && step.message.contains(message) && !step.message.contains("s3cret"), "\(step)")
    }

    @Test("a registry that is not there, or where it may not be, is told")
    func registriesElsewhere() async throws {
        let fixture = try ConnectionFixture()
        func test(_ endpoint: String) async throws -> ConnectionTestStep {
            try await fixture.registry.test(
                ProfileDraft(
                    name: "", connector: "kafka",
                    config: try JSONParser.parse(Self.profile("up:9092", registry: endpoint))))
        }
        #expect(
            try await test("http://down:8081").message == "the schema registry: cannot connect to 'down' on port 8081")
        #expect(try await test("http://169.254.169.254").message.contains("metadata service"))
    }

    /// Says that everybody listens: what a registry answers is seen by asking it.
    struct LocalDialer: Dialer {
        func probe(_ target: EgressTarget, _ policy: EgressPolicy, timeoutMillis: Int) async throws -> String {
            target.host.hasPrefix("up") ? "1.2.3.4" : "127.0.0.1"
        }
    }

    // MARK: Sources

    /// A source that gives empty batches for ever, or fails, and counts how often it was opened and closed.
    final class CountingConnector: Connector {
        let name = "mock"
        let options = OptionSchema([], openPrefixes: [""])
        let opened = Atomic<Int>(0)
        let closed = Atomic<Int>(0)
        let fails: Bool
        let meetsBadRecords: Bool

        init(fails: Bool, meetsBadRecords: Bool = false) {
            self.fails = fails
            self.meetsBadRecords = meetsBadRecords
        }

        func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
            TableTraits(roles: [.source], isBounded: true)
        }

        func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
            Source(schema: spec.outputSchema, connector: self, context: context)
        }

        func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
            throw OptionError(key: nil, message: "there is no sink")
        }

        final class Source: SourceOperator {
            let schema: Schema
            let connector: CountingConnector
            var reports: BadRecordReporter

            init(schema: Schema, connector: CountingConnector, context: OperatorContext) {
                self.schema = schema
                self.connector = connector
                reports = BadRecordReporter(table: "t", context: context)
            }

            func onStart() async throws { connector.opened.wrappingAdd(1, ordering: .relaxed) }
            func read(rowLimit: Int) async throws -> SourceEvent {
                if connector.meetsBadRecords {
                    reports.report(line: 0, offset: -1, reason: "offset 7: it is odd", excerpt: [], byteCount: nil)
                    return .endOfData
                }
                if connector.fails { throw OperationalError("it broke", domain: .external) }
                return .batch(.empty(schema))
            }
            func onClose() async { connector.closed.wrappingAdd(1, ordering: .relaxed) }
        }
    }

    @Test(
        "a source that is tried out is closed again, and one that gives nothing has its time", .timeLimit(.minutes(1)))
    func closing() async throws {
        for fails in [false, true] {
            let connector = CountingConnector(fails: fails)
            let fixture = try ConnectionFixture(catalog: ConnectorCatalog([connector])) { $0.testMillis = 200 }
            let draft = try ConnectionFixture.draft("mock", "t", #"{"seed": 1}"#, schema: ConnectionTestingTests.fields)
            let last = try await ConnectionTestingTests.steps(fixture, draft).last
            #expect(last?.message == (fails ? "it broke" : "opened; no record came within 200 ms"), "\(last as Any)")
            #expect(connector.opened.load(ordering: .relaxed) == 1 && connector.closed.load(ordering: .relaxed) == 1)
        }
    }

    @Test("a source of which no record can be decoded says so, with the first one, where bad records are left out")
    func badRecords() async throws {
        let connector = CountingConnector(fails: false, meetsBadRecords: true)
        let fixture = try ConnectionFixture(catalog: ConnectorCatalog([connector]))
        let draft = try ConnectionFixture.draft("mock", "t", #"{"seed": 1}"#, schema: ConnectionTestingTests.fields)
        let last = try await ConnectionTestingTests.steps(fixture, draft).last
        #expect(
            last
                == .init(
                    isError: true, isDone: true,
                    message: "1 record could not be decoded, the first one: offset 7: it is odd"))
    }
}
