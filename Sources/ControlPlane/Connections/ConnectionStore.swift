import GRDB
import JSONModel

/// The rows of profiles and tables. Secrets in configs are sealed; everything else is as it is answered.
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
    }

    /// More are not stored.
    static let countMax = 10_000

    // MARK: - Profiles

    func profiles() throws -> [Profile] {
        try database.pool.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM connection_profiles ORDER BY created_at DESC, id DESC")
                .map(Self.profile)
        }
    }

    func profile(id: String) throws -> Profile? {
        try database.pool.read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM connection_profiles WHERE id = ?", arguments: [id])
                .map(Self.profile)
        }
    }

    func insert(_ profile: Profile) throws {
        try adding("connection profile", profile.name) { database in
            try Self.checkRoom(database, "connection_profiles")
            try database.execute(
                sql: "INSERT INTO connection_profiles (id, name, connector, config, created_at) VALUES (?, ?, ?, ?, ?)",
                arguments: [profile.id, profile.name, profile.connector, profile.config.text(), profile.createdAt])
        }
    }

    /// Errors: there is none, or tables use it.
    func deleteProfile(id: String) throws {
        try database.pool.write { database in
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

    func tables(_ page: PageRequest) throws -> Page<Table> {
        try database.pool.read { database in
            var condition = ""
            var arguments: StatementArguments = []
            if let cursor = page.startingAfter {
                guard
                    let last = try Row.fetchOne(
                        database, sql: "SELECT created_at, id FROM connection_tables WHERE id = ?", arguments: [cursor])
                else { throw ControlError(.invalid, "starting_after: there is no connection table '\(cursor)'") }
                condition = "WHERE (created_at, id) < (?, ?)"
                arguments = [last["created_at"] as Int64, last["id"] as String]
            }
            arguments += [page.limit + 1]
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT *, \(Self.consumers) FROM connection_tables \(condition)
                    ORDER BY created_at DESC, id DESC LIMIT ?
                    """, arguments: arguments)
            return Page(try rows.prefix(page.limit).map(Self.table), hasMore: rows.count > page.limit)
        }
    }

    /// A table by its id. `countsConsumers` is for those that are shown: it looks at every pipeline that uses it.
    func table(id: String, countsConsumers: Bool) throws -> Table? {
        let columns = countsConsumers ? "*, \(Self.consumers)" : "*, 0 AS consumers"
        return try database.pool.read { database in
            try Row.fetchOne(database, sql: "SELECT \(columns) FROM connection_tables WHERE id = ?", arguments: [id])
                .map(Self.table)
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

    func insert(_ table: Table) throws {
        try adding("connection table", table.name) { database in
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
    func deleteTable(id: String) throws {
        try database.pool.write { database in
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

    private func adding(_ what: String, _ name: String, _ body: (Database) throws -> Void) throws {
        do {
            try database.pool.write(body)
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

    private static func table(_ row: Row) throws -> Table {
        let schema: String? = row["schema"]
        return Table(
            id: row["id"], name: row["name"], connector: row["connector"], profileID: row["profile_id"],
            tableType: row["table_type"], config: try JSONParser.parse(row["config"]),
            schema: try schema.map { try JSONParser.parse($0) }, createdAt: row["created_at"],
            consumers: row["consumers"])
    }
}
