import HTTPTypes
import JSONModel

/// What a handler gives back.
enum APIAnswer: Sendable {
    case json(JSONValue)
    case bytes([UInt8], mediaType: String)
    case events(EventStream)
    /// JSON with another status than 200.
    case status(HTTPResponse.Status, JSONValue)

    /// One page.
    static func page(_ items: [JSONValue], hasMore: Bool) -> APIAnswer {
        .json(["data": .array(items), "has_more": .bool(hasMore)])
    }

    /// What DELETE answers.
    static var empty: APIAnswer { .json(.object(JSONObject())) }
}

/// An answer of server-sent events.
struct EventStream: Sendable {
    /// Runs after the head of the answer has been sent; its end ends the answer.
    var write: @Sendable (inout EventStreamWriter) async throws -> Void
    /// Is called once at the end, also when nothing could be written at all.
    var finish: @Sendable () -> Void
}

/// Names of what bodies are.
enum MediaType {
    static let json = "application/json"
    static let events = "text/event-stream"
    static let arrowStream = "application/vnd.apache.arrow.stream"
    static let prometheus = "text/plain; version=0.0.4; charset=utf-8"
}
