import Engine
import GRDB
import HostSystem

/// The statements that read and write what becomes of jobs; each is to be run inside of a transaction of its caller.
enum JobStore {
    // MARK: States

    /// Writes what a job is doing.
    static func update(_ jobID: String, _ status: JobStatus, _ database: Database) throws {
        try database.execute(
            sql: """
                UPDATE jobs SET run_id = ?, state = ?, start_time = ?, finish_time = ?, tasks = coalesce(?, tasks),
                    failure_message = ?, failure_domain = ? WHERE id = ?
                """,
            arguments: [
                status.run, status.state.rawValue, status.startTime.map { $0 / 1000 },
                status.finishTime.map { $0 / 1000 }, status.taskCount, status.failure?.message,
                status.failure?.domain.rawValue, jobID,
            ])
    }

    static func setState(_ jobID: String, _ state: JobState, finishTime: Int64?, _ database: Database) throws {
        try database.execute(
            sql: "UPDATE jobs SET state = ?, finish_time = ? WHERE id = ?",
            arguments: [state.rawValue, finishTime, jobID])
    }

    /// The state of every job, by pipeline.
    static func states(_ database: Database) throws -> [(pipelineID: String, state: JobState)] {
        try Row.fetchAll(database, sql: "SELECT pipeline_id, state FROM jobs").map {
            ($0["pipeline_id"], JobState(rawValue: $0["state"]) ?? .failed)
        }
    }

    static func exists(_ jobID: String, _ database: Database) throws -> Bool {
        try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM jobs WHERE id = ?)", arguments: [jobID]) ?? false
    }

    /// Adds a change of state; those beyond the bound go.
    static func addTransition(
        _ jobID: String, run: Int, _ state: JobState, time: Int64, cause: String?, _ database: Database
    ) throws {
        try database.execute(
            sql: "INSERT INTO job_transitions (job_id, run_id, state, time, cause) VALUES (?, ?, ?, ?, ?)",
            arguments: [jobID, run, state.rawValue, time, cause])
    }

    static func trimTransitions(_ jobID: String, _ database: Database) throws {
        try database.execute(
            sql: """
                DELETE FROM job_transitions WHERE job_id = ?1 AND number <= (
                    SELECT number FROM job_transitions WHERE job_id = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)
                """, arguments: [jobID, ControlSettings.transitionCountMax])
    }

    static func transitions(_ jobID: String, _ database: Database) throws -> [JobTransition] {
        try Row.fetchAll(
            database, sql: "SELECT run_id, state, time, cause FROM job_transitions WHERE job_id = ? ORDER BY number",
            arguments: [jobID]
        ).map { row in
            JobTransition(
                runID: row["run_id"], state: JobState(rawValue: row["state"]) ?? .failed, time: row["time"],
                cause: row["cause"])
        }
    }

    // MARK: Messages

    static func addMessage(_ jobID: String, _ message: JobMessage, _ database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO job_messages (job_id, created_at, level, message, details, operator_id, task_index, domain)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                jobID, message.createdAt, message.level.rawValue, message.message, message.details, message.operatorID,
                message.taskIndex, message.domain?.rawValue,
            ])
    }

    /// Removes the oldest messages beyond the bound, and counts them with those that were `lost` before.
    static func trimMessages(_ jobID: String, lost: Int, _ database: Database) throws {
        try database.execute(
            sql: """
                DELETE FROM job_messages WHERE job_id = ?1 AND number <= (
                    SELECT number FROM job_messages WHERE job_id = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)
                """, arguments: [jobID, ControlSettings.messageCountMax])
        let dropped = database.changesCount + lost
        if dropped == 0 { return }
        try database.execute(
            sql: "UPDATE jobs SET messages_dropped = messages_dropped + ? WHERE id = ?", arguments: [dropped, jobID])
    }

    static func droppedMessages(_ jobID: String, _ database: Database) throws -> Int {
        try Int.fetchOne(database, sql: "SELECT messages_dropped FROM jobs WHERE id = ?", arguments: [jobID]) ?? 0
    }

    private static let messagePrefix = "msg_"

    /// One page, newest first. Errors: `ControlError` for an unknown cursor.
    static func messages(_ jobID: String, _ request: PageRequest, _ database: Database) throws -> Page<JobMessage> {
        var before = Int64.max
        if let cursor = request.startingAfter {
            let unknown = ControlError(.invalid, "starting_after: there is no message \(cursor)")
            guard cursor.hasPrefix(messagePrefix), let number = Int64(cursor.dropFirst(messagePrefix.count)) else {
                throw unknown
            }
            let isThere = try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM job_messages WHERE job_id = ? AND number = ?)",
                arguments: [jobID, number])
            if isThere != true { throw unknown }
            before = number
        }
        let rows = try Row.fetchAll(
            database,
            sql: "SELECT * FROM job_messages WHERE job_id = ? AND number < ? ORDER BY number DESC LIMIT ?",
            arguments: [jobID, before, request.limit + 1])
        return Page(rows.prefix(request.limit).map(message), hasMore: rows.count > request.limit)
    }

    private static func message(_ row: Row) -> JobMessage {
        let number: Int64 = row["number"]
        return JobMessage(
            id: messagePrefix + String(number), createdAt: row["created_at"],
            level: JobMessage.Level(rawValue: row["level"]) ?? .error, message: row["message"],
            details: row["details"], operatorID: row["operator_id"], taskIndex: row["task_index"],
            domain: (row["domain"] as String?).flatMap(OperationalError.Domain.init))
    }

    // MARK: Checkpoints

    static func addCheckpoint(_ jobID: String, _ record: CheckpointRecord, _ database: Database) throws {
        try database.execute(
            sql: """
                INSERT OR REPLACE INTO job_checkpoints
                    (job_id, epoch, start_time, finish_time, outcome, stops, bytes, published_time, spans)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                jobID, record.epoch, record.startTime, record.finishTime, record.outcome.rawValue, record.stops,
                record.bytes, record.publishedTime, StoredJSON.text(record.spans),
            ])
    }

    static func trimCheckpoints(_ jobID: String, _ database: Database) throws {
        try database.execute(
            sql: """
                DELETE FROM job_checkpoints WHERE job_id = ?1 AND epoch <= (
                    SELECT epoch FROM job_checkpoints WHERE job_id = ?1 ORDER BY epoch DESC LIMIT 1 OFFSET ?2)
                """, arguments: [jobID, ControlSettings.checkpointCountMax])
    }

    static func removeCheckpoints(_ jobID: String, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM job_checkpoints WHERE job_id = ?", arguments: [jobID])
    }

    /// Newest first; all, or that of an epoch.
    static func checkpoints(
        _ jobID: String, epoch: Int? = nil, _ database: Database
    ) throws -> [CheckpointRecord] {
        try Row.fetchAll(
            database,
            sql: "SELECT * FROM job_checkpoints WHERE job_id = ? AND epoch = coalesce(?, epoch) ORDER BY epoch DESC",
            arguments: [jobID, epoch]
        ).map { row in
            var record = CheckpointRecord(epoch: row["epoch"], startTime: row["start_time"], stops: row["stops"])
            record.finishTime = row["finish_time"]
            record.publishedTime = row["published_time"]
            record.outcome = CheckpointRecord.Outcome(rawValue: row["outcome"]) ?? .failed
            record.spans = StoredJSON.spans(row["spans"])
            return record
        }
    }
}
