import Columnar
import Dataflow
import Formats
import HostSystem
import Synchronization

/// One stream of rows and its readers.
///
/// Those who add rows only take a short lock. Rows are encoded when a reader waits for them, once for all readers, by a
/// task of the stream's own; it works in rounds, so that many small batches become few events, and within an allowance
/// of bytes a second, so that readers never take the processor away from pipelines. All readers share what is kept; one
/// holds no more than the event it was given.
final class OutputStream: Sendable {
    /// What may be encoded a second, and what may be handed to all readers together.
    private static let encodedBytesPerSecond = 4 << 20
    private static let handedBytesPerSecond = 24 << 20
    /// The time between two rounds, and what each reader adds to it.
    private static let roundNanos: UInt64 = 2_000_000
    private static let readerNanos: UInt64 = 100_000
    private static let roundNanosMax: UInt64 = 20_000_000
    /// A batch that holds so much more memory than its rows need is copied.
    private static let looseBytesPerRow = 256
    private static let looseBytes = 4 << 10

    private typealias Log = OutputLog<PendingRows, OutputRows>

    private struct Waiter {
        var continuation: UnsafeContinuation<OutputEvent?, Never>
        var deadline: UInt64
    }

    private struct State {
        var log = Log()
        var waiters: [Int: Waiter] = [:]
        /// Whether the encoding task runs.
        var isPumping = false
        var allowance = OutputAllowance()
        /// When waiters are looked at next; nil: nobody waits.
        var timer: UInt64?
        /// Rows so far, by node and subtask.
        var startIDs: [Place: Int] = [:]
    }

    private struct Place: Hashable {
        var node: Int
        var subtask: Int
    }

    private let timers: any TimerClock
    private let wallClock: any WallClock
    private let state = Mutex(State())
    private let counts: ReaderCounts
    /// Added to the log's numbers.
    private let firstID: Int
    /// Where the rows come from while there are readers; nil: they come by themselves.
    private let tap: NodeTap?
    /// Apart from the state, as the tap holds a lock of its own while it gives rows.
    private let tapReaders = Mutex(0)

    init(
        timers: any TimerClock, wallClock: any WallClock, _ counts: ReaderCounts, firstID: Int = 0,
        tap: NodeTap? = nil
    ) {
        self.firstID = firstID
        self.timers = timers
        self.wallClock = wallClock
        self.counts = counts
        self.tap = tap
    }

    // MARK: Rows

    /// Takes rows; never waits for readers.
    func add(_ shown: ShownRows) {
        if shown.batch.rowCount == 0 && shown.omittedRowCount == 0 { return }
        let arrival = wallClock.nowNanoseconds()
        let limits = Log.Limits()
        let isLoose =
            shown.batch.byteCount > Self.looseBytes + shown.batch.rowCount * Self.looseBytesPerRow
        let tight = isLoose ? shown.batch.compacted() : shown.batch
        let bytesPerRow = tight.byteCount / max(1, tight.rowCount) + 1
        let isChanging = tight.schema.index(of: HiddenColumn.retraction) != nil
        var gone: [Log.Entry] = []
        let isNeeded = state.withLock { state in
            if shown.omittedRowCount > 0 { state.log.skip(shown.omittedRowCount) }
            let place = Place(node: shown.nodeID, subtask: shown.subtask)
            var startID = state.startIDs[place, default: 0]
            // Of a huge batch the first rows would only push one another out.
            let first = isChanging ? 0 : max(0, tight.rowCount - limits.rows)
            state.log.skip(first)
            var start = first
            while start < tight.rowCount {
                let count = isChanging ? tight.rowCount : min(limits.entryRows, tight.rowCount - start)
                let rows = PendingRows(
                    nodeID: shown.nodeID, subtask: shown.subtask, key: shown.key,
                    batches: [count == tight.rowCount ? tight : tight.slice(start, count)], startID: startID + start,
                    arrival: arrival)
                let bytes = count * bytesPerRow
                if let old = state.log.extendLast(rows: count, bytes: bytes, { $0.joined(with: rows) }) {
                    gone += old
                } else {
                    gone += state.log.append(rows, rows: count, bytes: bytes)
                }
                start += count
            }
            startID += tight.rowCount
            state.startIDs[place] = startID
            return needsPump(&state)
        }
        if isNeeded { startPump() }
        withExtendedLifetime(gone) {}
    }

