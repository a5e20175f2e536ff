import ControlPlane
import Foundation
import HTTPTypes
import HostSystem
import JSONModel
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import TestKit

@testable import RESTAPI

/// The API without sockets.
struct TestRouter {
    let pipelines: FakePipelines
    let connections = FakeConnections()
    let responder: APIResponder
    let services: APIServices

    init(
        pipelines: FakePipelines = FakePipelines(), routes: [Route] = RouteTable.routes,
        _ configure: (inout APIServerConfiguration) -> Void = { _ in }
    ) {
        self.pipelines = pipelines
        var configuration = APIServerConfiguration()
        configure(&configuration)
        services = APIServices(
            configuration: configuration, pipelines: pipelines, connections: connections,
            wallClock: SystemWallClock(), clock: SystemMonotonicClock(), files: PosixFileSystem(), routes: routes)
        responder = APIResponder(services: services, routes: routes, logger: TestServer.logger)
    }

    struct Answer {
        var status: Int
        var headers: HTTPFields
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
        var json: JSONValue { (try? JSONParser.parse(body)) ?? .null }
        /// The sentence of an error.
        var error: String { json["error"]?.string ?? "" }
    }

    /// Sends a request; paths without `/api` lie below the base path.
    func send(
        _ method: String, _ path: String, _ body: String? = nil, headers: [String: String] = [:]
    ) async throws -> Answer {
        var fields = HTTPFields()
        for (name, value) in headers { if let name = HTTPField.Name(name) { fields[name] = value } }
        let target = path.hasPrefix("/") ? "/api/v1" + path : path
        let head = HTTPRequest(
            method: HTTPRequest.Method(method) ?? .get, scheme: "http", authority: "localhost", path: target,
            headerFields: fields)
        let reply = await responder.answer(head, body: Array((body ?? "").utf8))
        var bytes: [UInt8] = []
        switch reply.body {
        case .bytes(let all): bytes = all
        case .events(let stream): bytes = try await collect(stream)
        }
        return Answer(status: reply.status.code, headers: reply.headers, body: bytes)
    }

    private func collect(_ stream: EventStream) async throws -> [UInt8] {
        let output = CollectingWriter()
        var writer = EventStreamWriter(
            output: output, streams: services.streams, connection: StreamConnection(), clock: SystemMonotonicClock(),
            heartbeatMillis: services.limits[.heartbeatMillis])
        try await stream.write(&writer)
        stream.finish()
        return output.bytes.withLock { $0 }
    }
}

/// The API on a port of this machine, until `stop`.
struct TestServer {
    let port: Int
    let pipelines: FakePipelines
    let connections = FakeConnections()
    private let task: Task<Void, any Error>
    private let group: ServiceGroup

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(
        pipelines: FakePipelines = FakePipelines(), _ configure: (inout APIServerConfiguration) -> Void = { _ in }
    ) async throws {
        self.pipelines = pipelines
        var configuration = APIServerConfiguration()
        configuration.port = 0
        // Most of what is sent calls the server x.
        configuration.allowedHosts = ["*"]
        configure(&configuration)
        let server = try APIServer(
            configuration: configuration, pipelines: pipelines, connections: connections,
            logger: TestServer.logger)
        let group = ServiceGroup(services: [server], logger: TestServer.logger)
        self.group = group
        task = Task { try await group.run() }
        port = try await server.boundPort()
    }

    /// Shuts down gracefully and waits for the end.
    func stop() async throws {
        await group.triggerGracefulShutdown()
        try await task.value
    }

    func beginStopping() async { await group.triggerGracefulShutdown() }

    /// Sends bytes on a new connection and gives everything that comes back until it is closed, or silent for long.
    func exchange(_ request: String, waitMillis: Int = 5000) async -> String {
        await exchange([Array(request.utf8)], waitMillis: waitMillis)
    }

    /// The same in pieces with a pause between them.
    func exchange(_ pieces: [[UInt8]], pauseMillis: Int = 0, waitMillis: Int = 5000) async -> String {
        let client = RawClient(port: port)
        for (index, piece) in pieces.enumerated() {
            if index > 0 && pauseMillis > 0 { try? await Task.sleep(for: .milliseconds(pauseMillis)) }
            await client.send(piece)
        }
        let text = await client.receive(waitMillis: waitMillis) { _ in false }
        client.close()
        return text
    }
}

/// A TCP connection to this machine; calls that wait do so on threads of Dispatch.
final class RawClient: Sendable {
    private let descriptor: Int32
    private let isOpen = Mutex(true)

    init(port: Int) {
        // Programs that other tests start must not keep it open.
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = connect(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    func send(_ text: String) async { await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async {
        await blocking {
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    Glibc.send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { return }
                sent += count
            }
        }
    }

    /// What comes until the other side closes, `isEnough`, or nothing has come for so long.
    func receive(waitMillis: Int = 5000, until isEnough: @escaping @Sendable (String) -> Bool) async -> String {
        await blocking {
            var bytes: [UInt8] = []
            var room = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                var poller = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
                if poll(&poller, 1, Int32(waitMillis)) <= 0 { break }
                let count = recv(self.descriptor, &room, room.count, 0)
                if count <= 0 { break }
                bytes += room[..<count]
                if isEnough(String(decoding: bytes, as: UTF8.self)) { break }
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// Sends nothing more; can still receive.
    func endSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    func close() {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        if wasOpen { _ = Glibc.close(descriptor) }
    }

    private func blocking<Value: Sendable>(_ action: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: action()) }
        }
    }
}
