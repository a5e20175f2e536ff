import AsyncHTTPClient
import JSONModel
import NIOCore
import NIOHTTP1

/// The events of one request, in order. Each iteration connects anew.
///
/// A stream that resumes connects again when the connection breaks, and asks for what came behind the last event seen;
/// it ends with the event it is told to end with. Any other ends with its answer.
public struct EventStream: AsyncSequence, Sendable {
    public typealias Element = ServerEvent

    /// When and how often to connect again.
    public struct Resumption: Sendable {
        /// The event behind which nothing comes.
        public var finalEvent: String
        /// Attempts in a row that may fail.
        public var attemptsMax: Int
        /// Before the first attempt, unless the server says; twice as long before each further one, at most 5 s.
        public var delayMillis: Int

        public init(finalEvent: String, attemptsMax: Int = 8, delayMillis: Int = 250) {
            self.finalEvent = finalEvent
            self.attemptsMax = attemptsMax
            self.delayMillis = delayMillis
        }
    }

    let client: ServerClient
    let request: HTTPClientRequest
    let resumption: Resumption?

    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    public struct Iterator: AsyncIteratorProtocol {
        private static let delayMillisMax = 5000

        private let stream: EventStream
        private var parser = EventStreamParser()
        private var body: HTTPClientResponse.Body.AsyncIterator?
        /// Read and not yet given, the next one last.
        private var waiting: [ServerEvent] = []
        private var hasEnded = false
        private var wasConnected = false
        private var failures = 0

        init(_ stream: EventStream) { self.stream = stream }

        /// The next event; nil at the end. Errors: `APIError`, when the server refuses or cannot be reached any more.
        public mutating func next() async throws -> ServerEvent? {
            while true {
                if hasEnded { return nil }
                if let event = waiting.popLast() {
                    failures = 0
                    if event.name == stream.resumption?.finalEvent { hasEnded = true }
                    return event
                }
                do {
                    if body == nil { try await connect() }
                    if let chunk = try await body?.next() {
                        waiting = try parser.add(chunk.readableBytesView).reversed()
                        continue
                    }
                    if stream.resumption == nil {
                        hasEnded = true
                        return nil
                    }
                    try await broken(APIError(status: nil, message: "the server ended the stream"))
                } catch {
                    try await broken(error)
                }
            }
        }

        private mutating func connect() async throws {
            var request = stream.request
            request.headers.add(name: "Accept", value: "text/event-stream")
            if let id = parser.lastEventID { request.headers.replaceOrAdd(name: "Last-Event-ID", value: id) }
            parser = EventStreamParser(lastEventID: parser.lastEventID)
            body = try await stream.client.answer(request, timeout: .hours(24 * 365)).body.makeAsyncIterator()
            wasConnected = true
        }

        /// Waits before the next attempt, or throws when there is none.
        private mutating func broken(_ error: any Error) async throws {
            body = nil
            let known = error as? APIError
            // What the server refuses it refuses again; a server that was never there is a mistake of the caller.
            let isFinal = known?.status.map { $0 < 500 } ?? false
            guard let resumption = stream.resumption, wasConnected, !isFinal, !(error is CancellationError),
                failures < resumption.attemptsMax
            else { throw known ?? stream.client.unreachable(error) }
            let delay = (parser.retryMillis ?? resumption.delayMillis) << Swift.min(failures, 10)
            failures += 1
            try await Task.sleep(for: .milliseconds(Swift.min(delay, Self.delayMillisMax)))
        }
    }
}

extension ServerClient {
    /// The events of a GET; with `resumption` it goes on after breaks.
    public func events(
        _ path: String, query: [(name: String, value: String)] = [], resumption: EventStream.Resumption?
    ) -> EventStream {
        EventStream(client: self, request: request(.GET, path, query, nil), resumption: resumption)
    }

    /// The events that a POST is answered with.
    public func events(posting body: JSONValue, to path: String) -> EventStream {
        EventStream(client: self, request: request(.POST, path, [], body), resumption: nil)
    }
}
