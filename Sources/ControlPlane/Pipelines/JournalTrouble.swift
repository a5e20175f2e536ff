import GRDB
import HostSystem
import Synchronization

/// Tells the server's log of journals that cannot be written: at once, then once a minute, and when they can again.
final class JournalTrouble: Sendable {
    private struct State {
        /// Entries that could not be written since it was last told, by job.
        var waiting: [String: Int] = [:]
        var isFailing = false
        var toldNanos: UInt64 = 0
    }

    private static let pauseNanos: UInt64 = 60_000_000_000

    private let clock: any MonotonicClock
    private let tell: @Sendable (String) -> Void
    private let state = Mutex(State())

    init(_ clock: any MonotonicClock, _ tell: @escaping @Sendable (String) -> Void) {
        self.clock = clock
        self.tell = tell
    }

    /// So many entries of a job wait to be written.
    func failed(_ error: any Error, jobID: String, waiting: Int) {
        let now = clock.elapsedNanoseconds()
        let counts = state.withLock { state -> (entries: Int, jobs: Int)? in
            state.waiting[jobID] = waiting
            if state.isFailing && now &- state.toldNanos < Self.pauseNanos { return nil }
            state.isFailing = true
            state.toldNanos = now
            defer { state.waiting = [:] }
            return (state.waiting.values.reduce(0, +), state.waiting.count)
        }
        guard let counts else { return }
        let reason = (error as? DatabaseError).map { $0.message ?? "\($0.resultCode)" } ?? "\(error)"
        tell(
            "what becomes of jobs cannot be written to the database: \(reason); \(counts.entries) entries of "
                + "\(counts.jobs) jobs are kept and tried again every second")
    }

    /// Entries have been written.
    func wrote() {
        let isOver = state.withLock { state in
            defer {
                state.isFailing = false
                state.waiting = [:]
            }
            return state.isFailing
        }
        if isOver { tell("what becomes of jobs is written to the database again") }
    }
}
