import Dataflow
import Engine
import HostSystem
import Synchronization

/// A job that something has been wanted of in this process: its supervisor, and all that is told of it.
final class LiveJob: Sendable {
    let pipelineID: String
    let jobID: String
    let isPreview: Bool
    let ttlMicros: Int64?
    let createdAt: Int64
    let supervisor: JobSupervisor
    let journal: JobJournal
    let outlets: JobOutlets
    /// The figures of the last seconds of one run, oldest first.
    private let snapshots = Mutex<[PipelineSnapshot]>([])
    private let timers: any TimerClock
    /// When it was first seen at rest, nanoseconds of `timers`; nil: it does not rest.
    private let restingSince = Mutex<UInt64?>(nil)

    /// Ratios in metrics are of this many seconds.
    private static let ratioSeconds = 10

    /// A job as it is stored, at rest; `state` is where it begins, `goesOn` says whether it is one that the server
    /// before has left. `planner` plans its queries.
    init(
        _ stored: StoredPipeline, state initial: JobState, desire: JobDesire, goesOn: Bool = false, _ site: Site,
        _ planner: QueryPlanner
    ) {
        pipelineID = stored.id
        jobID = stored.job.id
        isPreview = stored.isPreview
        ttlMicros = stored.ttlMicros
        createdAt = stored.createdAt
        timers = site.host.timers
        let journal = JobJournal(jobID: stored.job.id, database: site.database, trouble: site.trouble)
        let outlets = JobOutlets(site.host)
        var ofRuns = outlets.ofRuns(journal, clock: site.host.wallClock)
        ofRuns.jobID = stored.job.id
        self.journal = journal
        self.outlets = outlets
        var policy = site.settings.restarts
        // Without state the rows before the failure would be shown twice.
        if stored.isPreview { policy.allowedRestarts = 0 }
        let changer = QueryChanger(planner: planner, database: site.database, pipelineID: stored.id) { level, text in
            journal.add(JobMessage(id: "", createdAt: site.now(), level: level, message: text))
        }
        let reference = Reference()
        let allowed = policy.allowedRestarts
        let folder = site.settings.stateFolder(
            pipelineID: stored.id, jobID: stored.job.id, number: stored.job.stateFolder)
        let job = JobSupervisor(
            pipelineID: stored.id, jobID: stored.job.id, desire: desire, policy: policy,
            stateDirectory: stored.isPreview ? nil : folder, state: initial, after: stored.job.runID,
            startTime: goesOn ? Self.startTime(stored.job) : nil, changesQuery: stored.previousQuery != nil,
            backend: site.backend,
            host: site.host,
            thread: planner.jobThread,
            outlets: ofRuns,
            notify: { notice in
                guard let job = reference.job.withLock({ $0.job }) else { return }
                JobReporter(job: job, journal: journal, outlets: outlets, clock: site.host.wallClock)
                    .report(notice, allowedRestarts: allowed)
            }, planning: changer.plan)
        reference.job.withLock { $0.job = job }
        supervisor = job
    }

    /// When a job began that goes on with this server, nanoseconds since 1970; nil: it is to begin.
    private static func startTime(_ job: StoredJob) -> Int64? {
        job.state == .created ? nil : job.startTime.map { $0 * 1000 }
    }

    /// The supervisor, for what it calls itself.
    private final class Reference: Sendable {
        struct Weak: Sendable {
            weak var job: JobSupervisor?
        }
        let job = Mutex(Weak())
    }

    /// What all jobs of a registry share.
    struct Site: Sendable {
        let database: MetadataDatabase
        let backend: any ExecutionBackend
        let settings: ControlSettings
        let host: JobSupervisor.Host
        let trouble: JournalTrouble

        /// Microseconds since 1970.
        func now() -> Int64 { host.wallClock.nowNanoseconds() / 1000 }
    }

    /// What it is doing.
    var status: JobStatus { supervisor.status }
    /// Nil when it has done nothing yet in this process, so that the database knows more of it.
    var movedStatus: JobStatus? {
        let status = supervisor.status
        return status.history.isEmpty ? nil : status
    }

    /// Whether it rests and has taken note of all that is wanted of it.
    func isSettled(at desire: JobDesire) -> Bool {
        let status = supervisor.status
        return status.state.isTerminal && status.desire == desire
    }

    /// Whether something would be done again if it ended now: it runs, keeps state, and is not to be cut off.
    var owesCheckpoint: Bool {
        let status = supervisor.status
        switch status.state {
        case .restarting where status.desire.forcesRestart: return false
        case .running, .rescaling, .restarting, .checkpointStopping, .finishing:
            return !isPreview && status.desire.stop.hardness <= JobStopMode.checkpoint.hardness
        default: return false
        }
    }

