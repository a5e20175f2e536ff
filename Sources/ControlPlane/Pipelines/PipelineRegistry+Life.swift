import GRDB
import HostSystem
import Synchronization

extension PipelineRegistry {
    // MARK: Beginning

    /// Sets right what the last server left behind, and lets every job go on that is to run. To be called once. Errors:
    /// of the database.
    public func resume() async throws {
        let now = site.now()
        let resumed = try await pool.write { database in
            var resumed: [StoredPipeline] = []
            for stored in try PipelineStore.unsettled(database) {
                if stored.isPreview {
                    try PipelineStore.delete(stored, folder: "\(self.settings.stateRoot)/\(stored.id)", database)
                } else if let rest = Self.rest(stored) {
                    if rest.state == stored.job.state { continue }
                    try JobStore.setState(stored.job.id, rest.state, finishTime: now, database)
                    try JobStore.addTransition(
                        stored.job.id, run: stored.job.runID, rest.state, time: now, cause: rest.cause, database)
                } else {
                    resumed.append(stored)
                }
            }
            return resumed
        }
        for stored in resumed { begin(stored, goesOn: true) }
        await removeFolders()
        scheduleTick()
    }

    /// Where a job rests that is not to go on with the server; nil: it is to.
    static func rest(_ stored: StoredPipeline) -> (state: JobState, cause: String)? {
        let cause = "the server ended while the job was \(stored.job.state.rawValue)"
        switch stored.job.state {
        case .finished, .failed, .failing: return (stored.job.state == .finished ? .finished : .failed, cause)
        default: return stored.stop == .none ? nil : (.stopped, cause)
        }
    }

    // MARK: Once a second

    private func scheduleTick() {
        site.host.timers.schedule(afterNanoseconds: 1_000_000_000) { [weak self] in
            guard let self, (try? self.checkOpen()) != nil else { return }
            Task.detached {
                await self.tick()
                self.scheduleTick()
            }
        }
    }

    /// Takes the figures of all jobs, ends those whose time is over and previews that nobody needs, and lets go of what
    /// jobs at rest need no more.
    func tick() async {
        let now = site.now()
        for job in allLive {
            job.tick(at: now, settings)
            let status = job.status
            if status.state.isTerminal {
                let ended = (status.finishTime ?? 0) / 1000
                if job.isPreview && now - ended >= settings.endedPreviewMicros {
                    try? await deletePipeline(id: job.pipelineID)
                }
            } else if status.desire.stop == .none, let reason = job.endReason(at: now, settings) {
                var change = PipelineChange()
                change.stop = job.isPreview ? .immediate : .checkpoint
                if (try? await changePipeline(id: job.pipelineID, change)) != nil {
                    job.journal.add(
                        JobMessage(id: "", createdAt: now, level: .info, message: "the job is stopped: \(reason)"))
                }
            }
        }
        await removeEndedPreviews()
    }

    // MARK: Ending

    /// Ends all jobs behind a last checkpoint and writes what is known of them; what is wanted of them stays, so that
    /// they go on with the next server. Returns when they have ended, or after so many milliseconds; from the first
    /// moment on every call fails with `ControlError(.unavailable)`. True when all have ended, and each that ran has
    /// its last checkpoint.
    @discardableResult
    public func shutDown(withinMillis millis: Int = 9_000) async -> Bool {
        if state.withLock({ state in
            defer { state.isClosed = true }
            return state.isClosed
        }) {
            return true
        }
        let clock = site.host.timers
        let end = clock.elapsedNanoseconds() + UInt64(max(0, millis)) * 1_000_000
        // A transaction that was under way may still let a job begin: behind this one there is none.
        let jobs = (try? await pool.write { _ in self.allLive }) ?? allLive
        let owed = jobs.filter(\.owesCheckpoint)
        for job in jobs {
            var desire = job.status.desire
            if desire.stop == .none {
                desire.stop = job.isPreview ? .immediate : .checkpoint
                job.supervisor.want(desire)
            }
        }
        let written = WrittenJobs()
        while clock.elapsedNanoseconds() < end {
            // Each journal in a task of its own: a database that hangs must not keep this from returning.
            for job in jobs where job.status.state.isTerminal && written.begin(job.jobID) {
                Task.detached {
                    await job.journal.flush()
                    written.finish(job.jobID)
                }
            }
            if written.doneCount == jobs.count { return owed.allSatisfy(\.hasLastCheckpoint) }
            try? await Task.sleep(nanoseconds: 5_000_000)
        }
        return false
    }
}

/// The jobs whose journals have been written at the end.
private final class WrittenJobs: Sendable {
    private struct State {
        var begun: Set<String> = []
        var done: Set<String> = []
    }

    private let state = Mutex(State())

    /// Whether nobody has begun it before.
    func begin(_ id: String) -> Bool { state.withLock { $0.begun.insert(id).inserted } }
    func finish(_ id: String) { state.withLock { _ = $0.done.insert(id) } }
    var doneCount: Int { state.withLock { $0.done.count } }
}
