import Dataflow
import Engine
import GRDB
import HostSystem
import Synchronization

/// The pipelines of a server: stored in the database, run by a supervisor each.
///
/// What is wanted is written first; when the transaction has been committed, and before the next one begins, the
/// supervisor is told. So what is wanted reaches a job in the order in which it was stored, and a server that dies at
/// any moment finds in its database what it has to bring about.
public final class PipelineRegistry: PipelineService {
    let site: LiveJob.Site
    let planner: QueryPlanner
    let engine: EngineConfiguration
    let files: any FileSystem
    private let jobs: LiveJobs
    let state = Mutex(State())

    struct State {
        var isClosed = false
        /// Queries of `run(query:limit:)` under way.
        var queryCount = 0
    }

    /// Pipelines over a database that no other process uses, on an engine of this process. `tables`: those that users
    /// have stored. `log` is told what concerns the server and no one job. Nothing runs before `resume()`.
    public init(
        database: MetadataDatabase, connectors: ConnectorCatalog, tables: (any StoredTableSource)? = nil,
        engine: EngineConfiguration, settings: ControlSettings, host: JobSupervisor.Host = JobSupervisor.Host(),
        files: any FileSystem = PosixFileSystem(), log: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        let jobs = LiveJobs()
        let (codec, compacts) = (settings.checkpointCodec, settings.compactsCheckpoints)
        let backend = EmbeddedBackend(makeEngine: { try Engine(configuration: engine, connectors: connectors) }) {
            order in
            order.stateDirectory.map { directory in
                var options = CheckpointOptions(
                    directory: directory, fileSystem: files, intervalMillis: order.checkpointIntervalMillis,
                    codec: codec
                ) { message in jobs.warn(jobID: order.jobID, message, clock: host.wallClock) }
                options.compacts = compacts
                return options
            }
        }
        self.jobs = jobs
        self.engine = engine
        self.files = files
        site = LiveJob.Site(
            database: database, backend: backend, settings: settings, host: host,
            trouble: JournalTrouble(host.timers, log))
        planner = QueryPlanner(connectors: connectors, tables: tables, options: settings.compiler)
    }

    var pool: DatabasePool { site.database.pool }
    var settings: ControlSettings { site.settings }
    public var limits: [ControlLimit] { settings.limits }

    // MARK: Jobs in this process

    func live(_ pipelineID: String) -> LiveJob? { jobs[pipelineID] }
    var allLive: [LiveJob] { jobs.all }

    /// The state of a pipeline's job.
    func jobState(_ stored: StoredPipeline) -> JobState { live(stored.id)?.status.state ?? stored.job.state }

    /// Whether its job rests, and nothing that is wanted of it is still to be looked at.
    func isSettled(_ stored: StoredPipeline) -> Bool {
        live(stored.id)?.isSettled(at: stored.desire) ?? stored.job.state.isTerminal
    }

    func info(_ stored: StoredPipeline) -> PipelineInfo { stored.info(state: jobState(stored)) }

    /// Lets a stored pipeline's job begin, whatever it did before, or go on with what the server before has left.
    func begin(_ stored: StoredPipeline, goesOn: Bool = false) {
        let job = jobs.make(stored.id) {
            LiveJob(stored, state: .created, desire: stored.desire, goesOn: goesOn, site, planner)
        }
        job.supervisor.want(stored.desire)
    }

    /// Brings about what has just been committed. Called in the order of the transactions.
    func carryOut(_ before: StoredPipeline, _ outcome: PipelineChangeRules.Outcome) {
        let after = outcome.stored
        if outcome.dropsState { forget(before.id) }
        if outcome.begins { return begin(after) }
        if before.desire != after.desire { live(after.id)?.supervisor.want(after.desire) }
    }

    /// Lets go of a job that rests.
    func forget(_ pipelineID: String) { jobs.remove(pipelineID)?.journal.close() }

    /// Something a job has to tell, e.g. a bad record. Of no effect for a job that has not run in this process. Cheap;
    /// may be called from any thread.
    public func note(jobID: String, _ message: JobMessage) { jobs.note(jobID: jobID, message) }

    // MARK: Asking

    /// Errors: `ControlError(.unavailable)` once the server is shutting down.
    func checkOpen() throws(ControlError) {
        if state.withLock({ $0.isClosed }) { throw ControlError(.unavailable, "the server is shutting down") }
    }

    /// Errors: `ControlError` when there is no such pipeline.
    func stored(_ id: String) async throws -> StoredPipeline {
        try checkOpen()
        return try await pool.read { try PipelineStore.get(id, $0) }
    }

    /// Errors: `ControlError` when there is no such pipeline, or the job is not its.
    func stored(_ pipelineID: String, job jobID: String) async throws -> StoredPipeline {
        let stored = try await stored(pipelineID)
        if stored.job.id != jobID { throw ControlError.notFound("Job", jobID) }
        return stored
    }

    public func pipelines(_ page: PageRequest, includesPreviews: Bool) async throws -> Page<PipelineInfo> {
        try checkOpen()
        try PipelineChangeRules.check(page)
        let found = try await pool.read { try PipelineStore.page(page, previews: includesPreviews, $0) }
        return Page(found.items.map(info), hasMore: found.hasMore)
    }

    public func pipeline(id: String) async throws -> PipelineInfo { info(try await stored(id)) }
}

/// The jobs that something has been wanted of in this process, by pipeline.
final class LiveJobs: Sendable {
    private struct State {
        var byPipeline: [String: LiveJob] = [:]
        var byJob: [String: LiveJob] = [:]
    }

    private let state = Mutex(State())

    subscript(pipelineID: String) -> LiveJob? { state.withLock { $0.byPipeline[pipelineID] } }
    var all: [LiveJob] { state.withLock { Array($0.byPipeline.values) } }

    /// The job of a pipeline, made if it is missing.
    func make(_ pipelineID: String, _ make: () -> LiveJob) -> LiveJob {
        state.withLock { state in
            if let known = state.byPipeline[pipelineID] { return known }
            let job = make()
            state.byPipeline[pipelineID] = job
            state.byJob[job.jobID] = job
            return job
        }
    }

    func remove(_ pipelineID: String) -> LiveJob? {
        state.withLock { state in
            let job = state.byPipeline.removeValue(forKey: pipelineID)
            if let job { state.byJob[job.jobID] = nil }
            return job
        }
    }

    func note(jobID: String, _ message: JobMessage) {
        state.withLock { $0.byJob[jobID] }?.journal.add(message)
    }

    /// Something went wrong that does not end the job.
    func warn(jobID: String, _ text: String, clock: any WallClock) {
        let time = clock.nowNanoseconds() / 1000
        note(jobID: jobID, JobMessage(id: "", createdAt: time, level: .warn, message: text, domain: .external))
    }
}
