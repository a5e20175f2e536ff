import Columnar
import Expressions

/// What a pipeline runs: operators and the streams between them. Acyclic; nodes are in topological order.
public struct DataflowGraph: Hashable, Sendable, Codable {
    /// The version of the serialised form.
    public static let version = 1

    public var version = DataflowGraph.version
    public var nodes: [Node] = []
    public var edges: [Edge] = []

    public init() {}

    public struct Node: Hashable, Sendable, Codable {
        /// Unique in the graph, ascending in topological order from 0.
        public var id: Int
        public var spec: OperatorSpec
        public var parallelism: Int
        /// One line for people, stable between runs.
        public var description: String
        /// The schema of what comes out; for a sink, of what goes in.
        public var schema: Schema

        public init(id: Int, spec: OperatorSpec, parallelism: Int, description: String, schema: Schema) {
            self.id = id
            self.spec = spec
            self.parallelism = parallelism
            self.description = description
            self.schema = schema
        }
    }

    public struct Edge: Hashable, Sendable, Codable {
        public var from: Int
        public var to: Int
        /// Which input of `to`: joins have 0 (left) and 1 (right), a union as many as it has edges.
        public var input: Int
        public var kind: EdgeKind

        public init(from: Int, to: Int, input: Int, kind: EdgeKind) {
            self.from = from
            self.to = to
            self.input = input
            self.kind = kind
        }
    }

    public enum EdgeKind: Hashable, Sendable, Codable {
        /// Subtask i to subtask i; needs equal parallelism.
        case forward
        /// By hash of the keys, expressions over the upstream schema.
        case shuffle(keys: [BoundExpression])
        /// Whole batches in turn.
        case rebalance
        /// Every batch to every subtask.
        case broadcast
    }
}
