import Columnar
import Dataflow
import HostSystem
import Synchronization

/// What may wait in one queue; the first message always fits.
struct QueueLimits: Sendable {
    var rows: Int
    var batches: Int
    var bytes: Int
}

/// The inbox of one subtask: bounded, many writers, one reader.
///
/// A full queue suspends its writers, which are served in the order in which they came. The reader takes everything
/// at once, so at most twice the limits are in memory: what it is working on and what has come since.
final class BatchQueue: Sendable {
    struct Entry: Sendable {
        /// Which of the reader's channels this came on.
        var channel: Int
        var message: Message
        var rowCount: Int
        var byteCount: Int
        /// When the rows, or those that moved event time on, were read from their source, nanoseconds of the engine's
        /// clock; 0: not known.
        var stamp: UInt64

        init(channel: Int, message: Message, stamp: UInt64 = 0) {
            self.channel = channel
            self.message = message
            self.stamp = stamp
            if case .batch(let batch) = message {
                rowCount = batch.rowCount
                byteCount = batch.byteCount
            } else {
                rowCount = 0
                byteCount = 0
            }
        }
    }

    enum Offer { case sent, full, dropped, cancelled }
    enum Take { case taken, empty, cancelled }

    /// What waits, for metrics.
    struct Gauge: Sendable {
        var batches: Int
        var rows: Int
        var bytes: Int
    }

    private enum Status { case open, abandoned, cancelled }

    private struct Writer {
        var entry: Entry
        var continuation: UnsafeContinuation<Bool, Never>
    }

    private struct State {
        var entries: [Entry] = []
        var rows = 0
        var bytes = 0
        var writers: [Writer] = []
        var reader: UnsafeContinuation<Void, Never>?
        var armedDeadline = UInt64.max
        /// The reader has something to do that does not come through the queue.
        var isNudged = false
        var status = Status.open
        /// Channels whose writers wait although there may be room: their barrier is here, others' are not.
        var blocked: Set<Int> = []

        /// Whether somebody waits who came first.
        var hasWaitingWriters: Bool { writers.contains { !blocked.contains($0.entry.channel) } }
    }

    let limits: QueueLimits
    private let executor: ThreadPoolExecutor
    private let state = Mutex(State())
    private let abandoned = Atomic<Bool>(false)

    init(limits: QueueLimits, executor: ThreadPoolExecutor) {
        self.limits = limits
        self.executor = executor
    }

    /// Whether the reader wants no more; what is still sent is dropped.
    var isAbandoned: Bool { abandoned.load(ordering: .relaxed) }

    var gauge: Gauge {
        state.withLock { Gauge(batches: $0.entries.count, rows: $0.rows, bytes: $0.bytes) }
    }

    // MARK: Writing

    /// Puts an entry in if there is room for it.
    func offer(_ entry: Entry) -> Offer {
        var reader: UnsafeContinuation<Void, Never>?
        let result = state.withLock { state -> Offer in
            switch state.status {
            case .abandoned: return .dropped
            case .cancelled: return .cancelled
            case .open: break
            }
            guard !state.hasWaitingWriters, admits(entry, state) else { return .full }
            append(entry, &state)
            reader = state.reader.take()
            return .sent
        }
        reader?.resume()
        return result
    }

    /// Puts an entry in, waiting for room. Errors: `CancellationError` when the pipeline is cancelled.
    func push(_ entry: Entry) async throws {
        let delivered = await withUnsafeContinuation { (continuation: UnsafeContinuation<Bool, Never>) in
            var reader: UnsafeContinuation<Void, Never>?
            let immediate = state.withLock { state -> Bool? in
                switch state.status {
                case .abandoned: return true
                case .cancelled: return false
                case .open: break
                }
                if !state.hasWaitingWriters, admits(entry, state) {
                    append(entry, &state)
                    reader = state.reader.take()
                    return true
                }
                state.writers.append(Writer(entry: entry, continuation: continuation))
                return nil
            }
            reader?.resume()
            if let immediate { continuation.resume(returning: immediate) }
        }
        if !delivered { throw CancellationError() }
    }

