import Dataflow
import HostSystem

/// What one task runs: a chain of nodes in one subtask, its inbox and where its output goes. All that crosses into the
/// task; operators are made inside it.
struct TaskPlan: Sendable {
    struct Output: Sendable {
        var kind: DataflowGraph.EdgeKind
        var targets: [Exchange.Target]
    }

    var taskID: Int
    var nodes: [DataflowGraph.Node]
    /// The counters of each node.
    var nodeMetrics: [OperatorMetrics]
    var metrics: TaskMetrics
    var subtask: Int
    var parallelism: Int
    /// The inbox; nil for a source.
    var queue: BatchQueue?
    /// The input of the head that each channel of the inbox belongs to.
    var channelInputs: [Int]
    /// What each channel of the inbox has brought; nil for a source.
    var channels: ChannelGauges?
    var outputs: [Output]
    var signal: TaskSignal

    /// Names the files of the task's state: the same for the same nodes in the same subtask, in every run.
    var chainName: String { "task-\(nodes.first?.id ?? 0)-\(nodes.last?.id ?? 0)-\(subtask)" }
}

/// Divides a graph into tasks: fuses neighbours to chains, makes the inboxes and numbers their channels.
struct TaskLayout {
    private struct Chain {
        var nodes: [Int]
        /// The channels of the inbox of each subtask begin, for each edge into the head, at this number.
        var channelStart: [Int: Int] = [:]
        var channelInputs: [Int] = []
        /// The edge of each channel.
        var channelEdges: [DataflowGraph.Edge] = []
        var queues: [BatchQueue] = []
    }

    private let graph: DataflowGraph
    private let configuration: EngineConfiguration
    private var chains: [Chain] = []
    /// The chain of each node.
    private var chainOfNode: [Int]

    /// The tasks of a graph that passed `GraphValidation`.
    static func tasks(
        of graph: DataflowGraph, configuration: EngineConfiguration, executor: ThreadPoolExecutor
    ) -> [TaskPlan] {
        var layout = TaskLayout(graph: graph, configuration: configuration)
        layout.makeChains()
        layout.makeQueues(executor)
        return layout.makeTasks()
    }

    private init(graph: DataflowGraph, configuration: EngineConfiguration) {
        self.graph = graph
        self.configuration = configuration
        chainOfNode = Array(repeating: 0, count: graph.nodes.count)
    }

    private mutating func makeChains() {
        for node in graph.nodes {
            if let upstream = upstreamToJoin(of: node) {
                let chain = chainOfNode[upstream]
                chains[chain].nodes.append(node.id)
                chainOfNode[node.id] = chain
            } else {
                chainOfNode[node.id] = chains.count
                chains.append(Chain(nodes: [node.id]))
            }
        }
    }

    /// The node above that this one can share a task with.
    private func upstreamToJoin(of node: DataflowGraph.Node) -> Int? {
        guard configuration.isChainingEnabled else { return nil }
        let incoming = graph.edges.filter { $0.to == node.id }
        guard incoming.count == 1, let edge = incoming.first else { return nil }
        guard graph.edges.count(where: { $0.from == edge.from }) == 1, keepsSubtask(edge) else { return nil }
        return edge.from
    }

    /// Whether an edge leads from each subtask to the one with the same number and nowhere else.
    private func keepsSubtask(_ edge: DataflowGraph.Edge) -> Bool {
        if edge.kind == .forward { return true }
        return configuration.chainsSingleShuffles && graph.nodes[edge.from].parallelism == 1
            && graph.nodes[edge.to].parallelism == 1
    }

    private mutating func makeQueues(_ executor: ThreadPoolExecutor) {
        for index in chains.indices {
            let head = graph.nodes[chains[index].nodes[0]]
            for (number, edge) in graph.edges.enumerated() where edge.to == head.id {
                let channelCount = edge.kind == .forward ? 1 : graph.nodes[edge.from].parallelism
                chains[index].channelStart[number] = chains[index].channelInputs.count
                chains[index].channelInputs += Array(repeating: edge.input, count: channelCount)
                chains[index].channelEdges += Array(repeating: edge, count: channelCount)
            }
            if chains[index].channelInputs.isEmpty { continue }
            let limits = configuration.queueLimits
            chains[index].queues = (0..<head.parallelism).map { _ in BatchQueue(limits: limits, executor: executor) }
        }
    }

    private func makeTasks() -> [TaskPlan] {
        var tasks: [TaskPlan] = []
        for chain in chains {
            let nodes = chain.nodes.map { graph.nodes[$0] }
            for subtask in 0..<nodes[0].parallelism {
                tasks.append(
                    TaskPlan(
                        taskID: tasks.count, nodes: nodes, nodeMetrics: nodes.map { _ in OperatorMetrics() },
                        metrics: TaskMetrics(), subtask: subtask, parallelism: nodes[0].parallelism,
                        queue: chain.queues.isEmpty ? nil : chain.queues[subtask],
                        channelInputs: chain.channelInputs, channels: channels(of: chain, subtask: subtask),
                        outputs: outputs(of: chain, subtask: subtask),
                        signal: TaskSignal()))
            }
        }
        return tasks
    }

    private func channels(of chain: Chain, subtask: Int) -> ChannelGauges? {
        if chain.queues.isEmpty { return nil }
        var counts: [DataflowGraph.Edge: Int] = [:]
        let origins = chain.channelEdges.map { edge -> ChannelGauges.Origin in
            if edge.kind == .forward { return .init(node: edge.from, subtask: subtask) }
            defer { counts[edge, default: 0] += 1 }
            return .init(node: edge.from, subtask: counts[edge] ?? 0)
        }
        return ChannelGauges(origins)
    }

    private func outputs(of chain: Chain, subtask: Int) -> [TaskPlan.Output] {
        guard let last = chain.nodes.last else { return [] }
        return graph.edges.enumerated().compactMap { number, edge -> TaskPlan.Output? in
            guard edge.from == last else { return nil }
            let target = chains[chainOfNode[edge.to]]
            guard let start = target.channelStart[number] else { return nil }
            if edge.kind == .forward {
                return TaskPlan.Output(
                    kind: edge.kind, targets: [.init(queue: target.queues[subtask], channel: start)])
            }
            return TaskPlan.Output(
                kind: edge.kind, targets: target.queues.map { .init(queue: $0, channel: start + subtask) })
        }
    }
}
