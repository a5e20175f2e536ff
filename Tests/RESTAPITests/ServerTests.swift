import Foundation
import Synchronization
import Testing
import TestKit

@testable import RESTAPI

extension SocketTests {
    /// The server on a port: limits of time and size, connections, TLS, its end.
    struct ServerTests {
        private static let ping = "GET /api/v1/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

        private static func query(_ fields: String) -> String {
            "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(fields)\r\n"
        }

        @Test("it answers with the headers that every answer has")
        func pingAnswers() async throws {
            let server = try await TestServer()
            let text = await server.exchange(Self.ping).lowercased()
            #expect(text.hasPrefix("http/1.1 200 ok"))
            #expect(text.hasSuffix("\r\n\r\n\"pong\""))
            for header in ["content-type: application/json", "content-length: 6", "date: ", "x-request-id: "] {
                #expect(text.contains("\r\n" + header), "\(header) is missing in \(text)")
            }
            try await server.stop()
        }

        @Test("one connection serves many requests, also when they are sent at once")
        func connectionsArePipelined() async throws {
            let server = try await TestServer()
            let request = "GET /api/v1/ping HTTP/1.1\r\nHost: x\r\n\r\n"
            let text = await server.exchange(String(repeating: request, count: 20) + Self.ping)
            #expect(text.components("HTTP/1.1 200 OK") == 21)
            try await server.stop()
        }

