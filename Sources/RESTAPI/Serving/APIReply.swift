import HTTPTypes
import JSONModel

/// An answer on its way to the client.
struct APIReply: Sendable {
    enum Body: Sendable {
        case bytes([UInt8])
        case events(EventStream)
    }

    var status: HTTPResponse.Status
    var headers: HTTPFields
    var body: Body
    /// The pattern of the route's path, for metrics; nil: none was found.
    var route: String?

    init(_ answer: APIAnswer) {
        headers = [.cacheControl: "no-store", .xContentTypeOptions: "nosniff"]
        status = .ok
        switch answer {
        case .json(let value):
            headers[.contentType] = MediaType.json
            body = .bytes(value.utf8())
        case .status(let other, let value):
            status = other
            headers[.contentType] = MediaType.json
            body = .bytes(value.utf8())
        case .bytes(let bytes, let mediaType):
            headers[.contentType] = mediaType
            body = .bytes(bytes)
        case .events(let stream):
            headers[.contentType] = MediaType.events
            body = .events(stream)
        }
    }

    init(_ error: APIError) {
        self.init(.status(error.status, error.body))
        for field in error.headers { headers.append(field) }
        // RFC 9110 wants it with every 401.
        if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
    }

    /// The answer to HEAD: the head alone.
    mutating func removeBody() {
        switch body {
        case .bytes(let bytes): headers[.contentLength] = "\(bytes.count)"
        case .events(let stream): stream.finish()
        }
        body = .bytes([])
    }
}
