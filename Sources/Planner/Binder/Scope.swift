import Columnar
import Expressions
import SQLSyntax

/// The names an expression may use: the relations of FROM, and those of enclosing queries.
struct Scope {
    /// A relation of FROM by its alias.
    struct Relation {
        var name: String?
        /// Visible columns by the names users see; hidden ones are not among them.
        var columns: [PlanColumn]
        /// The event time of the relation's rows.
        var eventTime: PlanColumn?
        /// Columns that USING or NATURAL merged away: reachable by qualified name only.
        var merged: Set<Int> = []
    }

    var relations: [Relation] = []
    /// The scope of the enclosing query, whose columns a sub-query may read.
    var parent: ParentScope?

    /// All columns that `*` stands for.
    var starColumns: [PlanColumn] {
        relations.flatMap { relation in relation.columns.filter { !relation.merged.contains($0.id) } }
    }

    /// What a dotted name means: a column, and the members to take of it.
    struct Resolution {
        var column: PlanColumn
        var members: ArraySlice<Identifier>
    }

    /// Finds `a`, `t.a`, `a.member`, `t.a.member`; in this scope first, then in the enclosing ones.
    func resolve(_ parts: [Identifier]) throws(Diagnostic) -> Resolution {
        if let found = try resolveHere(parts) { return found }
        var outer = parent
        while let scope = outer {
            if let found = try scope.scope.resolveHere(parts) { return found }
            outer = scope.scope.parent
        }
        throw unknown(parts)
    }

    private func resolveHere(_ parts: [Identifier]) throws(Diagnostic) -> Resolution? {
        // A relation's name wins over a struct column of the same name only if the member exists there.
        if parts.count > 1, let relation = relations.first(where: { $0.name == parts[0].name }) {
            let matches = relation.columns.filter { $0.name == parts[1].name }
            if let column = matches.first { return Resolution(column: column, members: parts[2...]) }
        }
        var matches: [PlanColumn] = []
        for relation in relations {
            matches += relation.columns.filter { $0.name == parts[0].name && !relation.merged.contains($0.id) }
        }
        let distinct = Set(matches.map(\.id))
        if distinct.count > 1 {
            let owners = relations.filter { relation in relation.columns.contains { $0.name == parts[0].name } }
                .compactMap(\.name)
            throw Diagnostic(
                "E0205", "column \(parts[0].name) is ambiguous", span: parts[0].span,
                hint: owners.isEmpty
                    ? nil : "write " + owners.map { "\($0).\(parts[0].name)" }.joined(separator: " or "))
        }
        guard let column = matches.first else { return nil }
        return Resolution(column: column, members: parts[1...])
    }

    /// Whether a bare name is a column here (not of an enclosing query).
    func hasColumn(_ name: String) -> Bool {
        relations.contains { relation in relation.columns.contains { $0.name == name } }
    }

    private func unknown(_ parts: [Identifier]) -> Diagnostic {
        let span = parts[0].span.union(parts[parts.count - 1].span)
        let text = parts.map(\.name).joined(separator: ".")
        if parts.count > 1, let relation = relations.first(where: { $0.name == parts[0].name }) {
            let near = NameSuggestion.closest(to: parts[1].name, among: relation.columns.map(\.name))
            let names = relation.columns.map(\.name).joined(separator: ", ")
            return Diagnostic(
                "E0204", "\(parts[0].name) has no column \(parts[1].name)", span: span,
                hint: near.map { "did you mean \(parts[0].name).\($0)?" } ?? "its columns are: \(names)")
        }
        let names = relations.flatMap { $0.columns.map(\.name) }
        let near = NameSuggestion.closest(to: parts[0].name, among: names)
        let hint: String?
        if let near {
            hint = "did you mean \(near)?"
        } else if names.isEmpty {
            hint = "there is no FROM; text is written in single quotes"
        } else {
            hint = "the columns are: " + names.prefix(30).joined(separator: ", ")
        }
        return Diagnostic("E0204", "there is no column \(text)", span: span, hint: hint)
    }
}

/// A scope by reference, so that scopes can nest.
final class ParentScope {
    let scope: Scope

    init(_ scope: Scope) { self.scope = scope }
}
