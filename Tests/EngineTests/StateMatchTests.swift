import Checkpointing
import TestKit
import Testing

@testable import Engine

/// Which operators go on from which, over graphs made by chance.
struct StateMatchTests {
    typealias Operator = CheckpointManifest.Operator

    /// A graph of sources, operators over what stands before them, and sinks. Few meanings, so that many are the same;
    /// an identity says what is above, as those of real operators do.
    static func graph(_ random: inout SeededRandom) -> [Operator] {
        var nodes: [Operator] = []
        for node in 0..<(2 + random.below(10)) {
            let choice = random.below(4)
            var inputs: [Int] = []
            if choice > 0 && choice < 3 && !nodes.isEmpty {
                inputs = (0..<choice).map { _ in nodes[random.below(nodes.count)].node }
            }
            let above = inputs.map { input in nodes.first { $0.node == input }?.identity ?? 0 }
            let meaning = UInt64(random.below(3)) &+ (choice == 3 ? 1000 : UInt64(inputs.count) &* 10)
            let identity = above.reduce(meaning &* 31) { $0 &* 1_000_003 &+ $1 }
            nodes.append(Operator(node: node, identity: identity, inputs: inputs))
        }
        return nodes
    }

    /// The same graph with other numbers, some operators left out and others added.
    static func changed(_ nodes: [Operator], _ random: inout SeededRandom) -> [Operator] {
        var renamed: [Int: Int] = [:]
        var result: [Operator] = []
        for node in nodes {
            let inputs = node.inputs.compactMap { renamed[$0] }
            if inputs.count < node.inputs.count || random.below(5) == 0 { continue }
            var node = node
            if random.below(6) == 0 { node.identity &+= 7 }
            renamed[node.node] = result.count
            result.append(Operator(node: result.count, identity: node.identity, inputs: inputs))
            if random.below(6) == 0 {
                result.append(Operator(node: result.count, identity: UInt64(random.below(40)), inputs: []))
            }
        }
        return result
    }

    @Test("what goes on goes on with all that is above it, and alone", arguments: 0..<20)
    func consistent(block: Int) throws {
        var keptCount = 0
        for seed in 0..<200 {
            var random = SeededRandom(UInt64(block * 200 + seed))
            let old = Self.graph(&random)
            let new = seed % 3 == 0 ? Self.graph(&random) : Self.changed(old, &random)
            let kept = StateMatch.match(old: old, new: new)
            keptCount += kept.count
            let formers = Dictionary(uniqueKeysWithValues: old.map { ($0.node, $0) })
            for node in new {
                guard let former = kept[node.node].flatMap({ formers[$0] }) else { continue }
                #expect(node.identity == former.identity)
                #expect(node.inputs.map { kept[$0] } == former.inputs.map(Optional.some), "seed \(seed)")
            }
            // State is given to several only where something below has shared it.
            for (former, takers) in Dictionary(grouping: kept.keys, by: { kept[$0] ?? -1 }) where takers.count > 1 {
                let alone = takers.count { taker in
                    !new.contains { $0.inputs.contains(taker) && kept[$0.node] != nil }
                }
                #expect(alone <= 1, "seed \(seed): node \(former)")
            }
        }
        #expect(keptCount > 200)
    }

    @Test("the same graph goes on whole, whatever its numbers are", arguments: 0..<20)
    func same(block: Int) {
        for seed in 0..<100 {
            var random = SeededRandom(UInt64(50_000 + block * 100 + seed))
            let old = Self.graph(&random)
            let new = old.map { Operator(node: $0.node + 5, identity: $0.identity, inputs: $0.inputs.map { $0 + 5 }) }
            let kept = StateMatch.match(old: old, new: new)
            #expect(kept.count == old.count && kept.allSatisfy { $0.key == $0.value + 5 }, "seed \(seed)")
        }
    }

    @Test("of readers that are not at the same place one is followed, and what the other fed begins anew")
    func separateReaders() {
        let two = [
            Operator(node: 0, identity: 1, inputs: []), Operator(node: 1, identity: 1, inputs: []),
            Operator(node: 2, identity: 5, inputs: [0]), Operator(node: 3, identity: 6, inputs: [1]),
        ]
        let one = [
            Operator(node: 0, identity: 1, inputs: []), Operator(node: 1, identity: 5, inputs: [0]),
            Operator(node: 2, identity: 6, inputs: [0]),
        ]
        #expect(StateMatch.match(old: two, new: one) == [0: 1, 2: 3])
        // The other way round both go on from where the one has read to.
        #expect(StateMatch.match(old: one, new: two) == [0: 0, 1: 0, 2: 1, 3: 2])
        // Those below decide which of two readers is which.
        var turned = two
        turned[2].inputs = [1]
        turned[3].inputs = [0]
        #expect(StateMatch.match(old: two, new: turned) == [0: 1, 1: 0, 2: 2, 3: 3])
    }

    @Test("texts of equal values are equal, and of others are not")
    func texts() {
        struct Value: Encodable {
            var options: [String: Double]
            var list: [String]
            var none: Int?
        }
        let keys = (0..<50).map { "k\($0)" }
        let one = Value(options: Dictionary(uniqueKeysWithValues: keys.map { ($0, 1) }), list: ["a,b"])
        let other = Value(options: Dictionary(uniqueKeysWithValues: keys.reversed().map { ($0, 1) }), list: ["a,b"])
        #expect(CanonicalText.of(one) == CanonicalText.of(other))
        #expect(
            CanonicalText.of(Value(options: [:], list: ["a", "b"]))
                != CanonicalText.of(Value(options: [:], list: ["a,b"])))
        #expect(
            CanonicalText.of(0.0) != CanonicalText.of(-0.0)
                && CanonicalText.of(Double.nan) == CanonicalText.of(Double.nan))
        // What this gives must not change from process to process.
        #expect(CanonicalText.hash("rows") == CanonicalText.hash("rows") && CanonicalText.of(["a": 1]) == "{a:1,}")
    }
}
