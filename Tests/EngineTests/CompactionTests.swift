import Checkpointing
import HostSystem
import State
import TestKit
import Testing

@testable import Engine

/// Chains of increments, merged or not.
struct CompactionTests {
    @Test("the parts of a file add up to it, in proportion to what nodes gave")
    func shares() {
        var random = SeededRandom(11)
        for _ in 0..<200 {
            var plain: [Int: Int] = [:]
            for node in 0..<(1 + random.below(6)) { plain[node] = random.below(1000) * random.below(1000) }
            let byteCount = random.below(1 << 30)
            let shares = CheckpointFiles.shares(of: byteCount, plain)
            #expect(shares.values.reduce(0, +) == byteCount && Set(shares.keys) == Set(plain.keys))
            let total = Double(plain.values.reduce(0, +))
            for (node, given) in plain where total > 0 {
                let exact = Double(byteCount) * Double(given) / total
                #expect(abs(Double(shares[node] ?? 0) - exact) <= Double(plain.count) + 1, "\(plain) \(byteCount)")
            }
        }
        #expect(CheckpointFiles.shares(of: 10, [:]) == [:])
    }

    @Test("increments are merged unless the options say otherwise", arguments: [true, false])
    func merges(compacts: Bool) throws {
        let files = SimulatedFileSystem()
        var options = CheckpointOptions(directory: "state", fileSystem: files)
        options.compacts = compacts
        let written = CheckpointFiles(
            options, try CheckpointStore(files, directory: "state"), continuing: nil)
        var counts: [Int] = []
        for epoch in 1...20 {
            _ = try written.write(
                CheckpointFiles.TaskState(
                    task: 0, chain: "task-0-0", epoch: epoch, states: [NodeState(node: 0, subtask: 0, tables: [])],
                    pieces: [], isIncremental: epoch > 1))
            counts.append(written.pendingFiles.count)
            written.settle(isPublished: true)
        }
        if compacts {
            #expect(counts.max() ?? 0 <= 5 && counts.last ?? 0 > 0)
        } else {
            #expect(counts == Array(1...20))
        }
    }
}
