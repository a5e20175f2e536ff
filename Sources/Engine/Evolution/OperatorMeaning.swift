import Columnar
import Dataflow
import Expressions

/// What an operator does and to which rows: two operators that mean the same can take over each other's state, whatever
/// query, process or parallelism they belong to.
public struct OperatorMeaning: Sendable, Hashable {
    /// Something that counts, by a name for people, e.g. `keys` or `option 'path'`.
    public struct Part: Sendable, Hashable {
        public var name: String
        var value: UInt64

        init(_ name: String, _ text: String) {
            self.name = name
            value = CanonicalText.hash(text)
        }
    }

    /// The rows that come in, as a part.
    public static let rowsName = "rows"

    public var node: Int
    /// The kind of operator, e.g. `windowAggregate`.
    public var kind: String
    /// Whether it keeps something from row to row.
    public var isStateful: Bool
    public var parts: [Part]
    /// Stands for the kind and all parts.
    public var identity: UInt64
    /// The nodes with state that its rows come from without another between, in the order of its inputs; none of a
    /// sink, whose state is of what it has written.
    public var inputs: [Int]

    init(node: Int, kind: String, isStateful: Bool = true, _ parts: [Part], inputs: [Int]) {
        self.node = node
        self.kind = kind
        self.isStateful = isStateful
        self.parts = parts
        self.inputs = inputs
        identity = CanonicalText.hash(kind + parts.map { "\n\($0.name) \($0.value)" }.joined())
    }

    /// The meaning of each node of a graph, in order. Pure; cost: a walk over all expressions.
    public static func all(of graph: DataflowGraph, _ connectors: ConnectorCatalog) -> [OperatorMeaning] {
        var reader = MeaningReader(connectors)
        for node in graph.nodes {
            let edges = graph.edges.filter { $0.to == node.id }.sorted { ($0.input, $0.from) < ($1.input, $1.from) }
            reader.read(node, from: edges.map(\.from))
        }
        return reader.meanings
    }
}

/// Reads a graph from its sources down.
struct MeaningReader {
    private(set) var meanings: [OperatorMeaning] = []
    private let connectors: ConnectorCatalog
    private var streams: [Int: StreamMeaning] = [:]
    private var types: [Int: String] = [:]
    /// For each node the nearest ones with state at or above it.
    private var keepers: [Int: [Int]] = [:]

    init(_ connectors: ConnectorCatalog) { self.connectors = connectors }

    mutating func read(_ node: DataflowGraph.Node, from sources: [Int]) {
        let inputs = sources.map { source in
            var input = streams[source] ?? StreamMeaning(rows: 0, columns: [])
            input.types = types[source] ?? ""
            return input
        }
        types[node.id] = Self.types(node.schema)
        let above = sources.flatMap { keepers[$0] ?? [] }
        let first = inputs.first ?? StreamMeaning(rows: 0, columns: [])
        var kind = Self.kind(node.spec)
        var parts = inputs.enumerated().map { index, input in
            OperatorMeaning.Part(
                inputs.count == 1 ? OperatorMeaning.rowsName : "\(OperatorMeaning.rowsName) of input \(index + 1)",
                "\(input.rows)")
        }
        var isStateful = true
        var output: StreamMeaning?
        switch node.spec {
        case .source(let spec):
            parts += tableParts(spec)
            output = source(spec, CanonicalText.hash("source" + parts.map { "\($0.name) \($0.value)" }.joined()))
        case .sink(let spec): parts = tableParts(spec)
        case .values(let spec): parts.append(.init("rows", CanonicalText.of(spec.rows)))
        case .watermark(let spec):
            // What event time has come to holds under another rule as well: it only never goes back.
            let time = spec.eventTime.map(first.column) ?? CanonicalText.hash("arrival \(first.rows)")
            parts.append(.init("event time", "\(time)"))
            output = StreamMeaning(
                rows: CanonicalText.hash("watermark \(first.rows) \(time)"), columns: first.columns + [time])
        case .filter(let spec):
            isStateful = false
            parts.append(.init("condition", first.text(of: spec.predicate)))
            output = StreamMeaning(
                rows: CanonicalText.hash("filter \(first.rows) \(first.identity(of: spec.predicate))"),
                columns: first.columns)
        case .projection(let spec):
            isStateful = false
            parts.append(.init("columns", first.texts(of: spec.expressions)))
            output = StreamMeaning(rows: first.rows, columns: spec.expressions.map(first.identity))
        case .unnest, .lookupJoin, .union:
            isStateful = false
            output = stateless(node, inputs, &parts)
        default:
            if case .windowed(let spec) = node.spec { kind += Self.kind(spec.bounded) }
            parts += Self.parts(of: node.spec, inputs)
        }
        let isSink = if case .sink = node.spec { true } else { false }
        let meaning = OperatorMeaning(
            node: node.id, kind: kind, isStateful: isStateful, parts, inputs: isSink ? [] : above)
        meanings.append(meaning)
        streams[node.id] =
            output
            ?? StreamMeaning(
                rows: meaning.identity,
                columns: (0..<node.schema.count).map { CanonicalText.hash("\(meaning.identity) column \($0)") })
        keepers[node.id] = isStateful ? [node.id] : above
    }

