import APIClient
import ArgumentParser
import JSONModel

struct UpdatePipeline: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Change a pipeline's query, parallelism, checkpoint interval or name.",
        discussion:
            "Another query goes on from the state of the one before; what of it is kept, and what begins anew, is "
            + "printed, with --dry-run before anything changes.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its id or name.") var pipeline: String
    @Option(
        name: [.customShort("f"), .customLong("query-file")], help: "A file with its new SQL; - reads standard input.")
    var queryFile: String?
    @Option(name: [.customShort("e"), .customLong("query")], help: "Its new SQL.") var query: String?
    @Option(name: [.customShort("p"), .long], help: "How many subtasks an operator runs in; it is rescaled.")
    var parallelism: Int?
    @Option(name: .customLong("checkpoint-interval"), help: "Time between two checkpoints, e.g. 10s.")
    var interval: String?
    @Option(help: "Its new name.") var name: String?
    @Flag(help: "Show what would become of it, and change nothing.") var dryRun = false

    func validate() throws {
        if queryFile != nil && query != nil { throw ValidationError("give the query with -f FILE or -e SQL") }
        if queryFile == nil && query == nil && parallelism == nil && interval == nil && name == nil {
            throw ValidationError(
                "nothing to change: give --query-file, --query, --parallelism, --checkpoint-interval or --name")
        }
    }

    func run(_ server: LaminarServer) async throws {
        var body = JSONObject()
        if let text = try query ?? queryFile.map(FileInput.text) { body["query"] = .string(text) }
        if let parallelism { body["parallelism"] = JSONValue(parallelism) }
        if let interval {
            body["checkpoint_interval_micros"] = .integer(try DurationFlag.checkpointInterval(interval))
        }
        if let name { body["name"] = .string(name) }
        let path = try await server.paths(pipeline).pipeline + (dryRun ? "?dry_run=true" : "")
        let value = try await server.patch(path, .object(body))
        if client.json { return printJSON(value) }
        for warning in value["warnings"]?.array ?? [] { DiagnosticLine.print(warning) }
        if let operators = value["evolution"]?["operators"]?.array { print(Self.table(operators), terminator: "") }
    }

    /// What becomes of each operator that keeps something.
    static func table(_ operators: [JSONValue]) -> String {
        var table = ListTable("STATE", "NODE", "BEFORE", "OPERATOR", "WHY")
        for entry in operators where entry["state"]?.string != nil || entry["reason"]?.string?.isEmpty == false {
            let description = entry["description"]?.string ?? ""
            table.add(
                entry["action"]?.string ?? "", entry["nodeId"]?.integer.map { "\($0)" } ?? "-",
                entry["previousNodeId"]?.integer.map { "\($0)" } ?? "-",
                description.count > 60 ? description.prefix(59) + "…" : description, entry["reason"]?.string ?? "")
        }
        return table.text
    }
}
