import Dataflow
import Engine

/// What becomes of a pipeline's state when it goes on with another query, as users see it.
public struct QueryChangeInfo: Sendable, Hashable {
    public struct Operator: Sendable, Hashable {
        /// Its node in the new graph; nil: dropped.
        public var nodeID: Int?
        /// Its node in the old one; nil: new.
        public var previousNodeID: Int?
        /// The connector of a source or sink, else the kind of operator.
        public var `operator`: String
        /// One line, as EXPLAIN writes it.
        public var description: String
        public var action: EvolutionReport.Action
        /// What it keeps and for how long; nil: nothing.
        public var state: String?
        /// Why, a sentence without a full stop; empty when there is nothing to say.
        public var reason: String

        public init(
            nodeID: Int?, previousNodeID: Int?, operator: String, description: String,
            action: EvolutionReport.Action, state: String?, reason: String
        ) {
            self.nodeID = nodeID
            self.previousNodeID = previousNodeID
            self.operator = `operator`
            self.description = description
            self.action = action
            self.state = state
            self.reason = reason
        }
    }

    /// Those of the new graph in its order, then those dropped.
    public var operators: [Operator]

    public init(operators: [Operator]) { self.operators = operators }

    /// A report with what the graphs say of the operators.
    init(_ report: EvolutionReport, from old: GraphInfo, to new: GraphInfo) {
        operators = report.operators.compactMap { entry in
            let node = entry.node.flatMap { id in new.nodes.first { $0.nodeID == id } }
            let former = entry.former.flatMap { id in old.nodes.first { $0.nodeID == id } }
            guard let shown = node ?? former else { return nil }
            return Operator(
                nodeID: entry.node, previousNodeID: entry.former, operator: shown.operator,
                description: shown.description, action: entry.action, state: shown.state, reason: entry.reason)
        }
    }
}
