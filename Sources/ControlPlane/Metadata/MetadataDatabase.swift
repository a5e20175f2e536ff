import GRDB
import HostSystem

/// The database of what users have made: SQLite with a write-ahead log, one writer, every commit synced to disk.
///
/// Source: <https://www.sqlite.org/wal.html>.
public final class MetadataDatabase: Sendable {
    let pool: DatabasePool

    /// Opens or makes the file and brings its tables up to date. Errors: `OperationalError` for a file that cannot be
    /// opened, is no database, or was written by a later version.
    public init(path: String) throws {
        var configuration = GRDB.Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            let migrator = MetadataMigrations.migrator
            if try pool.read(migrator.hasBeenSuperseded) {
                throw OperationalError("the database '\(path)' was written by a later version", domain: .user)
            }
            try migrator.migrate(pool)
        } catch let error as DatabaseError {
            throw OperationalError(
                "cannot open the database '\(path)': \(error.message ?? "\(error.resultCode)")", domain: .user)
        }
    }
}