    private func admits(_ entry: Entry, _ state: State) -> Bool {
        if state.blocked.contains(entry.channel) { return false }
        if state.entries.isEmpty { return true }
        return state.entries.count < limits.batches && state.rows + entry.rowCount <= limits.rows
            && state.bytes + entry.byteCount <= limits.bytes
    }

    private func append(_ entry: Entry, _ state: inout State) {
        state.rows += entry.rowCount
        state.bytes += entry.byteCount
        state.entries.append(entry)
    }

    // MARK: Reading

    /// Takes everything that waits; `spent`, an empty array, gives its storage in exchange.
    func take(_ spent: inout [Entry]) -> Take {
        var released: [UnsafeContinuation<Bool, Never>] = []
        var taken: [Entry] = []
        swap(&taken, &spent)
        let result = state.withLock { state -> Take in
            if state.status == .cancelled { return .cancelled }
            if state.entries.isEmpty { return .empty }
            swap(&taken, &state.entries)
            state.rows = 0
            state.bytes = 0
            released = serveWriters(&state)
            return .taken
        }
        swap(&taken, &spent)
        for continuation in released { continuation.resume(returning: true) }
        return result
    }

    /// Takes in what waiting writers have, in their order, as far as there is room; gives those to be resumed.
    private func serveWriters(_ state: inout State) -> [UnsafeContinuation<Bool, Never>] {
        var released: [UnsafeContinuation<Bool, Never>] = []
        var left: [Writer] = []
        var isFull = false
        for writer in state.writers {
            let isBlocked = state.blocked.contains(writer.entry.channel)
            if !isFull && !isBlocked && admits(writer.entry, state) {
                append(writer.entry, &state)
                released.append(writer.continuation)
            } else {
                if !isBlocked { isFull = true }
                left.append(writer)
            }
        }
        state.writers = left
        return released
    }

    /// Makes the writers of a channel wait until `unblock`.
    func block(_ channel: Int) { state.withLock { _ = $0.blocked.insert(channel) } }

    /// Lets all channels in again.
    func unblock() {
        let released = state.withLock { state in
            state.blocked = []
            return serveWriters(&state)
        }
        for continuation in released { continuation.resume(returning: true) }
    }

    /// Waits until there may be something to take, until the queue is cancelled, or until `deadline` (nanoseconds of
    /// the executor's clock) has passed. May return early.
    func waitForEntries(until deadline: UInt64?) async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            var timer: UInt64?
            let isReady = state.withLock { state -> Bool in
                if !state.entries.isEmpty || state.status != .open || state.isNudged {
                    state.isNudged = false
                    return true
                }
                state.reader = continuation
                if let deadline, deadline < state.armedDeadline {
                    state.armedDeadline = deadline
                    timer = deadline
                }
                return false
            }
            if isReady {
                continuation.resume()
            } else if let timer {
                executor.schedule(at: timer) { self.timerFired(timer) }
            }
        }
    }

    /// Ends one wait of the reader, that under way or else the next.
    func nudge() {
        let reader = state.withLock { state in
            state.isNudged = state.reader == nil
            return state.reader.take()
        }
        reader?.resume()
    }

    private func timerFired(_ deadline: UInt64) {
        let reader = state.withLock { state -> UnsafeContinuation<Void, Never>? in
            if state.armedDeadline == deadline { state.armedDeadline = .max }
            return state.reader.take()
        }
        reader?.resume()
    }

    // MARK: Ending

    /// The reader wants no more: writers go on as if all had been taken.
    func abandon() {
        abandoned.store(true, ordering: .relaxed)
        close(.abandoned)
    }

    /// The pipeline is given up: everybody who waits is woken and fails.
    func cancel() { close(.cancelled) }

    private func close(_ status: Status) {
        var writers: [Writer] = []
        var reader: UnsafeContinuation<Void, Never>?
        state.withLock { state in
            if state.status == .cancelled { return }
            state.status = status
            state.entries = []
            state.rows = 0
            state.bytes = 0
            swap(&writers, &state.writers)
            reader = state.reader.take()
        }
        for writer in writers { writer.continuation.resume(returning: status == .abandoned) }
        reader?.resume()
    }
}
