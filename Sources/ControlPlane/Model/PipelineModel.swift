import HostSystem
import JSONModel
import SQLSyntax

/// One page of a list, newest first.
public struct Page<Item: Sendable>: Sendable {
    public var items: [Item]
    public var hasMore: Bool

    public init(_ items: [Item], hasMore: Bool) {
        self.items = items
        self.hasMore = hasMore
    }
}

extension Page {
    /// The page of a list that is at hand as a whole. Errors: `ControlError` for an unknown cursor.
    public init(
        of all: [Item], _ request: PageRequest, _ what: String, id: (Item) -> String
    ) throws(ControlError) {
        var rest = all[...]
        if let cursor = request.startingAfter {
            guard let index = all.firstIndex(where: { id($0) == cursor }) else {
                throw ControlError(.invalid, "starting_after: there is no \(what) \(cursor)")
            }
            rest = all[(index + 1)...]
        }
        self.init(Array(rest.prefix(request.limit)), hasMore: rest.count > request.limit)
    }
}

/// Which page of a list.
public struct PageRequest: Sendable, Hashable {
    /// The id of the last item of the page before; nil: the first page.
    public var startingAfter: String?
    /// 1 to 1000.
    public var limit: Int

    public init(startingAfter: String? = nil, limit: Int = 100) {
        self.startingAfter = startingAfter
        self.limit = limit
    }
}

/// A pipeline to be made.
public struct PipelineDraft: Sendable {
    public var name: String
    public var query: String
    public var parallelism: Int
    /// Nil: the server's default.
    public var checkpointIntervalMicros: Int64?
    /// Whether its sinks are replaced by the preview sink, it keeps no state, and ends when nobody looks.
    public var isPreview = false
    /// Whether a preview writes to its sinks as well.
    public var enablesSinks = false
    /// How long it runs at most; a preview since it was made, another pipeline since it was last begun.
    public var ttlMicros: Int64?
    public var tags: [String: String] = [:]
    /// Whether its job begins at once.
    public var starts = true

    public init(name: String, query: String, parallelism: Int) {
        self.name = name
        self.query = query
        self.parallelism = parallelism
    }
}

/// What is to change of a pipeline; nil: stays.
public struct PipelineChange: Sendable {
    public var name: String?
    public var query: String?
    public var parallelism: Int?
    public var checkpointIntervalMicros: Int64?
    public var stop: JobStopMode?
    /// Whether it is only shown what would become of it, and nothing changes.
    public var isDryRun = false

    public init() {}
}

/// A pipeline as it is stored, with what its job is doing.
public struct PipelineInfo: Sendable {
    public var id: String
    public var name: String
    public var query: String
    public var parallelism: Int
    public var checkpointIntervalMicros: Int64
    /// What is wanted.
    public var stop: JobStopMode
    /// Microseconds since 1970.
    public var createdAt: Int64
    public var isPreview: Bool
    public var ttlMicros: Int64?
    public var tags: [String: String]
    public var graph: GraphInfo
    public var warnings: [Diagnostic]
    public var jobID: String
    /// What its job is doing.
    public var state: JobState
    /// What becomes of its state; only in the answer to a change of the query.
    public var queryChange: QueryChangeInfo?

    public init(
        id: String, name: String, query: String, parallelism: Int, checkpointIntervalMicros: Int64, stop: JobStopMode,
        createdAt: Int64, isPreview: Bool, ttlMicros: Int64? = nil, tags: [String: String] = [:], graph: GraphInfo,
        warnings: [Diagnostic] = [], jobID: String, state: JobState
    ) {
        self.id = id
        self.name = name
        self.query = query
        self.parallelism = parallelism
        self.checkpointIntervalMicros = checkpointIntervalMicros
        self.stop = stop
        self.createdAt = createdAt
        self.isPreview = isPreview
        self.ttlMicros = ttlMicros
        self.tags = tags
        self.graph = graph
        self.warnings = warnings
        self.jobID = jobID
        self.state = state
    }
}

/// A dataflow graph as users see it.
public struct GraphInfo: Sendable, Hashable, Codable {
    public struct Node: Sendable, Hashable, Codable {
        public var nodeID: Int
        /// The connector of a source or sink, else the kind of operator.
        public var `operator`: String
        /// One line, as EXPLAIN writes it.
        public var description: String
        public var parallelism: Int
        /// The columns it gives; none for a sink.
        public var schema: [ColumnInfo]
        /// What is kept and for how long, in words; nil when it keeps nothing.
        public var state: String?

        public init(
            nodeID: Int, operator: String, description: String, parallelism: Int, schema: [ColumnInfo], state: String?
        ) {
            self.nodeID = nodeID
            self.operator = `operator`
            self.description = description
            self.parallelism = parallelism
            self.schema = schema
            self.state = state
        }
    }

    public struct Edge: Sendable, Hashable, Codable {
        public enum Kind: String, Sendable, Hashable, Codable {
            case forward = "Forward"
            case shuffle = "Shuffle"
            case leftJoin = "LeftJoin"
            case rightJoin = "RightJoin"
        }

        public var source: Int
        public var destination: Int
        public var kind: Kind
        public var schema: [ColumnInfo]

        public init(source: Int, destination: Int, kind: Kind, schema: [ColumnInfo]) {
            self.source = source
            self.destination = destination
            self.kind = kind
            self.schema = schema
        }
    }

    public var nodes: [Node]
    public var edges: [Edge]

    public init(nodes: [Node], edges: [Edge]) {
        self.nodes = nodes
        self.edges = edges
    }
}

/// A column as users see it.
public struct ColumnInfo: Sendable, Hashable, Codable {
    public var name: String
    /// As SQL spells it, e.g. `BIGINT`.
    public var type: String
    public var isNullable: Bool

    public init(name: String, type: String, isNullable: Bool) {
        self.name = name
        self.type = type
        self.isNullable = isNullable
    }
}

/// What planning a text without running it gave.
public struct QueryValidation: Sendable {
    /// Nil with errors, or when there is nothing to run.
    public var graph: GraphInfo?
    public var diagnostics: [Diagnostic]
    /// The columns of the last SELECT, or of what the last INSERT writes.
    public var schema: [ColumnInfo]
    /// What EXPLAIN, SHOW TABLES and DESCRIBE say, in order.
    public var answers: [String]

    public init(graph: GraphInfo?, diagnostics: [Diagnostic], schema: [ColumnInfo], answers: [String] = []) {
        self.answers = answers
        self.graph = graph
        self.diagnostics = diagnostics
        self.schema = schema
    }
}
