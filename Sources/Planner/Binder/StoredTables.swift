import Dataflow
import SQLSyntax

/// The tables and profiles that users have stored, by name; they are looked at when a text first uses them.
struct StoredTables {
    /// Ids of the tables used, each once, in the order of their first use.
    var used: [String] = []
    let names: [String]
    let profileNames: [String]
    private let objects: any StoredObjects
    private let tableNames: Names
    private let profiles: Names
    /// Tables that have been looked at.
    private var known: [String: StoredTable] = [:]

    /// Finds a name as it is stored: exactly, else one that differs in case only; of several the first in the alphabet.
    private struct Names {
        private let exact: Set<String>
        private let folded: [String: String]

        init(_ names: [String]) {
            exact = Set(names)
            folded = Dictionary(
                names.sorted().map { ($0.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
        }

        func find(_ name: String) -> String? { exact.contains(name) ? name : folded[name.lowercased()] }
    }

    init(_ objects: any StoredObjects = ListedObjects([], [])) {
        self.objects = objects
        names = objects.tableNames
        profileNames = objects.profileNames.sorted()
        tableNames = Names(names)
        profiles = Names(profileNames)
    }

    /// The stored name of a table.
    func tableName(_ name: String) -> String? { tableNames.find(name) }

    /// The table of that name. Errors: it cannot be used.
    mutating func table(_ name: QualifiedName) throws(Diagnostic) -> StoredTable? {
        guard let stored = tableName(name.name) else { return nil }
        if let table = known[stored] { return table }
        do {
            let table = try objects.table(stored)
            known[stored] = table
            return table
        } catch {
            throw Self.unusable("table", stored, error, name.span)
        }
    }

    /// The profile of that name, found likewise.
    func profile(_ name: String, at span: SourceSpan) throws(Diagnostic) -> StoredProfile? {
        guard let stored = profiles.find(name) else { return nil }
        do {
            return try objects.profile(stored)
        } catch {
            throw Self.unusable("connection profile", stored, error, span)
        }
    }

    private static func unusable(
        _ what: String, _ name: String, _ error: any Error, _ span: SourceSpan
    ) -> Diagnostic {
        Diagnostic(
            "E0314", "\(what) '\(name)' cannot be used: \(error)", span: span,
            hint: "delete it and store it again, or set the key it was stored with")
    }
}

extension Binder {
    /// What a name stands for: what the text has defined, else a stored table, which is bound now. Nil: nothing.
    func entry(_ name: QualifiedName) throws(Diagnostic) -> Catalog.Entry? {
        if let known = catalog[name.name] { return known }
        guard !brokenTables.contains(name.name), let table = try stored.table(name) else { return nil }
        if !stored.used.contains(table.id) { stored.used.append(table.id) }
        if let bound = boundStored[table.id] { return .connection(bound) }
        let bound = try TableDefinitionBinder(self).stored(table, at: name.span)
        boundStored[table.id] = bound
        return .connection(bound)
    }

    /// The names of everything a text can read or write.
    var tableNames: [String] { catalog.names + stored.names.filter { catalog[$0] == nil } }
}
