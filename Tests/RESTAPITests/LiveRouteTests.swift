import HTTPTypes
import JSONModel
import Testing

@testable import RESTAPI

extension SocketTests {
    /// Every route over a connection: what the router says is what reaches a client.
    struct LiveRouteTests {
        /// An answer as it comes from a socket.
        struct Answer {
            var status = 0
            var headers: [String: String] = [:]
            var body = ""

            init(_ text: String) {
                let lines = text.prefixLines
                status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } } ?? 0
                for line in lines.dropFirst() {
                    let parts = line.split(separator: ":", maxSplits: 1)
                    guard parts.count == 2 else { continue }
                    headers[parts[0].lowercased()] = String(parts[1].trimmingSpaces)
                }
                guard let end = text.firstRange(of: "\r\n\r\n") else { return }
                body = String(text[end.upperBound...])
            }
        }

        @Test("every route answers over a socket as the router does, complete and well-framed")
        func everyRoute() async throws {
            let server = try await TestServer()
            let router = TestRouter()
            let matcher = RouteMatcher(RouteTable.routes)
            var unused = Set(RouteTable.routes.map(\.operation))
            for step in RouteTests.story {
                let expected = try await router.send(step.method, step.path, step.body)
                let body = step.body ?? ""
                let content =
                    body.isEmpty ? "" : "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
                let head = "\(step.method) /api/v1\(step.path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                let text = await server.exchange(head + content + "\r\n" + body)
                let answer = Answer(text)
                let place = "\(step.method) \(step.path)"
                #expect(answer.status == step.status && answer.status == expected.status, "\(place): \(text)")
                #expect(answer.headers["content-type"] == expected.headers[.contentType], "\(place)")
                #expect(answer.headers["x-request-id"] != nil && answer.headers["date"] != nil, "\(place)")
                if answer.headers["transfer-encoding"] == "chunked" {
                    #expect(answer.body.hasSuffix("0\r\n\r\n"), "\(place): the stream was cut off")
                } else {
                    #expect(answer.headers["content-length"] == "\(answer.body.utf8.count)", "\(place)")
                    if expected.headers[.contentType] == MediaType.json {
                        #expect((try? JSONParser.parse(Array(answer.body.utf8))) != nil, "\(place): \(answer.body)")
                    }
                }
                let target = try RequestTarget("/api/v1" + step.path)
                if case .route(let route, _) = matcher.match(.init(step.method) ?? .get, target.segments),
                    answer.status == 200
                {
                    unused.remove(route.operation)
                }
            }
            #expect(unused.isEmpty, "routes that were not tried: \(unused.sorted())")
            try await server.stop()
        }

        @Test("a name that the server does not answer to is refused on a socket too")
        func otherNames() async throws {
            let server = try await TestServer { $0.allowedHosts = [] }
            let text = await server.exchange(
                "GET /api/v1/pipelines HTTP/1.1\r\nHost: evil.example:\(server.port)\r\nConnection: close\r\n\r\n")
            #expect(text.hasPrefix("HTTP/1.1 403"), "\(text)")
            let own = await server.exchange(
                "GET /api/v1/pipelines HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nConnection: close\r\n\r\n")
            #expect(own.hasPrefix("HTTP/1.1 200"), "\(own)")
            try await server.stop()
        }
    }
}

extension String {
    /// The lines of a head.
    fileprivate var prefixLines: [Substring] {
        guard let end = firstRange(of: "\r\n\r\n") else { return [] }
        return self[..<end.lowerBound].split(separator: "\r\n")
    }
}
