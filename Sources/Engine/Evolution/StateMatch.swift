import Checkpointing

/// Finds for the operators of one graph those of another whose state they can go on from. Pure.
///
/// An operator goes on only together with all that is above it: with another source, or the same one read to another
/// place, its state would be of other rows than those that follow. Where several operators mean the same, those are
/// chosen that keep what lies furthest down.
public enum StateMatch {
    /// The former node of each node that goes on; what does not fit is left out. Both are in topological order.
    public static func match(
        old: [CheckpointManifest.Operator], new: [CheckpointManifest.Operator]
    ) -> [Int: Int] {
        let formerNodes = Dictionary(old.map { ($0.node, $0) }, uniquingKeysWith: { first, _ in first })
        let newNodes = Dictionary(new.map { ($0.node, $0) }, uniquingKeysWith: { first, _ in first })
        var chosen: [Int: Int] = [:]
        /// Pairs a node, and all above it; false where one of them is taken by another already, or differs.
        func pair(_ node: Int, _ former: Int, _ trial: inout [Int: Int]) -> Bool {
            if let known = trial[node] { return known == former }
            guard let node = newNodes[node], let former = formerNodes[former] else { return false }
            guard node.identity == former.identity, node.inputs.count == former.inputs.count else { return false }
            trial[node.node] = former.node
            return zip(node.inputs, former.inputs).allSatisfy { pair($0, $1, &trial) }
        }
        for node in new.reversed() where chosen[node.node] == nil {
            // State goes to several only where those below have shared it.
            let taken = Set(chosen.values)
            for former in old.reversed() where former.identity == node.identity && !taken.contains(former.node) {
                var trial = chosen
                if pair(node.node, former.node, &trial) {
                    chosen = trial
                    break
                }
            }
        }
        return chosen
    }
}

extension CheckpointManifest.Operator {
    /// The operators of a graph that keep state, as manifests name them.
    static func all(of meanings: [OperatorMeaning]) -> [CheckpointManifest.Operator] {
        meanings.filter(\.isStateful).map { .init(node: $0.node, identity: $0.identity, inputs: $0.inputs) }
    }
}
