import Checkpointing
import Dataflow
import HostSystem

/// Checks that a graph can go on from a checkpoint of another one. Pure but for warnings.
enum RestoredGraph {
    /// `former`: the node of the checkpoint that each node goes on from. Errors: `OperationalError` when a sink that
    /// has come to its end would have to take more rows.
    static func check(
        _ graph: DataflowGraph, _ former: [Int: Int], _ checkpoint: CheckpointManifest, _ warn: (String) -> Void
    ) throws {
        if checkpoint.commit == .wanted {
            warn(
                "sinks that the query has no more may not have committed checkpoint \(checkpoint.epoch): their rows "
                    + "since the one before are lost")
        }
        let ended = Set(
            graph.nodes.map(\.id).filter { node in
                guard let before = former[node], let count = checkpoint.parallelism[before] else { return false }
                return (0..<count).allSatisfy { checkpoint.finished.contains(.init(node: before, subtask: $0)) }
            })
        /// Whether rows may still come to a node.
        func getsRows(_ node: Int) -> Bool {
            let above = graph.edges.filter { $0.to == node }.map(\.from)
            return above.isEmpty ? !ended.contains(node) : above.contains(where: getsRows)
        }
        for case let node in graph.nodes where ended.contains(node.id) {
            guard case .sink(let spec) = node.spec, getsRows(node.id) else { continue }
            throw OperationalError(
                "table '\(spec.table)' has been written to its end and takes no more rows: write to another one",
                domain: .user)
        }
    }
}
