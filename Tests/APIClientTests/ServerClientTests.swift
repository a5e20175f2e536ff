import JSONModel
import TestKit
import Testing

@testable import APIClient

/// The client against a server that answers as it is told.
struct ServerClientTests {
    /// Calls with a client and takes it away afterwards.
    static func ask<Result: Sendable>(
        _ url: String, token: String? = nil, _ act: (ServerClient) async throws -> Result
    ) async throws -> Result {
        let client = try ServerClient(ServerAddress(url: url, token: token))
        do {
            let result = try await act(client)
            await client.shutDown()
            return result
        } catch {
            await client.shutDown()
            throw error
        }
    }

    static func failure(_ url: String, _ act: (ServerClient) async throws -> Void) async -> APIError? {
        do {
            try await ask(url) { try await act($0) }
            return nil
        } catch {
            return error as? APIError
        }
    }

    @Test("a request carries its method, path, query, token and body")
    func requests() async throws {
        let server = try TinyServer(answers: [
            TinyServer.json("200 OK", #"{"data": [1]}"#), TinyServer.json("200 OK", ""),
            TinyServer.json("200 OK", "{}"),
        ])
        defer { server.stop() }
        try await Self.ask(server.url, token: "t") { client in
            #expect(try await client.get("/a", query: [("x", "ä &"), ("y", "1")])["data"] == [1])
            #expect(try await client.patch("/b", ["stop": "none"]) == .null)
            _ = try await client.delete("/c")
        }
        let seen = server.received
        #expect(seen[0].hasPrefix("GET /a?x=%C3%A4%20%26&y=1 HTTP/1.1\r\n"))
        #expect(seen[0].lowercased().contains("authorization: bearer t\r\n"))
        #expect(seen[1].hasPrefix("PATCH /b HTTP/1.1\r\n") && seen[1].hasSuffix("\r\n\r\n{\"stop\":\"none\"}"))
        #expect(seen[1].lowercased().contains("content-type: application/json\r\n"))
        #expect(seen[2].hasPrefix("DELETE /c HTTP/1.1\r\n"))
    }

    @Test(
        "what the server refuses is told in its own words",
        arguments: [
            ("404 Not Found", #"{"error": "Pipeline not found: x"}"#, "Pipeline not found: x", true),
            ("409 Conflict", #"{"error": "stop it first"}"#, "stop it first", false),
            ("500 Internal Server Error", "<html>", "the server answered 500 Internal Server Error", false),
            ("302 Found", "", "the server answered 302 Found", false),
        ])
    func refusals(status: String, body: String, message: String, isInvalid: Bool) async throws {
        let server = try TinyServer(answers: [TinyServer.json(status, body)])
        defer { server.stop() }
        let error = await Self.failure(server.url) { _ = try await $0.get("/") }
        #expect(error?.message == message && error?.status == Int(status.prefix(3)))
        #expect(error?.isInvalidRequest == isInvalid)
    }

    @Test("a server that is not there, says nonsense or breaks off is told from one that refuses")
    func broken() async throws {
        let server = try TinyServer(answers: [
            TinyServer.json("200 OK", "hello"),
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":", "nonsense\r\n\r\n",
        ])
        #expect(await Self.failure(server.url) { _ = try await $0.get("/") }?.message.contains("not JSON") == true)
        #expect(await Self.failure(server.url) { _ = try await $0.get("/") }?.message.contains("broke off") == true)
        #expect(await Self.failure(server.url) { _ = try await $0.get("/") }?.message.hasPrefix("cannot reach") == true)
        server.stop()
        let refused = await Self.failure(server.url) { _ = try await $0.get("/") }
        #expect(
            refused?.message
                == "cannot reach the server at \(server.url): is `laminar serve` running? (connection refused)")
    }

    @Test("a stream that breaks goes on behind the last event seen, and ends with its last event")
    func resumption() async throws {
        let server = try TinyServer(answers: [
            TinyServer.stream("id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: lo"), "",
            TinyServer.stream("id: 3\ndata: c\n\nevent: done\ndata: {}\n\ndata: never\n\n"),
        ])
        defer { server.stop() }
        let resumption = EventStream.Resumption(finalEvent: "done", delayMillis: 1)
        let events = try await Self.ask(server.url) { client in
            var events: [ServerEvent] = []
            for try await event in client.events("/o", resumption: resumption) { events.append(event) }
            return events
        }
        #expect(events.map(\.data) == ["a", "b", "c", "{}"])
        let asked = server.received.map { $0.lowercased() }
        #expect(!asked[0].contains("last-event-id") && asked[0].contains("accept: text/event-stream"))
        #expect(asked[1].contains("last-event-id: 2\r\n") && asked[2].contains("last-event-id: 2\r\n"))
    }

    @Test("a stream is given up when the server does not come back, and at once when it refuses")
    func givingUp() async throws {
        let server = try TinyServer(answers: [TinyServer.stream("id: 1\ndata: a\n\n")])
        defer { server.stop() }
        let error = await Self.failure(server.url) { client in
            let resumption = EventStream.Resumption(finalEvent: "done", attemptsMax: 3, delayMillis: 1)
            for try await _ in client.events("/o", resumption: resumption) {}
        }
        #expect(error?.message.hasPrefix("cannot reach the server") == true)
        // One break of the stream, then three attempts.
        #expect(server.received.count == 4, "\(server.received.count)")

        let refusing = try TinyServer(answers: [
            TinyServer.stream("id: 1\ndata: a\n\n"), TinyServer.json("404 Not Found", #"{"error": "gone"}"#),
        ])
        defer { refusing.stop() }
        let refused = await Self.failure(refusing.url) { client in
            let resumption = EventStream.Resumption(finalEvent: "done", delayMillis: 1)
            for try await _ in client.events("/o", resumption: resumption) {}
        }
        #expect(refused == APIError(status: 404, message: "gone"))
    }

    @Test("a stream that is an answer to a POST ends with it")
    func posting() async throws {
        let server = try TinyServer(answers: [TinyServer.stream("data: 1\n\ndata: 2\n\n")])
        defer { server.stop() }
        let data = try await Self.ask(server.url) { client in
            var data: [String] = []
            for try await event in client.events(posting: ["a": 1], to: "/t") { data.append(event.data) }
            return data
        }
        #expect(data == ["1", "2"] && server.received.count == 1)
        #expect(server.received[0].hasSuffix("{\"a\":1}"))
    }
}
