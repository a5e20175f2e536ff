import Connectors
import Dataflow
import HostSystem
import JSONModel
import Planner

/// What the registry of connections works with.
public struct ConnectionSettings: Sendable {
    /// Seals secrets in the database.
    public var secrets: SecretBox
    /// Which hosts may be connected to.
    public var egress: EgressPolicy
    /// Which files tables may be.
    public var files: FileRoots
    /// Where `{{ NAME }}` comes from.
    public var variables: EnvironmentVariables
    /// How long trying a connection out waits for an answer.
    public var testMillis = 5000

    public init(secrets: SecretBox, egress: EgressPolicy, files: FileRoots, variables: EnvironmentVariables) {
        self.secrets = secrets
        self.egress = egress
        self.files = files
        self.variables = variables
    }
}

/// Keeps profiles and tables: checks them, brings them into one form, seals their secrets, and gives the planner what
/// it
/// needs to use them.
public final class ConnectionRegistry: ConnectionService {
    let settings: ConnectionSettings
    /// What can run, to check tables of it before they are stored.
    let catalog: ConnectorCatalog
    let store: ConnectionStore
    let dialer: any Dialer
    let fileSystem: any FileSystem
    let makeProbe: ClusterProbeFactory
    /// Where tables are planned to check them.
    let planning = PlanningThreads(waitingMax: QueryPlanner.waitingMax, jobThreadCount: 0)
    /// Where tables are tried out, which may wait for files; nil where the system gives no threads.
    let trials = try? ThreadPoolExecutor(threadCount: 2, name: "trials of tables")
    private let clock: any WallClock

    public init(
        _ database: MetadataDatabase, catalog: ConnectorCatalog, settings: ConnectionSettings,
        clock: any WallClock = SystemWallClock(), dialer: any Dialer = TCPDialer(),
        fileSystem: any FileSystem = PosixFileSystem(),
        probe: @escaping ClusterProbeFactory = ConnectionRegistry.kafkaProbe
    ) {
        makeProbe = probe
        store = ConnectionStore(database: database)
        self.catalog = catalog
        self.settings = settings
        self.clock = clock
        self.dialer = dialer
        self.fileSystem = fileSystem
    }

    deinit { trials?.shutDown() }

    private var nowMicros: Int64 { clock.nowNanoseconds() / 1000 }

    public func connectors() -> [ConnectorInfo] {
        ConnectorDescriptor.all.map { descriptor in
            ConnectorInfo(
                id: descriptor.id, name: descriptor.name, icon: descriptor.icon, description: descriptor.summary,
                profileSchema: descriptor.profile?.jsonSchema, tableSchema: descriptor.table.jsonSchema,
                isEnabled: descriptor.isEnabled, isSource: descriptor.roles.contains(.source),
                isSink: descriptor.roles.contains(.sink), isLookup: descriptor.roles.contains(.lookup),
                hasCustomSchemas: descriptor.hasCustomSchemas, isTesting: descriptor.isTesting,
                isHidden: descriptor.isHidden)
        }.sorted { $0.name < $1.name }
    }

    // MARK: - Profiles

    public func profiles(_ page: PageRequest) async throws -> Page<ProfileInfo> {
        let found = try await store.profiles(page)
        return Page(found.items.map(info), hasMore: found.hasMore)
    }

    public func profile(id: String) async throws -> ProfileInfo { info(try await storedProfile(id)) }

    public func createProfile(_ draft: ProfileDraft) async throws -> ProfileInfo {
        let name = try ConfigCheck.name(draft.name)
        let checked = try ConnectionDraft.profile(draft)
        let id = ResourceID.make(ResourceID.profile, clock)
        let sealed = try checked.shape.mappingSecrets(in: checked.config) { path, text in
            try settings.secrets.seal(text, at: id + "." + path)
        }
        let row = ConnectionStore.Profile(
            id: id, name: name, connector: checked.descriptor.id, config: sealed, createdAt: nowMicros)
        try await store.insert(row)
        return info(row)
    }

    public func deleteProfile(id: String) async throws { try await store.deleteProfile(id: id) }

    func storedProfile(_ id: String) async throws -> ConnectionStore.Profile {
        guard let row = try await store.profile(id: id) else { throw ControlError.notFound("Connection profile", id) }
        return row
    }

    /// As answered: what is sealed is masked without being opened.
    private func info(_ row: ConnectionStore.Profile) -> ProfileInfo {
        let descriptor = ConnectorDescriptor.find(row.connector)
        let config =
            descriptor?.profile?.mappingSecrets(in: row.config) { _, _ in Secret.mask } ?? .object(JSONObject())
        return ProfileInfo(
            id: row.id, name: row.name, connector: row.connector, config: config,
            description: descriptor?.summary(ofProfile: config) ?? "", createdAt: row.createdAt)
    }

