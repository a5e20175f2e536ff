import ControlPlane
import JSONModel
import Synchronization

/// Profiles and tables kept in memory.
final class FakeConnections: ConnectionService {
    private struct State {
        var number = 0
        var profiles: [ProfileInfo] = []
        var tables: [TableInfo] = []
    }

    private let state = Mutex(State())
    /// Tests of tables called `endless` whose reader has left.
    let leftTests = Atomic<Int>(0)

    func connectors() -> [ConnectorInfo] {
        ["impulse", "kafka", "single_file"].map { id in
            ConnectorInfo(
                id: id, name: id, icon: "<svg/>", description: "", profileSchema: id == "kafka" ? [:] : nil,
                tableSchema: ["type": "object"], isEnabled: id != "kafka", isSource: true, isSink: id != "impulse")
        }
    }

    private func checkConnector(_ id: String) throws {
        if !connectors().contains(where: { $0.id == id }) { throw ControlError.notFound("Connector", id) }
    }

    func profiles(_ page: PageRequest) async throws -> Page<ProfileInfo> {
        try Page(of: state.withLock { $0.profiles }, page, "profile") { $0.id }
    }

    func profile(id: String) async throws -> ProfileInfo {
        try state.withLock { state in
            guard let found = state.profiles.first(where: { $0.id == id }) else {
                throw ControlError.notFound("Connection profile", id)
            }
            return found
        }
    }

    func createProfile(_ draft: ProfileDraft) async throws -> ProfileInfo {
        try checkConnector(draft.connector)
        return try state.withLock { state in
            if state.profiles.contains(where: { $0.name == draft.name }) {
                throw ControlError(.conflict, "A profile with that name already exists")
            }
            state.number += 1
            let profile = ProfileInfo(
                id: "prof_\(state.number)", name: draft.name, connector: draft.connector, config: draft.config,
                description: "", createdAt: 1)
            state.profiles.insert(profile, at: 0)
            return profile
        }
    }

    func deleteProfile(id: String) async throws {
        _ = try await profile(id: id)
        state.withLock { state in state.profiles.removeAll { $0.id == id } }
    }

    func test(_ draft: ProfileDraft) async throws -> ConnectionTestStep {
        try checkConnector(draft.connector)
        return ConnectionTestStep(isError: false, isDone: true, message: "connected")
    }

    func autocomplete(profileID: String) async throws -> [String: [String]] {
        _ = try await profile(id: profileID)
        return ["topic": ["orders"]]
    }

    func tables(_ page: PageRequest) async throws -> Page<TableInfo> {
        try state.withLock { state in
            var items = state.tables[...]
            if let cursor = page.startingAfter {
                guard let index = items.firstIndex(where: { $0.id == cursor }) else {
                    throw ControlError(.invalid, "parameter 'starting_after': no such table")
                }
                items = items[(index + 1)...]
            }
            return Page(Array(items.prefix(page.limit)), hasMore: items.count > page.limit)
        }
    }

    func table(id: String) async throws -> TableInfo {
        try state.withLock { state in
            guard let found = state.tables.first(where: { $0.id == id }) else {
                throw ControlError.notFound("Connection table", id)
            }
            return found
        }
    }

    func createTable(_ draft: TableDraft) async throws -> TableInfo {
        try checkConnector(draft.connector)
        let used = try usedProfile(draft)
        return try state.withLock { state in
            if state.tables.contains(where: { $0.name == draft.name }) {
                throw ControlError(.conflict, "A table with that name already exists")
            }
            state.number += 1
            let table = TableInfo(
                id: "tbl_\(state.number)", name: draft.name, createdAt: 1, connector: draft.connector, profile: used,
                tableType: "source", config: draft.config, schema: draft.schema, consumers: 0)
            state.tables.insert(table, at: 0)
            return table
        }
    }

    /// The profile a draft names. One that is not there is wrong in the request, as it is no part of the path.
    private func usedProfile(_ draft: TableDraft) throws -> ProfileInfo? {
        guard let id = draft.profileID else { return nil }
        let found = state.withLock { state in state.profiles.first { $0.id == id } }
        guard let found else {
            throw ControlError(.invalid, "connection_profile_id: there is no connection profile with id '\(id)'")
        }
        return found
    }

    func deleteTable(id: String) async throws {
        _ = try await table(id: id)
        state.withLock { state in state.tables.removeAll { $0.id == id } }
    }

    func test(_ draft: TableDraft) async throws -> AsyncStream<ConnectionTestStep> {
        try checkConnector(draft.connector)
        _ = try usedProfile(draft)
        return AsyncStream { continuation in
            continuation.yield(ConnectionTestStep(isError: false, isDone: false, message: "connecting"))
            if draft.name == "endless" {
                continuation.onTermination = { [self] _ in leftTests.wrappingAdd(1, ordering: .relaxed) }
                return
            }
            continuation.yield(ConnectionTestStep(isError: false, isDone: true, message: "connected"))
            continuation.finish()
        }
    }

    func test(schema: JSONValue) async throws {
        if schema["fields"]?.array == nil { throw ControlError(.invalid, "field 'fields': is missing") }
    }
}
