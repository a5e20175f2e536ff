import Connectors
import Dataflow
import Glibc
import HostSystem
import JSONModel
import Testing

@testable import ControlPlane

/// Trying profiles, tables and schemas out.
@Suite(.timeLimit(.minutes(2))) struct ConnectionTestingTests {
    static let fields = #"{"fields": [{"name": "a", "type": "int64"}, {"name": "b", "type": "string"}]}"#

    static func steps(_ fixture: ConnectionFixture, _ draft: TableDraft) async throws -> [ConnectionTestStep] {
        var steps: [ConnectionTestStep] = []
        for await step in try await fixture.registry.test(draft) { steps.append(step) }
        return steps
    }

    @Test(
        "profiles are connected to, within the policy",
        arguments: [
            (
                "up:9092", EgressPolicy.Mode.any, false,
                "connected to up on port 9092 (1.2.3.4); the cluster has 1 broker and 2 topics"
            ),
            ("down:9092", .any, true, "cannot connect to 'down' on port 9092"),
            ("down:2,down:3", .any, true, "cannot connect to 'down' on port 2"),
            (
                "up:1,down:2", .any, false,
                "connected to up on port 1 (1.2.3.4); cannot connect to 'down' on port 2; others answer; the cluster "
                    + "has 1 broker and 2 topics; connected to up on port 9092 (1.2.3.4)"
            ),
            (
                "localhost:9092", .publicOnly, true,
                "'localhost' is this machine, which may not be connected to (setting egress.policy)"
            ),
            (
                "169.254.169.254:80", .any, true,
                "'169.254.169.254' is a cloud's metadata service, which may not be connected to (setting egress.policy)"
            ),
            (
                "up:1", .list(["other"]), true,
                "'up' is not among the hosts that may be connected to (setting egress.allow)"
            ),
        ])
    func profiles(servers: String, mode: EgressPolicy.Mode, isError: Bool, message: String) async throws {
        let fixture = try ConnectionFixture(egress: EgressPolicy(mode))
        let config = #"{"bootstrap_servers": "\#(servers)", "authentication": {"type": "none"}}"#
        let step = try await fixture.registry.test(
            ProfileDraft(name: "", connector: "kafka", config: try JSONParser.parse(config)))
        #expect(step == ConnectionTestStep(isError: isError, isDone: true, message: message))
    }

    @Test(
        "files that clients read lie where users may have files, in profiles, tables and texts",
        arguments: [
            #""connection_properties": {"ssl.ca.location": "PATH"}"#,
            #""connection_properties": {"ssl.key.location": "PATH", "client.id": "x"}"#,
            #""schema_registry": {"endpoint": "http://up:8081", "ca_file": "PATH"}"#,
        ])
    func clientFiles(properties: String) async throws {
        let fixture = try ConnectionFixture()
        try fixture.write("ca.pem", "x")
        func config(_ path: String) -> String {
            #"{"bootstrap_servers": "up:9092", "authentication": {"type": "none"}, \#(properties)}"#
                .replacing("PATH", with: path)
        }
        for path in ["/etc/passwd", "\(fixture.folder)/data/../laminar.db", "data/../../x"] {
            let step = try await fixture.registry.test(
                ProfileDraft(name: "", connector: "kafka", config: try JSONParser.parse(config(path))))
            #expect(step.isError && step.message.contains("lies outside of the folders"), "\(step.message)")
            let profile = try await fixture.profile("kafka", "p" + path.filter { $0 != "/" }, config(path))
            let said = await ConnectionFixture.refusal {
                _ = try await fixture.table(
                    "kafka", "t", #"{"topic": "t", "type": {"sink_config": {}}}"#, profile: profile.id)
            }
            #expect(said.contains("lies outside of the folders"), "\(said)")
        }
        // In a text, also where several settings are one.
        let preparation = ConnectionRegistry.preparation(fixture.settings)
        let wrong: [String: OptionValue] = ["client_configs": "client.id=x, ssl.ca.location =/etc/passwd,linger.ms=1"]
        #expect(throws: OptionError.self) { _ = try preparation("confluent", wrong) }
        let right: [String: OptionValue] = [
            "client_configs": .string("client.id=x, ssl.ca.location = \(fixture.folder)/data/./ca.pem,linger.ms=1")
        ]
        #expect(
            try preparation("kafka", right)["client_configs"]
                == .string("client.id=x,ssl.ca.location=\(fixture.folder)/data/ca.pem,linger.ms=1"))
    }

    @Test(
        "files are opened and their first record read",
        arguments: [
            ("{\"a\": 1, \"b\": \"x\"}\n{\"a\": 2}\n", "json", false, #"read the first record: {"a":1,"b":"x"}"#),
            ("a,b\n7,y\n", "csv", false, #"read the first record: {"a":7,"b":"y"}"#),
            ("", "json", false, "opened; there are no records in it"),
            ("no json\n", "json", true, "json"),
        ])
    func files(content: String, format: String, isError: Bool, message: String) async throws {
        let fixture = try ConnectionFixture()
        try fixture.write("in", content)
        let draft = try ConnectionFixture.draft(
            "single_file", "t",
            #"{"path": "\#(fixture.folder)/data/in", "table_type": "source", "format": "\#(format)"}"#,
            schema: Self.fields)
        let steps = try await Self.steps(fixture, draft)
        let last = try #require(steps.last)
        #expect(last.isDone && last.isError == isError && last.message.contains(message), "\(steps)")
        #expect(steps.dropLast().allSatisfy { !$0.isDone && !$0.isError })
        #expect(try await fixture.registry.tables(PageRequest()).items.isEmpty)
    }

    @Test(
        "what else can be tried",
        arguments: [
            ("single_file", #"{"path": "DATA/nothing", "table_type": "source"}"#, true, "no such file"),
            ("single_file", #"{"path": "DATA/out", "table_type": "sink"}"#, false, "will be made"),
            ("single_file", #"{"path": "DATA/in", "table_type": "sink"}"#, false, "will be replaced"),
            ("single_file", #"{"path": "DATA/no/out", "table_type": "sink"}"#, true, "no such file"),
            ("single_file", #"{"path": "DATA", "table_type": "sink"}"#, true, "is a directory"),
            ("filesystem", #"{"path": "DATA/new", "type": {"sink_config": {}}}"#, false, "will be made"),
            ("filesystem", #"{"path": "DATA/in", "type": {"sink_config": {}}}"#, true, "not a directory"),
            (
                "filesystem", #"{"path": "DATA", "type": {"source_config": {}}}"#, false,
                #"read the first record: {"a":5}"#
            ),
            ("mock", #"{"seed": 1}"#, false, "read the first record"), ("stdout", "{}", false, "always takes rows"),
            ("delta", #"{"path": "DATA/x"}"#, false, "cannot run yet"),
            ("webhook", #"{"endpoint": "https://up.example.com/x"}"#, false, "cannot run yet"),
            (
                "webhook", #"{"endpoint": "https://down.example.com/x"}"#, true,
                "cannot connect to 'down.example.com' on port 443"
            ),
            ("webhook", #"{"endpoint": "http://[::ffff:169.254.169.254]/x"}"#, true, "metadata service"),
        ])
    func tables(connector: String, config: String, isError: Bool, message: String) async throws {
        let fixture = try ConnectionFixture()
        try fixture.write("in", "{\"a\": 5}\n")
        let draft = try ConnectionFixture.draft(
            connector, "t", config.replacing("DATA", with: fixture.folder + "/data"), schema: Self.fields)
        let steps = try await Self.steps(fixture, draft)
        let last = try #require(steps.last)
        #expect(last.isDone && last.isError == isError && last.message.contains(message), "\(steps)")
        #expect(steps.count { $0.isDone } == 1)
    }

    @Test("pipes and devices are not opened where any file may be", arguments: ["source", "sink"])
    func pipes(type: String) async throws {
        let roots = FileRoots(["*"])
        let fixture = try ConnectionFixture(
            catalog: ConnectorCatalog.builtin(files: PlainFileSystem.below(roots)) { _ in },
            adjust: { $0.files = roots })
        let files = PlainFileSystem.below(roots)
        let pipe = fixture.folder + "/data/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        for path in [pipe, "/dev/zero", "/dev/tty"] {
            #expect(throws: FileError.self) { _ = try files.openForReading(path) }
            #expect(throws: FileError.self) { _ = try files.openForWriting(path, .replace) }
        }
        if type == "sink" { return }
        let draft = try ConnectionFixture.draft(
            "single_file", "t", #"{"path": "\#(pipe)", "table_type": "source", "format": "json"}"#,
            schema: Self.fields)
        let last = try #require(try await Self.steps(fixture, draft).last)
        #expect(last.isDone && last.isError && last.message.contains("not supported"), "\(last)")
    }

    @Test("tables that hang when they are tried out keep nothing else waiting")
    func hanging() async throws {
        let roots = FileRoots(["*"])
        let fixture = try ConnectionFixture(adjust: { $0.files = roots })
        var running: [Task<Void, any Error>] = []
        for number in 0..<8 {
            let pipe = fixture.folder + "/data/pipe\(number)"
            #expect(mkfifo(pipe, 0o600) == 0)
            let draft = try ConnectionFixture.draft(
                "single_file", "t", #"{"path": "\#(pipe)", "table_type": "source", "format": "json"}"#,
                schema: Self.fields)
            running.append(Task { for await _ in try await fixture.registry.test(draft) {} })
        }
        try await Task.sleep(nanoseconds: 300_000_000)
        // As many as there may be threads, so that one would be taken by each that hangs.
        let done = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 { group.addTask { 1 } }
            return await group.reduce(0, +)
        }
        #expect(done == 8)
        _ = try await fixture.registry.tables(PageRequest())
        for _ in 0..<20 {
            for number in 0..<8 {
                let writer = open(fixture.folder + "/data/pipe\(number)", O_WRONLY | O_NONBLOCK)
                if writer >= 0 { close(writer) }
            }
            try await Task.sleep(nanoseconds: 50_000_000)
        }
        for task in running { task.cancel() }
    }

    @Test func `a draft that is wrong is refused at once`() async throws {
        let fixture = try ConnectionFixture()
        let draft = try ConnectionFixture.draft("single_file", "t", #"{"path": "/etc/passwd", "table_type": "sink"}"#)
        let said = await ConnectionFixture.refusal { _ = try await fixture.registry.test(draft) }
        #expect(said.contains("lies outside"))
    }

    @Test(
        "schemas are checked as far as can be",
        arguments: [
            (#"{"format": {"json": {}}, "fields": []}"#, nil), (#"{"definition": {"raw_schema": "x"}}"#, nil),
            (#"{"definition": {"json_schema": "{\"properties\": {\"a\": {\"type\": \"string\"}}}"}}"#, nil),
            (#"{"definition": {"json_schema": "["}}"#, "is no JSON"),
            (
                #"{"definition": {"avro_schema": "x"}}"#,
                "schema.definition.avro_schema, line 1: the Avro schema is no JSON"
            ),
            (#"{"definition": {"avro_schema": "\"long\""}}"#, "avro_schema: expected a record, found long"),
            (#"{"definition": {"avro_schema": "{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}"}}"#, nil),
            (#"{"definition": {"protobuf_schema": {"schema": "message {"}}}"#, "protobuf_schema, line 1: "),
            (
                #"""
                {"definition": {"protobuf_schema": {
                 "schema": "syntax = \"proto3\"; import \"b.proto\"; message M { B b = 1; }",
                 "dependencies": {"b.proto": "syntax = \"proto3\"; message B { int32 n = 1; }"}}}}
                """#, nil
            ),
            (
                #"""
                {"format": {"protobuf": {"message_name": "N"}}, "definition": {"protobuf_schema":
                 {"schema": "syntax = \"proto3\"; message M { int32 n = 1; }"}}}
                """#, "there is no message 'N': expected one of M"
            ),
            (
                #"{"fields": [{"name": "a", "type": "int64"}], "definition": {"avro_schema": "x"}}"#,
                "avro_schema, line 1"
            ),
            (#"{"fields": 1}"#, "schema.fields: expected an array"),
        ])
    func schemas(text: String, says: String?) async throws {
        let fixture = try ConnectionFixture()
        let value = try JSONParser.parse(text)
        let said = await ConnectionFixture.refusal { try await fixture.registry.test(schema: value) }
        #expect(said.contains(says ?? "nothing was thrown"), "\(said)")
    }

    @Test func `TCP is really tried, and the policy looks at the address found`() async throws {
        let dialer = TCPDialer()
        // Nobody listens on port 1 of this machine.
        let local = try EgressTarget("127.0.0.1:1")
        await #expect(throws: OperationalError.self) {
            try await dialer.probe(local, EgressPolicy(.any), timeoutMillis: 500)
        }
        let named = try EgressTarget("localhost.:1")
        await #expect(throws: EgressRefusal.self) {
            try await dialer.probe(named, EgressPolicy(.list(["10.0.0.0/8"])), timeoutMillis: 500)
        }
        let nowhere = try EgressTarget("no-such-host.invalid:80")
        await #expect(throws: OperationalError.self) {
            try await dialer.probe(nowhere, EgressPolicy(.any), timeoutMillis: 500)
        }
    }
}
