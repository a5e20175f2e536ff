import Codecs
import Columnar
import Dataflow
import Formats
import HostSystem
import State

/// Reads the files that lie in a folder, and in folders below it, when it first starts, in the order of their paths.
///
/// A file belongs to one subtask, by the hash of its path: subtasks look at the folder each for itself, and files may
/// be added meanwhile. Replayable: a checkpoint notes the files still to be read and where the first of them is.
final class FolderSource: SourceOperator {
    private static let filesName = "files"
    private static let layoutName = "layout"
    private static let depthMax = 32
    /// Files that end without rows before the caller is given a chance to do something else.
    private static let emptyFilesMax = 16

    /// A file not read to its end.
    private struct Remaining {
        /// Below the table's folder.
        var path: String
        var position = FilePosition()
    }

    private let spec: ConnectorSpec
    private let options: FolderTableOptions
    private let fileSystem: any FileSystem
    private let context: OperatorContext
    private var remaining: [Remaining] = []
    /// The reader of the first one.
    private var current: FileSource?
    private var isRestored = false

    init(
        _ spec: ConnectorSpec, _ options: FolderTableOptions, _ fileSystem: any FileSystem, _ context: OperatorContext
    ) throws {
        self.spec = spec
        self.options = options
        self.fileSystem = fileSystem
        self.context = context
    }

    func onStart() async throws {
        if isRestored { return }
        let trouble = FileTableError(table: spec.table, path: options.path)
        let paths = try trouble.locating {
            if try fileSystem.status(options.path)?.kind == .file {
                throw OperationalError(
                    "table '\(spec.table)': '\(options.path)' is a file: expected a folder (a file is read with "
                        + "connector = 'single_file')", domain: .user)
            }
            return try files("", depth: 0)
        }
        remaining = paths.filter { options.wants($0) && isOwn($0) }.sorted().map { Remaining(path: $0) }
    }

    func onClose() async { await current?.onClose() }

    func read(rowLimit: Int) async throws -> SourceEvent {
        for _ in 0..<Self.emptyFilesMax {
            guard let file = remaining.first else { return .endOfData }
            let source = try await reader(file)
            let event = try await source.read(rowLimit: rowLimit)
            guard case .endOfData = event else { return event }
            await source.onClose()
            current = nil
            remaining.removeFirst()
        }
        return .batch(.empty(spec.outputSchema))
    }

    private func reader(_ file: Remaining) async throws -> FileSource {
        if let current { return current }
        let path = options.path == "/" ? "/" + file.path : options.path + "/" + file.path
        let table = FileTableOptions(
            path: path, codec: options.givenCodec ?? Codec(path: path), format: options.format)
        // The reader is alone with its file.
        var context = context
        context.subtask = 0
        context.parallelism = 1
        let source = try FileSource(spec, table, fileSystem, context)
        if file.position != FilePosition() {
            let position = StateTable(FileSource.positionName, numbers: file.position.numbers)
            try source.restore(RestoredState([position]))
        }
        try await source.onStart()
        current = source
        return source
    }

    // MARK: The folder

    private func files(_ folder: String, depth: Int) throws -> [String] {
        let path = folder.isEmpty ? options.path : options.path + "/" + folder
        guard depth <= Self.depthMax else {
            throw OperationalError(
                "table '\(spec.table)': folder '\(path)' lies more than \(Self.depthMax) folders deep", domain: .user)
        }
        return try fileSystem.list(path).filter { !$0.hasPrefix(".") }.flatMap { name -> [String] in
            let inner = folder.isEmpty ? name : folder + "/" + name
            switch try fileSystem.status(options.path + "/" + inner)?.kind {
            case .directory: return try files(inner, depth: depth + 1)
            case .file: return [inner]
            // Pipes cannot be read again; what is gone by now was not there.
            case .other, nil: return []
            }
        }
    }

    private func isOwn(_ path: String) -> Bool {
        XXHash64.hash(Array(path.utf8)) % UInt64(context.parallelism) == UInt64(context.subtask)
    }

    // MARK: State

    func snapshot() throws -> StateSnapshot {
        var files = remaining
        if let current, !files.isEmpty { files[0].position = current.position }
        var paths = ViewBuilder(capacity: max(1, files.count))
        for file in files { paths.append(file.path) }
        let numbers = FilePosition().numbers.indices.map { index in
            let values = files.map { $0.position.numbers[index] }
            return Column(type: .int64, count: files.count, values: .copying(values))
        }
        return StateSnapshot([
            StateTable(Self.filesName, .everywhere, [paths.finish()] + numbers, rowCount: files.count),
            StateTable(Self.layoutName, numbers: [Int64(context.parallelism)]),
        ])
    }

    /// At the same parallelism each subtask is given its own files back, at another one all are given to all and dealt
    /// out anew.
    func restore(_ state: RestoredState) throws {
        guard let former = state.numbers(Self.layoutName).first?[0] else { return }
        isRestored = true
        let files = state.batches(Self.filesName).flatMap { batch in
            (0..<batch.rowCount).map { row in
                Remaining(
                    path: String(decoding: batch.columns[0].viewReader[row], as: UTF8.self),
                    position: FilePosition(batch.columns.dropFirst().map { $0.pointer(Int64.self)[row] }))
            }
        }
        remaining = former == Int64(context.parallelism) ? files : files.filter { isOwn($0.path) }
        remaining.sort { $0.path < $1.path }
    }
}
