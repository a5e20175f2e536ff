import Columnar
import Dataflow
import Expressions

/// The text of EXPLAIN: indented trees of one operator per line, the same from run to run.
public enum ExplainRenderer {
    /// A logical plan as a tree, consumers above producers.
    public static func logical(_ sink: SinkPlan) -> String {
        var lines = ["Sink \(sink.table.name) [\(sink.columns.map(\.name).joined(separator: ", "))]"]
        append(sink.input, depth: 1, to: &lines)
        return lines.joined(separator: "\n")
    }

    private static func append(_ plan: LogicalPlan, depth: Int, to lines: inout [String]) {
        lines.append(String(repeating: "  ", count: depth) + describe(plan))
        for child in plan.children { append(child, depth: depth + 1, to: &lines) }
    }

    private static func describe(_ plan: LogicalPlan) -> String {
        let sql = OperatorDescription.sql
        switch plan {
        case .scan(let node): return "Scan \(node.table.name) [\(columns(node.columns))]"
        case .values(let node): return "Values rows=\(node.rows.count)"
        case .watermark(let node):
            let time = node.eventTime?.name ?? "arrival"
            return "Watermark eventTime=\(time)\(node.watermark.map { " watermark=" + sql($0) } ?? "")"
                + (node.timeless.map { " timeless=\($0.name)" } ?? "")
        case .filter(let node): return "Filter \(sql(node.predicate))"
        case .project(let node):
            let items = node.columns.map { column in
                let text = sql(column.expression)
                return text == column.column.name ? text : "\(text) AS \(column.column.name)"
            }
            return "Project [\(items.joined(separator: ", "))]"
        case .aggregate(let node):
            let window = node.window.map { " " + OperatorDescription.describe($0.kind) } ?? ""
            return (node.updating == nil ? "Aggregate" : "UpdatingAggregate") + window
                + OperatorDescription.grouping(node.keys.map(\.expression), node.aggregates.map(\.call))
        case .join(let node):
            let keys = node.keys.map { "\(sql($0.left)) = \(sql($0.right))" }
            let on = keys.isEmpty ? "" : " on=[\(keys.joined(separator: ", "))]"
            let name = joinName(node)
            let bounds = node.interval.map { OperatorDescription.bounds($0.lower, $0.upper) } ?? ""
            return "\(name) \(node.kind.rawValue)\(on)\(node.residual.map { " where=" + sql($0) } ?? "")\(bounds)"
        case .union: return "Union"
        case .unnest(let node): return "Unnest \(sql(node.list))"
        case .lookup(let node):
            let keys = node.keys.map { "\(node.table.physicalSchema[$0.position].name) = \(sql($0.value))" }
            return "LookupJoin \(node.keepsUnmatched ? "left" : "inner") \(node.table.name) "
                + "[\(columns(node.columns))] on=[\(keys.joined(separator: ", "))]"
                + (node.residual.map { " where=" + sql($0) } ?? "")
        case .over(let node):
            let partition = node.partitionBy.map(sql).joined(separator: ", ")
            let calls = node.calls.map { OperatorDescription.call($0.call.call) }.joined(separator: ", ")
            let name = node.updating != nil ? "UpdatingOver" : node.orderTime != nil ? "EventTimeOver" : "Over"
            return "\(name) partition=[\(partition)] order=[\(OperatorDescription.keys(node.orderBy))] calls=[\(calls)]"
        case .sort(let node):
            return "Sort [\(OperatorDescription.keys(node.keys))]\(OperatorDescription.range(node.offset, node.limit))"
        case .limit(let node): return "Limit\(OperatorDescription.range(node.offset, node.limit))"
        }
    }

    private static func joinName(_ node: LogicalPlan.Join) -> String {
        if node.updating != nil { return "UpdatingJoin" }
        if node.versions != nil { return "TemporalJoin" }
        return node.interval == nil ? "Join" : "IntervalJoin"
    }

    private static func columns(_ columns: [PlanColumn]) -> String {
        columns.map { column in
            guard let members = column.type.structureFields else { return column.name }
            return "\(column.name){\(members.map(\.name).joined(separator: ", "))}"
        }.joined(separator: ", ")
    }

    /// A dataflow graph as trees from the sinks down; a node met again is only named. Sinks say how often they write a
    /// row, sources how often they read one if it is not once; `connectors` know.
    public static func physical(_ graph: DataflowGraph, _ connectors: ConnectorCatalog) -> String {
        var lines: [String] = []
        var shown: Set<Int> = []
        for node in graph.nodes {
            guard case .sink = node.spec else { continue }
            append(node.id, exchange: nil, depth: 0, graph, connectors, &shown, &lines)
        }
        return lines.joined(separator: "\n")
    }

    private static func append(
        _ id: Int, exchange: DataflowGraph.EdgeKind?, depth: Int, _ graph: DataflowGraph,
        _ connectors: ConnectorCatalog, _ shown: inout Set<Int>, _ lines: inout [String]
    ) {
        let node = graph.nodes[id]
        let indent = String(repeating: "  ", count: depth)
        let moved = exchange.map { kind in kind == .forward ? "" : "[\(describe(kind))] " } ?? ""
        let parallel = node.parallelism == 1 ? "" : " x\(node.parallelism)"
        if !shown.insert(id).inserted {
            lines.append("\(indent)\(moved)#\(id) (shared)")
            return
        }
        lines.append("\(indent)\(moved)#\(id) \(node.description)\(parallel)\(delivery(node, connectors))")
        for edge in graph.edges.filter({ $0.to == id }).sorted(by: { $0.input < $1.input }) {
            append(edge.from, exchange: edge.kind, depth: depth + 1, graph, connectors, &shown, &lines)
        }
    }

    private static func delivery(_ node: DataflowGraph.Node, _ connectors: ConnectorCatalog) -> String {
        switch node.spec {
        case .sink(let spec):
            return connectors[spec.connector].map { " delivery=\($0.delivery(spec, as: .sink).rawValue)" } ?? ""
        case .source(let spec):
            let found = connectors[spec.connector]?.delivery(spec, as: .source) ?? .exactlyOnce
            return found == .exactlyOnce ? "" : " delivery=\(found.rawValue)"
        default: return ""
        }
    }

    private static func describe(_ kind: DataflowGraph.EdgeKind) -> String {
        switch kind {
        case .forward: "forward"
        case .shuffle(let keys): "shuffle by \(keys.map(OperatorDescription.sql).joined(separator: ", "))"
        case .rebalance: "rebalance"
        case .broadcast: "broadcast"
        }
    }

    /// A dataflow graph as a list of nodes and a list of edges.
    public static func graph(_ graph: DataflowGraph, _ connectors: ConnectorCatalog) -> String {
        var lines: [String] = []
        for node in graph.nodes {
            let delivery = delivery(node, connectors)
            lines.append("node \(node.id) x\(node.parallelism) \(node.description)\(delivery) -> (\(node.schema))")
        }
        for edge in graph.edges {
            lines.append("edge \(edge.from) -> \(edge.to):\(edge.input) \(describe(edge.kind))")
        }
        return lines.joined(separator: "\n")
    }
}
