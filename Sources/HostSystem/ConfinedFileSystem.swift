import Glibc

/// Files below some folders and nowhere else, however links are laid meanwhile: each part of a path is opened from
/// the one above it, and a part that is a link is refused. Paths are those that `FileRoots.resolve` gave, or lie below
/// them.
///
/// Only plain files are opened: a pipe or a device could make a reader wait for ever.
public struct ConfinedFileSystem: FileSystem {
    private let folders: [String]
    private let host = PosixFileSystem()
    /// `O_PATH`, which Glibc's module leaves out: a place that nothing can be read from.
    private static let pathOnly: Int32 = 0o10_000_000

    /// The host's own file system where `roots` allow any file.
    public static func below(_ roots: FileRoots) -> any FileSystem {
        roots.folders.map { ConfinedFileSystem($0) } ?? PosixFileSystem()
    }

    /// `folders`: absolute, without links.
    init(_ folders: [String]) { self.folders = folders }

    public var standardInput: any ReadableFile { host.standardInput }
    public var standardOutput: any WritableFile { host.standardOutput }
    public var standardError: any WritableFile { host.standardError }

    // MARK: Places

    /// An open folder; closed with the last reference.
    private final class Folder {
        let descriptor: Int32

        init(_ descriptor: Int32) { self.descriptor = descriptor }
        deinit { _ = close(descriptor) }
    }

    /// A name in an open folder; `.` for a root itself.
    private struct Place {
        var folder: Folder
        var name: String
    }

    /// Opens the folder that a path's last part lies in; `makes` those that are missing. Errors: a part is missing, a
    /// link or a file; the path lies elsewhere.
    private func place(
        _ path: String, _ operation: FileError.Operation, makes: Bool = false
    ) throws(FileError) -> Place {
        guard !path.utf8.contains(0) else { throw FileError(operation, path: path, errno: ENOENT) }
        let root = folders.filter { $0 == "/" || path == $0 || path.hasPrefix($0 + "/") }.max { $0.count < $1.count }
        guard let root else { throw FileError(operation, path: path, errno: EACCES) }
        var parts = path.dropFirst(root == "/" ? 0 : root.count).split(separator: "/").filter { $0 != "." }
        if parts.contains("..") { throw FileError(operation, path: path, errno: EACCES) }
        if makes, try host.status(root) == nil { try host.makeDirectory(root) }
        let first = open(root, Self.pathOnly | O_DIRECTORY | O_CLOEXEC)
        guard first >= 0 else { throw FileError(operation, path: path, errno: errno) }
        var folder = Folder(first)
        let name = parts.popLast().map(String.init) ?? "."
        for part in parts { folder = try enter(String(part), of: folder, path, operation, makes: makes) }
        return Place(folder: folder, name: name)
    }

