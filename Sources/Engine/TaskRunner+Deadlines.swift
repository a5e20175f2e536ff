import Dataflow
import HostSystem
import Synchronization

extension TaskRunner {
    /// When something is due although no message comes; nil: nothing is.
    var nextDeadline: UInt64? {
        [lingerDeadline, flushDeadline, changesDeadline, idleDeadline].compactMap { $0 }.min()
    }

    /// Notes that rows came at `time`: starts the linger of rows kept back and the idle time anew.
    func noteRows(at time: UInt64) {
        plan.metrics.isIdle.store(false, ordering: .relaxed)
        if !output.hasPendingRows {
            lingerDeadline = nil
        } else if lingerDeadline == nil {
            lingerDeadline = time &+ environment.configuration.lingerNanos
        }
        if let idleNanos { idleDeadline = time &+ idleNanos }
        noteChanges(at: time)
    }

    /// Starts the wait until changed results go out, if there are any.
    func noteChanges(at time: UInt64) {
        guard changesDeadline == nil, chain.hasUnflushedChanges else { return }
        changesDeadline = time &+ environment.configuration.changesFlushNanos
        unflushedStamp = output.stamp
    }

    /// What goes out next counts from the oldest row that changed it.
    func stampUnflushed() {
        if changesDeadline != nil { output.stamp = unflushedStamp }
    }

    /// How long a sink waits that is to be flushed again although nothing was written.
    private static let idleFlushNanos: UInt64 = 100_000_000

    /// How often a checkpoint is asked for that is still wanted: one may be under way that came too early.
    private static let checkpointNanos: UInt64 = 100_000_000

    /// Asks for a checkpoint where the source or the sink cannot wait for the next one.
    private func askForCheckpoint(at time: UInt64) {
        guard time >= checkpointDeadline, source?.wantsCheckpoint == true || sink?.wantsCheckpoint == true else {
            return
        }
        checkpointDeadline = time &+ Self.checkpointNanos
        environment.coordinator?.request(stops: false)
    }

    /// Does what is due at `time`.
    func serveDeadlines(at time: UInt64) async throws {
        askForCheckpoint(at: time)
        if let deadline = lingerDeadline, deadline <= time {
            lingerDeadline = nil
            output.flush()
            try await drain()
        }
        if let deadline = flushDeadline, deadline <= time {
            flushDeadline = nil
            try await sink?.flush()
            if sink?.wantsFlush == true { flushDeadline = time &+ Self.idleFlushNanos }
        }
        if let deadline = changesDeadline, deadline <= time {
            stampUnflushed()
            changesDeadline = nil
            try await chain.flush()
            noteChanges(at: time)
            output.flush()
            try await drain()
        }
        if let deadline = idleDeadline, deadline <= time {
            if let splits = source?.splits, !splits.areRead {
                // It has rows, which cannot be read right now.
                idleDeadline = time &+ Self.idleFlushNanos
                return
            }
            idleDeadline = nil
            plan.metrics.isIdle.store(true, ordering: .relaxed)
            output.becomeIdle()
            try await drain()
        }
    }
}
