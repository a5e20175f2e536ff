import Columnar
import State

/// A file that readers do not see yet: its names, where it lies and how long it is.
struct StagedFile: Hashable {
    /// Below the table's folder; empty for that itself.
    var folder: String
    /// With a point in front, which keeps readers away.
    var hiddenName: String
    /// What the file is called once it is committed.
    var finalName: String
    var byteCount = 0
    /// Whether more rows followed after the checkpoint: restored, the file is cut back to `byteCount`.
    var isOpen = false
}

/// Which files wait for which checkpoint. Decides and remembers, touches no file.
///
/// A file that is closed belongs to the next `prepare`; it may be shown once that epoch, or a later one, is committed.
/// Until then every snapshot names it.
struct StagedFiles {
    private static let tableName = "files"

    /// Closed since the last `prepare`.
    private var closed: [StagedFile] = []
    /// Closed before the `prepare` of an epoch that was not committed yet.
    private var waiting: [(epoch: Int, file: StagedFile)] = []

    mutating func close(_ file: StagedFile) { closed.append(file) }

    /// Takes what was closed so far into `epoch`.
    mutating func prepare(epoch: Int) {
        waiting += closed.map { (epoch, $0) }
        closed = []
    }

    /// The files that the commit of `epoch` shows.
    func due(_ epoch: Int) -> [StagedFile] { waiting.filter { $0.epoch <= epoch }.map(\.file) }

    /// The commit of `epoch` is done.
    mutating func forget(_ epoch: Int) { waiting.removeAll { $0.epoch <= epoch } }

    /// The state of a checkpoint: all files that wait, and those that stay open. At another parallelism every subtask
    /// gets all rows back: the first commits them, the others must know which hidden files are no leftovers.
    func table(open: [StagedFile]) -> StateTable {
        let files = waiting.map(\.file) + open
        let texts = [\StagedFile.folder, \.hiddenName, \.finalName].map { path -> Column in
            var builder = ViewBuilder(capacity: max(1, files.count))
            for file in files { builder.append(file[keyPath: path]) }
            return builder.finish()
        }
        let numbers = [files.map { Int64($0.byteCount) }, files.map { $0.isOpen ? 1 : 0 }].map {
            Column(type: .int64, count: files.count, values: .copying($0))
        }
        return StateTable(Self.tableName, .everywhere, texts + numbers, rowCount: files.count)
    }

    /// The files a checkpoint names, as far as this subtask is given them.
    static func restored(_ state: RestoredState) -> [StagedFile] {
        state.batches(tableName).flatMap { batch in
            (0..<batch.rowCount).map { row in
                let texts = batch.columns[..<3].map { String(decoding: $0.viewReader[row], as: UTF8.self) }
                let numbers = batch.columns[3...].map { Int($0.pointer(Int64.self)[row]) }
                return StagedFile(
                    folder: texts[0], hiddenName: texts[1], finalName: texts[2], byteCount: numbers[0],
                    isOpen: numbers[1] != 0)
            }
        }
    }

    /// Takes over files of a checkpoint that stands: due with any commit.
    mutating func adopt(_ files: [StagedFile]) { waiting = files.map { (Self.adopted, $0) } }

    /// The epoch of files taken over, before all others.
    static let adopted = Int.min
}