    /// The config of a profile with its secrets. Errors: `OperationalError` when they cannot be opened.
    func opened(_ row: ConnectionStore.Profile) throws -> JSONValue {
        guard let shape = ConnectorDescriptor.find(row.connector)?.profile else { return row.config }
        return try shape.mappingSecrets(in: row.config) { path, text in
            try settings.secrets.open(text, at: row.id + "." + path)
        }
    }

    // MARK: - Tables

    public func tables(_ page: PageRequest) async throws -> Page<TableInfo> {
        let found = try await store.tables(page)
        return Page(found.items.map { info($0, profile: $0.profile) }, hasMore: found.hasMore)
    }

    public func table(id: String) async throws -> TableInfo {
        guard let row = try await store.table(id: id) else { throw ControlError.notFound("Connection table", id) }
        return info(row, profile: row.profile)
    }

    public func createTable(_ draft: TableDraft) async throws -> TableInfo {
        let name = try ConfigCheck.name(draft.name)
        let checked = try await checkedTable(draft, name: name)
        let id = ResourceID.make(ResourceID.table, clock)
        let sealed = try checked.descriptor.table.mappingSecrets(in: checked.config) { path, text in
            try settings.secrets.seal(text, at: id + "." + path)
        }
        let row = ConnectionStore.Table(
            id: id, name: name, connector: checked.descriptor.id, profileID: checked.profile?.id,
            tableType: checked.role.rawValue, config: sealed, schema: checked.schema?.json, createdAt: nowMicros)
        try await store.insert(row)
        return info(row, profile: checked.profile)
    }

    public func deleteTable(id: String) async throws { try await store.deleteTable(id: id) }

    private func info(_ row: ConnectionStore.Table, profile: ConnectionStore.Profile?) -> TableInfo {
        let shape = ConnectorDescriptor.find(row.connector)?.table
        let config = shape?.mappingSecrets(in: row.config) { _, _ in Secret.mask } ?? .object(JSONObject())
        return TableInfo(
            id: row.id, name: row.name, createdAt: row.createdAt, connector: row.connector, profile: profile.map(info),
            tableType: row.tableType, config: config, schema: row.schema, consumers: row.consumers)
    }

    public func test(schema: JSONValue) async throws {
        let read = try ConnectionSchema(schema)
        // Where fields are given, reading the schema has not looked into the definition.
        _ = try read.definition?.fields(messageName: read.format?.settings["message_name"]?.string)
    }
}

extension ConnectionRegistry: StoredTableSource {
    public func storedObjects() throws -> any StoredObjects {
        let (tables, profiles) = try store.names()
        return RegisteredObjects(registry: self, tables: tables, profiles: profiles)
    }

    /// A table as the planner sees it; nil when there is none. Errors: a secret that cannot be opened.
    func planned(tableID id: String) throws -> StoredTable? {
        guard let row = try store.plainTable(id: id), let descriptor = ConnectorDescriptor.find(row.connector) else {
            return nil
        }
        let config = try descriptor.table.mappingSecrets(in: row.config) { path, text in
            try settings.secrets.open(text, at: row.id + "." + path)
        }
        let profile = try row.profileID.flatMap { try store.profile(id: $0) }.map(opened)
        return ConnectionDraft.stored(
            id: row.id, name: row.name, descriptor, config, profile: profile, role: row.tableType,
            schema: try row.schema.map(ConnectionSchema.init))
    }

    /// A profile likewise.
    func planned(profileID id: String) throws -> StoredProfile? {
        try store.profile(id: id).map { row in
            StoredProfile(
                id: row.id, name: row.name, connector: row.connector,
                options: ConnectorDescriptor.find(row.connector)?.profile?.options(of: try opened(row)) ?? [:])
        }
    }

    /// What `CompilerOptions.prepareOptions` is to be: keeps the files of tables below their roots and fills in the
    /// variables of secrets, for stored tables and those of a text alike.
    public static func preparation(_ settings: ConnectionSettings) -> CompilerOptions.OptionPreparation {
        { connector, options throws(OptionError) in
            let checked = try FileTables.checked(connector, options, settings.files)
            return try settings.variables.filled(connector, checked)
        }
    }
}

/// What is stored at one moment, by name.
private struct RegisteredObjects: StoredObjects {
    let registry: ConnectionRegistry
    /// Ids by name.
    let tables: [String: String]
    let profiles: [String: String]

    var tableNames: [String] { Array(tables.keys) }
    var profileNames: [String] { Array(profiles.keys) }
    func table(_ name: String) throws -> StoredTable? {
        try tables[name].flatMap { try registry.planned(tableID: $0) }
    }
    func profile(_ name: String) throws -> StoredProfile? {
        try profiles[name].flatMap { try registry.planned(profileID: $0) }
    }
}
