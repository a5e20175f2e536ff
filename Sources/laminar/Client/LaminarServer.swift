import APIClient
import JSONModel

/// The resources of a server, found by id or by name.
struct LaminarServer: Sendable {
    static let base = "/api/v1"
    private static let pageSize = 1000

    let client: ServerClient

    init(_ client: ServerClient) { self.client = client }

    func get(_ path: String, query: [(name: String, value: String)] = []) async throws -> JSONValue {
        try await client.get(Self.base + path, query: query)
    }

    func post(_ path: String, _ body: JSONValue = [:]) async throws -> JSONValue {
        try await client.post(Self.base + path, body)
    }

    func patch(_ path: String, _ body: JSONValue) async throws -> JSONValue {
        try await client.patch(Self.base + path, body)
    }

    func delete(_ path: String) async throws { _ = try await client.delete(Self.base + path) }

    /// All items of a list, newest first; several requests when it has pages.
    func all(_ path: String, query: [(name: String, value: String)] = []) async throws -> [JSONValue] {
        var items: [JSONValue] = []
        var page = query + [("limit", "\(Self.pageSize)")]
        while true {
            let answer = try await get(path, query: page)
            let found = answer["data"]?.array ?? []
            items += found
            guard answer["has_more"] == true, let last = found.last.flatMap(Self.cursor) else { return items }
            page = query + [("limit", "\(Self.pageSize)"), ("starting_after", last)]
        }
    }

    /// What a page is gone on behind: ids, of checkpoints their epochs.
    private static func cursor(_ item: JSONValue) -> String? {
        item["id"]?.string ?? item["epoch"]?.integer.map { "\($0)" }
    }

    /// The resource of that id or, when none has it, of that name. Errors: there is none, or several.
    func find(_ name: String, in path: String, noun: String, query: [(name: String, value: String)] = []) async throws
        -> JSONValue
    {
        if !name.isEmpty {
            do {
                return try await get("\(path)/\(ServerClient.escaped(name))")
            } catch let error as APIError where [400, 404].contains(error.status) {
                // It may be a name.
            }
        }
        let found = try await all(path, query: query).filter { $0["name"]?.string == name }
        guard let one = found.first else {
            throw ClientFailure.invalid("there is no \(noun) '\(name)': see laminar \(listCommand(path))")
        }
        if found.count > 1 {
            let ids = found.compactMap { $0["id"]?.string }.joined(separator: ", ")
            throw ClientFailure.invalid("\(found.count) \(noun)s are called '\(name)', give the id of one: \(ids)")
        }
        return one
    }

    private func listCommand(_ path: String) -> String {
        switch path {
        case "/connection_profiles": "connections profiles list"
        case "/connection_tables": "connections tables list"
        default: "pipelines list"
        }
    }

    /// A pipeline by id or name; previews by id only.
    func pipeline(_ name: String) async throws -> JSONValue { try await find(name, in: "/pipelines", noun: "pipeline") }

    /// The paths of a pipeline and of its current job.
    func paths(_ name: String) async throws -> (pipeline: String, job: String) {
        let pipeline = try await pipeline(name)
        let path = "/pipelines/\(ServerClient.escaped(pipeline["id"]?.string ?? ""))"
        var job = pipeline["jobId"]?.string
        if job == nil { job = try await get(path + "/jobs")["data"]?[0]?["id"]?.string }
        guard let job else { throw ClientFailure.invalid("pipeline '\(name)' has no job") }
        return (path, "\(path)/jobs/\(ServerClient.escaped(job))")
    }
}