    /// No more rows come: readers are told when they have read what is kept.
    func finish() {
        let isNeeded = state.withLock { state in
            state.log.finish()
            return needsPump(&state)
        }
        if isNeeded { startPump() }
    }

    /// The job begins again.
    func resume() { state.withLock { $0.log.resume() } }

    // MARK: Readers

    var readerCount: Int { state.withLock { $0.log.readerCount } }

    /// Lets go of all rows so far.
    func removeRows() {
        let gone = state.withLock { $0.log.removeAll() }
        withExtendedLifetime(gone) {}
    }

    /// A reader that has been counted already.
    func open(after lastEventID: Int?) -> OutputStreamReader {
        let reader = state.withLock { $0.log.open(after: lastEventID.map { position(of: $0) }) }
        tapReaders.withLock { count in
            count += 1
            if count == 1 { tap?.watch { [weak self] in self?.add($0) } }
        }
        return OutputStreamReader(self, reader)
    }

    /// The number of the row behind an event. One from before this stream began has seen nothing of it; one that is
    /// none of this stream's is no place in it.
    private func position(of id: Int) -> Int { id < firstID ? 0 : id - firstID }

    func close(_ reader: Int) {
        let waiter = state.withLock { state in
            state.log.close(reader)
            return state.waiters.removeValue(forKey: reader)
        }
        waiter?.continuation.resume(returning: .done)
        tapReaders.withLock { count in
            count -= 1
            guard count == 0, let tap else { return }
            tap.watch(nil)
            let gone = state.withLock { $0.log.removeAll() }
            withExtendedLifetime(gone) {}
        }
        counts.leave()
    }

