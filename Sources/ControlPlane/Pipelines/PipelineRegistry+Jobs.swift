import Codecs
import Engine
import GRDB

extension PipelineRegistry {
    public func jobs(pipelineID: String?, _ page: PageRequest) async throws -> Page<JobInfo> {
        if let pipelineID { _ = try await stored(pipelineID) }
        try checkOpen()
        try PipelineChangeRules.check(page)
        let found = try await pool.read { try PipelineStore.jobs(pipelineID: pipelineID, page, $0) }
        return Page(
            found.items.map { $0.job.info(stop: $0.stop, live($0.job.pipelineID)?.movedStatus) }, hasMore: found.hasMore
        )
    }

    /// The changes of a job's state that are kept, oldest first. Errors: there is no such job.
    public func transitions(pipelineID: String, jobID: String) async throws -> [JobTransition] {
        _ = try await stored(pipelineID, job: jobID)
        await live(pipelineID)?.journal.flush()
        return try await pool.read { try JobStore.transitions(jobID, $0) }
    }

    // MARK: Checkpoints

    public func checkpoints(
        pipelineID: String, jobID: String, _ page: PageRequest
    ) async throws -> Page<CheckpointInfo> {
        let stored = try await stored(pipelineID, job: jobID)
        try PipelineChangeRules.check(page)
        let backend = "columnar+\(settings.checkpointCodec.rawValue)"
        // There are never more than a hundred.
        let found = try await Page(of: records(stored), page, "checkpoint of epoch") { String($0.epoch) }
        return Page(found.items.map { CheckpointInfo($0, backend: backend) }, hasMore: found.hasMore)
    }

    /// Newest first: what is stored, and what is under way.
    private func records(_ stored: StoredPipeline, epoch: Int? = nil) async throws -> [CheckpointRecord] {
        let job = live(stored.id)
        let current = (job?.supervisor.lastRun?.checkpointRecords ?? []).filter { epoch == nil || $0.epoch == epoch }
        job?.journal.add(current)
        await job?.journal.flush()
        var records = try await pool.read { try JobStore.checkpoints(stored.job.id, epoch: epoch, $0) }
        if let last = current.last, last.outcome == .inProgress {
            records.removeAll { $0.epoch == last.epoch }
            records.insert(last, at: 0)
        }
        return records
    }

    public func operatorCheckpoints(
        pipelineID: String, jobID: String, epoch: Int
    ) async throws -> [OperatorCheckpointInfo] {
        let stored = try await stored(pipelineID, job: jobID)
        guard let record = try await records(stored, epoch: epoch).first else {
            throw ControlError(.notFound, "Checkpoint with epoch \(epoch) for job '\(jobID)' not found")
        }
        return OperatorCheckpointInfo.groups(record)
    }

    // MARK: Messages

    public func messages(pipelineID: String, jobID: String, _ page: PageRequest) async throws -> Page<JobMessage> {
        _ = try await stored(pipelineID, job: jobID)
        try PipelineChangeRules.check(page)
        await live(pipelineID)?.journal.flush()
        return try await pool.read { try JobStore.messages(jobID, page, $0) }
    }

    /// How many messages of a job are kept no more.
    public func droppedMessageCount(pipelineID: String, jobID: String) async throws -> Int {
        _ = try await stored(pipelineID, job: jobID)
        await live(pipelineID)?.journal.flush()
        return try await pool.read { try JobStore.droppedMessages(jobID, $0) }
    }

    // MARK: What a run gives out

    public func metrics(pipelineID: String, jobID: String) async throws -> [NodeMetrics] {
        _ = try await stored(pipelineID, job: jobID)
        return live(pipelineID)?.outlets.metrics() ?? []
    }

    public func output(
        pipelineID: String, jobID: String, nodeID: Int?, lastEventID: Int?
    ) async throws -> any OutputReader {
        _ = try await stored(pipelineID, job: jobID)
        guard let job = live(pipelineID) else {
            throw ControlError(.conflict, "the job has not run since the server was started: it has no output")
        }
        return try job.outlets.reader(nodeID: nodeID, lastEventID: lastEventID)
    }

    public func diagnosis(pipelineID: String, jobID: String) async throws -> StallReport? {
        _ = try await stored(pipelineID, job: jobID)
        return live(pipelineID)?.supervisor.currentRun.map { StallReport($0.snapshot()) }
    }

    public func metricsText() async -> String {
        let jobs = allLive.sorted { $0.pipelineID < $1.pipelineID }
        var counts: [JobState: Int] = [:]
        let stored = (try? await pool.read { try JobStore.states($0) }) ?? []
        for (pipelineID, state) in stored { counts[live(pipelineID)?.status.state ?? state, default: 0] += 1 }
        var text = MetricsText.render(jobs.compactMap { $0.metrics() })
        text += "# HELP laminar_jobs Jobs by state.\n# TYPE laminar_jobs gauge\n"
        for state in JobState.allCases { text += "laminar_jobs{state=\"\(state.rawValue)\"} \(counts[state] ?? 0)\n" }
        return text
    }
}
