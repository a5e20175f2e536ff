import HTTPTypes
import Testing

@testable import RESTAPI

/// Which names a server answers to, so that no web page reaches it under a name of its own.
struct HostNamesTests {
    @Test(
        "without keys, on this machine alone, only its own names are answered to",
        arguments: [
            ("localhost", true), ("localhost:8000", true), ("LOCALHOST.:8000", true), ("127.0.0.1", true),
            ("127.0.0.1:8000", true), ("127.8.8.8", true), ("[::1]:8000", true), ("[::1]", true), ("", true),
            ("evil.example", false), ("evil.example:8000", false), ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false), ("[::2]:8000", false), ("10.0.0.1", false), ("0.0.0.0", false),
            ("laminar.internal", true), ("laminar.internal:1", true),
        ])
    func names(host: String, isAnswered: Bool) async throws {
        let router = TestRouter { $0.allowedHosts = ["Laminar.Internal"] }
        for path in ["/api/v1/ping", "/api/v1/pipelines", "/metrics"] {
            let head = HTTPRequest(method: .get, scheme: "http", authority: host, path: path)
            let reply = await router.responder.answer(head)
            #expect(reply.status.code == (isAnswered ? 200 : 403), "\(host) \(path)")
        }
    }

    @Test("with a key, or for other machines, names count only when they are given")
    func others() async throws {
        func answers(_ configure: (inout APIServerConfiguration) -> Void) async -> Int {
            let router = TestRouter(configure)
            let head = HTTPRequest(method: .get, scheme: "http", authority: "proxy.example", path: "/api/v1/ping")
            return await router.responder.answer(head).status.code
        }
        #expect(await answers { $0.authentication = .staticKeys(APIKeys(["k"])) } == 200)
        #expect(
            await answers {
                $0.address = "0.0.0.0"
                $0.allowsOpenAccess = true
            } == 200)
        #expect(
            await answers {
                $0.authentication = .staticKeys(APIKeys(["k"]))
                $0.allowedHosts = ["api.example"]
            } == 403)
        #expect(await answers { $0.allowedHosts = ["*"] } == 200)
        #expect(await answers { $0.allowedHosts = ["proxy.example"] } == 200)
        #expect(await answers { _ in } == 403)
    }

    @Test("a name that is refused is told, and a long one is cut")
    func message() async throws {
        let head = HTTPRequest(
            method: .get, scheme: "http", authority: String(repeating: "a", count: 500), path: "/api/v1/ping")
        let reply = await TestRouter().responder.answer(head)
        guard case .bytes(let bytes) = reply.body else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("setting api.allowed-hosts") && text.utf8.count < 200, "\(text)")
    }
}