    private func enter(
        _ name: String, of folder: Folder, _ path: String, _ operation: FileError.Operation, makes: Bool
    ) throws(FileError) -> Folder {
        if makes, mkdirat(folder.descriptor, name, 0o755) != 0, errno != EEXIST {
            throw FileError(operation, path: path, errno: errno)
        }
        let next = openat(folder.descriptor, name, Self.pathOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if next >= 0 { return Folder(next) }
        let failure = errno
        throw FileError(
            operation, path: path, errno: isLink(Place(folder: folder, name: name)) ? ELOOP : failure)
    }

    private func isLink(_ place: Place) -> Bool {
        var information = stat()
        return fstatat(place.folder.descriptor, place.name, &information, AT_SYMLINK_NOFOLLOW) == 0
            && information.st_mode & S_IFMT == S_IFLNK
    }

    /// Opens what lies at a place, if it is a plain file.
    private func file(
        _ path: String, _ flags: Int32, _ operation: FileError.Operation, permissions: mode_t = 0o644
    ) throws(FileError) -> Int32 {
        let place = try place(path, operation)
        let descriptor = openat(
            place.folder.descriptor, place.name, flags | O_NOFOLLOW | PlainFile.flags, permissions)
        return try PlainFile.checked(descriptor, path: path, operation)
    }

    private func directory(_ path: String, _ operation: FileError.Operation) throws(FileError) -> Int32 {
        let place = try place(path, operation)
        let descriptor = openat(
            place.folder.descriptor, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if descriptor >= 0 { return descriptor }
        let failure = errno
        throw FileError(operation, path: path, errno: isLink(place) ? ELOOP : failure)
    }

    // MARK: Files

    public func openForReading(_ path: String) throws(FileError) -> any ReadableFile {
        PosixFile(descriptor: try file(path, O_RDONLY, .open), path: path, isOwned: true)
    }

    public func openForWriting(_ path: String, _ mode: WriteMode) throws(FileError) -> any WritableFile {
        try PlainFile.forWriting(path, mode) { flags, permissions throws(FileError) in
            try file(path, flags, .openForWriting, permissions: permissions)
        }
    }

    public func rename(_ path: String, to destination: String) throws(FileError) {
        let from = try place(path, .rename)
        let to = try place(destination, .rename)
        guard renameat(from.folder.descriptor, from.name, to.folder.descriptor, to.name) == 0 else {
            throw FileError(.rename, path: path, errno: errno)
        }
    }

    public func rename(_ path: String, toNew destination: String) throws(FileError) {
        let from = try place(path, .rename)
        let to = try place(destination, .rename)
        // A second name, then the first one goes: unlike renaming this never replaces.
        if linkat(from.folder.descriptor, from.name, to.folder.descriptor, to.name, 0) == 0 {
            return try remove(from, path)
        }
        let failure = errno
        guard [EPERM, EOPNOTSUPP, ENOSYS].contains(failure) else {
            throw FileError(.rename, path: destination, errno: failure)
        }
        // A file system without second names: a look before the renaming is the best there is.
        if try status(destination) != nil { throw FileError(.rename, path: destination, errno: EEXIST) }
        try rename(path, to: destination)
    }

    public func remove(_ path: String) throws(FileError) { try remove(place(path, .remove), path) }

    private func remove(_ place: Place, _ path: String) throws(FileError) {
        if unlinkat(place.folder.descriptor, place.name, 0) == 0 { return }
        let failure = errno
        if failure == EISDIR || failure == EPERM,
            unlinkat(place.folder.descriptor, place.name, Int32(AT_REMOVEDIR)) == 0
        {
            return
        }
        throw FileError(.remove, path: path, errno: failure == EISDIR ? errno : failure)
    }

    public func truncate(_ path: String, byteCount: Int) throws(FileError) {
        let descriptor = try file(path, O_WRONLY, .truncate)
        defer { _ = close(descriptor) }
        guard ftruncate(descriptor, byteCount) == 0 else { throw FileError(.truncate, path: path, errno: errno) }
    }

    public func hold(_ path: String) throws(FileError) -> (any FileHold)? {
        let descriptor = try file(path, O_RDWR | O_CREAT, .openForWriting)
        let file = PosixFile(descriptor: descriptor, path: path, isOwned: true)
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return file }
        guard errno == EWOULDBLOCK else { throw FileError(.openForWriting, path: path, errno: errno) }
        return nil
    }

    // MARK: Folders

    public func list(_ path: String) throws(FileError) -> [String] {
        let descriptor = try directory(path, .list)
        guard let directory = fdopendir(descriptor) else {
            let failure = errno
            _ = close(descriptor)
            throw FileError(.list, path: path, errno: failure)
        }
        defer { closedir(directory) }
        return PosixFileSystem.names(in: directory)
    }

    /// A link is neither a file nor a directory here.
    public func status(_ path: String) throws(FileError) -> FileStatus? {
        let place: Place
        do throws(FileError) {
            place = try self.place(path, .inspect)
        } catch {
            if error.errno == ENOENT || error.errno == ENOTDIR { return nil }
            throw error
        }
        var information = stat()
        guard fstatat(place.folder.descriptor, place.name, &information, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw FileError(.inspect, path: path, errno: errno)
        }
        return FileStatus(information)
    }

    public func makeDirectory(_ path: String) throws(FileError) {
        let place = try place(path, .makeDirectory, makes: true)
        if place.name == "." || mkdirat(place.folder.descriptor, place.name, 0o755) == 0 { return }
        let failure = errno
        if failure == EEXIST, try status(path)?.kind == .directory { return }
        throw FileError(.makeDirectory, path: path, errno: isLink(place) ? ELOOP : failure)
    }

    public func synchronizeDirectory(_ path: String) throws(FileError) {
        let descriptor = try directory(path, .open)
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError(.synchronize, path: path, errno: errno) }
    }
}
