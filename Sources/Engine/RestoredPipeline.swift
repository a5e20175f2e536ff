import Checkpointing
import Codecs
import Columnar
import Dataflow
import HostSystem
import State

/// A checkpoint as the tasks of a pipeline read it: each subtask gets its share, also after a change of parallelism.
struct RestoredPipeline: Sendable {
    private struct Place: Hashable {
        var node: Int
        var subtask: Int
    }

    private let manifest: CheckpointManifest
    private let tables: [Place: [StateTable]]

    init(_ checkpoint: LoadedCheckpoint) {
        manifest = checkpoint.manifest
        tables = Dictionary(
            checkpoint.states.map { (Place(node: $0.node, subtask: $0.subtask), $0.tables) },
            uniquingKeysWith: { $0 + $1 })
    }

    var epoch: Int { manifest.epoch }

    /// Whether all of a node's subtasks had come to their end; with another parallelism than before one that was at
    /// work is enough to make all go on.
    func isFinished(node: Int, subtask: Int, parallelism: Int) -> Bool {
        let former = manifest.parallelism[node] ?? 0
        if former == parallelism { return manifest.finished.contains(.init(node: node, subtask: subtask)) }
        return (0..<former).allSatisfy { manifest.finished.contains(.init(node: node, subtask: $0)) }
    }

    /// What a subtask keeps from now on. Cost: one hash and one copy per row where the parallelism has changed.
    func state(node: Int, subtask: Int, parallelism: Int) -> RestoredState {
        let former = manifest.parallelism[node] ?? 0
        let subtasks = former == parallelism ? subtask..<(subtask + 1) : 0..<former
        let groups = KeyGroups(targetCount: parallelism)
        var byName: [String: [RecordBatch]] = [:]
        for other in subtasks {
            for table in tables[Place(node: node, subtask: other)] ?? [] {
                var batch = table.batch
                if case .keyed(let count) = table.distribution, former != parallelism {
                    batch = Self.share(of: batch, keyCount: count, subtask: subtask, groups)
                }
                byName[table.name, default: []].append(batch)
            }
        }
        return RestoredState(byName)
    }

    private static func share(of batch: RecordBatch, keyCount: Int, subtask: Int, _ groups: KeyGroups) -> RecordBatch {
        if keyCount == 0 { return subtask == 0 ? batch : batch.slice(0, 0) }
        let keys = Array(batch.columns.prefix(keyCount))
        let words = Hashing.hash(keys, rowCount: batch.rowCount)
        let hashes = words.assuming(UInt64.self)
        let own = withExtendedLifetime(words) {
            (0..<batch.rowCount).filter { groups.target(ofHash: hashes[$0]) == subtask }
        }
        return batch.taking(Selection(own))
    }
}

/// Tells queries apart: state belongs to one query, at whatever parallelism.
enum GraphFingerprint {
    static func value(_ graph: DataflowGraph) -> UInt64 {
        var text = ""
        for node in graph.nodes {
            text += "\(node.id) \(node.description)\n"
            switch node.spec {
            case .source(let spec), .sink(let spec):
                for (key, value) in spec.options.sorted(by: { $0.key < $1.key }) { text += " \(key)=\(value.text)\n" }
            default: break
            }
        }
        for edge in graph.edges { text += "\(edge.from)>\(edge.to).\(edge.input)\n" }
        return XXHash64.hash(Array(text.utf8))
    }
}
