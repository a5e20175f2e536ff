import APIClient
import ArgumentParser
import HostSystem
import JSONModel
import Settings

/// `laminar pipelines …`.
struct PipelinesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipelines", abstract: "List, make, change and watch the pipelines of a server.",
        discussion: "A pipeline is named by its id or, when only one has it, by its name.",
        subcommands: [
            ListPipelines.self, CreatePipeline.self, GetPipeline.self, UpdatePipeline.self, StopPipeline.self,
            StartPipeline.self, RestartPipeline.self, WaitPipeline.self, DeletePipeline.self, PipelineLogs.self,
            PipelineMetrics.self, OutputCommand.self, ValidatePipeline.self,
        ])
}

/// SQL of a command whose first argument is something else.
struct QueryOption: ParsableArguments {
    @Option(name: [.customShort("f"), .customLong("file")], help: "A file with SQL; - reads standard input.")
    var file: String?

    @Option(name: [.customShort("e"), .long], help: "SQL given directly.")
    var execute: String?

    func validate() throws {
        if (file == nil) == (execute == nil) { throw ValidationError("give the query with -f FILE or -e SQL") }
    }

    func read() throws -> String {
        if let execute { return execute }
        return try FileInput.text(file ?? "-")
    }
}

/// Files that commands send.
enum FileInput {
    /// The text of a file; `-` is standard input.
    static func text(_ path: String) throws -> String {
        do throws(FileError) {
            let bytes = try path == "-" ? Terminal.readStandardInput() : PosixFileSystem().readAll(path)
            return String(decoding: bytes, as: UTF8.self)
        } catch {
            throw ClientFailure.invalid("\(error)")
        }
    }

    /// A text that is JSON; `what` names it in errors.
    static func json(_ text: String, _ what: String) throws -> JSONValue {
        do throws(JSONSyntaxError) {
            return try JSONParser.parse(text)
        } catch {
            throw ClientFailure.invalid("\(what) is not JSON: \(error)")
        }
    }
}

/// Durations of flags.
enum DurationFlag {
    /// Microseconds of a checkpoint interval such as `10s`.
    static func checkpointInterval(_ text: String) throws -> Int64 {
        guard let setting = SettingTable.setting("default-checkpoint-interval") else { return 0 }
        do throws(SettingMistake) {
            guard case .duration(let millis) = try setting.value(of: text) else { return 0 }
            return Int64(millis) * 1000
        } catch {
            throw ClientFailure.invalid("--checkpoint-interval \(error)")
        }
    }
}

struct ListPipelines: ClientCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List pipelines, newest first.")

    @OptionGroup var client: ClientOptions
    @Flag(help: "Previews too.") var previews = false

    func run(_ server: LaminarServer) async throws {
        let pipelines = try await server.all(
            "/pipelines", query: previews ? [("include_preview", "true")] : [])
        if client.json { return printJSON(.array(pipelines)) }
        var table = ListTable("ID", "NAME", "STATE", "PARALLELISM", "CREATED")
        for pipeline in pipelines {
            table.add(
                pipeline["id"]?.string ?? "", pipeline["name"]?.string ?? "",
                pipeline["state"]?.string ?? pipeline["actionText"]?.string ?? "",
                pipeline["parallelism"].map { "\($0)" } ?? "-", ListTable.time(pipeline["createdAt"]?.integer))
        }
        print(table.text, terminator: "")
    }
}

struct CreatePipeline: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Store a pipeline and start it; prints its id.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its name.") var name: String
    @OptionGroup var query: QueryOption
    @Option(
        name: [.customShort("p"), .long],
        help: "How many subtasks an operator runs in; by default what the server says (default-parallelism).")
    var parallelism: Int?
    @Option(name: .customLong("checkpoint-interval"), help: "Time between two checkpoints, e.g. 10s.")
    var interval: String?
    @Flag(inversion: .prefixedNo, help: "Whether it starts at once.") var start = true

    func run(_ server: LaminarServer) async throws {
        var body: JSONObject = JSONObject([
            .init(key: "name", value: .string(name)), .init(key: "query", value: .string(try query.read())),
        ])
        if let parallelism {
            body["parallelism"] = JSONValue(parallelism)
        } else {
            body["parallelism"] = try await server.get("/config")["default_parallelism"] ?? 1
        }
        if let interval {
            body["checkpoint_interval_micros"] = .integer(try DurationFlag.checkpointInterval(interval))
        }
        if !start { body["start"] = false }
        let pipeline = try await server.post("/pipelines", .object(body))
        if client.json { return printJSON(pipeline) }
        for warning in pipeline["warnings"]?.array ?? [] { DiagnosticLine.print(warning) }
        print(pipeline["id"]?.string ?? "")
    }
}

struct GetPipeline: ClientCommand {
    static let configuration = CommandConfiguration(commandName: "get", abstract: "Show a pipeline.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its id or name.") var pipeline: String

