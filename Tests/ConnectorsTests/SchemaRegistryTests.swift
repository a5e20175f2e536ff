import Columnar
import Formats
import Foundation
import HostSystem
import TestKit
import Testing

@testable import Connectors

/// Asks a stand-in for Confluent's registry, which Tests/interop/schema_registry.py is.
@Suite struct SchemaRegistryTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

    private static func withRegistry(
        _ arguments: [String] = [], _ body: (String) async throws -> Void
    ) async throws {
        let script = root.path + "/interop/schema_registry.py"
        guard let server = ChildProcess.start(["python3", script, "--port", "0"] + arguments) else {
            print("SKIPPED: the schema registry client is not tried, as no python3 was found")
            return
        }
        defer {
            // The test's own mask of signals is inherited: only this one always arrives.
            server.send(SIGKILL)
            _ = server.finish()
        }
        var port = 0
        for _ in 0..<500 where port == 0 {
            port = Int(server.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
            if port == 0 { try await Task.sleep(for: .milliseconds(20)) }
        }
        try #require(port > 0, "\(server.errorOutput)")
        try await body("http://127.0.0.1:\(port)/")
    }

    private static func withClient(
        _ endpoint: String, key: String? = nil, secret: String? = nil,
        _ body: (ConfluentSchemaRegistry) async throws -> Void
    ) async throws {
        let address = try SchemaRegistryAddress(endpoint: endpoint, key: key, secret: secret.map { Secret($0) })
        let registry = try ConfluentSchemaRegistry(address)
        do {
            try await body(registry)
            await registry.shutDown()
        } catch {
            await registry.shutDown()
            throw error
        }
    }

    /// The message of the error that a call ends with.
    private static func error(_ body: () async throws -> Void) async -> OperationalError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? OperationalError
        }
    }

    private static func record(_ fields: String) -> String {
        #"{"type": "record", "name": "Order", "fields": [\#(fields)]}"#
    }

    private static let first = record(#"{"name": "id", "type": "long"}"#)
    private static let second = record(
        #"{"name": "id", "type": "long"}, {"name": "note", "type": "string", "default": ""}"#)

    @Test func `schemas are registered, found by id and by subject, and kept`() async throws {
        try await Self.withRegistry { endpoint in
            var one: Int32 = 0
            try await Self.withClient(endpoint) { registry in
                #expect(try await registry.latest(subject: "orders/new-value") == nil)
                #expect(
                    try await registry.compatibility(of: SchemaDraft(.avro, Self.first), in: "orders") == .compatible)
                one = try await registry.register(SchemaDraft(.avro, Self.first), in: "orders/new-value")
                #expect(try await registry.register(SchemaDraft(.avro, Self.first), in: "orders/new-value") == one)
                let two = try await registry.register(SchemaDraft(.avro, Self.second), in: "orders/new-value")
                #expect(two != one)
                let latest = try #require(try await registry.latest(subject: "orders/new-value"))
                #expect(latest.version == 2 && latest.schema.id == two && latest.schema.kind == .avro)
            }
            try await Self.withClient(endpoint) { registry in
                #expect(registry.schema(id: one) == .notLoaded)
                try await registry.load(ids: [one, one, 999])
                guard case .found(let schema) = registry.schema(id: one) else {
                    Issue.record("schema \(one) was not found")
                    return
                }
                #expect(try SchemaDefinition.columns(avro: schema.text).map(\.name) == ["id"])
                #expect(registry.schema(id: 999) == .unknown("Schema 999 not found"))
                let requests = try await Self.requests(endpoint)
                try await registry.load(ids: [one, 999])
                #expect(try await Self.requests(endpoint) == requests, "what is known is not asked for again")
            }
        }
    }

    private static func requests(_ endpoint: String) async throws -> [String] {
        let url = try #require(URL(string: endpoint + "__requests"))
        let result = try #require(ChildProcess.run(["python3", "-c", Self.fetch, url.absoluteString]))
        return result.output.split(separator: ",").map(String.init)
    }

    private static let fetch = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"

    @Test func `what does not fit is told in the registry's words`() async throws {
        try await Self.withRegistry { endpoint in
            try await Self.withClient(endpoint) { registry in
                _ = try await registry.register(SchemaDraft(.avro, Self.first), in: "s")
                let other = Self.record(#"{"name": "id", "type": "string"}"#)
                let failure = await Self.error {
                    _ = try await registry.register(SchemaDraft(.avro, other), in: "s")
                }
                #expect(
                    failure?.message.contains("refused subject 's': Schema being registered is incompatible") == true)
                #expect(failure?.isRetryable == false && failure?.domain == .user)
                guard
                    case .incompatible(let reasons) = try await registry.compatibility(
                        of: SchemaDraft(.avro, other), in: "s")
                else {
                    Issue.record("another type was compatible")
                    return
                }
                #expect(reasons.contains { $0.contains("cannot be read as") })
                let broken = await Self.error { _ = try await registry.register(SchemaDraft(.avro, "{"), in: "b") }
                #expect(broken?.message.contains("Invalid schema: not JSON") == true)
            }
        }
    }

    @Test func `keys are sent, and neither shown nor retried when refused`() async throws {
        try await Self.withRegistry(["--basic", "key:very-secret"]) { endpoint in
            try await Self.withClient(endpoint, key: "key", secret: "very-secret") { registry in
                let latest = try await registry.latest(subject: "none")
                #expect(latest == nil)
            }
            try await Self.withClient(endpoint, key: "key", secret: "guessed") { registry in
                let failure = await Self.error { _ = try await registry.latest(subject: "none") }
                #expect(failure?.message.contains("refused the key: Unauthorized") == true)
                #expect(failure?.message.contains("guessed") == false)
                #expect(failure?.isRetryable == false)
            }
        }
    }

    @Test func `a registry that repeats what it was sent gives nothing away`() async throws {
        let sent = "Basic " + Data("user:p4ss/word".utf8).base64EncodedString()
        let body = #"{"error_code":40101,"message":"p4ss\/word of \#(sent) is not known"}"#
        let head = "HTTP/1.1 401 Unauthorized\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
        let server = try TinyServer { _ in head + body }
        defer { server.stop() }
        try await Self.withClient(server.url, key: "user", secret: "p4ss/word") { registry in
            let failure = await Self.error { _ = try await registry.latest(subject: "s") }
            #expect(
                failure?.message.hasSuffix("refused the key: ******** of Basic ******** is not known") == true,
                "\(failure?.message ?? "")")
        }
        #expect(server.received.first?.lowercased().contains("authorization: " + sent.lowercased()) == true)
    }

    @Test func `a registry in trouble or out of reach may be asked again`() async throws {
        try await Self.withRegistry { endpoint in
            try await Self.withClient(endpoint) { registry in
                let fault = """
                    import sys, urllib.request
                    body = b'{"status": 503, "count": 1}'
                    urllib.request.urlopen(urllib.request.Request(sys.argv[1], body, method='PUT'))
                    """
                _ = ChildProcess.run(["python3", "-c", fault, endpoint + "__fault"])
                let failure = await Self.error { try await registry.load(ids: [5]) }
                #expect(failure?.isRetryable == true && failure?.message.contains("injected fault") == true)
                #expect(registry.schema(id: 5) == .notLoaded)
                try await registry.load(ids: [5])
                #expect(registry.schema(id: 5) == .unknown("Schema 5 not found"))
            }
        }
        try await Self.withClient("http://127.0.0.1:1") { registry in
            let failure = await Self.error { _ = try await registry.latest(subject: "s") }
            #expect(failure?.isRetryable == true && failure?.message.contains("cannot be reached") == true)
        }
    }

    @Test func `schemas that refer to others bring them along`() async throws {
        try await Self.withRegistry { endpoint in
            let script = """
                import json, sys, urllib.request
                def post(subject, body):
                    request = urllib.request.Request(sys.argv[1] + "subjects/" + subject + "/versions",
                        json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST")
                    return json.load(urllib.request.urlopen(request))["id"]
                base = 'syntax = "proto3"; package b; message Base { int32 n = 1; }'
                post("base", {"schemaType": "PROTOBUF", "schema": base})
                print(post("top", {"schemaType": "PROTOBUF",
                    "schema": 'syntax = "proto3"; import "base.proto"; message Top { b.Base base = 1; }',
                    "references": [{"name": "base.proto", "subject": "base", "version": 1}]}))
                """
            let made = try #require(ChildProcess.run(["python3", "-c", script, endpoint]))
            let id = try #require(
                Int32(made.output.trimmingCharacters(in: .whitespacesAndNewlines)), "\(made.errorOutput)")
            try await Self.withClient(endpoint) { registry in
                try await registry.load(ids: [id])
                let schema = Schema([Field("base", .structure([Field("n", .int32)]))])
                var options = try FormatOptions(["format": "protobuf", "protobuf.confluent_schema_registry": "true"])
                options.carrier = .messages
                let decoder = try options.makeDecoder(schema: schema, schemas: registry)
                let prefix = [0, 0, 0, 0, UInt8(id), 0] as [UInt8]
                decoder.feed(TextBlock(messages: [prefix + [0x0A, 2, 8, 42]]))
                #expect(try decoder.nextBatch(rowLimit: 10) == nil)
                let batch = try #require(try decoder.flush(isEndOfInput: true))
                #expect(batch.columns[0].children[0].scalars == [.int32(42)])
            }
        }
    }

    @Test(arguments: ["ftp://host", "host", "http://user@host", "http://169.254.169.254"])
    func `endpoints that are none are refused`(endpoint: String) {
        #expect(throws: EgressRefusal.self) { _ = try SchemaRegistryAddress(endpoint: endpoint) }
    }
}
