import Dataflow
import HostSystem

/// The operations on files below a table's folder that a sink is made of.
///
/// A hidden file is called `.final-name.owner.subtask.inprogress`: the owner, drawn by chance when a sink first starts
/// and kept in its state, tells sinks of one folder apart, the subtask who may remove the file after a restart.
final class FolderFiles {
    private static let ending = ".inprogress"

    /// Whether files must be on the disk when a checkpoint says so.
    let isDurable: Bool
    private let fileSystem: any FileSystem
    private let base: String
    private let subtask: Int
    private let parallelism: Int
    private(set) var names: FileNames
    private(set) var owners: [String]
    /// Folders that were made or found, as paths below the base.
    private var knownFolders: Set<String> = []
    /// Whose entries may not be on the disk yet.
    private var unsynchronized: Set<String> = []
    /// Folders above the table's, where nothing changes once its own is there.
    private var synchronizedAbove: Set<String> = []

    init(
        _ fileSystem: any FileSystem, base: String, _ naming: FileNaming, _ context: OperatorContext,
        _ random: any RandomSource
    ) {
        self.fileSystem = fileSystem
        self.base = base
        isDurable = context.isCheckpointed
        subtask = context.subtask
        parallelism = context.parallelism
        names = FileNames(naming, random)
        owners = [names.owner()]
    }

    /// Goes on with the owners of earlier runs, and behind their numbers.
    func adopt(owners: Set<String>, serial: Int64) {
        names.skip(to: serial)
        if !owners.isEmpty { self.owners = owners.sorted() }
    }

    // MARK: Writing

    /// Makes the table's folder. Errors: `FileError`; `OperationalError` when it is no folder.
    func start() throws {
        if let found = try fileSystem.status(base), found.kind != .directory {
            throw OperationalError("'\(base)' is a file: expected a folder, or none yet", domain: .user)
        }
        try fileSystem.makeDirectory(base)
    }

    /// Makes a hidden file for rows of a folder.
    func begin(in folder: String, now: Int64) throws -> (file: any WritableFile, staged: StagedFile) {
        try makeFolder(folder)
        var name = names.next(owner: owners[0], subtask: subtask, now: now)
        // Who went back to an older checkpoint meets the numbers of files that readers have seen since.
        while names.areNumbered, try fileSystem.status(path(folder, name)) != nil {
            name = names.next(owner: owners[0], subtask: subtask, now: now)
        }
        let hidden = ".\(name).\(owners[0]).\(subtask)\(Self.ending)"
        let file = try fileSystem.openForWriting(path(folder, hidden), .createNew)
        unsynchronized.insert(path(folder))
        return (file, StagedFile(folder: folder, hiddenName: hidden, finalName: name))
    }

    private func makeFolder(_ folder: String) throws {
        guard knownFolders.insert(folder).inserted else { return }
        if !folder.isEmpty { try fileSystem.makeDirectory(path(folder)) }
        // A folder that is there may have been made just before a crash; so the entries of all are put on the disk.
        var parent = path(folder)
        while parent != "/", parent != "." {
            parent = FilePath.parent(parent)
            guard unsynchronized.insert(parent).inserted else { return }
        }
    }

    /// Returns when the names of all files begun are on the disk.
    func synchronizeFolders() throws {
        guard isDurable else { return }
        for folder in unsynchronized.subtracting(synchronizedAbove).sorted() {
            let isAbove = folder.utf8.count < base.utf8.count
            do throws(FileError) {
                try fileSystem.synchronizeDirectory(folder)
            } catch {
                // Where the user may not look, no folder was made.
                if !isAbove || !error.isForbidden { throw error }
            }
            if isAbove { synchronizedAbove.insert(folder) }
        }
        unsynchronized.removeAll()
    }

    // MARK: Committing

    /// Shows files under their final names; what was shown before stays. Errors: `FileError`; `OperationalError` when a
    /// file is missing or has another length than it had at the checkpoint.
    func show(_ files: [StagedFile]) throws {
        for file in files {
            let hidden = path(file.folder, file.hiddenName)
            let final = path(file.folder, file.finalName)
            let shown = try fileSystem.status(final)?.byteCount
            if let shown, shown != file.byteCount { throw wrongLength(final, file.byteCount, shown) }
            if let found = try fileSystem.status(hidden)?.byteCount {
                guard found == file.byteCount else { throw wrongLength(hidden, file.byteCount, found) }
                try fileSystem.rename(hidden, to: final)
            } else if shown == nil {
                throw OperationalError(
                    "file '\(final)' is missing, as is '\(hidden)', which was to become it: put one of them back, or "
                        + "begin anew with another state folder", domain: .user)
            }
        }
        if !isDurable { return }
        for folder in Set(files.map(\.folder)).sorted() { try fileSystem.synchronizeDirectory(path(folder)) }
    }

    private func wrongLength(_ path: String, _ expected: Int, _ found: Int) -> OperationalError {
        OperationalError(
            "file '\(path)' was \(expected) bytes long at the checkpoint and has \(found) now: put it back, or begin "
                + "anew with another state folder", domain: .user)
    }

    // MARK: After a restart

    /// Takes what was written after the checkpoint off a file that was open then.
    func cutBack(_ file: StagedFile) throws {
        let hidden = path(file.folder, file.hiddenName)
        guard let found = try fileSystem.status(hidden)?.byteCount, found > file.byteCount else { return }
        try fileSystem.truncate(hidden, byteCount: file.byteCount)
        let opened = try fileSystem.openForWriting(hidden, .append)
        try opened.synchronize()
        try opened.close()
    }

    /// Removes hidden files of the sink's owners that no checkpoint names: those of this subtask, and the first one
    /// also those of subtasks there are no more. `depth`: folders below the base that may hold some.
    func removeLeftovers(besides files: [StagedFile], depth: Int) throws {
        let kept = Set(files.map { path($0.folder, $0.hiddenName) })
        try visit("", depth: depth) { folder, name in
            let path = path(folder, name)
            if isOurs(name), !kept.contains(path) { try fileSystem.remove(path) }
        }
    }

    private func isOurs(_ name: String) -> Bool {
        guard name.hasPrefix("."), name.hasSuffix(Self.ending) else { return false }
        let parts = name.dropLast(Self.ending.count).split(separator: ".")
        guard parts.count >= 3, let number = parts.last.flatMap({ Int($0) }) else { return false }
        guard owners.contains(String(parts[parts.count - 2])) else { return false }
        return number == subtask || (subtask == 0 && number >= parallelism)
    }

    private func visit(_ folder: String, depth: Int, _ body: (String, String) throws -> Void) throws {
        for name in try fileSystem.list(path(folder)) {
            if name.hasPrefix(".") {
                try body(folder, name)
            } else if depth > 0 {
                let inner = folder.isEmpty ? name : folder + "/" + name
                // A file may go while we look.
                if try fileSystem.status(path(inner))?.kind == .directory {
                    try visit(inner, depth: depth - 1, body)
                }
            }
        }
    }

    // MARK: Paths

    private func path(_ folder: String) -> String {
        folder.isEmpty ? base : base == "/" ? "/" + folder : base + "/" + folder
    }

    private func path(_ folder: String, _ name: String) -> String {
        let folder = path(folder)
        return folder == "/" ? "/" + name : folder + "/" + name
    }
}