    /// Whether its last run has ended by itself, or behind a checkpoint if it takes any.
    var hasLastCheckpoint: Bool {
        let status = supervisor.status
        if status.state == .finished || status.state == .failed { return true }
        // Somebody has asked for a harder stop just before.
        if status.history.contains(where: { $0.run == status.run && $0.state == .stopping }) { return true }
        guard let summary = status.summary, status.summaryRun == status.run else { return false }
        return summary.checkpoints?.hasStoppedBehindOne ?? true
    }

    // MARK: Once a second

    /// Takes the figures of a moment, and notes the checkpoints that have ended; lets go of what a job at rest needs no
    /// more.
    func tick(at micros: Int64, _ settings: ControlSettings) {
        journal.retry()
        if status.state.isTerminal { return rest(settings) }
        restingSince.withLock { $0 = nil }
        guard let run = supervisor.currentRun else { return }
        let snapshot = run.snapshot()
        outlets.add(snapshot, at: micros)
        snapshots.withLock { snapshots in
            // Another run begins its figures anew.
            if let last = snapshots.last, last.elapsed > snapshot.elapsed { snapshots = [] }
            snapshots.append(snapshot)
            if snapshots.count > Self.ratioSeconds { snapshots.removeFirst() }
        }
        journal.add(run.checkpointRecords)
    }

    /// Of a run that is over only what its journal has not written yet is needed; figures and rows can be asked for a
    /// while longer. Rows of previews are kept as long as these are.
    private func rest(_ settings: ControlSettings) {
        let now = timers.elapsedNanoseconds()
        let since = restingSince.withLock { since in
            since = since ?? now
            return since ?? now
        }
        snapshots.withLock { $0 = [] }
        if let run = supervisor.lastRun {
            journal.add(run.checkpointRecords)
            if journal.isWritten { supervisor.forgetRuns() }
        }
        if Int64(clamping: (now - min(now, since)) / 1000) < settings.restMicros { return }
        outlets.forgetMetrics()
        if !isPreview && outlets.unreadMicros >= settings.restMicros { outlets.forgetRows() }
    }

    /// Why a job that runs is to end now; nil: it goes on. Its time counts from its last beginning, over restarts of
    /// the server.
    func endReason(at micros: Int64, _ settings: ControlSettings) -> String? {
        if let ttlMicros {
            let began = isPreview ? createdAt : status.startTime.map { $0 / 1000 } ?? micros
            if micros - began >= ttlMicros { return "its time (ttl_micros \(ttlMicros)) is over" }
        }
        return isPreview && outlets.unreadMicros >= settings.unreadPreviewMicros ? "nobody reads it" : nil
    }

    /// Its figures as metrics are written; nil when it does not run.
    func metrics() -> JobMetrics? {
        guard let run = supervisor.currentRun else { return nil }
        let current = run.snapshot()
        let earlier = snapshots.withLock { $0.first }
        return JobMetrics(
            pipelineID: pipelineID, jobID: jobID, current: current,
            earlier: earlier.flatMap { $0.elapsed < current.elapsed ? $0 : nil }, checkpoints: run.checkpoints,
            records: run.checkpointRecords)
    }
}

/// Tells the journal of a job what its supervisor tells.
struct JobReporter: Sendable {
    let job: JobSupervisor
    let journal: JobJournal
    let outlets: JobOutlets
    let clock: any WallClock

    func report(_ notice: JobNotice, allowedRestarts: Int) {
        let status = job.status
        let time = clock.nowNanoseconds() / 1000
        switch notice {
        case .entered(let state):
            // What the run before has done is only known until the next one begins.
            if let run = job.lastRun { journal.add(run.checkpointRecords) }
            let cause = JobTransition.cause(of: state, status)
            journal.add(JobTransition(runID: status.run, state: state, time: time, cause: cause), status)
            if state == .failed, let failure = status.failure {
                journal.add(message(.error, "the job failed: \(failure.message)", time, failure.domain))
            }
            if state == .stopped, let failure = status.failure {
                let text = "the job failed while it stopped: \(failure.message)"
                journal.add(message(.warn, text, time, failure.domain))
            }
            if state.isTerminal { outlets.finish() }
        case .restarting(let failure, let failures, let delay):
            let bound = allowedRestarts < 0 ? "" : " of \(allowedRestarts)"
            let text =
                "the job failed and begins again from the last checkpoint in \(delay / 1_000_000) ms "
                + "(restart \(failures)\(bound)): \(failure.message)"
            journal.add(message(.warn, text, time, failure.domain))
        case .abandoned(let run):
            let text = "run \(run) was given up: a call that reads or writes does not return"
            journal.add(message(.warn, text, time, .external))
        }
    }

    private func message(
        _ level: JobMessage.Level, _ text: String, _ time: Int64, _ domain: OperationalError.Domain
    ) -> JobMessage {
        JobMessage(id: "", createdAt: time, level: level, message: text, domain: domain)
    }
}
