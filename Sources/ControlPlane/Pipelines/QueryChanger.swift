import Dataflow
import Engine
import GRDB
import HostSystem

/// Plans what a job is to run, and carries its change to another query through the database.
///
/// While `StoredPipeline.previousQuery` is there, the state in the folder is that query's. It goes away in the
/// transaction that comes before the first run of the other one, so that a server that dies at any moment finds either.
struct QueryChanger: Sendable {
    /// Earlier graphs whose state a folder may hold: as many as changes may follow one another without a checkpoint.
    private static let acceptedCountMax = 16
    /// How often somebody else may change the pipeline while it is being planned.
    private static let attemptCountMax = 8

    let planner: QueryPlanner
    let database: MetadataDatabase
    let pipelineID: String
    /// Takes what the user is to know.
    let note: @Sendable (JobMessage.Level, String) -> Void

    private var pool: DatabasePool { database.pool }

    /// The plan for a step of the job; waits for the database. Errors: `ControlError`, those of the database.
    func plan(_ order: JobPlan.Order) throws -> JobPlan {
        for _ in 0..<Self.attemptCountMax {
            if let plan = try attempt(order) { return plan }
        }
        throw OperationalError(
            "the pipeline is being changed all the time", domain: .external, isRetryable: true)
    }

    /// Nil when the pipeline was changed meanwhile.
    private func attempt(_ order: JobPlan.Order) throws -> JobPlan? {
        let stored = try pool.read { try PipelineStore.get(pipelineID, $0) }
        guard let previous = stored.previousQuery else { return try same(stored, stored.query, order) }
        switch order.step {
        case .same: return try same(stored, previous, order)
        case .change(_, let isSettled): return try change(stored, from: previous, order, isSettled: isSettled)
        case .keep(let version):
            // Whoever has wanted yet another one since is heard next.
            if version != stored.queryVersion { return try same(stored, previous, order) }
            return try keep(stored, previous, order)
        }
    }

    private func planned(_ stored: StoredPipeline, _ query: String, _ order: JobPlan.Order) throws -> PlannedQuery {
        try planner.plan(
            query, parallelism: stored.isPreview ? 1 : order.parallelism, sinks: stored.sinks,
            stored.knownDefinitions(of: query))
    }

    private func same(_ stored: StoredPipeline, _ query: String, _ order: JobPlan.Order) throws -> JobPlan {
        JobPlan(
            graph: try planned(stored, query, order).graph, acceptedGraphs: Set(stored.job.acceptedGraphs))
    }

    private func change(
        _ stored: StoredPipeline, from previous: String, _ order: JobPlan.Order, isSettled: Bool
    ) throws -> JobPlan? {
        let new = try planned(stored, stored.query, order)
        let old: PlannedQuery
        do {
            old = try planned(stored, previous, order)
        } catch let error as ControlError {
            throw ControlError(
                .invalid, "the query before, whose state is to be gone on from, cannot be planned any more: \(error)")
        }
        let report = EvolutionReport(from: old.graph, to: new.graph, planner.connectors)
        if !isSettled && QueryChangeRules.leavesUnfinished(report, old.graph, planner.connectors) {
            var plan = try same(stored, previous, order)
            plan.settles = true
            return plan
        }
        var changed = stored
        changed.previousQuery = nil
        changed.job.acceptedGraphs = Self.accepted(
            stored.job.acceptedGraphs, adding: GraphFingerprint.value(old.graph, planner.connectors))
        guard try write(changed, new) else { return nil }
        note(.info, "the job goes on with another query: \(QueryChangeRules.summary(report))")
        return JobPlan(graph: new.graph, acceptedGraphs: Set(changed.job.acceptedGraphs))
    }

    private func keep(_ stored: StoredPipeline, _ previous: String, _ order: JobPlan.Order) throws -> JobPlan? {
        let old = try planned(stored, previous, order)
        var kept = stored
        kept.query = previous
        kept.definitions = stored.previousDefinitions
        kept.previousQuery = nil
        guard try write(kept, old) else { return nil }
        note(.error, "the job keeps its query: the checkpoint that the other one was to go on from has failed")
        return JobPlan(graph: old.graph, acceptedGraphs: Set(stored.job.acceptedGraphs))
    }

    static func accepted(_ known: [UInt64], adding graph: UInt64) -> [UInt64] {
        (known.filter { $0 != graph } + [graph]).suffix(acceptedCountMax)
    }

    /// Writes the query that holds from now on; false when another one has been wanted meanwhile.
    private func write(_ changed: StoredPipeline, _ planned: PlannedQuery) throws -> Bool {
        let (graph, warnings) = (StoredJSON.text(GraphInfo(planned.graph)), StoredJSON.text(planned.warnings))
        return try pool.write { database in
            var current = try PipelineStore.get(pipelineID, database)
            guard current.queryVersion == changed.queryVersion, current.previousQuery != nil else { return false }
            current.query = changed.query
            current.definitions = changed.definitions
            current.previousQuery = nil
            current.job.acceptedGraphs = changed.job.acceptedGraphs
            current.graph = graph
            current.diagnostics = warnings
            try PipelineStore.update(current, database)
            try PipelineStore.setTables(planned.usedTables, of: pipelineID, database)
            return true
        }
    }
}
