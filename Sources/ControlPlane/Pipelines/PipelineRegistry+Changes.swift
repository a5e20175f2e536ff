import Engine
import GRDB
import HostSystem
import Planner
import SQLSyntax

extension PipelineRegistry {
    // MARK: Making

    public func createPipeline(_ draft: PipelineDraft) async throws -> PipelineInfo {
        try checkOpen()
        try PipelineChangeRules.check(name: draft.name)
        try PipelineChangeRules.check(query: draft.query)
        try PipelineChangeRules.check(parallelism: draft.parallelism)
        let interval = draft.checkpointIntervalMicros ?? settings.defaultCheckpointIntervalMicros
        try PipelineChangeRules.check(checkpointIntervalMicros: interval)
        if let ttl = draft.ttlMicros, ttl < 1 {
            throw ControlError(.invalid, "field 'ttl_micros' takes 1 or more, found \(ttl)")
        }
        let stored = try await plan(draft, interval: interval)
        try await insert(stored.pipeline, usedTables: stored.usedTables, starts: draft.starts || draft.isPreview)
        return info(stored.pipeline)
    }

    private func plan(
        _ draft: PipelineDraft, interval: Int64
    ) async throws -> (pipeline: StoredPipeline, usedTables: [String]) {
        let treatment: SinkTreatment = draft.isPreview ? (draft.enablesSinks ? .both : .previewed) : .kept
        let parallelism = draft.isPreview ? 1 : draft.parallelism
        let planned = try await planner.planAsking(draft.query, parallelism: parallelism, sinks: treatment)
        try await prepareSinks(planned, draft.query)
        let (clock, now) = (site.host.wallClock, site.now())
        var random = site.host.random
        let id = ResourceID.make(ResourceID.pipeline, clock, &random)
        let starts = draft.starts || draft.isPreview
        let job = StoredJob(
            id: ResourceID.make(ResourceID.job, clock, &random), pipelineID: id, runID: 0,
            state: starts ? .created : .stopped, createdAt: now, taskCount: planned.taskCount, stateFolder: 1)
        let stored = StoredPipeline(
            id: id, name: draft.name, query: draft.query, parallelism: parallelism, checkpointIntervalMicros: interval,
            stop: starts ? .none : .checkpoint, restartNonce: 0, forcesRestart: false, isPreview: draft.isPreview,
            enablesSinks: draft.enablesSinks, ttlMicros: draft.ttlMicros, createdAt: now,
            tags: StoredJSON.text(draft.tags), graph: StoredJSON.text(GraphInfo(planned.graph)),
            diagnostics: StoredJSON.text(planned.warnings), definitions: StoredJSON.text(planned.definitions), job: job)
        return (stored, planned.usedTables)
    }

    /// Errors: `ControlError` with what is refused, or that nobody can be asked.
    private func prepareSinks(_ planned: PlannedQuery, _ query: String, isTrial: Bool = false) async throws {
        let problems = try await planner.prepareSinks(planned.graph, isTrial: isTrial)
        if !problems.isEmpty { throw QueryPlanner.refusal(problems, of: query) }
    }

    private func insert(_ stored: StoredPipeline, usedTables: [String], starts: Bool) async throws {
        let settings = settings
        try await write { database in
            if stored.isPreview { try self.checkRoomForPreview() }
            let count = try PipelineStore.count(database)
            if count >= settings.pipelineCountMax {
                throw ControlError(.tooMany, "there are \(count) pipelines already: delete some")
            }
            try PipelineStore.insert(stored, usedTables: usedTables, database)
            if starts { database.afterNextTransaction { _ in self.begin(stored) } }
        }
        // The one that has come now makes others go; it does not wait for that.
        if stored.isPreview { Task.detached { await self.removeEndedPreviews() } }
    }

    /// To be called within the transaction: jobs begin between two of them, so that no other preview can come in
    /// between. Errors: `ControlError(.tooMany)`.
    private func checkRoomForPreview() throws(ControlError) {
        var (running, ended) = (0, 0)
        for job in allLive where job.isPreview {
            if job.status.state.isTerminal { ended += 1 } else { running += 1 }
        }
        if running >= settings.previewCountMax {
            throw ControlError(.tooMany, "\(running) previews run already")
        }
        // They are being removed; whoever makes them faster than that has to wait for it.
        if ended >= 2 * settings.endedPreviewCountMax + settings.previewCountMax {
            throw ControlError(.tooMany, "\(ended) previews that have ended are still to be removed")
        }
    }

