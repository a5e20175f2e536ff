import Dataflow
import JSONModel

/// What users can know of a connector without running it: what it is for, and what its profiles and tables are made of.
public struct ConnectorDescriptor: Sendable {
    /// As in `connector = '…'`.
    public let id: String
    public let name: String
    /// One or two sentences.
    public let summary: String
    /// SVG of 24 by 24 units, drawn in the text's colour.
    public let icon: String
    /// Shared settings; nil: it has no profiles.
    public let profile: ConfigShape?
    /// Whether a table cannot do without a profile.
    public var needsProfile = false
    public let table: ConfigShape
    public let roles: Set<TableRole>
    /// Whether pipelines can run it today.
    public var isEnabled = false
    /// Whether users define the columns.
    public var hasCustomSchemas = true
    /// Whether connections can be tried out.
    public var isTesting = false
    /// Whether pages do not offer it.
    public var isHidden = false
    /// The hosts it would connect to, as URLs or `host:port`, by its canonical profile and table.
    var endpoints: @Sendable (_ profile: JSONValue?, _ table: JSONValue?) -> [String] = { _, _ in [] }
    /// A short text about a canonical profile.
    var profileSummary: @Sendable (JSONValue) -> String = { _ in "" }

    init(
        _ id: String, _ name: String, _ summary: String, icon: String, roles: Set<TableRole>,
        profile: ConfigShape? = nil, table: ConfigShape
    ) {
        self.id = id
        self.name = name
        self.summary = summary
        self.icon = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\" fill=\"none\" "
            + "stroke=\"currentColor\" stroke-width=\"2\">\(icon)</svg>"
        self.roles = roles
        self.profile = profile
        self.table = table
    }

    /// The hosts that a table would connect to, as URLs or `host:port`; configs are canonical.
    public func endpoints(profile: JSONValue?, table: JSONValue?) -> [String] { endpoints(profile, table) }

    /// A short text about a canonical profile, e.g. its servers; without secrets.
    public func summary(ofProfile config: JSONValue) -> String { profileSummary(config) }

    /// How a canonical config says that its table is used; nil when it does not.
    public func role(ofTable config: JSONValue) -> TableRole? { table.role(of: config) }
}

extension ConnectorDescriptor {
    /// Every connector that users can define tables for, by id.
    public static let all: [ConnectorDescriptor] = [
        blackhole, confluent, delta, filesystem, iceberg, impulse, kafka, kinesis, mock, mqtt, nats, nexmark, pollingHTTP,
        preview, rabbitMQ, redis, singleFile, sse, stdout, webhook, webSocket,
    ]

    private static let byID = Dictionary(all.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })

    /// The connector of that id.
    public static func find(_ id: String) -> ConnectorDescriptor? { byID[id] }
}
