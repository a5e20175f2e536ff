import ArgumentParser
import Connectors
import Dataflow
import Expressions
import Planner
import SQLSyntax

/// `laminar explain`: shows the plan of a text.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Show how SQL would run, without running it.")

    @OptionGroup var input: QueryInput

    @Option(name: [.customShort("p"), .long], help: "How many subtasks an operator runs in.")
    var parallelism = 1

    @Flag(help: "Show the graph's nodes and edges as lists.")
    var graph = false

    func run() async throws {
        let source = try input.read()
        let connectors = ConnectorCatalog.builtin { _ in }
        let compiled = try await Compilation.compile(source, connectors, CompilerOptions(parallelism: parallelism))
        for answer in compiled.answers { print(answer) }
        guard let dataflow = compiled.graph else { return }
        print(graph ? ExplainRenderer.graph(dataflow, connectors) : ExplainRenderer.physical(dataflow, connectors))
    }
}

/// `laminar validate`: says whether a text would run.
struct ValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Check SQL: all mistakes at once, exit code 2 if there are any.")

    @OptionGroup var input: QueryInput

    func run() async throws {
        let compiled = try await Compilation.compile(
            try input.read(), ConnectorCatalog.builtin { _ in }, CompilerOptions())
        print("ok: \(compiled.graph?.nodes.count ?? 0) operators")
    }
}

/// `laminar functions`: lists the functions SQL may call.
struct FunctionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "functions", abstract: "List the functions, or describe those whose name contains a word.")

    @Argument(help: "Part of a name.")
    var name: String?

    @Flag(help: "Write the list as the Markdown page of the documentation.")
    var markdown = false

    func run() throws {
        let registry = FunctionRegistry.builtin
        if markdown {
            print(FunctionReference.markdown(registry))
            return
        }
        let entries = FunctionReference.entries(registry).filter { entry in
            name.map { wanted in ([entry.name] + entry.aliases).contains { $0.contains(wanted.lowercased()) } } ?? true
        }
        if entries.isEmpty {
            let near = NameSuggestion.closest(to: name ?? "", among: registry.names)
            Terminal.printError(
                "error: no function is called like '\(name ?? "")'"
                    + (near.map { "\n  hint: did you mean \($0)?" } ?? ""))
            throw ExitStatus.invalidInput
        }
        for entry in entries {
            print("\(entry.documentation.syntax)\n    \(entry.documentation.summary)")
            if !entry.aliases.isEmpty { print("    also called: \(entry.aliases.joined(separator: ", "))") }
            if name != nil {
                for example in entry.documentation.examples { print("    \(example.sql) = \(example.result)") }
            }
        }
    }
}
