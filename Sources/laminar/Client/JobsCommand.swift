import APIClient
import ArgumentParser
import JSONModel

/// `laminar jobs …`.
struct JobsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Look at the jobs of pipelines: states, checkpoints, why nothing comes out.",
        subcommands: [ListJobs.self, JobCheckpoints.self, JobDiagnosis.self])
}

struct ListJobs: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the jobs of all pipelines, or of one.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "The id or name of a pipeline.") var pipeline: String?

    func run(_ server: LaminarServer) async throws {
        var path = "/jobs"
        if let pipeline { path = try await server.paths(pipeline).pipeline + "/jobs" }
        let jobs = try await server.all(path)
        if client.json { return printJSON(["data": .array(jobs)]) }
        var table = ListTable("ID", "PIPELINE", "RUN", "STATE", "STARTED", "FINISHED", "TASKS", "FAILURE")
        for job in jobs {
            table.add(
                job["id"]?.string ?? "", job["pipelineId"]?.string ?? "", job["runId"].map { "\($0)" } ?? "",
                job["state"]?.string ?? "", ListTable.time(job["startTime"]?.integer),
                ListTable.time(job["finishTime"]?.integer), job["tasks"]?.integer.map { "\($0)" } ?? "-",
                job["failureMessage"]?.string ?? "")
        }
        print(table.text, terminator: "")
    }
}

struct JobCheckpoints: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoints", abstract: "List the checkpoints of a pipeline's job, or show one by operators.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "The id or name of the pipeline.") var pipeline: String
    @Option(help: "Show the operators of this checkpoint.") var epoch: Int?

    func run(_ server: LaminarServer) async throws {
        let path = try await server.paths(pipeline).job + "/checkpoints"
        if let epoch {
            let answer = try await server.get("\(path)/\(epoch)/operator_checkpoint_groups")
            return client.json ? printJSON(answer) : print(Self.operators(answer), terminator: "")
        }
        let checkpoints = try await server.all(path)
        if client.json { return printJSON(["data": .array(checkpoints)]) }
        var table = ListTable("EPOCH", "STARTED", "TOOK", "SIZE", "FAILURE")
        for checkpoint in checkpoints {
            table.add(
                checkpoint["epoch"].map { "\($0)" } ?? "", ListTable.time(checkpoint["startTime"]?.integer),
                Self.duration(checkpoint), ListTable.bytes(checkpoint["bytes"]?.integer ?? 0),
                checkpoint["failure"]?.string ?? "")
        }
        print(table.text, terminator: "")
    }

    private static func operators(_ answer: JSONValue) -> String {
        var table = ListTable("OPERATOR", "SUBTASK", "SIZE", "ALIGNMENT", "SYNC", "ASYNC", "COMMITTING")
        for group in answer["data"]?.array ?? [] {
            for subtask in group["subtasks"]?.array ?? [] {
                let spans = subtask["eventSpans"]?.array ?? []
                table.add(
                    [
                        group["operatorId"]?.string ?? "", subtask["index"].map { "\($0)" } ?? "",
                        ListTable.bytes(subtask["bytes"]?.integer ?? 0),
                    ]
                        + ["alignment", "sync", "async", "committing"].map { event in
                            spans.first { $0["event"]?.string == event }.map { duration($0) } ?? "-"
                        })
            }
        }
        return table.text
    }

    private static func duration(_ span: JSONValue) -> String {
        guard let start = span["startTime"]?.integer, let finish = span["finishTime"]?.integer, finish >= start else {
            return "-"
        }
        return "\(ProgressLine.decimal(Double(finish - start) / 1000)) ms"
    }
}

struct JobDiagnosis: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "diagnosis", abstract: "Say where a pipeline's rows are and why none come out.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "The id or name of the pipeline.") var pipeline: String

    func run(_ server: LaminarServer) async throws {
        let answer = try await server.get(try await server.paths(pipeline).job + "/diagnosis")
        if client.json { return printJSON(answer) }
        print(answer["text"]?.string ?? "")
    }
}
