import Dataflow

/// What a job is to run.
public struct JobPlan: Sendable {
    /// Which plan is wanted.
    public struct Order: Sendable {
        public var parallelism: Int
        public var step: JobStateMachine.Step

        public init(parallelism: Int, step: JobStateMachine.Step = .same) {
            self.parallelism = parallelism
            self.step = step
        }
    }

    public var graph: DataflowGraph
    /// Whether it is the graph of the query before, which has something to finish before another one may go on.
    public var settles = false
    /// Fingerprints of other graphs whose state it may go on from.
    public var acceptedGraphs: Set<UInt64> = []

    public init(graph: DataflowGraph, settles: Bool = false, acceptedGraphs: Set<UInt64> = []) {
        self.graph = graph
        self.settles = settles
        self.acceptedGraphs = acceptedGraphs
    }
}
