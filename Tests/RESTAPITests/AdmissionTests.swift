import HTTPTypes
import Testing

@testable import RESTAPI

/// Who may send what: keys, methods, origins, rates.
struct AdmissionTests {
    private static func locked() -> TestRouter {
        TestRouter { $0.authentication = .staticKeys(APIKeys(["first-key", "second-key"])) }
    }

    @Test("every route but ping wants a key", arguments: RouteTable.routes.map(\.operation))
    func routesWantKeys(operation: String) async throws {
        let route = try #require(RouteTable.routes.first { $0.operation == operation })
        let path = route.segments.map { Route.parameterName($0) == nil ? String($0) : "x" }.joined(separator: "/")
        let router = Self.locked()
        for place in route.isAlsoAtRoot ? ["/api/v1/" + path, "/" + path] : ["/api/v1/" + path] {
            let head = HTTPRequest(method: route.method, scheme: "http", authority: "x", path: place)
            let reply = await router.responder.answer(head)
            #expect(reply.status.code == (operation == "ping" ? 200 : 401), "\(place)")
            if operation != "ping" { #expect(reply.headers[.wwwAuthenticate] == "Bearer") }
        }
    }

    @Test(
        "only the right key opens",
        arguments: [
            ("Bearer first-key", 200), ("bearer second-key", 200), ("Bearer  first-key ", 200),
            ("Bearer first-kex", 401), ("Bearer first-key2", 401), ("Bearer ", 401), ("Bearer", 401),
            ("Basic first-key", 401), ("first-key", 401), ("", 401),
        ])
    func keysAreCompared(header: String, status: Int) async throws {
        let answer = try await Self.locked().send("GET", "/pipelines", headers: ["Authorization": header])
        #expect(answer.status == status)
        #expect(!answer.text.contains("first-ke"))
    }

    @Test("without a key nobody learns which routes there are")
    func unknownRoutesWantKeysToo() async throws {
        #expect(try await Self.locked().send("GET", "/nothing").status == 401)
        #expect(try await Self.locked().send("PUT", "/pipelines").status == 401)
    }

    @Test("every route refuses other methods and says which it takes", arguments: RouteTable.routes.map(\.path))
    func methodsAreRefused(path: String) async throws {
        let target = path.replacing("{", with: "").replacing("}", with: "")
        let taken = RouteTable.routes.filter { $0.path == path }.map(\.method.rawValue)
        for method in ["TRACE", "PUT", "GET", "POST", "DELETE", "PATCH", "OPTIONS"] where !taken.contains(method) {
            let answer = try await TestRouter().send(method, target)
            #expect(answer.status == 405, "\(method) \(target)")
            let allowed = answer.headers[.allow]?.split(separator: ", ").map(String.init) ?? []
            #expect(Set(allowed) == Set(taken + (taken.contains("GET") ? ["HEAD"] : [])))
        }
    }

    @Test("HEAD answers as GET does, without a body", arguments: ["/ping", "/pipelines", "/metrics", "/nothing"])
    func headHasNoBody(path: String) async throws {
        let router = TestRouter()
        let get = try await router.send("GET", path)
        let head = try await router.send("HEAD", path)
        #expect(head.status == get.status)
        #expect(head.body.isEmpty)
        #expect(path == "/metrics" || head.headers[.contentLength] == "\(get.body.count)")
    }

    @Test("pages of allowed origins may ask and read, others may not")
    func originsAreChecked() async throws {
        let router = TestRouter { $0.corsOrigins = ["http://console.example"] }
        let origin = ["Origin": "http://console.example"]
        let answer = try await router.send("GET", "/pipelines", headers: origin)
        #expect(answer.headers[.accessControlAllowOrigin] == "http://console.example")
        let preflight = try await router.send(
            "OPTIONS", "/pipelines", headers: origin.merging(["Access-Control-Request-Method": "POST"]) { $1 })
        #expect(preflight.status == 204)
        #expect(preflight.headers[.accessControlAllowMethods] == "GET, HEAD, POST")
        let other = try await router.send("GET", "/pipelines", headers: ["Origin": "http://evil.example"])
        #expect(other.status == 403)
        let own = try await TestRouter().send("GET", "/pipelines", headers: ["Origin": "http://localhost"])
        #expect(own.status == 200)
        #expect(own.headers[.accessControlAllowOrigin] == nil)
    }

    @Test("a client that sends too much is asked to wait")
    func ratesAreLimited() async throws {
        let router = TestRouter {
            $0.limits[.requestsPerSecond] = 1
            $0.limits[.requestBurst] = 3
        }
        for _ in 0..<3 { #expect(try await router.send("GET", "/ping").status == 200) }
        let answer = try await router.send("GET", "/ping")
        #expect(answer.status == 429)
        #expect(answer.headers[.retryAfter] == "1")
    }

    @Test("event streams beyond their number are refused, and places come back")
    func streamsAreCounted() async throws {
        let streams = OpenStreams(countMax: 2)
        let first = try streams.enter()
        _ = try streams.enter()
        #expect(throws: APIError.self) { try streams.enter() }
        first.leave()
        first.leave()
        #expect(streams.count == 1)
        _ = try streams.enter()
        #expect(throws: APIError.self) { try streams.enter() }
    }

    @Test("a request's id is the client's own when it is a sensible one")
    func requestIDsAreKept() async throws {
        let router = TestRouter()
        let own = try await router.send("GET", "/ping", headers: ["X-Request-Id": "abc-1_2"])
        #expect(own.headers[.requestID] == "abc-1_2")
        let odd = try await router.send("GET", "/ping", headers: ["X-Request-Id": "a b\"c"])
        #expect(odd.headers[.requestID]?.count == 16)
    }

    @Test("a server that shuts down says so")
    func endingIsTold() async throws {
        let router = TestRouter()
        router.services.streams.beginEnding()
        #expect(try await router.send("GET", "/pipelines").status == 503)
        #expect(try await router.send("GET", "/readyz").status == 503)
        #expect(try await router.send("GET", "/healthz").status == 200)
    }

    @Test(
        "settings that would let everybody in are refused",
        arguments: [
            ("127.0.0.1", false, true), ("127.1.2.3", false, true), ("::1", false, true), ("localhost", false, true),
            ("0.0.0.0", false, false), ("10.0.0.1", false, false), ("127.evil.example", false, false),
            ("::", false, false), ("0.0.0.0", true, true),
        ])
    func openAddressesAreRefused(address: String, allows: Bool, isFine: Bool) {
        var configuration = APIServerConfiguration()
        configuration.address = address
        configuration.allowsOpenAccess = allows
        #expect(((try? configuration.check()) != nil) == isFine)
        configuration.authentication = .staticKeys(APIKeys(["k"]))
        #expect((try? configuration.check()) != nil)
        configuration.authentication = .staticKeys(APIKeys([""]))
        #expect((try? configuration.check()) == nil)
        configuration.authentication = .mutualTLS(authorityFile: "ca.pem")
        #expect((try? configuration.check()) == nil)
    }
}
