import Dataflow
import SQLSyntax

/// The tables and profiles that users have stored, by name; tables are bound when a text first uses them.
struct StoredTables {
    /// Ids of the tables used, each once, in the order of their first use.
    var used: [String] = []
    private let tables: [String: StoredTable]
    private let profiles: [String: StoredProfile]
    /// Exact names by their lower-case form; of several the first in the alphabet.
    private let tableNames: [String: String]
    private let profileNames: [String: String]

    init(_ tables: [StoredTable] = [], profiles: [StoredProfile] = []) {
        self.tables = Dictionary(tables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.profiles = Dictionary(profiles.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        tableNames = Self.folded(tables.map(\.name))
        profileNames = Self.folded(profiles.map(\.name))
    }

    private static func folded(_ names: [String]) -> [String: String] {
        Dictionary(names.sorted().map { ($0.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The table of that name; one that differs in case only when none is exact.
    func table(_ name: String) -> StoredTable? {
        tables[name] ?? tableNames[name.lowercased()].flatMap { tables[$0] }
    }

    /// The profile of that name, found likewise.
    func profile(_ name: String) -> StoredProfile? {
        profiles[name] ?? profileNames[name.lowercased()].flatMap { profiles[$0] }
    }

    var names: [String] { Array(tables.keys) }
    var profileList: [String] { profiles.keys.sorted() }
}

extension Binder {
    /// What a name stands for: what the text has defined, else a stored table, which is bound now. Nil: nothing.
    func entry(_ name: QualifiedName) throws(Diagnostic) -> Catalog.Entry? {
        if let known = catalog[name.name] { return known }
        guard !brokenTables.contains(name.name), let table = stored.table(name.name) else { return nil }
        if !stored.used.contains(table.id) { stored.used.append(table.id) }
        if let bound = boundStored[table.id] { return .connection(bound) }
        let bound = try TableDefinitionBinder(self).stored(table, at: name.span)
        boundStored[table.id] = bound
        return .connection(bound)
    }

    /// The names of everything a text can read or write.
    var tableNames: [String] { catalog.names + stored.names.filter { catalog[$0] == nil } }
}
