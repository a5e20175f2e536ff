import Checkpointing
import HostSystem
import State
import Synchronization

/// Writes what tasks give at a barrier, and keeps account of the chains of files that stand for each task's state.
///
/// A task's increments lie in files of their own behind the one with its whole state; some of them are merged while the
/// next is written. Pieces that have not changed since the last checkpoint are named again, not written again.
final class CheckpointFiles: Sendable {
    private struct Chain {
        var files: [CheckpointManifest.File] = []
        /// The content of a piece, see `StatePiece.version`.
        var version: Int?
    }

    private struct Contents {
        /// As the last checkpoint has it.
        var published: [String: Chain] = [:]
        /// As the one under way will have it.
        var pending: [String: Chain] = [:]
    }

    private let store: CheckpointStore
    private let options: CheckpointOptions
    private let contents: Mutex<Contents>

    /// `restored`: the checkpoint that increments are added to, if they are.
    init(_ options: CheckpointOptions, _ store: CheckpointStore, continuing restored: CheckpointManifest?) {
        self.store = store
        self.options = options
        var published: [String: Chain] = [:]
        for file in restored?.files ?? [] { published[file.chain, default: Chain()].files.append(file) }
        contents = Mutex(Contents(published: published))
    }

    /// What a task gave at a barrier.
    struct TaskState: Sendable {
        var task: Int
        /// The name of its chain, see `TaskPlan.chainName`.
        var chain: String
        var epoch: Int
        var states: [NodeState]
        var pieces: [(node: Int, subtask: Int, piece: StatePiece)]
        /// Whether some tables say only what has changed.
        var isIncremental: Bool
    }

    /// Writes a task's state; gives the bytes written, by node. Errors: `FileError`, `StateFileError`,
    /// `OperationalError`.
    func write(_ state: TaskState) throws -> [Int: Int] {
        var written: [Int: Int] = [:]
        for (node, subtask, piece) in state.pieces {
            written[node, default: 0] += try write(
                piece, "part-\(node)-\(subtask)-\(piece.part)", epoch: state.epoch)
        }
        let name = state.chain
        var former: [CheckpointManifest.File] = []
        if state.isIncremental { former = contents.withLock { $0.published[name]?.files ?? [] } }
        if state.isIncremental && former.isEmpty {
            throw OperationalError(
                "there is nothing that the changes of \(name) could be added to", domain: .internal, isRetryable: true)
        }
        let mergedCount = options.compacts ? ChainPolicy.mergedCount(former.map(\.byteCount)) : 0
        var states = state.states
        if mergedCount > 0 { states = try merge(former.suffix(mergedCount), with: states) }
        var plain: [Int: Int] = [:]
        let file = try store.write("\(name).state", epoch: state.epoch, chain: name) { output in
            var writer = try StateFileWriter(codec: options.codec, output: output)
            try writer.write(states)
            plain = writer.plainByteCounts
            return writer.checksum
        }
        for (node, share) in Self.shares(of: file.byteCount, plain) { written[node, default: 0] += share }
        let chain = Chain(files: former.dropLast(mergedCount) + [file])
        contents.withLock { $0.pending[name] = chain }
        return written
    }

    /// What each node takes of a file, whose blocks are compressed whatever node they are of: in proportion to what it
    /// gave. The shares add up to the file.
    static func shares(of byteCount: Int, _ plain: [Int: Int]) -> [Int: Int] {
        var rest = (bytes: byteCount, plain: plain.values.reduce(0, +))
        var shares: [Int: Int] = [:]
        for (node, given) in plain.sorted(by: { $0.key < $1.key }) {
            let share = rest.plain == given ? rest.bytes : Int(Double(rest.bytes) * Double(given) / Double(rest.plain))
            shares[node] = share
            rest = (rest.bytes - share, rest.plain - given)
        }
        return shares
    }

    private func merge(
        _ files: ArraySlice<CheckpointManifest.File>, with states: [NodeState]
    ) throws -> [NodeState] {
        StateMerge.merge(try files.map { try StateFile.decode(try store.read($0)) } + [states])
    }

    private func write(_ piece: StatePiece, _ name: String, epoch: Int) throws -> Int {
        let known = contents.withLock { $0.published[name] }
        if let known, known.version == piece.version {
            contents.withLock { $0.pending[name] = known }
            return 0
        }
        let bytes = try options.fileSystem.readAll(piece.file.path, byteCountMax: .max)
        let file = try store.write("\(name)-\(piece.version).state", epoch: epoch, chain: name) { output in
            try bytes.withUnsafeBytes { try output($0) }
            return try StateFile.checksum(bytes)
        }
        contents.withLock { $0.pending[name] = Chain(files: [file], version: piece.version) }
        return file.byteCount
    }

    /// The files of the checkpoint under way, those of a chain one after another.
    var pendingFiles: [CheckpointManifest.File] {
        contents.withLock { contents in
            contents.pending.sorted { $0.key < $1.key }.flatMap(\.value.files)
        }
    }

    /// The checkpoint under way stands, or does not.
    func settle(isPublished: Bool) {
        contents.withLock { contents in
            if isPublished { contents.published = contents.pending }
            contents.pending = [:]
        }
    }
}
