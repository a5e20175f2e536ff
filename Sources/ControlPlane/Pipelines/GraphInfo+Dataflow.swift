import Columnar
import Dataflow

extension GraphInfo {
    /// What users see of a graph that is to run.
    public init(_ graph: DataflowGraph) {
        let byID = Dictionary(graph.nodes.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.init(
            nodes: graph.nodes.map(Self.node),
            edges: graph.edges.map { edge in
                GraphInfo.Edge(
                    source: edge.from, destination: edge.to, kind: Self.kind(edge, into: byID[edge.to]?.spec),
                    schema: byID[edge.from].map { ColumnInfo.visible($0.schema) } ?? [])
            })
    }

    private static func node(_ node: DataflowGraph.Node) -> Node {
        var name = String(node.description.prefix { $0 != " " })
        var schema = ColumnInfo.visible(node.schema)
        switch node.spec {
        case .source(let spec): name = spec.connector
        case .sink(let spec):
            name = spec.connector
            schema = []
        default: break
        }
        return Node(
            nodeID: node.id, operator: name, description: node.description, parallelism: node.parallelism,
            schema: schema, state: StateDescription.text(of: node.spec))
    }

    private static func kind(_ edge: DataflowGraph.Edge, into spec: OperatorSpec?) -> Edge.Kind {
        let isJoin =
            switch spec {
            case .hashJoin, .updatingJoin, .intervalJoin, .temporalJoin: true
            case .windowed(let windowed): if case .hashJoin = windowed.body { true } else { false }
            default: false
            }
        if isJoin { return edge.input == 0 ? .leftJoin : .rightJoin }
        return edge.kind == .forward ? .forward : .shuffle
    }
}

extension ColumnInfo {
    /// The columns of a schema that users know of.
    static func visible(_ schema: Schema) -> [ColumnInfo] {
        let hidden = [HiddenColumn.eventTime, HiddenColumn.watermark, HiddenColumn.retraction]
        return schema.fields.filter { !hidden.contains($0.name) }.map {
            ColumnInfo(name: $0.name, type: $0.type.sqlName, isNullable: $0.isNullable)
        }
    }
}

/// What an operator keeps and for how long, in words.
enum StateDescription {
    /// Nil for an operator that keeps nothing.
    static func text(of spec: OperatorSpec) -> String? {
        switch spec {
        case .source: "how far its input has been read"
        case .values: "whether its rows have been given"
        case .filter, .projection, .unnest, .union, .lookupJoin, .sink: nil
        case .watermark: "the watermark"
        case .windowAggregate(let spec): text(of: spec.window)
        case .aggregate: "a row for each group, until the input ends"
        case .sort(let spec):
            spec.limit.map { "the first \($0 + spec.offset) rows, until the input ends" }
                ?? "all rows, until the input ends"
        case .limit: "how many rows have passed"
        case .hashJoin: "all rows of its inputs, until they end"
        case .overWindow: "all rows, until the input ends"
        case .windowed: "the rows of each event time, until the watermark passes it"
        case .updatingAggregate(let spec): "a row for each group, \(kept(spec.ttlMillis))"
        case .updatingJoin(let spec): "the rows of both inputs, \(kept(spec.ttlMillis))"
        case .updatingOverWindow(let spec): "the rows of each partition, \(kept(spec.ttlMillis))"
        case .intervalJoin(let spec):
            "the rows of both inputs, until the watermark is \(duration(reach(spec))) past them"
        case .temporalJoin: "the last version of each row by key, and rows that wait for the watermark"
        case .eventTimeOver(let spec):
            spec.reach.isUnbounded
                ? "running values of each partition, for ever" : "the rows that later ones look back at"
        case .finalRows: "the rows that stand, until the input ends"
        }
    }

    private static func text(of window: WindowKind) -> String {
        switch window {
        case .tumble(let width): "a row for each group and window of \(duration(width)), until the window has closed"
        case .hop(let slide, let width):
            "a row for each group and \(duration(slide)), until all windows of \(duration(width)) with it have closed"
        case .cumulate(let step, let width):
            "a row for each group and \(duration(step)), until the window of \(duration(width)) has closed"
        case .session(let gap): "a row for each group and session, until \(duration(gap)) have passed without rows"
        case .instant: "a row for each group and event time, until the watermark passes it"
        }
    }

    private static func kept(_ ttlMillis: Int64?) -> String {
        ttlMillis.map { "each for \(duration($0 * 1_000_000)) after its last change" } ?? "for ever"
    }

    private static func reach(_ join: IntervalJoinSpec) -> Int64 {
        max(join.lower == .min ? 0 : abs(join.lower), join.upper == .min ? 0 : abs(join.upper))
    }

    /// A length of time in words, in its largest exact unit.
    static func duration(_ nanos: Int64) -> String {
        let units: [(name: String, nanos: Int64)] = [
            ("day", 86_400_000_000_000), ("hour", 3_600_000_000_000), ("minute", 60_000_000_000),
            ("second", 1_000_000_000), ("millisecond", 1_000_000), ("microsecond", 1000),
        ]
        for unit in units where nanos != 0 && nanos % unit.nanos == 0 {
            let count = nanos / unit.nanos
            return count == 1 ? "1 \(unit.name)" : "\(count) \(unit.name)s"
        }
        return "\(nanos) nanoseconds"
    }
}