    /// One transaction. Errors: also `ControlError(.conflict)` when a table that is used has just been deleted.
    private func write<Value: Sendable>(
        _ updates: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        do {
            return try await pool.write { database in
                // The server may have begun to shut down since the caller looked.
                try self.checkOpen()
                return try updates(database)
            }
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_FOREIGNKEY {
            throw ControlError(.conflict, "a table that the query uses has been deleted at the same time")
        }
    }

    // MARK: Changing

    public func changePipeline(id: String, _ change: PipelineChange) async throws -> PipelineInfo {
        // Its number of runs is written behind its back.
        await live(id)?.journal.flush()
        let before = try await stored(id)
        try PipelineChangeRules.check(change)
        // Refused before anything is planned, so that the reason told is the one that counts.
        _ = try PipelineChangeRules.apply(
            change, to: before, state: jobState(before), isSettled: isSettled(before))
        let query = change.query ?? before.query
        let parallelism = change.parallelism ?? before.parallelism
        let isReplanned = query != before.query || parallelism != before.parallelism
        let planned =
            isReplanned
            ? try await planner.planAsking(
                query, parallelism: parallelism, sinks: before.sinks, before.knownDefinitions(of: query)) : nil
        let queryChange = try await comparison(before, change, query == before.query ? nil : planned)
        if let planned, query != before.query {
            try await prepareSinks(planned, query, isTrial: change.isDryRun)
        }
        if change.isDryRun {
            var shown = try PipelineChangeRules.apply(
                change, to: before, state: jobState(before), isSettled: isSettled(before)
            ).stored
            if let planned { shown.show(planned) }
            return info(shown, queryChange)
        }
        await live(id)?.journal.flush()
        let stored = try await write { database in
            let current = try PipelineStore.get(id, database)
            if planned != nil && (current.query != before.query || current.parallelism != before.parallelism) {
                throw ControlError(.conflict, "the pipeline is being changed by somebody else at the same time")
            }
            var outcome = try PipelineChangeRules.apply(
                change, to: current, state: self.jobState(current), isSettled: self.isSettled(current))
            if let planned {
                if query != before.query, let queryChange, outcome.changesFrom != queryChange.base {
                    throw ControlError(.conflict, "the job has come to another state at the same time: try again")
                }
                outcome.stored.show(planned)
                // What the query before reads and writes must not go before its change.
                let former = outcome.stored.previousQuery == nil ? [] : queryChange?.formerTables ?? []
                if query != before.query {
                    try PipelineStore.setTables(Set(planned.usedTables + former).sorted(), of: id, database)
                }
            }
            try self.store(current, &outcome, database)
            return outcome.stored
        }
        if stored.job.stateFolder != before.job.stateFolder { await removeFolders([folder(of: before)]) }
        return info(stored, queryChange)
    }

    private func info(_ stored: StoredPipeline, _ comparison: QueryComparison?) -> PipelineInfo {
        var info = info(stored)
        info.queryChange = comparison?.info
        return info
    }

    /// What a change of the query makes of the state there is; nil when the query stays, which has no new plan, or
    /// nothing is gone on from. Errors: `ControlError(.conflict)` for what it would destroy.
    private func comparison(
        _ before: StoredPipeline, _ change: PipelineChange, _ planned: PlannedQuery?
    ) async throws -> QueryComparison? {
        guard let planned else { return nil }
        let outcome = try PipelineChangeRules.apply(
            change, to: before, state: jobState(before), isSettled: isSettled(before))
        let base = outcome.changesFrom
        let old: PlannedQuery
        do {
            let former = base ?? before.query
            old = try await planner.planAsking(
                former, parallelism: outcome.stored.parallelism, sinks: before.sinks,
                before.knownDefinitions(of: former))
        } catch let error as ControlError {
            // Nothing is gone on from that had to be understood.
            if base == nil { return nil }
            throw ControlError(
                .conflict,
                "the query before, whose state is to be gone on from, cannot be planned any more: make another "
                    + "pipeline (\(error))")
        }
        let without =
            base != nil ? nil : outcome.dropsState ? "the job has finished: it begins from the first row" : ""
        let report = EvolutionReport(from: old.graph, to: planned.graph, planner.connectors, stateless: without)
        if base != nil {
            try QueryChangeRules.check(report, from: old.graph, to: planned.graph, planner.connectors)
        }
        return QueryComparison(
            base: base, formerTables: old.usedTables,
            info: QueryChangeInfo(report, from: GraphInfo(old.graph), to: GraphInfo(planned.graph)))
    }

    /// A query beside the one whose state there is.
    private struct QueryComparison: Sendable {
        /// The query whose state is gone on from; nil: none is.
        var base: String?
        /// The stored tables it uses.
        var formerTables: [String]
        var info: QueryChangeInfo
    }

    /// Writes an outcome; behind the transaction it is carried out.
    private func store(
        _ before: StoredPipeline, _ outcome: inout PipelineChangeRules.Outcome, _ database: Database
    ) throws {
        if outcome.dropsState {
            try PipelineStore.noteFolder(folder(of: before), database)
            try JobStore.removeCheckpoints(before.job.id, database)
            outcome.stored.job.stateFolder += 1
        }
        // Whoever finds it after a crash lets it begin.
        if outcome.begins { try JobStore.setState(before.job.id, .created, finishTime: nil, database) }
        try PipelineStore.update(outcome.stored, database)
        let outcome = outcome
        database.afterNextTransaction { _ in self.carryOut(before, outcome) }
    }

    /// Where the job of a pipeline keeps its state.
    private func folder(of stored: StoredPipeline) -> String {
        settings.stateFolder(pipelineID: stored.id, jobID: stored.job.id, number: stored.job.stateFolder)
    }

    public func restartPipeline(id: String, force: Bool) async throws -> PipelineInfo {
        try checkOpen()
        // What the job has come to must not be written over what is wanted now.
        await live(id)?.journal.flush()
        let stored = try await write { database in
            let current = try PipelineStore.get(id, database)
            var outcome = try PipelineChangeRules.restart(
                current, force: force, isSettled: self.isSettled(current))
            try self.store(current, &outcome, database)
            return outcome.stored
        }
        return info(stored)
    }

    // MARK: Removing

    public func deletePipeline(id: String) async throws {
        try checkOpen()
        let folder = "\(settings.stateRoot)/\(id)"
        try await write { database in
            let current = try PipelineStore.get(id, database)
            if !self.isSettled(current) {
                throw ControlError(.conflict, "the pipeline runs (\(self.jobState(current).rawValue)): stop it first")
            }
            try PipelineStore.delete(current, folder: folder, database)
            database.afterNextTransaction { _ in self.forget(id) }
        }
        await removeFolders([folder])
    }

    /// Deletes previews that have ended, the oldest first, until no more are left than may be.
    func removeEndedPreviews() async {
        let ended = allLive.filter { $0.isPreview && $0.status.state.isTerminal }
        if ended.count <= settings.endedPreviewCountMax { return }
        let byAge = ended.sorted {
            ($0.status.finishTime ?? 0, $0.pipelineID) < ($1.status.finishTime ?? 0, $1.pipelineID)
        }
        for job in byAge.dropLast(settings.endedPreviewCountMax) { try? await deletePipeline(id: job.pipelineID) }
    }

    /// Removes folders that no job needs any more and that are noted as such; nil: all that are noted. What cannot be
    /// removed is tried again at the next start.
    func removeFolders(_ wanted: [String]? = nil) async {
        var folders = wanted ?? []
        if wanted == nil { folders = (try? await pool.read(PipelineStore.foldersToRemove)) ?? [] }
        for folder in folders {
            // Folders may hold much: requests do not wait for them.
            let isGone = await Task.detached(executorPreference: planner.jobThread) { self.removeAll(folder) }.value
            if isGone { try? await pool.write { try PipelineStore.forgetFolder(folder, $0) } }
        }
    }

    /// Removes a folder with all that is in it; true when nothing is left.
    private func removeAll(_ path: String) -> Bool {
        do throws(FileError) {
            guard let status = try files.status(path) else { return true }
            if status.kind == .directory {
                for name in try files.list(path) where !removeAll("\(path)/\(name)") { return false }
            }
            try files.remove(path)
            return true
        } catch {
            return false
        }
    }
}
