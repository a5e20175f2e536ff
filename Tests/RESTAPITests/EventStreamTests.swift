import ControlPlane
import Synchronization
import Testing

@testable import RESTAPI

extension SocketTests {
    /// Server-sent events over sockets: order, resuming, silence, ends.
    struct EventStreamTests {
        private static func rows(_ id: Int) -> OutputEvent {
            .rows(
                id: id,
                OutputRows(
                    operatorID: "1", subtask: 0, timestamps: [5], startID: id, batch: #"[{"text":"a\nb","n":\#(id)}]"#))
        }

        private static func open(
            _ server: TestServer, _ fields: String = "", query: String = ""
        ) async throws -> RawClient {
            let body = #"{"query":"SELECT 1"}"#
            let request =
                "POST /api/v1/pipelines/preview HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
            let answer = await server.exchange(request)
            try #require(answer.hasPrefix("HTTP/1.1 200"), "\(answer)")
            let client = RawClient(port: server.port)
            await client.send(
                "GET /api/v1/pipelines/pl_1/jobs/job_1/output\(query) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n")
            return client
        }

        /// The events of a stream, by lines that matter.
        private static func lines(_ text: String) -> [String] {
            text.split(whereSeparator: \.isNewline).map(String.init).filter { line in
                ["event:", "id:", "data:", ":"].contains { line.hasPrefix($0) }
            }
        }

        @Test("events come in order, with ids, and end with done")
        func eventsComeInOrder() async throws {
            let pipelines = FakePipelines(script: [Self.rows(1), Self.rows(2), .dropped(7), Self.rows(9), .done])
            let server = try await TestServer(pipelines: pipelines)
            let client = try await Self.open(server)
            let text = await client.receive { $0.contains("event: done\ndata: {}") }
            #expect(text.lowercased().contains("content-type: text/event-stream"))
            let lines = Self.lines(text)
            #expect(
                lines.filter { $0.hasPrefix("event: ") } == [
                    "event: message", "event: message", "event: dropped", "event: message", "event: done",
                ])
            #expect(lines.filter { $0.hasPrefix("id: ") } == ["id: 1", "id: 2", "id: 9"])
            #expect(lines.contains(#"data: {"count":7}"#))
            let data =
                #"data: {"operatorId":"1","subtaskIdx":0,"timestamps":[5],"startId":1,"#
                + #""batch":"[{\"text\":\"a\\nb\",\"n\":1}]"}"#
            #expect(lines.contains(data), "\(lines)")
            client.close()
            try await server.stop()
            #expect(pipelines.readers.withLock { $0.allSatisfy(\.isClosed) })
        }

        @Test("a reader goes on behind the last event it has seen")
        func readersResume() async throws {
            let server = try await TestServer(
                pipelines: FakePipelines(script: [Self.rows(1), Self.rows(2), Self.rows(3), .done]))
            let client = try await Self.open(server, "Last-Event-ID: 2\r\n")
            let text = await client.receive { $0.contains("event: done") }
            #expect(Self.lines(text).filter { $0.hasPrefix("id: ") } == ["id: 3"])
            client.close()
            try await server.stop()
        }

        @Test("rows arrive at once, not when more have gathered")
        func rowsArriveAtOnce() async throws {
            let pipelines = FakePipelines(script: [])
            let server = try await TestServer(pipelines: pipelines)
            let client = try await Self.open(server)
            _ = await client.receive { $0.contains(": connected") }
            let reader = try #require(pipelines.readers.withLock { $0.first })
            let clock = ContinuousClock()
            let start = clock.now
            reader.add(Self.rows(1))
            let text = await client.receive { $0.contains("id: 1") }
            #expect(text.contains("id: 1"))
            #expect(clock.now - start < .milliseconds(1000), "took \(clock.now - start)")
            client.close()
            try await server.stop()
        }

        @Test("a silent stream gets heartbeats")
        func silenceIsFilled() async throws {
            let server = try await TestServer(pipelines: FakePipelines(script: [])) {
                $0.limits[.heartbeatMillis] = 300
            }
            let client = try await Self.open(server)
            let text = await client.receive { $0.components(": heartbeat") >= 2 }
            #expect(text.components(": heartbeat") >= 2)
            client.close()
            try await server.stop()
        }

        @Test("when the client goes its reader is closed", arguments: [true, false])
        func readersOfGoneClientsAreClosed(byHalf: Bool) async throws {
            let pipelines = FakePipelines(script: [])
            let server = try await TestServer(pipelines: pipelines)
            let client = try await Self.open(server)
            _ = await client.receive { $0.contains(": connected") }
            let reader = try #require(pipelines.readers.withLock { $0.first })
            #expect(!reader.isClosed)
            if byHalf { client.endSending() } else { client.close() }
            for _ in 0..<200 where !reader.isClosed { try await Task.sleep(for: .milliseconds(10)) }
            #expect(reader.isClosed)
            client.close()
            try await server.stop()
        }

        @Test("streams beyond their number are refused")
        func streamsAreBounded() async throws {
            let server = try await TestServer(pipelines: FakePipelines(script: [])) { $0.limits[.outputReaders] = 1 }
            let first = try await Self.open(server)
            _ = await first.receive { $0.contains(": connected") }
            let second = await server.exchange(
                "GET /api/v1/pipelines/pl_1/jobs/job_1/output HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(second.hasPrefix("HTTP/1.1 429"), "\(second)")
            first.close()
            try await server.stop()
        }

        @Test("a shutdown ends streams soon")
        func shutdownEndsStreams() async throws {
            let pipelines = FakePipelines(script: [])
            let server = try await TestServer(pipelines: pipelines)
            let client = try await Self.open(server)
            _ = await client.receive { $0.contains(": connected") }
            let clock = ContinuousClock()
            let start = clock.now
            try await server.stop()
            #expect(clock.now - start < .seconds(3))
            #expect(pipelines.readers.withLock { $0.allSatisfy(\.isClosed) })
            client.close()
        }

        @Test("trying a table out tells each step")
        func tableTestsTellSteps() async throws {
            let server = try await TestServer()
            let body = RouteTests.table
            let text = await server.exchange(
                "POST /api/v1/connection_tables/test HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            let data = Self.lines(text).filter { $0.hasPrefix("data: ") }
            #expect(
                data == [
                    #"data: {"error":false,"done":false,"message":"connecting"}"#,
                    #"data: {"error":false,"done":true,"message":"connected"}"#,
                ])
            try await server.stop()
        }

        @Test("clients that never read do not keep others waiting")
        func stalledReadersHarmNobody() async throws {
            let big = OutputEvent.rows(
                id: 1,
                OutputRows(
                    operatorID: "1", subtask: 0, timestamps: [], startID: 0,
                    batch: String(repeating: "x", count: 1 << 20)))
            let server = try await TestServer(
                pipelines: FakePipelines(script: Array(repeating: big, count: 20) + [.done]))
            var stalled: [RawClient] = []
            for _ in 0..<10 { stalled.append(try await Self.open(server)) }
            let clock = ContinuousClock()
            let start = clock.now
            let answer = await server.exchange("GET /api/v1/pipelines HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 200"))
            #expect(clock.now - start < .seconds(2))
            for client in stalled { client.close() }
            try await server.stop()
        }

        @Test("who leaves while a connection is tried out ends the trying, and gives the place back")
        func leavingEndsTests() async throws {
            let server = try await TestServer { $0.limits[.outputReaders] = 1 }
            let body = #"{"name":"endless","connector":"kafka","config":{}}"#
            let request =
                "POST /api/v1/connection_tables/test HTTP/1.1\r\nHost: x\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
            for round in 1...2 {
                let client = RawClient(port: server.port)
                await client.send(request)
                let text = await client.receive { $0.contains("connecting") }
                #expect(text.hasPrefix("HTTP/1.1 200"), "\(text)")
                client.close()
                for _ in 0..<500 where server.connections.leftTests.load(ordering: .relaxed) < round {
                    try await Task.sleep(nanoseconds: 10_000_000)
                }
                #expect(server.connections.leftTests.load(ordering: .relaxed) == round)
                // The place comes back right behind that.
                try await Task.sleep(nanoseconds: 50_000_000)
            }
            try await server.stop()
        }
    }
}

extension String {
    /// How often a text occurs.
    func components(_ text: String) -> Int { ranges(of: text).count }
}
