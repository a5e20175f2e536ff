import Checkpointing
import Columnar
import Dataflow
import HostSystem
import State
import Synchronization

/// A checkpoint as the tasks of a pipeline read it: each subtask gets its share, also after a change of parallelism.
final class RestoredPipeline: Sendable {
    private struct Place: Hashable {
        var node: Int
        var subtask: Int
    }

    private let manifest: CheckpointManifest
    private let tables: Mutex<[Place: [StateTable]]>
    /// Parts of states that are read only when an operator asks for them.
    private let pieces: [Place: [CheckpointManifest.File]]
    /// Chains of tasks that are read by whoever needs them, each with the bytes of its tables.
    private let unread: [(chain: [CheckpointManifest.File], byteCount: Int)]
    private let store: CheckpointStore
    /// The node of the checkpoint that each node goes on from; nil: the checkpoint is of the same graph.
    private let formerNodes: [Int: Int]?

    /// Reads all files but pieces, and what may be large beside `memoryLimit` (bytes). Errors: those of
    /// `CheckpointStore.read`, `StateFileError`.
    init(
        _ manifest: CheckpointManifest, _ store: CheckpointStore, memoryLimit: Int? = nil,
        formerNodes: [Int: Int]? = nil
    ) throws {
        self.formerNodes = formerNodes
        self.manifest = manifest
        self.store = store
        var pieces: [Place: [CheckpointManifest.File]] = [:]
        var tables: [Place: [StateTable]] = [:]
        var unread: [(chain: [CheckpointManifest.File], byteCount: Int)] = []
        var index = 0
        while index < manifest.files.count {
            let chain = manifest.files[index...].prefix { $0.chain == manifest.files[index].chain }
            index += chain.count
            if let place = Self.pieceOwner(chain[chain.startIndex]) {
                pieces[place, default: []] += chain
                continue
            }
            if let memoryLimit {
                let byteCount = try chain.reduce(0) { $0 + (try store.check($1)) }
                if byteCount > memoryLimit / Self.unreadShare {
                    unread.append((Array(chain), byteCount))
                    continue
                }
            }
            for state in try Self.merged(chain, store) {
                tables[Place(node: state.node, subtask: state.subtask), default: []] += state.tables
            }
        }
        self.tables = Mutex(tables)
        self.pieces = pieces
        self.unread = unread
    }

    /// Chains with more than this part of the memory for state are not read at once.
    private static let unreadShare = 16

    /// Gives the memory back, once every task has its share.
    func forget() { tables.withLock { $0 = [:] } }

    /// Whose piece a file is; nil for the files of tasks.
    private static func pieceOwner(_ file: CheckpointManifest.File) -> Place? {
        let words = file.chain.split(separator: "-")
        guard words.count == 4, words[0] == "part", let node = Int(words[1]), let subtask = Int(words[2]) else {
            return nil
        }
        return Place(node: node, subtask: subtask)
    }

    /// The states of a task, each table of them whole.
    private static func merged(
        _ chain: ArraySlice<CheckpointManifest.File>, _ store: CheckpointStore
    ) throws -> [NodeState] {
        StateMerge.merge(try chain.map { try StateFile.decode(try store.read($0)) })
    }

    /// Whether sinks have to commit what belongs to the checkpoint.
    var mustCommit: Bool { manifest.commit == .wanted }

    /// Whether tasks find their own state as they left it, so that changes may be added to it. Pieces may have become
    /// tables of their operators, which no chain holds yet.
    func hasChains(of plans: [TaskPlan]) -> Bool {
        guard pieces.isEmpty, formerNodes == nil else { return false }
        let chains = Set(manifest.files.map(\.chain))
        return plans.allSatisfy { plan in
            chains.contains(plan.chainName)
                && plan.nodes.allSatisfy { manifest.parallelism[$0.id] == plan.parallelism }
        }
    }

    var epoch: Int { manifest.epoch }

    /// The node of the checkpoint whose state a node goes on from; nil: it begins anew.
    private func former(_ node: Int) -> Int? {
        if let formerNodes { return formerNodes[node] }
        return node
    }

    /// Whether there is a state that a node goes on from.
    func continues(node: Int) -> Bool { former(node) != nil }

    /// Whether all of a node's subtasks had come to their end; with another parallelism than before one that was at
    /// work is enough to make all go on.
    func isFinished(node: Int, subtask: Int, parallelism: Int) -> Bool {
        guard let node = self.former(node) else { return false }
        let former = manifest.parallelism[node] ?? 0
        if former == parallelism { return manifest.finished.contains(.init(node: node, subtask: subtask)) }
        return (0..<former).allSatisfy { manifest.finished.contains(.init(node: node, subtask: $0)) }
    }

    /// What a subtask keeps from now on; nil: it begins anew. Cost: one hash and one copy per row where the parallelism
    /// has changed. Errors: those of reading files.
    func state(node: Int, subtask: Int, parallelism: Int) throws -> RestoredState? {
        guard let node = self.former(node) else { return nil }
        let former = manifest.parallelism[node] ?? 0
        let subtasks = former == parallelism ? subtask..<(subtask + 1) : 0..<former
        let share: @Sendable (StateTable) -> StateTable = { table in
            guard case .keyed(let count) = table.distribution, former != parallelism else { return table }
            var part = table
            let groups = KeyGroups(targetCount: parallelism)
            part.batch = Self.share(of: table.batch, keyCount: count, subtask: subtask, groups)
            return part
        }
        var all: [StateTable] = []
        var found: [RestoredPiece] = []
        var stored: [StoredState] = []
        for other in subtasks {
            let place = Place(node: node, subtask: other)
            all += (tables.withLock { $0[place] } ?? []).map(share)
            for state in unread.map({ self.stored($0.chain, $0.byteCount, place, share) }) {
                // What stands beside pieces is little.
                if pieces[place] == nil { stored.append(state) } else { all += try state.load() }
            }
            for file in pieces[place] ?? [] {
                let part = file.chain.split(separator: "-").last.flatMap { Int($0) }
                found.append(
                    RestoredPiece(part: part ?? 0) { [store] in
                        try StateFile.decode(try store.read(file)).flatMap(\.tables).map(share)
                    })
            }
        }
        var state = RestoredState(all, pieces: found, stored: stored)
        state.isCommitted = manifest.commit == .done
        return state
    }

    /// A former subtask's tables in the files of a chain, which may be another task's.
    private func stored(
        _ chain: [CheckpointManifest.File], _ byteCount: Int, _ place: Place,
        _ share: @escaping @Sendable (StateTable) -> StateTable
    ) -> StoredState {
        StoredState(
            byteCount: byteCount,
            files: chain.map { file in
                { [store] body in
                    var reader = try store.reader(of: file)
                    try reader.forEachSlice(where: { $0 == place.node && $1 == place.subtask }) { _, _, slice in
                        try body(share(slice))
                    }
                }
            })
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
