import Connectors
import Dataflow
import Glibc
import HostSystem
import JSONModel
import Planner
import Synchronization

@testable import ControlPlane

/// A registry over a database of its own, with a folder for files and a dialer that answers for some hosts.
final class ConnectionFixture: Sendable {
    let folder: String
    let registry: ConnectionRegistry
    let database: MetadataDatabase
    let settings: ConnectionSettings

    /// Connects to hosts called `up…`, after the policy's checks.
    struct FakeDialer: Dialer {
        func probe(_ target: EgressTarget, _ policy: EgressPolicy, timeoutMillis: Int) async throws -> String {
            try policy.check(target)
            if target.host.hasPrefix("up") { return "1.2.3.4" }
            throw OperationalError("cannot connect to '\(target.host)' on port \(target.port)", domain: .external)
        }
    }

    init(
        egress: EgressPolicy = EgressPolicy(.any), cluster: FakeCluster = FakeCluster(),
        catalog: ConnectorCatalog? = nil,
        dialer: any Dialer = FakeDialer(), adjust: (inout ConnectionSettings) -> Void = { _ in }
    ) throws {
        folder = "/tmp/laminar-connections-\(getpid())-\(UInt64.random(in: .min ... .max))"
        try PosixFileSystem().makeDirectory(folder + "/data")
        database = try MetadataDatabase(path: folder + "/laminar.db")
        let box = try SecretBox(key: Secret(String(repeating: "5a", count: 32)))
        var settings = ConnectionSettings(
            secrets: box, egress: egress, files: FileRoots([folder + "/data"]),
            variables: EnvironmentVariables { ["KAFKA_PASSWORD": "from the environment"][$0] })
        adjust(&settings)
        self.settings = settings
        registry = ConnectionRegistry(
            database, catalog: catalog ?? ConnectorCatalog.builtin { _ in }, settings: settings, dialer: dialer,
            probe: { _, _, _ in cluster })
    }

    deinit {
        let files = PosixFileSystem()
        for path in [folder + "/data", folder] {
            for name in (try? files.list(path)) ?? [] { try? files.remove(path + "/" + name) }
            try? files.remove(path)
        }
    }

    func write(_ name: String, _ text: String) throws {
        let file = try PosixFileSystem().openForWriting(folder + "/data/" + name, .replace)
        try file.write(text)
        try file.close()
    }

    func profile(_ connector: String, _ name: String, _ config: String) async throws -> ProfileInfo {
        try await registry.createProfile(.init(name: name, connector: connector, config: try JSONParser.parse(config)))
    }

    static func draft(
        _ connector: String, _ name: String, _ config: String, schema: String? = nil, profile: String? = nil
    ) throws -> TableDraft {
        TableDraft(
            name: name, connector: connector, profileID: profile, config: try JSONParser.parse(config),
            schema: try schema.map { try JSONParser.parse($0) })
    }

    func table(
        _ connector: String, _ name: String, _ config: String, schema: String? = nil, profile: String? = nil
    ) async throws -> TableInfo {
        try await registry.createTable(Self.draft(connector, name, config, schema: schema, profile: profile))
    }

    /// The message of the `ControlError` that something throws; what else happens is said too.
    static func refusal(
        _ kind: ControlError.Kind = .invalid, _ body: () async throws -> Void
    ) async -> String {
        do {
            try await body()
            return "nothing was thrown"
        } catch let error as ControlError {
            return error.kind == kind ? error.message : "\(error.kind): \(error.message)"
        } catch {
            return "no ControlError: \(error)"
        }
    }
}

extension ConnectionRegistry {
    /// Every table as the planner would get it.
    func storedTables() throws -> [StoredTable] {
        let objects = try storedObjects()
        return try objects.tableNames.sorted().compactMap { try objects.table($0) }
    }

    /// Every profile likewise.
    func storedProfiles() throws -> [StoredProfile] {
        let objects = try storedObjects()
        return try objects.profileNames.sorted().compactMap { try objects.profile($0) }
    }
}

/// A cluster that says what a test wants.
struct FakeCluster: ClusterProbe {
    var brokers = ["up:9092"]
    var topics = ["orders": 3, "out": 1]
    var failure: OperationalError?
    var leaderless: [String: [Int]] = [:]
    var settings: KafkaProbe.TopicSettings?
    var producerFailure: OperationalError?

    func cluster() async throws -> KafkaProbe.Cluster {
        if let failure { throw failure }
        return KafkaProbe.Cluster(brokers: brokers, topics: topics, leaderless: leaderless)
    }

    func recordCount(topic: String, partition: Int) async throws -> Int { 7 }
    func topicSettings(_ topic: String) async throws -> KafkaProbe.TopicSettings? { settings }

    func takeOnProducer(transactionalID: String?) async throws {
        if let producerFailure { throw producerFailure }
    }
}