    private static func kind(_ spec: OperatorSpec) -> String {
        // The case's name.
        Mirror(reflecting: spec).children.first?.label ?? "\(spec)"
    }

    // MARK: Tables

    /// Which table it is, by how it is declared and not by its name; how to get to it does not count.
    private func tableParts(_ spec: ConnectorSpec) -> [OperatorMeaning.Part] {
        let connector = connectors[spec.connector]
        let options = spec.options.filter { connector?.isAccess(option: $0.key) != true }
        return [.init("connector", spec.connector)]
            + options.sorted { $0.key < $1.key }.map { .init("option '\($0.key)'", $0.value.text) }
    }

    private func source(_ spec: ConnectorSpec, _ rows: UInt64) -> StreamMeaning {
        // Records without names tell their columns apart by their places.
        let isPositional = spec.options["format"]?.text == "csv"
        let rows = CanonicalText.hash("\(rows) changes=\(spec.givesChanges)")
        var columns = spec.projection.map { position -> UInt64 in
            let field = spec.schema[position]
            // A struct has only those members that are read: their own types count where they are used.
            let type = if case .structure = field.type { "struct" } else { CanonicalText.of(field.type) }
            return CanonicalText.hash(
                "\(rows) \(field.name) \(type) \(isPositional ? position : -1) \(spec.metadata[position] ?? "")")
        }
        if spec.givesChanges { columns.append(CanonicalText.hash("\(rows) retraction")) }
        return StreamMeaning(rows: rows, columns: columns)
    }

    // MARK: Without state

    private func stateless(
        _ node: DataflowGraph.Node, _ inputs: [StreamMeaning], _ parts: inout [OperatorMeaning.Part]
    ) -> StreamMeaning? {
        let first = inputs.first ?? StreamMeaning(rows: 0, columns: [])
        switch node.spec {
        case .unnest(let spec):
            let list = "\(first.text(of: spec.list)) \(spec.withOrdinality) \(spec.keepsEmpty)"
            parts.append(.init("list", list))
            let rows = CanonicalText.hash("unnest \(first.rows) \(list)")
            return StreamMeaning(
                rows: rows,
                columns: first.columns
                    + (first.columns.count..<max(first.columns.count, node.schema.count)).map {
                        CanonicalText.hash("\(rows) \($0 - first.columns.count)")
                    })
        case .lookupJoin(let spec):
            let table = tableParts(spec.table)
            let found = spec.table.projection.map { position in
                CanonicalText.hash("\(table.map(\.value)) \(spec.table.schema[position].name)")
            }
            let both = StreamMeaning(rows: 0, columns: first.columns + found)
            parts += table
            parts.append(
                .init("keys", "\(spec.tableKeys.map { spec.table.schema[$0].name }) \(first.texts(of: spec.keys))"))
            parts.append(.init("condition", "\(spec.keepsUnmatched) \(spec.residual.map(both.text) ?? "")"))
            let rows = CanonicalText.hash("lookup" + parts.map { " \($0.value)" }.joined())
            return StreamMeaning(
                rows: rows, columns: first.columns + found.map { CanonicalText.hash("\(rows) \($0)") })
        case .union:
            return StreamMeaning(
                rows: CanonicalText.hash("union" + inputs.map { " \($0.rows)" }.joined()),
                columns: (0..<node.schema.count).map { column in
                    CanonicalText.hash("union" + inputs.map { " \($0.column(column))" }.joined())
                })
        default: return nil
        }
    }
}