        @Test("a body that comes in pieces is put together; one that is announced is asked for")
        func bodiesArePutTogether() async throws {
            let server = try await TestServer()
            let body = Array(#"{"query":"SELECT 1"}"#.utf8)
            let head = Array(Self.query("Content-Length: \(body.count)\r\nExpect: 100-continue\r\n").utf8)
            let pieces = [head] + body.map { [$0] }
            let text = await server.exchange(pieces, pauseMillis: 5)
            #expect(text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"), "\(text)")
            try await server.stop()
        }

        @Test("a body beyond the limit gets 413, however it is sent")
        func longBodiesAreRefused() async throws {
            let server = try await TestServer { $0.limits[.bodyBytes] = 1000 }
            let announced = await server.exchange(Self.query("Content-Length: 1001\r\n"))
            #expect(announced.hasPrefix("HTTP/1.1 413"), "\(announced)")
            #expect(announced.contains("longer than 1000 bytes"))
            let chunk = "3e8\r\n" + String(repeating: " ", count: 1000) + "\r\n"
            let chunked = await server.exchange(
                Self.query("Transfer-Encoding: chunked\r\n") + chunk + "2\r\n{}\r\n0\r\n\r\n")
            #expect(chunked.hasPrefix("HTTP/1.1 413"), "\(chunked)")
            let fits = await server.exchange(
                Self.query("Content-Length: 1000\r\n") + #"{"query":"SELECT 1"}"# + String(repeating: " ", count: 980))
            #expect(fits.hasPrefix("HTTP/1.1 200"), "\(fits)")
            try await server.stop()
        }

        @Test("a body that comes too slowly gets 408, a head that does not come is not waited for")
        func slowClientsAreCutOff() async throws {
            let server = try await TestServer {
                $0.limits[.bodySeconds] = 1
                $0.limits[.idleSeconds] = 3
            }
            let clock = ContinuousClock()
            let start = clock.now
            let body = await server.exchange(Self.query("Content-Length: 20\r\n") + "{", waitMillis: 8000)
            #expect(body.hasPrefix("HTTP/1.1 408"), "\(body)")
            let head = await server.exchange("GET /api/v1/ping HTTP/1.1\r\nHost:", waitMillis: 8000)
            #expect(head.isEmpty)
            #expect(clock.now - start < .seconds(10))
            try await server.stop()
        }

        @Test("a query whose client goes is given up; changes are not")
        func queriesEndWithTheirClients() async throws {
            let pipelines = FakePipelines()
            let server = try await TestServer(pipelines: pipelines)
            let body = #"{"query":"SELECT hang"}"#
            let client = RawClient(port: server.port)
            await client.send(Self.query("Content-Length: \(body.utf8.count)\r\n") + body)
            for _ in 0..<500 where pipelines.hangingQueries.load(ordering: .relaxed) == 0 {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(pipelines.leftQueries.load(ordering: .relaxed) == 0)
            client.close()
            for _ in 0..<500 where pipelines.leftQueries.load(ordering: .relaxed) == 0 {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(pipelines.leftQueries.load(ordering: .relaxed) == 1)
            #expect(RouteTable.routes.filter(\.endsWithClient).map(\.operation) == ["runQuery"])
            try await server.stop()
        }

        @Test("a client that sends nothing more has its answer behind interim ones")
        func halfClosedClientsAreAnswered() async throws {
            let server = try await TestServer()
            let body = #"{"query":"SELECT slow"}"#
            let client = RawClient(port: server.port)
            await client.send(Self.query("Content-Length: \(body.utf8.count)\r\n") + body)
            client.endSending()
            let text = await client.receive { $0.contains("has_more") }
            #expect(text.hasPrefix("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n"), "\(text)")
            client.close()
            try await server.stop()
        }

        @Test("a shutdown takes no more connections and ends the run")
        func shutdownEnds() async throws {
            let server = try await TestServer()
            let idle = RawClient(port: server.port)
            await idle.send("GET /api/v1/ping HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = await idle.receive { $0.contains("Pong") }
            try await server.stop()
            #expect(await idle.receive { _ in true }.isEmpty)
            idle.close()
            #expect(await server.exchange(Self.ping).isEmpty)
        }

        @Test("a port that is taken is an error, not a wait")
        func takenPortsAreTold() async throws {
            let server = try await TestServer()
            await #expect(throws: (any Error).self) {
                _ = try await TestServer { $0.port = server.port }
            }
            try await server.stop()
        }

        @Test("with mutual TLS only clients whose certificates are known get in")
        func certificatesAreChecked() async throws {
            let folder = "/tmp/laminar-tls-\(ProcessInfo.processInfo.processIdentifier)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            for name in ["server", "client", "stranger"] {
                let made = ChildProcess.run([
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", "\(folder)/\(name).key", "-out", "\(folder)/\(name).pem", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-days", "2",
                ])
                try #require(made?.status == 0, "openssl: \(made?.errorOutput ?? "")")
            }
            let server = try await TestServer {
                $0.tls = .init(certificateFile: "\(folder)/server.pem", keyFile: "\(folder)/server.key")
                $0.authentication = .mutualTLS(authorityFile: "\(folder)/client.pem")
            }
            func curl(_ path: String, _ arguments: [String]) async -> ChildProcess.Result? {
                let all =
                    [
                        "curl", "-sS", "-w", " %{http_code}", "--max-time", "5", "--cacert", "\(folder)/server.pem",
                        "--resolve",
                        "localhost:\(server.port):127.0.0.1",
                    ]
                    + arguments + ["https://localhost:\(server.port)/api/v1\(path)"]
                return await withCheckedContinuation { continuation in
                    DispatchQueue.global().async { continuation.resume(returning: ChildProcess.run(all)) }
                }
            }
            let paths = ["/ping", "/pipelines", "/config"]
            for path in paths {
                let known = await curl(path, ["--cert", "\(folder)/client.pem", "--key", "\(folder)/client.key"])
                #expect(known?.output.hasSuffix(" 200") == true, "\(path): \(known?.errorOutput ?? "")")
                let stranger = await curl(
                    path, ["--cert", "\(folder)/stranger.pem", "--key", "\(folder)/stranger.key"])
                #expect(stranger?.status != 0 && stranger?.output.hasSuffix(" 000") == true, "\(path)")
            }
            #expect(await curl("/ping", [])?.output == "\"Pong\" 200")
            for path in paths.dropFirst() + ["/nothing", "/pipelines/pl_1/restart"] {
                let nobody = await curl(path, [])
                #expect(nobody?.output.hasSuffix(" 401") == true, "\(path): \(nobody?.output ?? "")")
            }
            try await server.stop()
        }
    }
}
