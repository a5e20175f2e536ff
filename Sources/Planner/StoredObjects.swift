/// The tables and profiles that users have stored, as a text sees them: all of their names, and what belongs to one
/// only when the text uses it.
public protocol StoredObjects: Sendable {
    var tableNames: [String] { get }
    var profileNames: [String] { get }

    /// The table of exactly that name; nil when there is none any more. Errors: it cannot be used, e.g. since a secret
    /// of it cannot be opened; the text that uses it is told.
    func table(_ name: String) throws -> StoredTable?
    /// The profile of exactly that name, likewise.
    func profile(_ name: String) throws -> StoredProfile?
}

/// Tables and profiles that are all there. Of several of one name the first counts.
struct ListedObjects: StoredObjects {
    private let tables: [String: StoredTable]
    private let profiles: [String: StoredProfile]

    init(_ tables: [StoredTable], _ profiles: [StoredProfile]) {
        self.tables = Dictionary(tables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.profiles = Dictionary(profiles.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    var tableNames: [String] { Array(tables.keys) }
    var profileNames: [String] { Array(profiles.keys) }
    func table(_ name: String) -> StoredTable? { tables[name] }
    func profile(_ name: String) -> StoredProfile? { profiles[name] }
}
