import GRDB
import HostSystem
import JSONModel
import Planner
import SQLSyntax

/// A pipeline as the database has it, with its job.
struct StoredPipeline: Sendable {
    var id: String
    var name: String
    var query: String
    var parallelism: Int
    var checkpointIntervalMicros: Int64
    /// What is wanted.
    var stop: JobStopMode
    /// Another number asks for a restart.
    var restartNonce: Int
    var forcesRestart: Bool
    var isPreview: Bool
    var enablesSinks: Bool
    var ttlMicros: Int64?
    var createdAt: Int64
    /// JSON, see `StoredJSON`.
    var tags: String
    var graph: String
    var diagnostics: String
    var definitions: String
    /// Another number asks for going on with another query.
    var queryVersion = 1
    /// The query whose state there is; nil: it is `query`.
    var previousQuery: String?
    /// What was asked for outside to plan that one.
    var previousDefinitions = "[]"
    var job: StoredJob

    /// What is wanted of the job.
    var desire: JobDesire {
        JobDesire(
            stop: stop, parallelism: parallelism,
            checkpointIntervalMillis: isPreview ? nil : Int(checkpointIntervalMicros / 1000),
            restartNonce: restartNonce, forcesRestart: forcesRestart, queryVersion: queryVersion)
    }

    /// Takes on what a plan shows.
    mutating func show(_ planned: PlannedQuery) {
        graph = StoredJSON.text(GraphInfo(planned.graph))
        diagnostics = StoredJSON.text(planned.warnings)
        definitions = StoredJSON.text(planned.definitions)
    }

    /// What was asked for outside when a query was planned: it holds as long as the query does.
    func knownDefinitions(of query: String) -> OutsideDefinitions {
        if query == self.query { return StoredJSON.definitions(definitions) }
        return query == previousQuery ? StoredJSON.definitions(previousDefinitions) : OutsideDefinitions()
    }

    var sinks: SinkTreatment { isPreview ? (enablesSinks ? .both : .previewed) : .kept }
}

/// A job as the database has it: what it was doing when that was last written.
struct StoredJob: Sendable {
    var id: String
    var pipelineID: String
    var runID: Int
    var state: JobState
    var createdAt: Int64
    var startTime: Int64?
    var finishTime: Int64?
    var taskCount: Int?
    var failureMessage: String?
    var failureDomain: OperationalError.Domain?
    /// The number of its state's folder.
    var stateFolder: Int
    /// Graphs of earlier queries whose state the folder may hold, newest last.
    var acceptedGraphs: [UInt64] = []
}

extension StoredPipeline {
    static let columns = """
        p.id, p.name, p.query, p.parallelism, p.checkpoint_interval_micros, p.stop, p.restart_nonce,
        p.forces_restart, p.is_preview, p.enables_sinks, p.ttl_micros, p.created_at, p.tags, p.graph, p.diagnostics,
        p.definitions, p.query_version, p.previous_query, p.previous_definitions,
        \(StoredJob.columns)
        """

    init(_ row: Row) {
        id = row["id"]
        name = row["name"]
        query = row["query"]
        parallelism = row["parallelism"]
        checkpointIntervalMicros = row["checkpoint_interval_micros"]
        stop = JobStopMode(rawValue: row["stop"]) ?? .checkpoint
        restartNonce = row["restart_nonce"]
        forcesRestart = row["forces_restart"]
        isPreview = row["is_preview"]
        enablesSinks = row["enables_sinks"]
        ttlMicros = row["ttl_micros"]
        createdAt = row["created_at"]
        tags = row["tags"]
        graph = row["graph"]
        diagnostics = row["diagnostics"]
        definitions = row["definitions"]
        queryVersion = row["query_version"]
        previousQuery = row["previous_query"]
        previousDefinitions = row["previous_definitions"]
        job = StoredJob(row)
    }

    /// What users see of it, its job in the state given. Cost: reads the JSON of the graph.
    func info(state: JobState) -> PipelineInfo {
        PipelineInfo(
            id: id, name: name, query: query, parallelism: parallelism,
            checkpointIntervalMicros: checkpointIntervalMicros, stop: stop, createdAt: createdAt, isPreview: isPreview,
            ttlMicros: ttlMicros, tags: StoredJSON.tags(tags), graph: StoredJSON.graph(graph),
            warnings: StoredJSON.diagnostics(diagnostics), jobID: job.id, state: state)
    }
}

extension StoredJob {
    static let columns = """
        j.id AS job_id, j.pipeline_id, j.run_id, j.state, j.created_at AS job_created_at, j.start_time, j.finish_time,
        j.tasks, j.failure_message, j.failure_domain, j.state_folder, j.accepted_graphs
        """

    init(_ row: Row) {
        id = row["job_id"]
        pipelineID = row["pipeline_id"]
        runID = row["run_id"]
        state = JobState(rawValue: row["state"]) ?? .failed
        createdAt = row["job_created_at"]
        startTime = row["start_time"]
        finishTime = row["finish_time"]
        taskCount = row["tasks"]
        failureMessage = row["failure_message"]
        failureDomain = (row["failure_domain"] as String?).flatMap(OperationalError.Domain.init)
        stateFolder = row["state_folder"]
        let graphs: String = row["accepted_graphs"]
        acceptedGraphs = graphs.split(separator: " ").compactMap { UInt64($0, radix: 16) }
    }

    /// What users see of it; `status` is what it is doing in this process, nil when it has done nothing yet.
    func info(stop: JobStopMode, _ status: JobStatus?) -> JobInfo {
        var info = JobInfo(
            id: id, pipelineID: pipelineID, runID: runID, state: state, isRunningDesired: stop == .none,
            createdAt: createdAt, startTime: startTime, finishTime: finishTime, tasks: taskCount,
            failureMessage: failureMessage, failureDomain: failureDomain)
        guard let status else { return info }
        info.runID = status.run
        info.state = status.state
        info.startTime = status.startTime.map { $0 / 1000 }
        info.finishTime = status.finishTime.map { $0 / 1000 }
        info.tasks = status.taskCount ?? taskCount
        info.failureMessage = status.failure?.message
        info.failureDomain = status.failure?.domain
        return info
    }
}
