import Columnar
import Engine
import JSONModel
import Planner

/// Everything that can be asked of pipelines and their jobs. Errors are `ControlError`s for what the caller can mend;
/// all others are faults of the server. Calls may read and write files.
public protocol PipelineService: Sendable {
    /// Plans a text and runs nothing.
    func validate(query: String) async throws -> QueryValidation
    /// Plans, stores and, unless it is not to start, begins.
    func createPipeline(_ draft: PipelineDraft) async throws -> PipelineInfo
    /// Errors: an unknown cursor.
    func pipelines(_ page: PageRequest, includesPreviews: Bool) async throws -> Page<PipelineInfo>
    func pipeline(id: String) async throws -> PipelineInfo
    func changePipeline(id: String, _ change: PipelineChange) async throws -> PipelineInfo
    /// Errors: its job runs.
    func deletePipeline(id: String) async throws
    func restartPipeline(id: String, force: Bool) async throws -> PipelineInfo

    /// All jobs, or those of a pipeline; newest first, previews left out when it is all. Errors: an unknown cursor.
    func jobs(pipelineID: String?, _ page: PageRequest) async throws -> Page<JobInfo>
    /// Newest first; the cursor is an epoch.
    func checkpoints(pipelineID: String, jobID: String, _ page: PageRequest) async throws -> Page<CheckpointInfo>
    func operatorCheckpoints(pipelineID: String, jobID: String, epoch: Int) async throws -> [OperatorCheckpointInfo]
    /// Newest first.
    func messages(pipelineID: String, jobID: String, _ page: PageRequest) async throws -> Page<JobMessage>
    /// None when the job has rested for five minutes, or not run since the server was started.
    func metrics(pipelineID: String, jobID: String) async throws -> [NodeMetrics]
    /// A new reader of the preview sinks, or of the rows that leave a node of a running pipeline. With the id of the
    /// last event seen it goes on behind that, as far as the buffer reaches back. Errors: no preview sink, no such
    /// node, too many readers.
    func output(
        pipelineID: String, jobID: String, nodeID: Int?, lastEventID: Int?
    ) async throws -> any OutputReader
    /// How many messages of a job are kept no more.
    func droppedMessageCount(pipelineID: String, jobID: String) async throws -> Int
    /// The changes of a job's state that are kept, oldest first.
    func transitions(pipelineID: String, jobID: String) async throws -> [JobTransition]
    /// Why nothing comes out; nil when the job does not run.
    func diagnosis(pipelineID: String, jobID: String) async throws -> StallReport?

    /// Runs a bounded query to its end, or until it has given `limit` rows, and gives them. Errors: the query does not
    /// end by itself, it is wrong, or it failed.
    func run(query: String, limit: Int) async throws -> (schema: Schema, batches: [RecordBatch])
    /// All metrics of all jobs as Prometheus reads them.
    func metricsText() async -> String
    /// Every bound that holds here, in the order of the documentation.
    var limits: [ControlLimit] { get }
}

/// Everything that can be asked of connectors, profiles and tables. Errors as for `PipelineService`.
public protocol ConnectionService: Sendable {
    /// By name.
    func connectors() -> [ConnectorInfo]

    /// Newest first. Errors: an unknown cursor.
    func profiles(_ page: PageRequest) async throws -> Page<ProfileInfo>
    func profile(id: String) async throws -> ProfileInfo
    func createProfile(_ draft: ProfileDraft) async throws -> ProfileInfo
    /// Errors: tables use it.
    func deleteProfile(id: String) async throws
    func test(_ draft: ProfileDraft) async throws -> ConnectionTestStep
    /// By field of a table's config, e.g. `topic`, what could be chosen.
    func autocomplete(profileID: String) async throws -> [String: [String]]

    func tables(_ page: PageRequest) async throws -> Page<TableInfo>
    func table(id: String) async throws -> TableInfo
    func createTable(_ draft: TableDraft) async throws -> TableInfo
    /// Errors: pipelines use it.
    func deleteTable(id: String) async throws
    /// The steps in order; what is wrong with the draft itself is thrown at once.
    func test(_ draft: TableDraft) async throws -> AsyncStream<ConnectionTestStep>
    /// Throws what is wrong with a schema.
    func test(schema: JSONValue) async throws
}

/// Where the planner finds the tables that users have stored.
public protocol StoredTableSource: Sendable {
    /// The tables and profiles of this moment; their secrets are opened only when a text uses them, `{{ NAME }}` is not
    /// yet replaced. Reads the database.
    func storedObjects() throws -> any StoredObjects
}
