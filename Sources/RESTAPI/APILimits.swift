import ControlPlane
import JSONModel

/// Every bound of the API; `/config` shows it in one table with those of what is behind it (`ServerLimits`).
public enum APILimit: String, Sendable, CaseIterable {
    case bodyBytes = "body-bytes"
    case queryBytes = "query-bytes"
    case urlBytes = "url-bytes"
    case headerBytes = "header-bytes"
    case headerFields = "header-fields"
    case bodySeconds = "body-seconds"
    case idleSeconds = "idle-seconds"
    case stalledSeconds = "stalled-seconds"
    case connections
    case outputReaders = "output-readers"
    case heartbeatMillis = "heartbeat-millis"
    case requestsPerSecond = "requests-per-second"
    case requestBurst = "request-burst"
    case trackedClients = "tracked-clients"
    case pageItems = "page-items"
    case queryRows = "query-rows"

    /// What holds unless the configuration says otherwise.
    public var defaultValue: Int { row.value }
    /// What is counted.
    public var unit: String { row.unit }
    /// What is bounded, and what happens beyond.
    public var documentation: String { row.documentation }

    private var row: (value: Int, unit: String, documentation: String) {
        switch self {
        case .bodyBytes: (8 << 20, "bytes", "The body of a request; longer ones get 413.")
        case .queryBytes: (1 << 20, "bytes", "SQL in a request; longer texts get 413.")
        case .urlBytes: (8192, "bytes", "The target of a request with its parameters; longer ones get 414.")
        case .headerBytes: (32 << 10, "bytes", "All header fields of a request; more get 431.")
        case .headerFields: (100, "fields", "Header fields of a request; more get 431.")
        case .bodySeconds: (30, "seconds", "The time a client may take to send a body; slower ones get 408.")
        case .idleSeconds: (75, "seconds", "A connection without a complete request head for so long is closed.")
        case .stalledSeconds: (300, "seconds", "A connection whose client reads nothing for so long is closed.")
        case .connections: (1024, "connections", "Connections at a time; others wait to be accepted.")
        case .outputReaders: (256, "readers", "Event streams at a time; further ones get 429.")
        case .heartbeatMillis: (15_000, "milliseconds", "The silence after which an event stream gets a comment.")
        case .requestsPerSecond: (2000, "requests", "Requests of one client address in the long run; more get 429.")
        case .requestBurst: (4000, "requests", "Requests of one client address at once; more get 429.")
        case .trackedClients: (10_000, "addresses", "Client addresses whose requests are counted.")
        case .pageItems: (1000, "items", "The greatest `limit` of a list.")
        case .queryRows: (100_000, "rows", "The greatest `limit` of a query that is answered at once.")
        }
    }
}

/// Every bound of the server in one table.
enum ServerLimits {
    /// What is bounded in bodies, whatever the configuration says.
    private static let bodies = [
        ControlLimit(
            "json-depth", JSONParser.depthMax, "levels", "How deep JSON in a body is nested; deeper gets 400."),
        ControlLimit("tags", PipelineRequests.tagCountMax, "tags", "Tags of a pipeline; more get 400."),
        ControlLimit(
            "tag-name-characters", PipelineRequests.tagKeyLengthMax, "characters",
            "The name of a tag; longer ones get 400."),
        ControlLimit(
            "tag-value-characters", PipelineRequests.tagValueLengthMax, "characters",
            "The value of a tag; longer ones get 400."),
    ]

    /// Those of the API, of bodies, then of what is behind it.
    static func all(_ limits: APILimits, _ control: [ControlLimit]) -> [ControlLimit] {
        APILimit.allCases.map { ControlLimit($0.rawValue, limits[$0], $0.unit, $0.documentation) } + bodies + control
    }
}

/// The value of every limit.
public struct APILimits: Sendable, Hashable {
    private var changed: [APILimit: Int] = [:]

    /// The defaults.
    public init() {}

    /// The value of a limit; values below 1 count as 1.
    public subscript(limit: APILimit) -> Int {
        get { changed[limit] ?? limit.defaultValue }
        set { changed[limit] = max(1, newValue) }
    }
}
