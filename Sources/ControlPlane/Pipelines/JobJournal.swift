import Engine
import GRDB
import HostSystem
import Synchronization

/// Writes what becomes of one job into the database, in order and behind the back of whoever tells it: as many entries
/// in a transaction as have come together. When writing fails they are kept, within bounds, and tried again with the
/// next one.
final class JobJournal: Sendable {
    private enum Entry: Sendable {
        case transition(JobTransition)
        case message(JobMessage)
        case checkpoint(CheckpointRecord)
    }

    private struct State {
        var entries: [Entry] = []
        /// Messages that found no room.
        var lost = 0
        /// What the job is doing; nil: not changed since it was written.
        var status: JobStatus?
        var isWriting = false
        var isClosed = false
        /// Numbers of what has been added, and of what has been written or given up.
        var added = 0
        var settled = 0
        var waiters: [(number: Int, continuation: UnsafeContinuation<Void, Never>)] = []
        /// Checkpoints that have been added already, by epoch.
        var lastEpochs: [Int: CheckpointRecord.Outcome] = [:]
    }

    /// Entries that wait at most.
    private static let entryCountMax = 2000

    let jobID: String
    private let database: MetadataDatabase
    private let trouble: JournalTrouble
    private let state = Mutex(State())

    init(jobID: String, database: MetadataDatabase, trouble: JournalTrouble) {
        self.jobID = jobID
        self.database = database
        self.trouble = trouble
    }

    // MARK: What happens

    func add(_ transition: JobTransition, _ status: JobStatus) {
        add { state in
            state.status = status
            return .transition(transition)
        }
    }

    func add(_ message: JobMessage) { add { _ in .message(message) } }

    /// Adds those that have ended and were not added before.
    func add(_ records: [CheckpointRecord]) {
        for record in records where record.outcome != .inProgress {
            add { state in
                if state.lastEpochs[record.epoch] == record.outcome { return nil }
                state.lastEpochs[record.epoch] = record.outcome
                if state.lastEpochs.count > 64, let oldest = state.lastEpochs.keys.min() {
                    state.lastEpochs[oldest] = nil
                }
                return .checkpoint(record)
            }
        }
    }

    private func add(_ make: (inout State) -> Entry?) {
        let begins = state.withLock { state -> Bool in
            if state.isClosed { return false }
            guard let entry = make(&state) else { return false }
            if state.entries.count >= Self.entryCountMax {
                state.lost += 1
                return false
            }
            state.entries.append(entry)
            state.added += 1
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if begins { Task.detached { await self.write() } }
    }

    /// Whether all that was added has been written.
    var isWritten: Bool { state.withLock { $0.entries.isEmpty && !$0.isWriting } }

    /// Tries again to write what could not be written.
    func retry() {
        let begins = state.withLock { state -> Bool in
            if state.isWriting || state.entries.isEmpty { return false }
            state.isWriting = true
            return true
        }
        if begins { Task.detached { await self.write() } }
    }

    /// Returns when all that was added before has been written, or could not be.
    func flush() async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isDone = state.withLock { state in
                if state.isClosed || !state.isWriting || state.settled >= state.added { return true }
                state.waiters.append((state.added, continuation))
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    /// The job is no more: nothing is written from here on.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            state.entries = []
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume() }
    }

    // MARK: Writing

    private func write() async {
        while true {
            let batch = state.withLock { state -> (entries: [Entry], status: JobStatus?, lost: Int)? in
                if state.entries.isEmpty || state.isClosed {
                    state.isWriting = false
                    return nil
                }
                defer {
                    state.entries = []
                    state.status = nil
                    state.lost = 0
                }
                return (state.entries, state.status, state.lost)
            }
            guard let batch else { return }
            let jobID = jobID
            do {
                try await database.pool.write { database in
                    try Self.write(batch.entries, batch.status, lost: batch.lost, jobID, database)
                }
                settle(batch.entries.count)
                trouble.wrote()
            } catch {
                keep(batch)
                trouble.failed(error, jobID: jobID, waiting: batch.entries.count)
                return
            }
        }
    }

    private static func write(
        _ entries: [Entry], _ status: JobStatus?, lost: Int, _ jobID: String, _ database: Database
    ) throws {
        guard try JobStore.exists(jobID, database) else { return }
        if let status { try JobStore.update(jobID, status, database) }
        var kinds: (messages: Bool, checkpoints: Bool, transitions: Bool) = (false, false, false)
        for entry in entries {
            switch entry {
            case .transition(let transition):
                kinds.transitions = true
                try JobStore.addTransition(
                    jobID, run: transition.runID, transition.state, time: transition.time, cause: transition.cause,
                    database)
            case .message(let message):
                kinds.messages = true
                try JobStore.addMessage(jobID, message, database)
            case .checkpoint(let record):
                kinds.checkpoints = true
                try JobStore.addCheckpoint(jobID, record, database)
            }
        }
        if kinds.messages || lost > 0 { try JobStore.trimMessages(jobID, lost: lost, database) }
        if kinds.checkpoints { try JobStore.trimCheckpoints(jobID, database) }
        if kinds.transitions { try JobStore.trimTransitions(jobID, database) }
    }

    private func settle(_ count: Int) {
        let reached = state.withLock { state in
            state.settled += count
            let reached = state.waiters.filter { $0.number <= state.settled }
            state.waiters.removeAll { $0.number <= state.settled }
            return reached
        }
        for waiter in reached { waiter.continuation.resume() }
    }

    /// Puts back what could not be written; nobody waits for it any longer.
    private func keep(_ batch: (entries: [Entry], status: JobStatus?, lost: Int)) {
        let waiters = state.withLock { state in
            state.entries = Array((batch.entries + state.entries).prefix(Self.entryCountMax))
            state.status = state.status ?? batch.status
            state.lost += batch.lost
            state.added = state.settled + state.entries.count
            state.isWriting = false
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume() }
    }
}
