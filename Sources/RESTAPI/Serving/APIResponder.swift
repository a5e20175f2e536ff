import HTTPTypes
import HostSystem
import HummingbirdCore
import JSONModel
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// Answers requests: finds the route, checks what is asked of every request, runs the handler, writes the answer.
struct APIResponder: Sendable {
    let services: APIServices
    let logger: Logger
    private let admission: RequestAdmission

    init(services: APIServices, routes: [Route], logger: Logger) {
        self.services = services
        self.logger = logger
        admission = RequestAdmission(services: services, routes: routes)
    }

    /// Reads a request of a connection and writes the answer. Errors: the connection is gone.
    func respond(to request: Request, writer: consuming ResponseWriter, channel: any Channel) async throws {
        let start = services.clock.elapsedNanoseconds()
        var reply: APIReply
        var isWaiting = request.headers[.expect]?.lowercased() == "100-continue"
        let client = channel.remoteAddress?.ipAddress ?? "unknown"
        let hasCertificate = await hasCertificate(channel)
        switch admission.admit(request.head, client: client, hasCertificate: hasCertificate) {
        case .reply(let early): reply = early
        case .call(let route, var call):
            do {
                if route.body != nil {
                    try checkLength(request.head)
                    if isWaiting {
                        isWaiting = false
                        try await writer.writeInformationalHead(HTTPResponse(status: .continue))
                    }
                    call.body = try await read(request)
                }
                reply =
                    try await route.endsWithClient
                    ? perform(route, call, on: channel) : perform(route, call)
            } catch let error as APIError {
                reply = APIReply(error)
                reply.route = route.path
            }
        }
        // A client that was not told to go on may send its body or not; only a new connection is sure.
        if isWaiting { reply.headers[.connection] = "close" }
        finish(&reply, request.head, start: start)
        try await write(reply, writer, channel)
    }

    /// Whether the client has shown a certificate, where that counts; the handshake lets no other pass than those of
    /// the authority.
    private func hasCertificate(_ channel: any Channel) async -> Bool {
        guard case .mutualTLS = services.configuration.authentication else { return false }
        return (try? await channel.nioSSL_peerCertificate().get()) != nil
    }

    /// Answers a request without a connection, as `respond` does.
    func answer(_ head: HTTPRequest, body: [UInt8] = [], client: String = "127.0.0.1") async -> APIReply {
        let start = services.clock.elapsedNanoseconds()
        var reply: APIReply
        switch admission.admit(head, client: client) {
        case .reply(let early): reply = early
        case .call(let route, var call):
            call.body = body
            reply = await perform(route, call)
        }
        finish(&reply, head, start: start)
        return reply
    }

    private func perform(_ route: Route, _ call: APICall) async -> APIReply {
        var reply: APIReply
        do {
            reply = APIReply(try await route.handler(call))
        } catch {
            let told = APIError(error)
            if told.status == .internalServerError {
                logger.error(
                    "a request failed",
                    metadata: [
                        "request-id": .string(call.headers[.requestID] ?? ""), "route": .string(route.path),
                        "error": .string("\(error)"),
                    ])
            }
            reply = APIReply(told)
        }
        reply.route = route.path
        return reply
    }

    /// The same, given up when the client goes. Errors: it has gone.
    private func perform(_ route: Route, _ call: APICall, on channel: any Channel) async throws -> APIReply {
        let work = Task { await perform(route, call) }
        channel.closeFuture.whenComplete { _ in work.cancel() }
        let reply = await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }
        if work.isCancelled { throw CancellationError() }
        return reply
    }

    /// What every answer gets, and what is noted of it.
    private func finish(_ reply: inout APIReply, _ head: HTTPRequest, start: UInt64) {
        if head.method == .head { reply.removeBody() }
        reply.headers[.date] = HTTPDate.text(
            secondsSince1970: services.wallClock.nowNanoseconds() / 1_000_000_000)
        let id = admission.requestID(head)
        reply.headers[.requestID] = id
        if let origin = admission.allowedOrigin(head) {
            reply.headers[.accessControlAllowOrigin] = origin
            reply.headers[.vary] = "Origin"
        }
        let seconds = Double(services.clock.elapsedNanoseconds() &- start) / 1e9
        let status = reply.status.code
        services.metrics.record(
            method: head.method.rawValue, route: reply.route, status: status, seconds: seconds)
        logger.debug(
            "request",
            metadata: [
                "request-id": .string(id), "method": .string(head.method.rawValue),
                "route": .string(reply.route ?? "none"), "status": .stringConvertible(status),
                "millis": .stringConvertible(seconds * 1000),
            ])
    }

    private func checkLength(_ head: HTTPRequest) throws(APIError) {
        let bytesMax = services.limits[.bodyBytes]
        if let length = head.headerFields[.contentLength].flatMap({ Int($0) }), length > bytesMax {
            throw APIError(.contentTooLarge, "the body is longer than \(bytesMax) bytes")
        }
    }

    private func read(_ request: Request) async throws -> [UInt8] {
        let bytesMax = services.limits[.bodyBytes]
        var bytes: [UInt8] = []
        for try await buffer in request.body {
            if bytes.count + buffer.readableBytes > bytesMax {
                throw APIError(.contentTooLarge, "the body is longer than \(bytesMax) bytes")
            }
            bytes += buffer.readableBytesView
        }
        // A connection that breaks ends the body too; half a request must not be done.
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length != bytes.count {
            throw CancellationError()
        }
        return bytes
    }

    private func write(
        _ reply: APIReply, _ writer: consuming ResponseWriter, _ channel: any Channel
    ) async throws {
        let head = HTTPResponse(status: reply.status, headerFields: reply.headers)
        switch reply.body {
        case .bytes(let bytes):
            var head = head
            if head.headerFields[.contentLength] == nil && reply.status != .noContent {
                head.headerFields[.contentLength] = "\(bytes.count)"
            }
            try await writer.write(
                response: head,
                body: bytes.isEmpty ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        case .events(let stream):
            defer { stream.finish() }
            let connection = StreamConnection()
            channel.closeFuture.whenComplete { _ in connection.close() }
            let services = services
            let body = ResponseBody { output in
                var events = EventStreamWriter(
                    output: output, streams: services.streams, connection: connection, clock: services.clock,
                    heartbeatMillis: services.limits[.heartbeatMillis])
                try await stream.write(&events)
                try await output.finish(nil)
            }
            try await writer.write(response: head, body: body)
        }
    }
}
