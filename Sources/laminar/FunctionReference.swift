import Expressions

/// The documentation of all functions, from the registry.
enum FunctionReference {
    struct Entry {
        var name: String
        var aliases: [String]
        var family: FunctionFamily
        var documentation: FunctionDocumentation
    }

    /// By family, then by name.
    static func entries(_ registry: FunctionRegistry) -> [Entry] {
        let scalars = registry.scalars.map {
            Entry(name: $0.name, aliases: $0.aliases, family: $0.family, documentation: $0.documentation)
        }
        let aggregates = registry.aggregates.map {
            Entry(name: $0.name, aliases: $0.aliases, family: .aggregate, documentation: $0.documentation)
        }
        return FunctionFamily.allCases.flatMap { family in
            (scalars + aggregates).filter { $0.family == family }.sorted { $0.name < $1.name }
        }
    }

    /// The page `docs/functions.md`.
    static func markdown(_ registry: FunctionRegistry) -> String {
        var lines = [
            "# Functions", "", "Written by `laminar functions --markdown`; the examples are run by the tests.", "",
        ]
        var family: FunctionFamily?
        for entry in entries(registry) {
            if entry.family != family {
                family = entry.family
                lines += ["## \(entry.family.rawValue.prefix(1).uppercased() + entry.family.rawValue.dropFirst())", ""]
            }
            let also = entry.aliases.isEmpty ? "" : " Also `\(entry.aliases.joined(separator: "`, `"))`."
            lines.append("- `\(entry.documentation.syntax)`: \(entry.documentation.summary)\(also)")
            for example in entry.documentation.examples { lines.append("  - `\(example.sql)` → `\(example.result)`") }
        }
        return lines.joined(separator: "\n")
    }
}
