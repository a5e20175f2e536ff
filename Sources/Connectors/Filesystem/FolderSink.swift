import Columnar
import Dataflow
import Formats
import HostSystem
import State

/// Writes rows to files of a folder, hidden until the checkpoint that holds them stands.
///
/// Exactly once in two phases: `prepare` closes the files (or, with a rolling policy that says so, leaves them open and
/// notes their length), puts them on the disk and notes them in the state; `commit` gives them their final names. A
/// restored sink cuts files that were open back to their noted length, commits all noted files and removes the rest.
/// After an error nothing more is written: what a failed write left on the disk is not known; a restored sink goes on.
final class FolderSink: SinkOperator {
    private static let tableName = "sink"
    /// More files than these are not open at once; the one without rows for longest is closed.
    static let openFilesMax = 256

    private let spec: ConnectorSpec
    private let options: FolderTableOptions
    private let context: OperatorContext
    private let trouble: FileTableError
    private let partitioning: FolderPartitioning
    private let files: FolderFiles
    private var staged = StagedFiles()
    private var parts: [String: PartFile] = [:]
    /// Files of the checkpoint gone on from that are no leftovers; nil at a first start.
    private var restored: [StagedFile]?
    private var failure: (any Error)?

    init(
        _ spec: ConnectorSpec, _ options: FolderTableOptions, _ fileSystem: any FileSystem,
        _ context: OperatorContext, _ random: any RandomSource
    ) throws {
        self.spec = spec
        self.options = options
        self.context = context
        trouble = FileTableError(table: spec.table, path: options.path)
        partitioning = try FolderPartitioning(spec.schema, options.partitioning)
        files = FolderFiles(fileSystem, base: options.path, options.naming, context, random)
        _ = try trouble.locating { try options.format.makeEncoder(schema: spec.schema, key: spec.key) }
    }

    func onStart() async throws {
        try trouble.locating {
            try files.start()
            guard let restored else { return }
            for file in staged.due(StagedFiles.adopted) where file.isOpen { try files.cutBack(file) }
            try files.removeLeftovers(besides: restored, depth: partitioning.depth)
        }
    }

    func write(_ batch: RecordBatch) async throws {
        if batch.rowCount == 0 { return }
        try working { now in
            for (folder, rows) in partitioning.deal(batch) { try part(folder, now).append(rows, now: now) }
            try closeDue(now)
            while parts.count > Self.openFilesMax, let idlest = parts.values.min(by: { $0.written < $1.written }) {
                try close(idlest)
            }
        }
    }

    func flush() async throws { try working { now in try closeDue(now) } }

    func onEnd() async throws { try working { _ in try closeAll() } }

    func prepare(epoch: Int) async throws -> StateSnapshot {
        var open: [StagedFile] = []
        try working { now in
            // Other subtasks would take them for leftovers if a second checkpoint named files of former ones.
            try files.show(staged.due(StagedFiles.adopted))
            staged.forget(StagedFiles.adopted)
            try closeDue(now)
            if !options.rolling.keepsOpen { try closeAll() }
            for folder in parts.keys.sorted() {
                if let file = try parts[folder]?.synchronize() { open.append(file) }
            }
            try files.synchronizeFolders()
            staged.prepare(epoch: epoch)
        }
        return StateSnapshot([staged.table(open: open), ownership])
    }

    func commit(epoch: Int) async throws {
        try trouble.locating { try files.show(staged.due(epoch)) }
        staged.forget(epoch)
    }

    // MARK: State

    /// Whose hidden files are this sink's, the number of the next one, and how many subtasks there are.
    private var ownership: StateTable {
        var owners = ViewBuilder(capacity: files.owners.count)
        for owner in files.owners { owners.append(owner) }
        let numbers = [files.names.serial, Int64(context.parallelism)].map { number in
            Column(
                type: .int64, count: files.owners.count, values: .copying(files.owners.map { _ in number }))
        }
        return StateTable(
            Self.tableName, .everywhere, [owners.finish()] + numbers, rowCount: files.owners.count)
    }

    func restore(_ state: RestoredState) throws {
        let rows = state.batches(Self.tableName).flatMap { batch in
            (0..<batch.rowCount).map { row in
                (
                    owner: String(decoding: batch.columns[0].viewReader[row], as: UTF8.self),
                    serial: batch.columns[1].pointer(Int64.self)[row],
                    parallelism: Int(batch.columns[2].pointer(Int64.self)[row])
                )
            }
        }
        files.adopt(owners: Set(rows.map(\.owner)), serial: rows.map(\.serial).max() ?? 0)
        let found = StagedFiles.restored(state)
        restored = found
        // At the same parallelism each subtask is given its own files back, at another one all are given to all.
        let isOwn = rows.first?.parallelism == context.parallelism
        // What readers have seen is theirs: it may be gone by now.
        let missing = state.isCommitted ? found.filter(\.isOpen) : found
        if isOwn || context.subtask == 0 { staged.adopt(missing) }
    }

    // MARK: Open files

    /// Does what may fail only once. Errors are located, and thrown again by every later call.
    private func working(_ body: (_ now: Int64) throws -> Void) throws {
        if let failure { throw failure }
        do {
            try trouble.locating { try body(context.clock.nowNanoseconds()) }
        } catch {
            failure = error
            throw error
        }
    }

    private func part(_ folder: String, _ now: Int64) throws -> PartFile {
        if let part = parts[folder] { return part }
        let encoder = try options.format.makeEncoder(schema: spec.schema, key: spec.key)
        let part = PartFile(folder, files, options.codec, encoder, now: now)
        parts[folder] = part
        return part
    }

    private func closeDue(_ now: Int64) throws {
        guard options.rolling.keepsOpen else { return }
        let due = parts.values.filter {
            options.rolling.isDue(byteCount: $0.byteCount, begun: $0.begun, written: $0.written, now: now)
        }
        for part in due.sorted(by: { $0.folder < $1.folder }) { try close(part) }
    }

    private func closeAll() throws {
        for folder in parts.keys.sorted() {
            if let part = parts[folder] { try close(part) }
        }
    }

    private func close(_ part: PartFile) throws {
        if let file = try part.close() { staged.close(file) }
        parts[part.folder] = nil
    }
}