    /// The next event of a reader, or nil when none came in time.
    func next(_ reader: Int, timeoutMillis: Int) async -> OutputEvent? {
        let deadline = timers.elapsedNanoseconds() &+ UInt64(max(0, min(timeoutMillis, 1 << 31))) * 1_000_000
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                wait(reader, Waiter(continuation: continuation, deadline: deadline))
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: reader) }
            waiter?.continuation.resume(returning: nil)
        }
    }

    private func wait(_ reader: Int, _ waiter: Waiter) {
        var isNeeded = false
        var isAlarmNeeded = false
        let (answered, event) = state.withLock { state -> (Waiter?, OutputEvent?) in
            if let event = self.event(state.log.next(reader)) { return (waiter, event) }
            // Looked at under the lock, so that a cancellation either is seen here or finds the waiter.
            if Task.isCancelled || waiter.deadline <= timers.elapsedNanoseconds() { return (waiter, nil) }
            // Of two waits for one reader only the later one goes on.
            let former = state.waiters.updateValue(waiter, forKey: reader)
            isNeeded = needsPump(&state)
            if waiter.deadline < state.timer ?? .max {
                state.timer = waiter.deadline
                isAlarmNeeded = true
            }
            return (former, nil)
        }
        answered?.continuation.resume(returning: event)
        if isAlarmNeeded { schedule(waiter.deadline) }
        if isNeeded { startPump() }
    }

    private func event(_ step: Log.Step) -> OutputEvent? {
        switch step {
        case .rows(let number, let rows):
            OutputIDs.note(firstID &+ number)
            return .rows(id: firstID &+ number, rows)
        case .dropped(let count): return .dropped(count)
        case .done: return .done
        case .wait: return nil
        }
    }

    // MARK: Timeouts

    private func schedule(_ alarm: UInt64) {
        let now = timers.elapsedNanoseconds()
        timers.schedule(afterNanoseconds: alarm > now ? alarm - now : 0) { [weak self] in self?.expire(alarm) }
    }

    private func expire(_ alarm: UInt64) {
        let now = timers.elapsedNanoseconds()
        let (late, next) = state.withLock { state -> ([Waiter], UInt64?) in
            let late = state.waiters.filter { $0.value.deadline <= now }
            for reader in late.keys { state.waiters[reader] = nil }
            // An alarm that another one replaced leaves what comes next to that.
            guard state.timer == alarm else { return (Array(late.values), nil) }
            state.timer = state.waiters.values.map(\.deadline).min()
            return (Array(late.values), state.timer)
        }
        for waiter in late { waiter.continuation.resume(returning: nil) }
        if let next { schedule(next) }
    }

    // MARK: Encoding

    /// Whether the encoding task has to be started, which then counts as running.
    private func needsPump(_ state: inout State) -> Bool {
        if state.isPumping || state.waiters.isEmpty { return false }
        if !state.log.isFinished && state.log.wanted(by: state.waiters.keys) == nil { return false }
        state.isPumping = true
        return true
    }

    private func startPump() {
        Task.detached { await self.pump() }
    }

    private func pump() async {
        while true {
            let readers = encode()
            let served = serve()
            for (waiter, event) in served { waiter.continuation.resume(returning: event) }
            let pause = min(Self.roundNanosMax, Self.roundNanos + UInt64(readers) * Self.readerNanos)
            await sleep(pause)
            let isOver = state.withLock { state in
                state.isPumping = false
                return !needsPump(&state)
            }
            if isOver { return }
        }
    }

    /// Encodes what waiting readers want, as far as the allowance goes; gives how many readers there are.
    private func encode() -> Int {
        while true {
            let now = timers.elapsedNanoseconds()
            let (readers, wanted) = state.withLock { state in
                (state.log.readerCount, state.log.wanted(by: state.waiters.keys))
            }
            guard let wanted, encode(wanted, at: now) else { return readers }
            // Small ones behind it go along: one a round, and a reader falls behind where many come.
            for follower in state.withLock({ $0.log.followers(of: wanted) }) where !encode(follower, at: now) { break }
            // The others go on when those who waited for this have it.
            let isEnough = state.withLock { state in state.log.wanted(by: state.waiters.keys) == nil }
            if isEnough { return readers }
            let served = serve()
            for (waiter, event) in served { waiter.continuation.resume(returning: event) }
        }
    }

    /// Encodes an entry, by its number, if the allowance and the log have it.
    private func encode(_ number: Int, at now: UInt64) -> Bool {
        let raw = state.withLock { state -> PendingRows? in
            let rate = min(Self.encodedBytesPerSecond, Self.handedBytesPerSecond / max(1, state.log.readerCount))
            return state.allowance.has(rate: rate, at: now) ? state.log.seal(number) : nil
        }
        guard let raw else { return false }
        let result = OutputEncoder.encode(raw)
        let gone = state.withLock { state in
            state.allowance.take(result.rows.batch.utf8.count)
            return state.log.prepared(
                number, result.rows, rows: result.rowCount,
                bytes: result.rows.batch.utf8.count + result.rows.timestamps.count * 8 + 128)
        }
        withExtendedLifetime(gone) {}
        return true
    }

    /// The waiters for whom there is something, with what there is.
    private func serve() -> [(Waiter, OutputEvent)] {
        state.withLock { state in
            var served: [(Waiter, OutputEvent)] = []
            for reader in Array(state.waiters.keys) {
                guard let event = self.event(state.log.next(reader)),
                    let waiter = state.waiters.removeValue(forKey: reader)
                else { continue }
                served.append((waiter, event))
            }
            return served
        }
    }

    private func sleep(_ nanos: UInt64) async {
        await withUnsafeContinuation { continuation in
            timers.schedule(afterNanoseconds: nanos) { continuation.resume() }
        }
    }
}

/// A reader of an `OutputStream`; closes itself when nobody holds it any more.
final class OutputStreamReader: OutputReader {
    private let stream: OutputStream
    private let number: Int
    private let isClosed = Atomic<Bool>(false)
    private let isDone = Atomic<Bool>(false)

    init(_ stream: OutputStream, _ number: Int) {
        self.stream = stream
        self.number = number
    }

    deinit { close() }

    func next(timeoutMillis: Int) async -> OutputEvent? {
        if isDone.load(ordering: .relaxed) { return .done }
        let event = await stream.next(number, timeoutMillis: timeoutMillis)
        if case .done? = event { isDone.store(true, ordering: .relaxed) }
        return event
    }

    func close() {
        if isClosed.exchange(true, ordering: .relaxed) { return }
        stream.close(number)
    }
}
