import GRDB
import JSONModel

/// The rows of profiles and tables. Secrets in configs are sealed; everything else is as it is answered.
///
/// What requests ask lets their thread go while the database works; the planner, which has threads of its own, waits.
struct ConnectionStore: Sendable {
    let database: MetadataDatabase

    struct Profile: Sendable {
        var id: String
        var name: String
        var connector: String
        var config: JSONValue
        var createdAt: Int64
    }

    struct Table: Sendable {
        var id: String
        var name: String
        var connector: String
        var profileID: String?
        var tableType: String
        var config: JSONValue
        var schema: JSONValue?
        var createdAt: Int64
        /// Pipelines that use it, previews left out.
        var consumers = 0
        /// Only where it is to be shown.
        var profile: Profile?
    }

    /// More are not stored.
    static let countMax = 10_000

    // MARK: - Profiles

    /// One page, newest first, bounded in bytes too. Errors: `ControlError` for an unknown cursor.
    func profiles(_ page: PageRequest) async throws -> Page<Profile> {
        try await database.pool.read { database in
            var condition = ""
            var arguments: StatementArguments = []
            if let cursor = page.startingAfter {
                let time = try Int64.fetchOne(
                    database, sql: "SELECT created_at FROM connection_profiles WHERE id = ?", arguments: [cursor])
                guard let time else {
                    throw ControlError(.invalid, "starting_after: there is no connection profile '\(cursor)'")
                }
                condition = "WHERE (created_at, id) < (?, ?)"
                arguments = [time, cursor]
            }
            arguments += [page.limit + 1]
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT * FROM connection_profiles \(condition) ORDER BY created_at DESC, id DESC LIMIT ?",
                arguments: arguments)
            return try Page(rows, limit: page.limit) { try Self.profile($0) }
        }
    }

    /// For requests.
    func profile(id: String) async throws -> Profile? { try await database.pool.read { try Self.profile(id, $0) } }

    /// For the planner.
    func profile(id: String) throws -> Profile? { try database.pool.read { try Self.profile(id, $0) } }

    private static func profile(_ id: String, _ database: Database) throws -> Profile? {
        try Row.fetchOne(database, sql: "SELECT * FROM connection_profiles WHERE id = ?", arguments: [id])
            .map { try profile($0) }
    }

    func insert(_ profile: Profile) async throws {
        try await adding("connection profile", profile.name) { database in
            try Self.checkRoom(database, "connection_profiles")
            try database.execute(
                sql: "INSERT INTO connection_profiles (id, name, connector, config, created_at) VALUES (?, ?, ?, ?, ?)",
                arguments: [profile.id, profile.name, profile.connector, profile.config.text(), profile.createdAt])
        }
    }

    /// Errors: there is none, or tables use it.
    func deleteProfile(id: String) async throws {
        try await database.pool.write { database in
            let users = try String.fetchAll(
                database, sql: "SELECT name FROM connection_tables WHERE profile_id = ? ORDER BY name", arguments: [id])
            if !users.isEmpty {
                throw ControlError(
                    .conflict,
                    "Cannot delete connection_profile; it is still being used by "
                        + Self.list(users, "connection table")
                )
            }
            try database.execute(sql: "DELETE FROM connection_profiles WHERE id = ?", arguments: [id])
            if database.changesCount == 0 { throw ControlError.notFound("Connection profile", id) }
        }
    }

    // MARK: - Tables

    private static let consumers = """
        (SELECT count(*) FROM pipeline_tables JOIN pipelines ON pipelines.id = pipeline_tables.pipeline_id
        WHERE pipeline_tables.table_id = connection_tables.id AND pipelines.is_preview = 0) AS consumers
        """

    /// A profile beside its table.
    private static let profileColumns = """
        p.name AS profile_name, p.connector AS profile_connector, p.config AS profile_config,
        p.created_at AS profile_created_at
        """
    private static let shownTables = """
        SELECT connection_tables.*, \(consumers), \(profileColumns) FROM connection_tables
        LEFT JOIN connection_profiles p ON p.id = connection_tables.profile_id
        """

    /// With their profiles, one page, bounded in bytes too. Errors: `ControlError` for an unknown cursor.
    func tables(_ page: PageRequest) async throws -> Page<Table> {
        try await database.pool.read { database in
            var condition = ""
            var arguments: StatementArguments = []
            if let cursor = page.startingAfter {
                guard
                    let last = try Row.fetchOne(
                        database, sql: "SELECT created_at, id FROM connection_tables WHERE id = ?", arguments: [cursor])
                else { throw ControlError(.invalid, "starting_after: there is no connection table '\(cursor)'") }
                condition = "WHERE (connection_tables.created_at, connection_tables.id) < (?, ?)"
                arguments = [last["created_at"] as Int64, last["id"] as String]
            }
            arguments += [page.limit + 1]
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    \(Self.shownTables) \(condition)
                    ORDER BY connection_tables.created_at DESC, connection_tables.id DESC LIMIT ?
                    """, arguments: arguments)
            return try Page(rows, limit: page.limit, Self.shownTable)
        }
    }

    /// For requests: as it is shown, with its profile and how many pipelines use it.
    func table(id: String) async throws -> Table? {
        try await database.pool.read { database in
            try Row.fetchOne(database, sql: "\(Self.shownTables) WHERE connection_tables.id = ?", arguments: [id])
                .map(Self.shownTable)
        }
    }

    /// For the planner, which does not ask who else uses it.
    func plainTable(id: String) throws -> Table? {
        try database.pool.read { database in
            try Row.fetchOne(
                database, sql: "SELECT *, 0 AS consumers FROM connection_tables WHERE id = ?", arguments: [id]
            ).map(Self.table)
        }
    }

    /// The ids of all tables and profiles by their names, as they are at one moment.
    func names() throws -> (tables: [String: String], profiles: [String: String]) {
        try database.pool.read { database in
            func names(_ table: String) throws -> [String: String] {
                let rows = try Row.fetchAll(database, sql: "SELECT name, id FROM \(table)")
                return Dictionary(rows.map { ($0["name"], $0["id"]) }, uniquingKeysWith: { first, _ in first })
            }
            return (try names("connection_tables"), try names("connection_profiles"))
        }
    }

    func insert(_ table: Table) async throws {
        try await adding("connection table", table.name) { database in
            try Self.checkRoom(database, "connection_tables")
            if let profile = table.profileID,
                try Row.fetchOne(
                    database, sql: "SELECT 1 FROM connection_profiles WHERE id = ?", arguments: [profile]) == nil
            {
                throw ControlError(.conflict, "connection_profile_id: profile '\(profile)' has just been deleted")
            }
            try database.execute(
                sql: """
                    INSERT INTO connection_tables
                        (id, name, connector, profile_id, table_type, config, schema, created_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    table.id, table.name, table.connector, table.profileID, table.tableType, table.config.text(),
                    table.schema?.text(), table.createdAt,
                ])
        }
    }

    /// Errors: there is none, or pipelines use it; previews do not count.
    func deleteTable(id: String) async throws {
        try await database.pool.write { database in
            let users = try String.fetchAll(
                database,
                sql: """
                    SELECT pipelines.name || ' (' || pipelines.id || ')' FROM pipeline_tables
                    JOIN pipelines ON pipelines.id = pipeline_tables.pipeline_id
                    WHERE pipeline_tables.table_id = ? AND pipelines.is_preview = 0 ORDER BY pipelines.id
                    """, arguments: [id])
            if !users.isEmpty {
                throw ControlError(
                    .conflict,
                    "Cannot delete connection_table; it is still being used by \(Self.list(users, "pipeline"))")
            }
            try database.execute(sql: "DELETE FROM pipeline_tables WHERE table_id = ?", arguments: [id])
            try database.execute(sql: "DELETE FROM connection_tables WHERE id = ?", arguments: [id])
            if database.changesCount == 0 { throw ControlError.notFound("Connection table", id) }
        }
    }

    // MARK: - Rows

    private func adding(
        _ what: String, _ name: String, _ body: @escaping @Sendable (Database) throws -> Void
    ) async throws {
        do {
            try await database.pool.write(body)
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw ControlError(.conflict, "a \(what) with that name already exists: '\(name)'")
        }
    }

    private static func checkRoom(_ database: Database, _ table: String) throws {
        let count = try Int.fetchOne(database, sql: "SELECT count(*) FROM \(table)") ?? 0
        if count >= countMax { throw ControlError(.tooMany, "there are \(count) \(table) already, which is the most") }
    }

    /// `connection table 'a'`, or `connection tables 'a', 'b' and 3 more`.
    private static func list(_ names: [String], _ what: String) -> String {
        let shown = names.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
        let more = names.count > 5 ? " and \(names.count - 5) more" : ""
        return "\(what)\(names.count == 1 ? "" : "s") \(shown)\(more)"
    }

    private static func profile(_ row: Row) throws -> Profile {
        Profile(
            id: row["id"], name: row["name"], connector: row["connector"], config: try JSONParser.parse(row["config"]),
            createdAt: row["created_at"])
    }

    private static func shownTable(_ row: Row) throws -> Table {
        var table = try table(row)
        if let id = table.profileID, let name = row["profile_name"] as String? {
            table.profile = Profile(
                id: id, name: name, connector: row["profile_connector"],
                config: try JSONParser.parse(row["profile_config"] as String), createdAt: row["profile_created_at"])
        }
        return table
    }

    private static func table(_ row: Row) throws -> Table {
        let schema: String? = row["schema"]
        return Table(
            id: row["id"], name: row["name"], connector: row["connector"], profileID: row["profile_id"],
            tableType: row["table_type"], config: try JSONParser.parse(row["config"]),
            schema: try schema.map { try JSONParser.parse($0) }, createdAt: row["created_at"],
            consumers: row["consumers"])
    }
}
