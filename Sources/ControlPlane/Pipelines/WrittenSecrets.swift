import Connectors
import SQLSyntax

/// Finds secrets that are written into a text of SQL, where they are stored and shown as they are.
enum WrittenSecrets {
    /// A warning for each, by the descriptors of the connectors.
    static func warnings(_ text: String) -> [Diagnostic] {
        Parser.parse(text).statements.flatMap { statement -> [Diagnostic] in
            guard case .createTable(let table) = statement.kind else { return [] }
            return warnings(table)
        }
    }

    private static func warnings(_ table: CreateTable) -> [Diagnostic] {
        guard case .string(let connector)? = table.options.first(where: { $0.key == "connector" })?.value.kind,
            let descriptor = ConnectorDescriptor.find(connector)
        else { return [] }
        return table.options.compactMap { option in
            guard case .string(let value) = option.value.kind, !value.isEmpty, descriptor.isSecret(option: option.key),
                !EnvironmentVariables.holdsVariable(value)
            else { return nil }
            return Diagnostic(
                "W0403",
                "the secret of option '\(option.key)' stands in the query, which is stored and shown as it is written",
                span: option.keySpan,
                hint: "keep it in a connection profile, or write {{ NAME }} for a variable of the server's environment",
                severity: .warning)
        }
    }
}
