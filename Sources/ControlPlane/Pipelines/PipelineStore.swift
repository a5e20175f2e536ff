import GRDB
import HostSystem

/// The statements that read and write pipelines; each is to be run inside of a transaction of its caller.
enum PipelineStore {
    // MARK: Reading

    static func find(_ id: String, _ database: Database) throws -> StoredPipeline? {
        try Row.fetchOne(
            database,
            sql: """
                SELECT \(StoredPipeline.columns) FROM pipelines p JOIN jobs j ON j.pipeline_id = p.id WHERE p.id = ?
                """, arguments: [id]
        ).map(StoredPipeline.init)
    }

    /// Errors: `ControlError` when there is none.
    static func get(_ id: String, _ database: Database) throws -> StoredPipeline {
        guard let stored = try find(id, database) else { throw ControlError.notFound("Pipeline", id) }
        return stored
    }

    /// Those that a server which has just begun has to do something about: previews, jobs that did not rest, and jobs
    /// that rest though they are to run.
    static func unsettled(_ database: Database) throws -> [StoredPipeline] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT \(StoredPipeline.columns) FROM pipelines p JOIN jobs j ON j.pipeline_id = p.id
                WHERE p.is_preview = 1 OR j.state NOT IN ('Stopped', 'Finished', 'Failed')
                    OR (j.state = 'Stopped' AND p.stop = 'none')
                ORDER BY p.id
                """
        ).map(StoredPipeline.init)
    }

    /// One page, newest first, bounded in bytes too. Errors: `ControlError` for an unknown cursor.
    static func page(_ request: PageRequest, previews: Bool, _ database: Database) throws -> Page<StoredPipeline> {
        var condition = previews ? "is_preview IN (0, 1)" : "is_preview = 0"
        var arguments: StatementArguments = []
        if let cursor = request.startingAfter {
            let time = try Int64.fetchOne(
                database, sql: "SELECT created_at FROM pipelines WHERE id = ?", arguments: [cursor])
            guard let time else { throw ControlError(.invalid, "starting_after: there is no pipeline \(cursor)") }
            condition += " AND (created_at, id) < (?, ?)"
            arguments += [time, cursor]
        }
        arguments += [request.limit + 1]
        // The page is chosen from the index alone; only its rows are then read.
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT \(StoredPipeline.columns) FROM (
                    SELECT id FROM pipelines WHERE \(condition) ORDER BY created_at DESC, id DESC LIMIT ?
                ) page JOIN pipelines p ON p.id = page.id JOIN jobs j ON j.pipeline_id = p.id
                ORDER BY p.created_at DESC, p.id DESC
                """, arguments: arguments)
        return try Page(rows, limit: request.limit, StoredPipeline.init)
    }

    /// One page, newest first: of all but previews, or those of a pipeline. A job is as old as its pipeline, so that
    /// the same index finds the page. Errors: `ControlError` for an unknown cursor.
    static func jobs(
        pipelineID: String?, _ request: PageRequest, _ database: Database
    ) throws -> Page<(job: StoredJob, stop: JobStopMode)> {
        var condition = pipelineID == nil ? "p.is_preview = 0" : "p.id = ?"
        var arguments: StatementArguments = pipelineID.map { [$0] } ?? []
        if let cursor = request.startingAfter {
            let row = try Row.fetchOne(
                database,
                sql: """
                    SELECT p.created_at, p.id FROM jobs j JOIN pipelines p ON p.id = j.pipeline_id
                    WHERE j.id = ? AND \(condition)
                    """, arguments: [cursor] + arguments)
            guard let row else { throw ControlError(.invalid, "starting_after: there is no job \(cursor)") }
            condition += " AND (p.created_at, p.id) < (?, ?)"
            arguments += [row["created_at"] as Int64, row["id"] as String]
        }
        arguments += [request.limit + 1]
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT \(StoredJob.columns), p.stop FROM pipelines p JOIN jobs j ON j.pipeline_id = p.id
                WHERE \(condition) ORDER BY p.created_at DESC, p.id DESC LIMIT ?
                """, arguments: arguments)
        return try Page(rows, limit: request.limit) { row in
            (StoredJob(row), JobStopMode(rawValue: row["stop"]) ?? .checkpoint)
        }
    }

    /// How many there are, previews included.
    static func count(_ database: Database) throws -> Int {
        try Int.fetchOne(database, sql: "SELECT count(*) FROM pipelines") ?? 0
    }

    // MARK: Writing

    /// Adds a pipeline with its job and the tables it uses; previews do not count as users of tables.
    static func insert(_ stored: StoredPipeline, usedTables: [String], _ database: Database) throws {
        let job = stored.job
        try database.execute(
            sql: """
                INSERT INTO pipelines (id, name, query, parallelism, checkpoint_interval_micros, stop, restart_nonce,
                    forces_restart, is_preview, enables_sinks, ttl_micros, tags, graph, diagnostics, definitions,
                    created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                stored.id, stored.name, stored.query, stored.parallelism, stored.checkpointIntervalMicros,
                stored.stop.rawValue, stored.restartNonce, stored.forcesRestart, stored.isPreview, stored.enablesSinks,
                stored.ttlMicros, stored.tags, stored.graph, stored.diagnostics, stored.definitions,
                stored.createdAt,
            ])
        try database.execute(
            sql: """
                INSERT INTO jobs (id, pipeline_id, run_id, state, created_at, tasks, state_folder, messages_dropped)
                VALUES (?, ?, ?, ?, ?, ?, ?, 0)
                """,
            arguments: [
                job.id, stored.id, job.runID, job.state.rawValue, job.createdAt, job.taskCount, job.stateFolder,
            ])
        if !stored.isPreview { try setTables(usedTables, of: stored.id, database) }
    }

    /// Writes what may change of a pipeline, and its job's folder.
    static func update(_ stored: StoredPipeline, _ database: Database) throws {
        try database.execute(
            sql: """
                UPDATE pipelines SET name = ?, query = ?, parallelism = ?, checkpoint_interval_micros = ?, stop = ?,
                    restart_nonce = ?, forces_restart = ?, graph = ?, diagnostics = ?, definitions = ?,
                    query_version = ?, previous_query = ?, previous_definitions = ? WHERE id = ?
                """,
            arguments: [
                stored.name, stored.query, stored.parallelism, stored.checkpointIntervalMicros, stored.stop.rawValue,
                stored.restartNonce, stored.forcesRestart, stored.graph, stored.diagnostics, stored.definitions,
                stored.queryVersion, stored.previousQuery, stored.previousDefinitions, stored.id,
            ])
        let graphs = stored.job.acceptedGraphs.map { String($0, radix: 16) }.joined(separator: " ")
        try database.execute(
            sql: "UPDATE jobs SET state_folder = ?, accepted_graphs = ? WHERE id = ?",
            arguments: [stored.job.stateFolder, graphs, stored.job.id])
    }

    static func setTables(_ tables: [String], of id: String, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM pipeline_tables WHERE pipeline_id = ?", arguments: [id])
        for table in tables {
            try database.execute(
                sql: "INSERT INTO pipeline_tables (pipeline_id, table_id) VALUES (?, ?)", arguments: [id, table])
        }
    }

    /// Removes a pipeline with all that belongs to it, and notes the folder to be removed behind it.
    static func delete(_ stored: StoredPipeline, folder: String, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM pipelines WHERE id = ?", arguments: [stored.id])
        try noteFolder(folder, database)
    }

    static func noteFolder(_ path: String, _ database: Database) throws {
        try database.execute(sql: "INSERT OR IGNORE INTO folders_to_remove (path) VALUES (?)", arguments: [path])
    }

    static func foldersToRemove(_ database: Database) throws -> [String] {
        try String.fetchAll(database, sql: "SELECT path FROM folders_to_remove")
    }

    static func forgetFolder(_ path: String, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM folders_to_remove WHERE path = ?", arguments: [path])
    }
}
