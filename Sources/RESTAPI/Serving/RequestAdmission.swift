import HTTPTypes
import HostSystem
import Synchronization

/// Decides on a request by its head alone: who sends it, how often, for which route, with what kind of body.
final class RequestAdmission: Sendable {
    enum Outcome: Sendable {
        case reply(APIReply)
        case call(Route, APICall)
    }

    private let services: APIServices
    private let matcher: RouteMatcher
    private let hosts: HostNames
    private let buckets: Mutex<TokenBuckets>
    private let random = Mutex(SystemRandomSource())

    init(services: APIServices, routes: [Route]) {
        self.services = services
        matcher = RouteMatcher(routes)
        hosts = HostNames(services.configuration)
        let limits = services.limits
        buckets = Mutex(
            TokenBuckets(
                perSecond: limits[.requestsPerSecond], burst: limits[.requestBurst],
                clientsMax: limits[.trackedClients]))
    }

    /// What to do with a request of a client's address. `hasCertificate`: the client has shown a certificate that the
    /// authority of the configuration has signed.
    func admit(_ head: HTTPRequest, client: String, hasCertificate: Bool = false) -> Outcome {
        do throws(APIError) {
            try checkRate(client)
            try checkHost(head)
            let target = try self.target(head)
            let match = matcher.match(head.method, target.segments)
            if let preflight = preflight(head, match) { return .reply(preflight) }
            var isOpen = false
            if case .route(let route, _) = match { isOpen = route.isOpen }
            if !isOpen { try checkCaller(head, hasCertificate) }
            let (route, path) = try route(match, head.method)
            if services.streams.isEnding && !route.isAlsoAtRoot {
                var error = APIError(.serviceUnavailable, "The server is shutting down")
                error.headers[.connection] = "close"
                throw error
            }
            try checkOrigin(head)
            if route.body != nil { try checkMediaType(head) }
            return .call(
                route, APICall(headers: head.headerFields, path: path, query: target.query, services: services))
        } catch {
            return .reply(APIReply(error))
        }
    }

    /// The client's own id of a request when it is a sensible one, otherwise a new one.
    func requestID(_ head: HTTPRequest) -> String {
        if let given = head.headerFields[.requestID], (1...64).contains(given.utf8.count),
            given.utf8.allSatisfy(RequestAdmission.isIDByte)
        {
            return given
        }
        let number = random.withLock { $0.next() }
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The origin that a web page's request comes from, when pages of it may read answers.
    func allowedOrigin(_ head: HTTPRequest) -> String? {
        guard let origin = head.headerFields[.origin] else { return nil }
        let allowed = services.configuration.corsOrigins
        return allowed.contains("*") || allowed.contains(origin) ? origin : nil
    }

    private func checkRate(_ client: String) throws(APIError) {
        let now = services.clock.elapsedNanoseconds()
        guard let seconds = buckets.withLock({ $0.take(client, at: now) }) else { return }
        var error = APIError(.tooManyRequests, "too many requests: try again in \(seconds) s")
        error.headers[.retryAfter] = "\(seconds)"
        throw error
    }

    private func checkHost(_ head: HTTPRequest) throws(APIError) {
        if hosts.allow(head.authority) { return }
        throw APIError(
            .forbidden,
            "This server does not answer to the name '\(APICall.shortened(head.authority ?? ""))' (setting "
                + "api.allowed-hosts)")
    }

    private func target(_ head: HTTPRequest) throws(APIError) -> RequestTarget {
        let text = head.path ?? ""
        let bytesMax = services.limits[.urlBytes]
        if text.utf8.count > bytesMax { throw APIError(.uriTooLong, "the URL is longer than \(bytesMax) bytes") }
        return try RequestTarget(text)
    }

    private func checkCaller(_ head: HTTPRequest, _ hasCertificate: Bool) throws(APIError) {
        switch services.configuration.authentication {
        case .none: break
        case .staticKeys(let keys): try checkKey(head, keys)
        case .mutualTLS:
            if hasCertificate { break }
            throw APIError(.unauthorized, "A client certificate is needed")
        }
    }

    private func checkKey(_ head: HTTPRequest, _ keys: APIKeys) throws(APIError) {
        guard let header = head.headerFields[.authorization] else {
            throw APIError(.unauthorized, "A key is needed: send the header Authorization: Bearer KEY")
        }
        let words = header.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer", keys.contains(words[1].trimmingSpaces) else {
            throw APIError(.unauthorized, "The key is not known")
        }
    }

    private func route(
        _ match: RouteMatcher.Match, _ method: HTTPRequest.Method
    ) throws(APIError) -> (Route, [String: String]) {
        switch match {
        case .route(let route, let parameters): return (route, parameters)
        case .none: throw APIError(.notFound, "Route not found")
        case .otherMethod(let methods):
            let names = methods.map(\.rawValue).joined(separator: ", ")
            var error = APIError(.methodNotAllowed, "Method \(method.rawValue) is not allowed here, only \(names)")
            error.headers[.allow] = names
            throw error
        }
    }

    /// Web pages of other sites must not send requests, even when they cannot read the answers.
    private func checkOrigin(_ head: HTTPRequest) throws(APIError) {
        guard let origin = head.headerFields[.origin], allowedOrigin(head) == nil else { return }
        let host = origin.split(separator: "/").last.map { $0.lowercased() }
        if host == nil || host != head.authority?.lowercased() {
            throw APIError(.forbidden, "Web pages of that origin may not use this server")
        }
    }

    private func checkMediaType(_ head: HTTPRequest) throws(APIError) {
        let headers = head.headerFields
        if let encoding = headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw APIError(.unsupportedMediaType, "compressed bodies are not supported")
        }
        guard let type = headers[.contentType] else { return }
        let parts = type.split(separator: ";").map { $0.trimmingSpaces.lowercased() }
        let charsets = parts.dropFirst().filter { $0.hasPrefix("charset=") }
        let isUTF8 = charsets.allSatisfy { ["charset=utf-8", "charset=\"utf-8\""].contains($0) }
        guard parts.first == MediaType.json, isUTF8 else {
            throw APIError(.unsupportedMediaType, "the body must be \(MediaType.json) in UTF-8")
        }
    }

    /// The answer to a browser that asks whether a page may send a request; nil when this is none, or not allowed.
    private func preflight(_ head: HTTPRequest, _ match: RouteMatcher.Match) -> APIReply? {
        guard head.method == .options, head.headerFields[.accessControlRequestMethod] != nil,
            allowedOrigin(head) != nil, case .otherMethod(let methods) = match
        else { return nil }
        var reply = APIReply(.bytes([], mediaType: MediaType.json))
        reply.status = .noContent
        reply.headers[.contentType] = nil
        reply.headers[.accessControlAllowMethods] = methods.map(\.rawValue).joined(separator: ", ")
        reply.headers[.accessControlAllowHeaders] = "authorization, content-type, last-event-id, x-request-id"
        reply.headers[.accessControlMaxAge] = "600"
        return reply
    }

    private static func isIDByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