    func run(_ server: LaminarServer) async throws {
        let value = try await server.pipeline(pipeline)
        if client.json { return printJSON(value) }
        let jobs = try await server.get("/pipelines/\(ServerClient.escaped(value["id"]?.string ?? ""))/jobs")
        let job = jobs["data"]?[0] ?? .null
        let interval = Double(value["checkpoint_interval_micros"]?.integer ?? 0) / 1e6
        var table = ListTable([])
        table.add("id", value["id"]?.string ?? "")
        table.add("name", value["name"]?.string ?? "")
        table.add("state", job["state"]?.string ?? "-")
        if let failure = job["failureMessage"]?.string { table.add("failure", failure) }
        table.add("wanted", value["stop"] == "none" ? "runs" : "stopped (\(value["stop"]?.string ?? ""))")
        table.add("run", job["runId"].map { "\($0)" } ?? "-")
        table.add("started", ListTable.time(job["startTime"]?.integer))
        table.add("finished", ListTable.time(job["finishTime"]?.integer))
        table.add("checkpoints", "every \(ProgressLine.decimal(interval)) s")
        table.add("created", ListTable.time(value["createdAt"]?.integer))
        print(table.text.drop { $0.isNewline }, terminator: "")
        var operators = ListTable("NODE", "OPERATOR", "SUBTASKS", "DESCRIPTION")
        for node in value["graph"]?["nodes"]?.array ?? [] {
            operators.add(
                node["nodeId"].map { "\($0)" } ?? "", node["operator"]?.string ?? "",
                node["parallelism"].map { "\($0)" } ?? "", node["description"]?.string ?? "")
        }
        print("\n\(operators.text)\n\(value["query"]?.string ?? "")")
    }
}

struct UpdatePipeline: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Change a pipeline's parallelism, checkpoint interval or name.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its id or name.") var pipeline: String
    @Option(name: [.customShort("p"), .long], help: "How many subtasks an operator runs in; it is rescaled.")
    var parallelism: Int?
    @Option(name: .customLong("checkpoint-interval"), help: "Time between two checkpoints, e.g. 10s.")
    var interval: String?
    @Option(help: "Its new name.") var name: String?

    func validate() throws {
        if parallelism == nil && interval == nil && name == nil {
            throw ValidationError("nothing to change: give --parallelism, --checkpoint-interval or --name")
        }
    }

    func run(_ server: LaminarServer) async throws {
        var body = JSONObject()
        if let parallelism { body["parallelism"] = JSONValue(parallelism) }
        if let interval {
            body["checkpoint_interval_micros"] = .integer(try DurationFlag.checkpointInterval(interval))
        }
        if let name { body["name"] = .string(name) }
        let value = try await server.patch(try await server.paths(pipeline).pipeline, .object(body))
        if client.json { printJSON(value) }
    }
}

struct DeletePipeline: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a pipeline that does not run, with its state.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its id or name.") var pipeline: String
    @Flag(help: "Stop it first, at once.") var stop = false

    func run(_ server: LaminarServer) async throws {
        let path = try await server.paths(pipeline).pipeline
        if stop {
            _ = try await server.patch(path, ["stop": "immediate"])
            _ = try await JobWait.rest(server, path)
        }
        try await server.delete(path)
    }
}

struct ValidatePipeline: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Check SQL against the server's tables; exit code 2 if it is wrong.")

    @OptionGroup var client: ClientOptions
    @OptionGroup var query: QueryOption

    func run(_ server: LaminarServer) async throws {
        let answer = try await server.post("/pipelines/validate_query", ["query": .string(try query.read())])
        if client.json {
            printJSON(answer)
        } else {
            for diagnostic in answer["diagnostics"]?.array ?? [] { DiagnosticLine.print(diagnostic) }
        }
        if !(answer["errors"]?.array ?? []).isEmpty { throw ExitStatus.invalidInput }
        if !client.json { print("ok: \(answer["graph"]?["nodes"]?.array?.count ?? 0) operators") }
    }
}

/// What the server says about SQL.
enum DiagnosticLine {
    /// `error[E0204] at 1:8: there is no column x`, and the hint below, to standard error.
    static func print(_ diagnostic: JSONValue) {
        let start = diagnostic["span"]?["start"]
        let place = start.flatMap { place in
            place["line"].flatMap { line in place["column"].map { " at \(line):\($0)" } }
        }
        let severity = diagnostic["severity"]?.string ?? "error"
        let code = diagnostic["code"]?.string.map { "[\($0)]" } ?? ""
        let hint = diagnostic["help"]?.string.map { "\n  hint: \($0)" } ?? ""
        Terminal.printError("\(severity)\(code)\(place ?? ""): \(diagnostic["message"]?.string ?? "")\(hint)")
    }
}
