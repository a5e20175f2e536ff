import Columnar
import Formats
import Foundation
import HostSystem
import Synchronization
import TestKit
import Testing

@testable import Connectors

/// Which addresses a registry's name may stand for, whose certificates count, and for how long an answer does.
@Suite struct RegistryConnectionTests {
    /// Knows one name, and says so as often as it is asked.
    final class NameDialer: Dialer {
        let asked = Mutex<[EgressTarget]>([])
        let address: Mutex<String?>

        init(_ address: String?) { self.address = Mutex(address) }

        func probe(_ target: EgressTarget, _ policy: EgressPolicy, timeoutMillis: Int) async throws -> String {
            asked.withLock { $0.append(target) }
            guard let address = address.withLock({ $0 }) else { throw EgressRefusal("'\(target.host)' is a trap") }
            return address
        }
    }

    final class StepClock: MonotonicClock {
        let nanos = Atomic<UInt64>(0)
        func elapsedNanoseconds() -> UInt64 { nanos.load(ordering: .relaxed) }
    }

    static let schema = #"{"type":"record","name":"R","fields":[{"name":"id","type":"long"}]}"#

    static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    static func server() throws -> TinyServer {
        try TinyServer { _ in
            TinyServer.json("200 OK", #"{"subject":"s","version":1,"id":1,"schema":\#(quoted(schema))}"#)
        }
    }

    @Test(arguments: ["http://registry.test", "http://Registry.TEST", "http://REGISTRY.test."])
    func `the name is looked up and checked here, and only the address found is connected to`(base: String) async throws
    {
        let server = try Self.server()
        defer { server.stop() }
        let port = server.url.split(separator: ":").last ?? ""
        let dialer = NameDialer("127.0.0.1")
        let registry = try ConfluentSchemaRegistry(
            try SchemaRegistryAddress(endpoint: "\(base):\(port)/"), dialer: dialer)
        #expect(try await registry.latest(subject: "s")?.version == 1)
        #expect(try await registry.latest(subject: "s")?.version == 1)
        #expect(dialer.asked.withLock { $0.map(\.host) } == ["registry.test"])
        await registry.shutDown()
        // A name that has come to stand for what is not allowed.
        let trap = try ConfluentSchemaRegistry(
            try SchemaRegistryAddress(endpoint: "\(base):\(port)"), dialer: NameDialer(nil))
        let error = await #expect(throws: OperationalError.self) { _ = try await trap.latest(subject: "s") }
        #expect(error?.message.contains("'registry.test' is a trap") == true && error?.isRetryable == false)
        #expect(server.received.count == 2)
        await trap.shutDown()
        let probe = try SchemaRegistryProbe(
            endpoint: "\(base):\(port)", key: nil, secret: nil, egress: EgressPolicy(.any), timeoutMillis: 1000)
        await #expect(throws: OperationalError.self) { _ = try await probe.subjects(dialer: NameDialer(nil)) }
    }

    @Test func `that there is no schema of an id counts for half a minute`() async throws {
        let isThere = Mutex(false)
        let server = try TinyServer { _ in
            guard isThere.withLock({ $0 }) else {
                return TinyServer.json("404 Not Found", #"{"error_code":40403,"message":"Schema not found"}"#)
            }
            return TinyServer.json("200 OK", #"{"schema":\#(Self.quoted(Self.schema))}"#)
        }
        defer { server.stop() }
        let clock = StepClock()
        let registry = try ConfluentSchemaRegistry(
            try SchemaRegistryAddress(endpoint: server.url), dialer: NameDialer(nil), clock: clock)
        try await registry.load(ids: [7])
        guard case .unknown = registry.schema(id: 7) else { throw TestProblem() }
        isThere.withLock { $0 = true }
        clock.nanos.store(29_000_000_000, ordering: .relaxed)
        guard case .unknown = registry.schema(id: 7) else { throw TestProblem() }
        clock.nanos.store(31_000_000_000, ordering: .relaxed)
        #expect(registry.schema(id: 7) == .notLoaded)
        try await registry.load(ids: [7])
        guard case .found = registry.schema(id: 7) else { throw TestProblem() }
        clock.nanos.store(900_000_000_000, ordering: .relaxed)
        guard case .found = registry.schema(id: 7) else { throw TestProblem() }
        await registry.shutDown()
    }

    struct TestProblem: Error {}

    @Test func `a certificate counts where the file of certificates says so`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "laminar-tls-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let made = ChildProcess.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
            folder + "/key", "-out", folder + "/pem", "-days", "2", "-subj", "/CN=registry.test", "-addext",
            "subjectAltName=DNS:registry.test",
        ])
        try #require(made?.status == 0, "openssl: \(made?.errorOutput ?? "")")
        let script = """
            import http.server, ssl, sys
            class Answer(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    body = b'["a", "b"]'
                    self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
                    self.wfile.write(body)
                def log_message(self, *words): pass
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[1], sys.argv[2])
            server.socket = context.wrap_socket(server.socket, server_side=True)
            print(server.server_address[1], flush=True)
            server.serve_forever()
            """
        let running = try #require(ChildProcess.start(["python3", "-c", script, folder + "/pem", folder + "/key"]))
        defer {
            running.send(SIGKILL)
            _ = running.finish()
        }
        for _ in 0..<500 where !running.output.contains("\n") { try await Task.sleep(for: .milliseconds(10)) }
        let port = try #require(Int(running.output.trimmingCharacters(in: .whitespacesAndNewlines)))
        func subjects(_ host: String, _ file: String?) async throws -> [String] {
            try await SchemaRegistryProbe(
                endpoint: "https://\(host):\(port)", key: nil, secret: nil, authorityFile: file,
                egress: EgressPolicy(.any), timeoutMillis: 4000
            ).subjects(dialer: NameDialer("127.0.0.1"))
        }
        // The name that was asked for is what the certificate is held against, whatever address it stands for.
        #expect(try await subjects("registry.test", folder + "/pem") == ["a", "b"])
        await #expect(throws: OperationalError.self) { _ = try await subjects("other.test", folder + "/pem") }
        await #expect(throws: OperationalError.self) { _ = try await subjects("registry.test", nil) }
        let missing = await #expect(throws: OperationalError.self) {
            _ = try await subjects("registry.test", folder + "/no")
        }
        #expect(missing?.message.contains("cannot be read") == true)
        try #require(mkfifo(folder + "/pipe", 0o600) == 0)
        let pipe = await #expect(throws: OperationalError.self) {
            _ = try await subjects("registry.test", folder + "/pipe")
        }
        #expect(pipe?.message.contains("it is no file") == true)
    }
}
