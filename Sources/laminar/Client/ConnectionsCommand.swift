import APIClient
import ArgumentParser
import JSONModel

/// `laminar connections …`.
struct ConnectionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections", abstract: "List, make, try out and delete connection profiles and tables.",
        subcommands: [ConnectionGroup<ProfileResource>.self, ConnectionGroup<TableResource>.self])
}

/// One of the two kinds of connections, as its commands need it.
protocol ConnectionResource: Sendable {
    static var path: String { get }
    /// One of them, e.g. `profile`.
    static var noun: String { get }
    static var header: [String] { get }
    static func row(_ value: JSONValue) -> [String]
    /// Tries a draft out and prints the steps; whether it works.
    static func test(_ body: JSONValue, _ server: LaminarServer) async throws -> Bool
}

enum ProfileResource: ConnectionResource {
    static let path = "/connection_profiles"
    static let noun = "profile"
    static let header = ["ID", "NAME", "CONNECTOR", "DESCRIPTION"]

    static func row(_ value: JSONValue) -> [String] {
        ["id", "name", "connector", "description"].map { value[$0]?.string ?? "" }
    }

    static func test(_ body: JSONValue, _ server: LaminarServer) async throws -> Bool {
        let answer = try await server.post(path + "/test", body)
        print(answer["message"]?.string ?? "")
        return answer["error"] == false
    }
}

enum TableResource: ConnectionResource {
    static let path = "/connection_tables"
    static let noun = "table"
    static let header = ["ID", "NAME", "CONNECTOR", "TYPE", "PROFILE", "PIPELINES", "CREATED"]

    static func row(_ value: JSONValue) -> [String] {
        ["id", "name", "connector", "table_type"].map { value[$0]?.string ?? "" } + [
            value["connection_profile"]?["name"]?.string ?? "-", value["consumers"].map { "\($0)" } ?? "-",
            ListTable.time(value["created_at"]?.integer),
        ]
    }

    static func test(_ body: JSONValue, _ server: LaminarServer) async throws -> Bool {
        var isWorking = true
        for try await event in server.client.events(posting: body, to: LaminarServer.base + path + "/test") {
            guard let step = try? JSONParser.parse(event.data) else { continue }
            print(step["message"]?.string ?? "")
            if step["error"] == true { isWorking = false }
            if step["done"] == true { break }
        }
        return isWorking
    }
}

struct ConnectionGroup<Resource: ConnectionResource>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Resource.noun + "s", abstract: "The connection \(Resource.noun)s of a server.",
            subcommands: [
                ListConnections<Resource>.self, GetConnection<Resource>.self, CreateConnection<Resource>.self,
                DeleteConnection<Resource>.self, TestConnection<Resource>.self,
            ])
    }
}

struct ListConnections<Resource: ConnectionResource>: ClientCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "list", abstract: "List \(Resource.noun)s, newest first.")
    }

    @OptionGroup var client: ClientOptions

    func run(_ server: LaminarServer) async throws {
        let values = try await server.all(Resource.path)
        if client.json { return printJSON(.array(values)) }
        var table = ListTable(Resource.header)
        for value in values { table.add(Resource.row(value)) }
        print(table.text, terminator: "")
    }
}

struct GetConnection<Resource: ConnectionResource>: ClientCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "get", abstract: "Show a \(Resource.noun) as JSON; secrets are masked.")
    }

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its id or name.") var name: String

    func run(_ server: LaminarServer) async throws {
        printJSON(try await server.find(name, in: Resource.path, noun: Resource.noun))
    }
}

struct DeleteConnection<Resource: ConnectionResource>: ClientCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "delete", abstract: "Delete a \(Resource.noun) that nothing uses.")
    }

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its id or name.") var name: String

    func run(_ server: LaminarServer) async throws {
        let value = try await server.find(name, in: Resource.path, noun: Resource.noun)
        try await server.delete("\(Resource.path)/\(ServerClient.escaped(value["id"]?.string ?? ""))")
    }
}

/// A profile or table as flags or a file describe it.
struct ConnectionDraft: ParsableArguments {
    @Argument(help: "Its name.") var name: String?
    @Option(help: "Its connector, e.g. single_file.") var connector: String?
    @Option(name: .customLong("options"), help: "Its config as JSON; @FILE reads a file.") var config: String?
    @Option(help: "The profile of a table, by id or name.") var profile: String?
    @Option(help: "The schema of a table as JSON; @FILE reads a file.") var schema: String?
    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: "A JSON file with name, connector, config and so on; - reads standard input. Flags overrule it.")
    var file: String?

    /// What the server is sent.
    func body(_ server: LaminarServer) async throws -> JSONValue {
        var object = JSONObject()
        if let file {
            guard let read = try FileInput.json(FileInput.text(file), file).object else {
                throw ClientFailure.invalid("\(file): expected an object")
            }
            object = read
        }
        if let name { object["name"] = .string(name) }
        if let connector { object["connector"] = .string(connector) }
        if let config { object["config"] = try json(config, "--options") }
        if let schema { object["schema"] = try json(schema, "--schema") }
        if let profile {
            let found = try await server.find(profile, in: ProfileResource.path, noun: ProfileResource.noun)
            object["connection_profile_id"] = found["id"]
        }
        if object["config"] == nil { object["config"] = [:] }
        for key in ["name", "connector"] where object[key] == nil {
            throw ClientFailure.invalid(
                "the \(key) is missing: give \(key == "name" ? "NAME" : "--connector") or -f FILE")
        }
        return .object(object)
    }

    private func json(_ text: String, _ flag: String) throws -> JSONValue {
        text.hasPrefix("@")
            ? try FileInput.json(FileInput.text(String(text.dropFirst())), String(text.dropFirst()))
            : try FileInput.json(text, flag)
    }
}

struct CreateConnection<Resource: ConnectionResource>: ClientCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "create", abstract: "Store a \(Resource.noun); prints its id.")
    }

    @OptionGroup var client: ClientOptions
    @OptionGroup var draft: ConnectionDraft

    func run(_ server: LaminarServer) async throws {
        let value = try await server.post(Resource.path, try await draft.body(server))
        if client.json { return printJSON(value) }
        print(value["id"]?.string ?? "")
    }
}

struct TestConnection<Resource: ConnectionResource>: ClientCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "test", abstract: "Try a \(Resource.noun) out without storing it; exit code 1 if it fails.")
    }

    @OptionGroup var client: ClientOptions
    @OptionGroup var draft: ConnectionDraft

    func run(_ server: LaminarServer) async throws {
        if try await !Resource.test(try await draft.body(server), server) { throw ExitStatus.failedWhileRunning }
    }
}

/// `laminar connectors`.
struct ConnectorsCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "connectors", abstract: "List the connectors of a server, or show one with its options.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "The id of a connector.") var connector: String?

    func run(_ server: LaminarServer) async throws {
        let all = try await server.get("/connectors")["data"]?.array ?? []
        if let connector {
            guard let one = all.first(where: { $0["id"]?.string == connector }) else {
                throw ClientFailure.invalid("there is no connector '\(connector)': see laminar connectors")
            }
            return printJSON(one)
        }
        if client.json { return printJSON(.array(all)) }
        var table = ListTable("ID", "SOURCE", "SINK", "LOOKUP", "RUNS", "DESCRIPTION")
        for value in all {
            table.add(
                [value["id"]?.string ?? ""]
                    + ["source", "sink", "lookup", "enabled"].map { value[$0] == true ? "yes" : "-" }
                    + [value["description"]?.string ?? ""])
        }
        print(table.text, terminator: "")
    }
}
