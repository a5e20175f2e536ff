import APIClient
import ArgumentParser
import JSONModel

/// Waits for a pipeline's job.
enum JobWait {
    private static let resting = ["Stopped", "Finished", "Failed"]
    private static let pollMillis = 200

    /// Looks at the newest job of a pipeline until `condition` holds of its state, and gives the job.
    static func until(
        _ server: LaminarServer, _ path: String, _ condition: (String) -> Bool
    ) async throws -> JSONValue {
        while true {
            let job = try await server.get(path + "/jobs")["data"]?[0] ?? .null
            if condition(job["state"]?.string ?? "") { return job }
            try await Task.sleep(for: .milliseconds(pollMillis))
        }
    }

    /// Waits until it neither runs nor is about to.
    static func rest(_ server: LaminarServer, _ path: String) async throws -> JSONValue {
        try await until(server, path) { resting.contains($0) }
    }

    /// Prints the state; throws an exit code when the job has failed.
    static func report(_ job: JSONValue) throws {
        print(job["state"]?.string ?? "")
        if job["state"] == "Failed" {
            throw ClientFailure(
                message: job["failureMessage"]?.string ?? "the job failed", exit: ExitStatus.failedWhileRunning)
        }
    }
}

struct WaitPipeline: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Wait until a pipeline has ended or stopped; exit code 1 if it has failed.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its id or name.") var pipeline: String

    func run(_ server: LaminarServer) async throws {
        try JobWait.report(try await JobWait.rest(server, try await server.paths(pipeline).pipeline))
    }
}

struct StopPipeline: ClientCommand {
    enum Mode: String, ExpressibleByArgument, CaseIterable { case checkpoint, graceful, immediate, force }

    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop a pipeline; by default behind a last checkpoint.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its id or name.") var pipeline: String
    @Option(help: "checkpoint, graceful (what is in flight is processed), immediate or force.")
    var mode = Mode.checkpoint
    @Flag(help: "Wait until it has stopped.") var wait = false

    func run(_ server: LaminarServer) async throws {
        let path = try await server.paths(pipeline).pipeline
        let value = try await server.patch(path, ["stop": .string(mode.rawValue)])
        if client.json { printJSON(value) }
        if wait { try JobWait.report(try await JobWait.rest(server, path)) }
    }
}

struct StartPipeline: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Start a stopped pipeline; it goes on from its last checkpoint.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its id or name.") var pipeline: String
    @Flag(help: "Wait until it runs.") var wait = false

    func run(_ server: LaminarServer) async throws {
        let path = try await server.paths(pipeline).pipeline
        let value = try await server.patch(path, ["stop": "none"])
        if client.json { printJSON(value) }
        if wait {
            try JobWait.report(
                try await JobWait.until(server, path) { ["Running", "Finished", "Failed"].contains($0) })
        }
    }
}

struct RestartPipeline: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "Restart a pipeline from a checkpoint, also one that has failed.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its id or name.") var pipeline: String
    @Flag(help: "Without taking a checkpoint first.") var force = false

    func run(_ server: LaminarServer) async throws {
        let path = try await server.paths(pipeline).pipeline
        let value = try await server.post(path + "/restart", ["force": .bool(force)])
        if client.json { printJSON(value) }
    }
}

struct PipelineLogs: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Show what a pipeline had to tell: bad records, failures, restarts; newest last."
    )

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its id or name.") var pipeline: String
    @Option(name: [.customShort("n"), .long], help: "How many, 1 to 1000.") var limit = 100

    func run(_ server: LaminarServer) async throws {
        let path = try await server.paths(pipeline).job
        let answer = try await server.get(path + "/errors", query: [("limit", "\(limit)")])
        if client.json { return printJSON(answer) }
        for message in (answer["data"]?.array ?? []).reversed() {
            let node = message["operatorId"]?.string.map { " operator \($0)" } ?? ""
            let subtask = message["taskIndex"]?.integer.map { "/\($0)" } ?? ""
            print(
                "\(ListTable.time(message["createdAt"]?.integer)) \((message["level"]?.string ?? "").uppercased())"
                    + "\(node)\(subtask): \(message["message"]?.string ?? "")")
            let details = message["details"]?.string ?? ""
            for line in details.split(whereSeparator: \.isNewline) { print("    \(line)") }
        }
    }
}

struct PipelineMetrics: ClientCommand {
    /// Of these the greatest of all subtasks is shown; of all others the sum.
    private static let maxima: Set<String> = [
        "backpressure", "busy", "watermark_lag", "latency_p50", "latency_p99", "commit_seconds",
    ]

    static let configuration = CommandConfiguration(
        commandName: "metrics", abstract: "Show the latest figures of a running pipeline's operators.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its id or name.") var pipeline: String

    func run(_ server: LaminarServer) async throws {
        let path = try await server.paths(pipeline)
        let answer = try await server.get(path.job + "/operator_metric_groups")
        if client.json { return printJSON(answer) }
        let nodes = answer["data"]?.array ?? []
        if nodes.isEmpty {
            throw ClientFailure(message: "the pipeline does not run", exit: ExitStatus.failedWhileRunning)
        }
        let graph = try await server.get(path.pipeline)["graph"]?["nodes"]?.array ?? []
        var names: [String] = []
        for node in nodes {
            for group in node["metricGroups"]?.array ?? [] {
                if let name = group["name"]?.string, !names.contains(name) { names.append(name) }
            }
        }
        var table = ListTable(["NODE", "OPERATOR"] + names.map { $0.uppercased() })
        for node in nodes {
            let name = graph.first { $0["nodeId"] == node["nodeId"] }?["operator"]?.string ?? ""
            table.add([node["nodeId"].map { "\($0)" } ?? "", name] + names.map { Self.latest($0, of: node) })
        }
        print(table.text, terminator: "")
    }

    private static func latest(_ name: String, of node: JSONValue) -> String {
        guard let group = node["metricGroups"]?.array?.first(where: { $0["name"]?.string == name }) else { return "-" }
        let values = (group["subtasks"]?.array ?? []).compactMap { $0["metrics"]?.array?.last?["value"]?.double }
        if values.isEmpty { return "-" }
        if maxima.contains(name) { return ProgressLine.decimal(values.max() ?? 0) }
        return ProgressLine.count(values.reduce(0, +).rounded())
    }
}
