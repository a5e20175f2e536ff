import HostSystem
import HummingbirdCore
import JSONModel
import NIOCore
import Synchronization

/// Writes server-sent events; each goes to the socket at once. Waits while the client does not read.
struct EventStreamWriter {
    private var output: any ResponseBodyWriter
    private let streams: OpenStreams
    private let connection: StreamConnection
    private let clock: any MonotonicClock
    private let heartbeatNanos: UInt64
    private var lastWritten: UInt64

    init(
        output: any ResponseBodyWriter, streams: OpenStreams, connection: StreamConnection, clock: any MonotonicClock,
        heartbeatMillis: Int
    ) {
        self.output = output
        self.streams = streams
        self.connection = connection
        self.clock = clock
        heartbeatNanos = UInt64(max(1, heartbeatMillis)) * 1_000_000
        lastWritten = clock.elapsedNanoseconds()
    }

    /// Whether nothing more should be written: the client has gone, or the server ends.
    var isEnding: Bool { connection.isClosed || streams.isEnding }

    /// Calls `action` once the client has gone; at once if it has.
    func onClose(_ action: @escaping @Sendable () -> Void) { connection.onClose(action) }

    /// One event. Errors: the connection is gone.
    mutating func write(event: String = "message", id: Int? = nil, data: JSONValue) async throws {
        var bytes = Array("event: \(event)\n".utf8)
        if let id { bytes += Array("id: \(id)\n".utf8) }
        // JSON has no bare line ends, so one `data` line holds it.
        bytes += Array("data: ".utf8)
        bytes += data.utf8()
        bytes += Array("\n\n".utf8)
        try await write(bytes)
    }

    /// A line that clients ignore.
    mutating func write(comment: String) async throws { try await write(Array(": \(comment)\n\n".utf8)) }

    /// Writes a comment when nothing has been written for long, so that the client sees that it is still connected.
    mutating func beatIfDue() async throws {
        if clock.elapsedNanoseconds() &- lastWritten >= heartbeatNanos { try await write(comment: "heartbeat") }
    }

    private mutating func write(_ bytes: [UInt8]) async throws {
        try await output.write(ByteBuffer(bytes: bytes))
        lastWritten = clock.elapsedNanoseconds()
    }
}

/// Whether the client of a stream is still there.
final class StreamConnection: Sendable {
    private struct State {
        var isClosed = false
        var actions: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func onClose(_ action: @escaping @Sendable () -> Void) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.actions.append(action) }
            return state.isClosed
        }
        if isClosed { action() }
    }

    /// Says that the client has gone; idempotent.
    func close() {
        let actions = state.withLock { state in
            state.isClosed = true
            defer { state.actions = [] }
            return state.actions
        }
        for action in actions { action() }
    }
}
