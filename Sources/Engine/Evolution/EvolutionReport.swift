import Checkpointing
import Dataflow

/// What becomes of the state of a pipeline when it goes on with another graph. Pure.
public struct EvolutionReport: Sendable, Hashable {
    public enum Action: String, Sendable, Hashable, CaseIterable {
        /// It goes on from its state, or has none and stays as it is.
        case kept
        /// Its state is of other rows, or of another shape: it begins without.
        case rebuilt
        /// There is no such operator any more.
        case dropped
        /// There was no such operator.
        case new
    }

    public struct Operator: Sendable, Hashable {
        /// Its node in the new graph; nil: dropped.
        public var node: Int?
        /// Its node in the old one; nil: new.
        public var former: Int?
        public var action: Action
        public var isStateful: Bool
        /// Why, a sentence without a full stop.
        public var reason: String

        public init(node: Int?, former: Int?, action: Action, isStateful: Bool, reason: String) {
            self.node = node
            self.former = former
            self.action = action
            self.isStateful = isStateful
            self.reason = reason
        }
    }

    /// Those of the new graph in its order, then those dropped.
    public var operators: [Operator]
    /// The former node of each node that goes on from its state.
    public var kept: [Int: Int]

    /// Compares two graphs; `old` nil: there is no state to go on from, and why.
    public init(
        from old: DataflowGraph, to new: DataflowGraph, _ connectors: ConnectorCatalog, stateless reason: String? = nil
    ) {
        let formers = OperatorMeaning.all(of: old, connectors)
        let meanings = OperatorMeaning.all(of: new, connectors)
        kept = [:]
        if let reason {
            operators = meanings.map { Self.fresh($0, reason) } + formers.map { Self.gone($0, reason) }
            return
        }
        kept = StateMatch.match(
            old: CheckpointManifest.Operator.all(of: formers), new: CheckpointManifest.Operator.all(of: meanings))
        var open = formers
        for meaning in meanings {
            guard let former = kept[meaning.node] else { continue }
            open.removeAll { $0.node == former }
        }
        operators = []
        for meaning in meanings {
            operators.append(Self.entry(meaning, kept[meaning.node], &open))
        }
        operators += open.map { Self.gone($0, $0.isStateful ? "the query has no such operator any more" : "") }
    }

    /// What becomes of an operator of the new graph; takes the former one it comes from out of `open`.
    private static func entry(
        _ meaning: OperatorMeaning, _ former: Int?, _ open: inout [OperatorMeaning]
    ) -> Operator {
        if let former {
            return Operator(
                node: meaning.node, former: former, action: .kept, isStateful: true,
                reason: keptReason(meaning))
        }
        if !meaning.isStateful {
            guard let index = open.firstIndex(where: { !$0.isStateful && $0.identity == meaning.identity }) else {
                return fresh(meaning, "")
            }
            return Operator(
                node: meaning.node, former: open.remove(at: index).node, action: .kept, isStateful: false,
                reason: "")
        }
        // The one most like it is what it was before.
        let candidates = open.indices.filter { open[$0].isStateful && open[$0].kind == meaning.kind }
        let distances = candidates.map { (index: $0, changed: changes(from: open[$0], to: meaning)) }
        guard
            let nearest = distances.min(by: { $0.changed.count < $1.changed.count }),
            isSuccessor(of: open[nearest.index], meaning, nearest.changed)
        else { return fresh(meaning, newReason(meaning)) }
        let before = open.remove(at: nearest.index)
        return Operator(
            node: meaning.node, former: before.node, action: .rebuilt, isStateful: true,
            reason: rebuiltReason(meaning, nearest.changed))
    }

    /// Whether an operator is a changed one rather than another: of tables at least the connector is the same.
    private static func isSuccessor(
        of former: OperatorMeaning, _ meaning: OperatorMeaning, _ changed: [String]
    ) -> Bool {
        !changed.contains("connector") && (changed.count < max(2, meaning.parts.count) || meaning.parts.count == 1)
    }

    /// The names of the parts that differ.
    private static func changes(from old: OperatorMeaning, to new: OperatorMeaning) -> [String] {
        let before = Set(old.parts)
        let after = Set(new.parts)
        var names: [String] = []
        for part in new.parts + old.parts
        where before.contains(part) != after.contains(part) && !names.contains(part.name) {
            names.append(part.name)
        }
        return names
    }

    // MARK: Reasons

    private static func fresh(_ meaning: OperatorMeaning, _ reason: String) -> Operator {
        Operator(node: meaning.node, former: nil, action: .new, isStateful: meaning.isStateful, reason: reason)
    }

    private static func gone(_ meaning: OperatorMeaning, _ reason: String) -> Operator {
        Operator(node: nil, former: meaning.node, action: .dropped, isStateful: meaning.isStateful, reason: reason)
    }

    private static func keptReason(_ meaning: OperatorMeaning) -> String {
        switch meaning.kind {
        case "source": "it reads on where it is"
        case "sink": "it writes on behind what it has written"
        default: "it does the same with the same rows"
        }
    }

    private static func newReason(_ meaning: OperatorMeaning) -> String {
        switch meaning.kind {
        case "source": "it reads from its beginning"
        case "sink": "it begins with the rows from now on"
        default: "it begins empty, with the rows from now on"
        }
    }

    private static func rebuiltReason(_ meaning: OperatorMeaning, _ changed: [String]) -> String {
        if changed.isEmpty {
            return "what it gets comes from readers that are not at the same place: \(newReason(meaning))"
        }
        let names = changed.joined(separator: ", ")
        return "\(names) \(changed.count == 1 && !names.hasSuffix("s") ? "has" : "have") changed: \(newReason(meaning))"
    }
}
