import JSONModel

/// A connector as users see it.
public struct ConnectorInfo: Sendable {
    public var id: String
    public var name: String
    /// SVG.
    public var icon: String
    public var description: String
    /// JSON Schema of a profile; nil: it takes none.
    public var profileSchema: JSONValue?
    /// JSON Schema of a table.
    public var tableSchema: JSONValue
    /// Whether pipelines can run it today.
    public var isEnabled: Bool
    public var isSource: Bool
    public var isSink: Bool
    public var isLookup: Bool
    /// Whether users define the columns.
    public var hasCustomSchemas: Bool
    /// Whether connections can be tried out.
    public var isTesting: Bool
    /// Whether pages do not offer it.
    public var isHidden: Bool

    public init(
        id: String, name: String, icon: String, description: String, profileSchema: JSONValue?, tableSchema: JSONValue,
        isEnabled: Bool, isSource: Bool, isSink: Bool, isLookup: Bool = false, hasCustomSchemas: Bool = true,
        isTesting: Bool = false, isHidden: Bool = false
    ) {
        self.id = id
        self.name = name
        self.icon = icon
        self.description = description
        self.profileSchema = profileSchema
        self.tableSchema = tableSchema
        self.isEnabled = isEnabled
        self.isSource = isSource
        self.isSink = isSink
        self.isLookup = isLookup
        self.hasCustomSchemas = hasCustomSchemas
        self.isTesting = isTesting
        self.isHidden = isHidden
    }
}

/// A stored profile; its secrets are masked.
public struct ProfileInfo: Sendable {
    public var id: String
    public var name: String
    public var connector: String
    /// As the user's document spells it, secrets as `********`.
    public var config: JSONValue
    /// A short text, e.g. the servers.
    public var description: String
    /// Microseconds since 1970.
    public var createdAt: Int64

    public init(
        id: String, name: String, connector: String, config: JSONValue, description: String, createdAt: Int64
    ) {
        self.id = id
        self.name = name
        self.connector = connector
        self.config = config
        self.description = description
        self.createdAt = createdAt
    }
}

/// A profile to be made or tried out.
public struct ProfileDraft: Sendable {
    public var name: String
    public var connector: String
    public var config: JSONValue

    public init(name: String, connector: String, config: JSONValue) {
        self.name = name
        self.connector = connector
        self.config = config
    }
}

/// A stored table.
public struct TableInfo: Sendable {
    public var id: String
    public var name: String
    /// Microseconds since 1970.
    public var createdAt: Int64
    public var connector: String
    public var profile: ProfileInfo?
    /// `source`, `sink` or `lookup`.
    public var tableType: String
    /// Secrets masked.
    public var config: JSONValue
    /// As the user's document spells it; nil when none was given.
    public var schema: JSONValue?
    /// Pipelines that use it, previews left out.
    public var consumers: Int

    public init(
        id: String, name: String, createdAt: Int64, connector: String, profile: ProfileInfo?, tableType: String,
        config: JSONValue, schema: JSONValue?, consumers: Int
    ) {
        self.id = id
        self.name = name
        self.createdAt = createdAt
        self.connector = connector
        self.profile = profile
        self.tableType = tableType
        self.config = config
        self.schema = schema
        self.consumers = consumers
    }
}

/// A table to be made or tried out.
public struct TableDraft: Sendable {
    public var name: String
    public var connector: String
    public var profileID: String?
    public var config: JSONValue
    public var schema: JSONValue?

    public init(name: String, connector: String, profileID: String?, config: JSONValue, schema: JSONValue?) {
        self.name = name
        self.connector = connector
        self.profileID = profileID
        self.config = config
        self.schema = schema
    }
}

/// One step of trying a connection out; the last has `isDone`.
public struct ConnectionTestStep: Sendable, Hashable {
    public var isError: Bool
    public var isDone: Bool
    public var message: String

    public init(isError: Bool, isDone: Bool, message: String) {
        self.isError = isError
        self.isDone = isDone
        self.message = message
    }
}
