import Testing

@testable import RESTAPI

/// What comes over a socket that is no proper request: an answer or a closed connection, never the end of the server.
@Suite(.serialized)
struct HostileHTTPTests {
    struct Case: Sendable {
        var name: String
        var bytes: [UInt8]
        /// What the first line of the answer may say; empty: it may be closed without one.
        var statuses: [Int]

        init(_ name: String, _ text: String, _ statuses: [Int]) {
            self.init(name, Array(text.utf8), statuses)
        }

        init(_ name: String, _ bytes: [UInt8], _ statuses: [Int]) {
            self.name = name
            self.bytes = bytes
            self.statuses = statuses
        }
    }

    private static func get(_ target: String, _ fields: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(fields)\r\n"
    }

    private static func post(_ fields: String, _ body: String = "") -> String {
        "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(fields)\r\n\(body)"
    }

    private static let long = String(repeating: "a", count: 100_000)

    static let heads: [Case] = [
        Case("nothing", "", []), Case("line ends", "\r\n\r\n\r\n\r\n", []), Case("a word", "hello\r\n\r\n", [400]),
        Case("zeros", [UInt8](repeating: 0, count: 5000), [400]),
        Case("all bytes", Array(0...255), [400]),
        Case("a TLS hello", [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03], [400]),
        Case("the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
        Case("a version of the future", "GET / HTTP/9.9\r\n\r\n", [400, 404]),
        Case("no version", "GET /api/v1/ping\r\n\r\n", [200, 400]),
        Case("HTTP/1.0", "GET /api/v1/ping HTTP/1.0\r\n\r\n", [200]),
        Case("an unknown method", "FOO /api/v1/ping HTTP/1.1\r\nHost: x\r\n\r\n", [400, 405]),
        Case("a long method", long + " / HTTP/1.1\r\n\r\n", [400]),
        Case("CONNECT", "CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", [400, 404, 405]),
        Case("a whole URL", get("http://x/api/v1/ping"), [200, 400]), Case("an asterisk", get("*"), [400]),
        Case("a target without slash", get("api"), [400]), Case("dots", get("/../../etc/passwd"), [404]),
        Case("escaped dots", get("/api/v1/%2e%2e/%2e%2e/etc/passwd"), [404]),
        Case("a bad escape", get("/api/v1/%zz"), [400]), Case("a zero in the path", get("/api/v1/a%00b"), [400]),
        Case("bytes above 127 in the path", get("/api/v1/pipelines/ü"), [400, 404]),
        Case("a fragment", get("/api/v1/ping#x"), [200, 400]),
        Case("a space in the target", get("/api/v1/p ing"), [400, 404]),
        Case("a long target", get("/" + String(repeating: "a", count: 9000)), [414]),
        Case("an endless target", "GET /" + long, [431]),
        Case("a long field", get("/api/v1/ping", "X: \(long)\r\n"), [431]),
        Case("an endless field name", "GET / HTTP/1.1\r\n" + long, [431]),
        Case(
            "many fields", get("/api/v1/ping", (0..<500).map { "X\($0): y\r\n" }.joined()), [431]),
        Case("a field without colon", get("/api/v1/ping", "nonsense\r\n"), [400]),
        Case("a space before the colon", get("/api/v1/ping", "X : y\r\n"), [400]),
        Case("a folded field", get("/api/v1/ping", "X: y\r\n z\r\n"), [200, 400]),
        Case("a zero in a field", get("/api/v1/ping", "X: a\u{0}b\r\n"), [400]),
        Case("bare line feeds", "GET /api/v1/ping HTTP/1.1\nHost: x\nConnection: close\n\n", [200, 400]),
        Case("an upgrade", get("/api/v1/ping", "Upgrade: websocket\r\n"), [200]),
        Case("an id with a line end", get("/api/v1/ping", "X-Request-Id: a%0d%0ab\r\n"), [200]),
        Case("a garbled event id", get("/api/v1/jobs", "Last-Event-ID: \u{7}\r\n"), [200, 400]),
        Case("two hosts", get("/api/v1/ping", "Host: y\r\n"), [200, 400]),
    ]

    static let bodies: [Case] = [
        Case("a length that is no number", post("Content-Length: x\r\n"), [400]),
        Case("a negative length", post("Content-Length: -1\r\n"), [400]),
        Case("a length beyond all numbers", post("Content-Length: 99999999999999999999\r\n"), [400]),
        Case("a length beyond the limit", post("Content-Length: 9000000000\r\n"), [400, 413]),
        Case("two lengths", post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}x"), [400]),
        Case("length and chunks", post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), [400]),
        Case("an unknown coding", post("Transfer-Encoding: gzip\r\n", "xx"), [400]),
        Case("a chunk of no size", post("Transfer-Encoding: chunked\r\n", "zz\r\n"), [400]),
        Case("a chunk too large", post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n"), [400]),
        Case("a negative chunk", post("Transfer-Encoding: chunked\r\n", "-1\r\n"), [400]),
        Case("chunks without end", post("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n"), [400]),
        Case("chunks that are fine", post("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"), [400]),
        Case("a body cut short", post("Content-Length: 50\r\n", #"{"query":"SELECT 1"}"#), [400]),
        Case("bytes that are no text", post("Content-Length: 3\r\n", "\u{FF}\u{FE}"), [400]),
        Case("a body for GET", get("/api/v1/ping", "Content-Length: 3\r\n") + "abc", [200]),
        Case("a smuggled request", post("Content-Length: 2\r\n", "{}GET /x HTTP/1.1\r\n\r\n"), [400]),
        Case("no content type", post("Content-Length: 2\r\n", "{}"), [400]),
        Case("a wrong content type", post("Content-Length: 2\r\nContent-Type: text/html\r\n", "{}"), [415]),
    ]

    @Test("hostile bytes get an answer or a closed connection, and the server goes on")
    func serverSurvives() async throws {
        let server = try await TestServer()
        for item in Self.heads + Self.bodies {
            let client = RawClient(port: server.port)
            await client.send(item.bytes)
            client.endSending()
            let text = await client.receive { _ in false }
            client.close()
            let status = Int(text.split(separator: " ").dropFirst().first ?? "")
            if let status {
                #expect(item.statuses.contains(status), "\(item.name): \(text.prefix(300))")
                if status >= 400 { #expect(text.contains(#"{"error":"#), "\(item.name): \(text.prefix(300))") }
            } else {
                #expect(item.statuses.isEmpty, "\(item.name): no answer: \(text.prefix(100))")
            }
        }
        let after = await server.exchange(Self.get("/api/v1/ping"))
        #expect(after.hasPrefix("HTTP/1.1 200 OK"))
        try await server.stop()
    }

    @Test("random changes of a proper request never end the server")
    func mutationsSurvive() async throws {
        let server = try await TestServer()
        var random = SeededRandomBytes(seed: 11)
        let seed = Array(Self.post("Content-Length: 20\r\n", #"{"query":"SELECT 1"}"#).utf8)
        for _ in 0..<150 {
            var bytes = seed
            for _ in 0..<random.number(1...6) { bytes[random.number(0...(bytes.count - 1))] = UInt8(random.number(0...255)) }
            let client = RawClient(port: server.port)
            await client.send(bytes)
            client.endSending()
            let text = await client.receive { _ in false }
            client.close()
            #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 "))
            #expect(!text.contains("HTTP/1.1 500"), "\(String(decoding: bytes, as: UTF8.self))\n\(text)")
        }
        #expect(await server.exchange(Self.get("/api/v1/ping")).hasPrefix("HTTP/1.1 200 OK"))
        try await server.stop()
    }
}
