import Foundation
import TestKit
import Testing

/// The commands that ask a server, against one that answers as it is told; and the configuration.
@Suite(.serialized) struct ClientCommandTests {
    /// The program in an empty folder, with these variables only.
    static func run(
        _ arguments: [String], environment: [String: String] = [:], files: [String: String] = [:]
    ) throws -> ChildProcess.Result {
        let folder = CommandLineTests.temporaryFolder()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, text) in files { try text.write(toFile: folder + "/" + name, atomically: false, encoding: .utf8) }
        let variables = environment.merging(["HOME": folder]) { given, _ in given }.map { "\($0.key)=\($0.value)" }
        return try #require(
            ChildProcess.run(
                ["env", "-i", "-C", folder] + variables + [CommandLineTests.binary] + arguments))
    }

    @Test("laminar config shows values, where they come from, and no secret")
    func config() throws {
        let result = try Self.run(
            ["config", "--set", "api.bind-address=::1"],
            environment: ["LAMINAR__API__API_KEY": "canary", "LAMINAR__API__AUTH_MODE": "static-api-key"],
            files: ["laminar.toml": "[api]\nhttp-port = 1234\n"])
        #expect(result.status == 0, "\(result.errorOutput)")
        let lines = result.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(lines.contains(["api.http-port", "1234", "laminar.toml:2"]))
        #expect(lines.contains(["api.bind-address", "::1", "--set", "api.bind-address"]))
        #expect(lines.contains(["api.api-key", "********", "LAMINAR__API__API_KEY"]))
        #expect(!result.output.contains("canary"))
    }

    @Test("mistakes of the configuration are told with their places and exit code 2")
    func configMistakes() throws {
        let result = try Self.run(
            ["config"], environment: ["LAMINAR__API__HTTP_PORT": "x"], files: ["laminar.toml": "[api]\nhttp-prt = 1\n"])
        #expect(result.status == 2 && result.output.isEmpty)
        #expect(result.errorOutput.contains("error: laminar.toml:2: there is no setting 'api.http-prt'"))
        #expect(result.errorOutput.contains("did you mean api.http-port?"))
        #expect(result.errorOutput.contains("error: LAMINAR__API__HTTP_PORT: api.http-port takes a number"))
    }

    @Test("docs/configuration.md is what the program writes")
    func configurationPage() throws {
        let page = try String(contentsOfFile: ScriptTests.root.path + "/docs/configuration.md", encoding: .utf8)
        #expect(
            try Self.run(["config", "--markdown"]).output == page, "run laminar config --markdown again")
    }

    @Test("laminar.toml.example is what the program writes")
    func exampleFile() throws {
        let file = try String(contentsOfFile: ScriptTests.root.path + "/laminar.toml.example", encoding: .utf8)
        #expect(try Self.run(["config", "--example"]).output == file, "run laminar config --example again")
    }

    @Test("the shorter names of laminar run --set stay, and the table's are taken")
    func runSettings() throws {
        for setting in [
            "pipeline.source-batch-linger-millis=10", "pipeline.source-batch-linger=10ms", "pipeline.chaining=false",
            "pipeline.chaining.enabled=false", "pipeline.healthy-duration-millis=1", "pipeline.max-state-memory=1MB",
        ] {
            let result = try Self.run(["run", "-e", "SELECT 1 AS a", "--set", setting])
            #expect(result.status == 0 && result.output == "{\"a\":1}\n", "\(setting): \(result.errorOutput)")
        }
        for setting in [
            "pipeline.source-batch-linger-millis=10ms", "pipeline.source-batch-linger=10", "api.http-port=1",
        ] {
            #expect(try Self.run(["run", "-e", "SELECT 1 AS a", "--set", setting]).status == 2, "\(setting)")
        }
    }

    // MARK: Commands

    static let pipeline =
        #"{"id": "pl_1", "name": "p", "state": "Running", "stop": "none", "parallelism": 2, "#
        + #""createdAt": 0, "jobId": "job_1"}"#

    @Test("without a server the commands say so and how to start one")
    func noServer() throws {
        let server = try TinyServer { _ in TinyServer.json("200 OK", "{}") }
        server.stop()
        for arguments in [["pipelines", "list"], ["connectors"], ["output", "x"], ["connections", "tables", "list"]] {
            let result = try Self.run(arguments + ["--server", server.url])
            #expect(result.status == 1)
            #expect(
                result.errorOutput
                    == "error: cannot reach the server at \(server.url): "
                    + "is `laminar serve` running? (connection refused)\n"
            )
        }
    }

    @Test("lists are tables of all pages, or JSON; the token goes along")
    func lists() throws {
        let server = try TinyServer { request in
            guard request.contains("authorization: bearer t\r\n") else {
                return TinyServer.json("401 Unauthorized", #"{"error": "no"}"#)
            }
            if request.contains("starting_after=pl_1") {
                return TinyServer.json("200 OK", #"{"data": [{"id": "pl_0", "name": "q"}], "has_more": false}"#)
            }
            return TinyServer.json("200 OK", #"{"data": [\#(Self.pipeline)], "has_more": true}"#)
        }
        defer { server.stop() }
        let variables = ["LAMINAR__CLIENT__SERVER": server.url, "LAMINAR__CLIENT__TOKEN": "t"]
        let table = try Self.run(["pipelines", "list"], environment: variables)
        #expect(
            table.output == """
                ID    NAME  STATE    PARALLELISM  CREATED
                pl_1  p     Running  2            1970-01-01 00:00:00
                pl_0  q              -            -

                """, "\(table.errorOutput)")
        let json = try Self.run(["pipelines", "list", "--json"], environment: variables)
        #expect(json.output.contains("\"pl_0\"") && json.output.hasPrefix("["))
        let refused = try Self.run(["pipelines", "list", "--server", server.url, "--token", "x"])
        #expect(refused.status == 1 && refused.errorOutput.contains("error: no\n  hint: give the token with --token"))
    }

    @Test("a pipeline is found by its name when only one has it")
    func names() throws {
        let server = try TinyServer { request in
            if request.hasPrefix("patch /api/v1/pipelines/pl_1 ") { return TinyServer.json("200 OK", Self.pipeline) }
            if request.hasPrefix("get /api/v1/pipelines?") {
                let twin = #"{"id": "pl_2", "name": "twin"}, {"id": "pl_3", "name": "twin"}"#
                return TinyServer.json("200 OK", #"{"data": [\#(Self.pipeline), \#(twin)], "has_more": false}"#)
            }
            return TinyServer.json("404 Not Found", #"{"error": "Pipeline not found"}"#)
        }
        defer { server.stop() }
        #expect(try Self.run(["pipelines", "stop", "p", "--server", server.url]).status == 0)
        #expect(server.received.last?.hasSuffix("\r\n\r\n{\"stop\":\"checkpoint\"}") == true)
        let twins = try Self.run(["pipelines", "start", "twin", "--server", server.url])
        #expect(twins.status == 2 && twins.errorOutput.contains("give the id of one: pl_2, pl_3"))
        let none = try Self.run(["pipelines", "get", "nobody", "--server", server.url])
        #expect(none.status == 2 && none.errorOutput.contains("there is no pipeline 'nobody'"))
    }

    @Test("output follows the events, also over a break, and prints a JSON line for each row")
    func output() throws {
        @Sendable func event(_ id: Int, _ batch: String) -> String {
            "id: \(id)\ndata: {\"batch\": \"\(batch.replacing("\"", with: "\\\""))\"}\n\n"
        }
        let server = try TinyServer { request in
            if request.hasPrefix("get /api/v1/pipelines/pl_1/jobs/job_1/output") {
                return request.contains("last-event-id: 1\r\n")
                    ? TinyServer.stream(
                        event(2, #"[{"a":3}]"#) + "event: dropped\ndata: {\"count\": 5}\n\nevent: done\ndata: {}\n\n")
                    : TinyServer.stream(": hello\n\n" + event(1, #"[{"a":1},{"a":null}]"#))
            }
            if request.contains("/jobs ") { return TinyServer.json("200 OK", #"{"data": [{"state": "Finished"}]}"#) }
            return TinyServer.json("200 OK", Self.pipeline)
        }
        defer { server.stop() }
        let result = try Self.run(["output", "pl_1", "--server", server.url])
        #expect(result.status == 0 && result.output == "{\"a\":1}\n{\"a\":null}\n{\"a\":3}\n", "\(result.errorOutput)")
        #expect(result.errorOutput == "warning: 5 rows were not shown: too slow a reader\n")
        let some = try Self.run(["pipelines", "output", "pl_1", "-n", "1", "--server", server.url])
        #expect(some.status == 0 && some.output == "{\"a\":1}\n")
    }

    @Test("validate prints every diagnostic with its place, and exits with 2")
    func validate() throws {
        let server = try TinyServer { _ in
            TinyServer.json(
                "200 OK",
                #"{"graph": null, "errors": ["x"], "diagnostics": [{"severity": "error", "code": "E0204", "#
                    + #""message": "there is no column orign", "help": "did you mean origin?", "#
                    + #""span": {"start": {"line": 1, "column": 8, "offset": 7}, "end": {}}}]}"#)
        }
        defer { server.stop() }
        let result = try Self.run(["pipelines", "validate", "-e", "SELECT orign", "--server", server.url])
        #expect(result.status == 2)
        #expect(
            result.errorOutput == "error[E0204] at 1:8: there is no column orign\n  hint: did you mean origin?\n")
    }

    @Test("tables are made of flags, files and profiles by name")
    func tables() throws {
        let server = try TinyServer { request in
            if request.hasPrefix("post ") { return TinyServer.json("200 OK", #"{"id": "tbl_1"}"#) }
            if request.hasPrefix("get /api/v1/connection_profiles?") {
                return TinyServer.json("200 OK", #"{"data": [{"id": "prof_1", "name": "k"}]}"#)
            }
            return TinyServer.json("404 Not Found", #"{"error": "no"}"#)
        }
        defer { server.stop() }
        let result = try Self.run(
            [
                "connections", "tables", "create", "t", "--connector", "kafka", "--options", "@c.json", "--profile",
                "k",
                "--server", server.url,
            ], files: ["c.json": #"{"topic": "x"}"#])
        #expect(result.status == 0 && result.output == "tbl_1\n", "\(result.errorOutput)")
        let body = #"{"name":"t","connector":"kafka","config":{"topic":"x"},"connection_profile_id":"prof_1"}"#
        #expect(server.received.last?.hasSuffix(body) == true, "\(server.received.last ?? "")")
        let missing = try Self.run(["connections", "profiles", "create", "t", "--server", server.url])
        #expect(missing.status == 2 && missing.errorOutput.contains("the connector is missing"))
        let garbage = try Self.run(
            ["connections", "profiles", "create", "t", "--connector", "x", "--options", "{", "--server", server.url])
        #expect(garbage.status == 2 && garbage.errorOutput.contains("--options is not JSON: line 1"))
    }
}
