import Columnar
import Dataflow
import Expressions

/// Grows a dataflow graph; asked twice for the same operator over the same inputs it gives the same node, which is how
/// sources, views and sub-queries that several queries use are run once.
struct GraphBuilder {
    private(set) var graph = DataflowGraph()
    private var interned: [Key: Int] = [:]

    /// Where an input comes from and how its rows are dealt out.
    struct Input: Hashable {
        var node: Int
        var kind: DataflowGraph.EdgeKind
    }

    private struct Key: Hashable {
        var spec: OperatorSpec
        var parallelism: Int
        var inputs: [Input]
    }

    /// The node of an operator; sinks are never shared.
    mutating func node(_ spec: OperatorSpec, schema: Schema, parallelism: Int, inputs: [Input]) -> Int {
        let key = Key(spec: spec, parallelism: parallelism, inputs: inputs)
        let isSink = if case .sink = spec { true } else { false }
        if !isSink, let known = interned[key] { return known }
        let id = graph.nodes.count
        graph.nodes.append(
            .init(
                id: id, spec: spec, parallelism: parallelism, description: OperatorDescription.text(of: spec),
                schema: schema))
        for (position, input) in inputs.enumerated() {
            graph.edges.append(.init(from: input.node, to: id, input: position, kind: input.kind))
        }
        interned[key] = id
        return id
    }
}
