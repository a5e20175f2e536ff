import HTTPTypes
import Synchronization

/// Counts the event streams that are open, and tells them when the server ends.
final class OpenStreams: Sendable {
    private struct State {
        var count = 0
        var isEnding = false
    }

    private let state = Mutex(State())
    private let countMax: Int

    init(countMax: Int) { self.countMax = countMax }

    /// Whether the server is shutting down.
    var isEnding: Bool { state.withLock { $0.isEnding } }
    var count: Int { state.withLock { $0.count } }

    func beginEnding() { state.withLock { $0.isEnding = true } }

    /// A place for one more. Errors: there are too many.
    func enter() throws(APIError) -> StreamPlace {
        let isFree = state.withLock { state in
            if state.count >= countMax { return false }
            state.count += 1
            return true
        }
        if !isFree { throw APIError(.tooManyRequests, "too many event streams: at most \(countMax) at a time") }
        return StreamPlace(streams: self)
    }

    fileprivate func leave() { state.withLock { $0.count -= 1 } }
}

/// The place of one open stream.
final class StreamPlace: Sendable {
    private let streams: OpenStreams
    private let isTaken = Atomic(true)

    fileprivate init(streams: OpenStreams) { self.streams = streams }

    /// Gives the place back; idempotent.
    func leave() {
        if isTaken.exchange(false, ordering: .relaxed) { streams.leave() }
    }
}
