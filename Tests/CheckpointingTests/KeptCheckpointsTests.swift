import TestKit
import Testing

@testable import Checkpointing

/// Chains that begin anew at different times, over many checkpoints: whichever file is damaged, there is a checkpoint
/// to go back to, not much older than it must be, and few are kept.
struct KeptCheckpointsTests {
    /// One chain, whose files are merged as the engine does; now and then it begins anew, or does not change at all.
    struct Chain {
        var files: [CheckpointManifest.File] = []
        let number: Int
        let baseSize: Int

        mutating func add(epoch: Int, using random: inout SeededRandom) {
            if !files.isEmpty && random.chance(0.2 * Double(number % 3)) { return }
            var merged = ChainPolicy.mergedCount(files.map(\.byteCount))
            if random.chance(0.002) { merged = files.count }
            let size = files.isEmpty ? baseSize : 1 + random.below(20)
            let total = files.suffix(merged).reduce(size) { $0 + $1.byteCount }
            files.removeLast(merged)
            files.append(
                .init(chain: "c\(number)", name: "\(epoch)-1-c\(number)", byteCount: total, checksum: 0))
        }
    }

    @Test("for every file of the newest one stays that does without it", arguments: 1...12)
    func coverage(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        var chains = (0..<1 + seed).map { Chain(number: $0, baseSize: [1, 100, 3000][$0 % 3]) }
        var log: [CheckpointManifest] = []
        var (most, mostRatio) = (0, 0.0)
        var born: [String: Int] = [:]
        for epoch in 1...700 {
            for index in chains.indices { chains[index].add(epoch: epoch, using: &random) }
            let files = chains.flatMap(\.files)
            for file in files where born[file.name] == nil { born[file.name] = epoch }
            var manifest = CheckpointManifest(epoch: epoch, graph: 1, parallelism: [:], finished: [], files: files)
            manifest.sequence = epoch
            log.insert(manifest, at: 0)
            log = zip(log, KeptCheckpoints.choose(log, newestCount: 2)).filter(\.1).map(\.0)
            #expect(log.prefix(2).map(\.epoch) == [epoch, epoch - 1].filter { $0 > 0 })
            for file in files {
                let written = born[file.name] ?? 0
                // The first checkpoint has nothing before it.
                if written <= 1 { continue }
                guard let without = log.first(where: { !$0.files.contains(file) }) else {
                    Issue.record("seed \(seed), epoch \(epoch): nothing does without \(file.name)")
                    return
                }
                let least = epoch - written + 1
                #expect(epoch - without.epoch <= 8 * least, "\(epoch): \(without.epoch) for \(file.name)")
            }
            most = max(most, log.count)
            let held = Dictionary(log.flatMap(\.files).map { ($0.name, $0.byteCount) }, uniquingKeysWith: { $1 })
            mostRatio = max(
                mostRatio, Double(held.values.reduce(0, +)) / Double(files.reduce(0) { $0 + $1.byteCount }))
        }
        print("kept checkpoints, \(chains.count) chains: at most \(most), \(mostRatio) times the newest's bytes")
        #expect(most <= 12 && mostRatio < 4)
    }

    @Test("entries of no checkpoint go with the first ones, repeated ones stay with theirs")
    func others() {
        func entry(_ epoch: Int, _ names: [String]) -> CheckpointManifest {
            CheckpointManifest(
                epoch: epoch, graph: 1, parallelism: [:], finished: [],
                files: names.map { .init(chain: "c", name: $0, byteCount: 1, checksum: 0) })
        }
        let log = [
            entry(9, ["a", "z"]), entry(9, ["a", "z"]), entry(8, ["a", "y"]), entry(0, []), entry(7, ["a"]),
            entry(6, ["b"]), entry(5, ["b"]), entry(0, []),
        ]
        #expect(
            KeptCheckpoints.choose(log, newestCount: 2) == [true, true, true, false, false, true, false, false])
        #expect(KeptCheckpoints.choose([entry(1, ["a"]), entry(0, [])], newestCount: 2) == [true, true])
        #expect(KeptCheckpoints.choose([], newestCount: 2) == [])
    }
}
