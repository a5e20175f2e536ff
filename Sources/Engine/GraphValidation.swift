import Columnar
import Dataflow
import Expressions
import HostSystem

/// Checks that a graph can run at all, before anything of it is built.
enum GraphValidation {
    /// Subtasks one node may have.
    static let parallelismMax = 1024

    /// Errors: `OperationalError` of the domain `internal`, since graphs are made by the planner.
    static func check(_ graph: DataflowGraph) throws {
        if graph.version != DataflowGraph.version {
            throw invalid("expected graph version \(DataflowGraph.version), found \(graph.version)")
        }
        if graph.nodes.isEmpty { throw invalid("it has no nodes") }
        for (position, node) in graph.nodes.enumerated() {
            if node.id != position { throw invalid("expected node \(position) at its place, found \(node.id)") }
            if node.parallelism < 1 || node.parallelism > parallelismMax {
                throw invalid(
                    "node \(node.id): expected a parallelism from 1 to \(parallelismMax), found \(node.parallelism)")
            }
        }
        for edge in graph.edges { try check(edge, in: graph) }
        for node in graph.nodes { try checkEnds(of: node, in: graph) }
    }

    private static func check(_ edge: DataflowGraph.Edge, in graph: DataflowGraph) throws {
        let nodes = graph.nodes
        guard nodes.indices.contains(edge.from), nodes.indices.contains(edge.to) else {
            throw invalid("an edge from \(edge.from) to \(edge.to) leaves the \(nodes.count) nodes")
        }
        if edge.from >= edge.to { throw invalid("the edge from \(edge.from) to \(edge.to) goes back") }
        switch edge.kind {
        case .forward:
            if nodes[edge.from].parallelism != nodes[edge.to].parallelism {
                throw invalid(
                    "the forward edge from \(edge.from) to \(edge.to) joins parallelism "
                        + "\(nodes[edge.from].parallelism) and \(nodes[edge.to].parallelism)")
            }
        case .shuffle(let keys):
            let width = nodes[edge.from].schema.count
            for index in keys.flatMap({ Array($0.referencedColumns) }) where index < 0 || index >= width {
                throw invalid(
                    "the shuffle from \(edge.from) to \(edge.to) has a key over column \(index) of \(width) columns")
            }
        case .rebalance, .broadcast: break
        }
    }

    private static func checkEnds(of node: DataflowGraph.Node, in graph: DataflowGraph) throws {
        let inputs = Set(graph.edges.filter { $0.to == node.id }.map(\.input))
        let hasOutputs = graph.edges.contains { $0.from == node.id }
        let expected: Range<Int>
        var isSink = false
        switch node.spec {
        case .source, .values: expected = 0..<0
        case .hashJoin, .updatingJoin, .intervalJoin, .temporalJoin: expected = 0..<2
        case .windowed(let windowed): expected = 0..<windowed.eventTimes.count
        case .union: expected = 0..<max(1, inputs.count)
        case .sink:
            expected = 0..<1
            isSink = true
        default: expected = 0..<1
        }
        if inputs != Set(expected) {
            throw invalid(
                "node \(node.id) (\(node.description)): expected inputs \(Array(expected)), found \(inputs.sorted())")
        }
        if isSink && hasOutputs { throw invalid("node \(node.id) (\(node.description)) is a sink with an output") }
        if !isSink && !hasOutputs { throw invalid("nothing reads node \(node.id) (\(node.description))") }
        if case .values(let values) = node.spec {
            for row in values.rows where row.count != values.schema.count {
                throw invalid("node \(node.id): a row of \(row.count) values under \(values.schema.count) columns")
            }
        }
    }

    private static func invalid(_ message: String) -> OperationalError {
        OperationalError("the dataflow graph cannot run: \(message)", domain: .internal)
    }
}
