import Glibc

/// Any file of the host, but only plain ones: a pipe or a device could make a reader wait for ever, and with it what
/// many share. Standard input has ended.
public struct PlainFileSystem: ForwardingFileSystem {
    public let base = PosixFileSystem()

    public init() {}

    /// Files of tables that users of a server name.
    public static func below(_ roots: FileRoots) -> any FileSystem {
        roots.folders == nil ? PlainFileSystem() : ConfinedFileSystem.below(roots)
    }

    public var standardInput: any ReadableFile { EndedFile() }

    public func openForReading(_ path: String) throws(FileError) -> any ReadableFile {
        PosixFile(descriptor: try open(path, O_RDONLY, .open), path: path, isOwned: true)
    }

    public func openForWriting(_ path: String, _ mode: WriteMode) throws(FileError) -> any WritableFile {
        try PlainFile.forWriting(path, mode) { flags, permissions throws(FileError) in
            try open(path, flags, .openForWriting, permissions)
        }
    }

    private func open(
        _ path: String, _ flags: Int32, _ operation: FileError.Operation, _ permissions: mode_t = 0o644
    ) throws(FileError) -> Int32 {
        // A NUL inside the path would cut it off silently.
        if path.utf8.contains(0) { throw FileError(operation, path: path, errno: ENOENT) }
        return try PlainFile.checked(
            Glibc.open(path, flags | PlainFile.flags, permissions), path: path, operation)
    }
}

/// What opening plain files alone comes to.
enum PlainFile {
    /// Without waiting for the other end of what may be a pipe.
    static let flags = O_NONBLOCK | O_CLOEXEC

    /// What `open` has given just now, if it is a plain file; else it is closed. Errors: that of `open`; it is
    /// something else.
    static func checked(
        _ descriptor: Int32, path: String, _ operation: FileError.Operation
    ) throws(FileError) -> Int32 {
        guard descriptor >= 0 else { throw FileError(operation, path: path, errno: errno) }
        var information = stat()
        let kind = fstat(descriptor, &information) == 0 ? information.st_mode & S_IFMT : 0
        if kind == S_IFREG { return descriptor }
        _ = close(descriptor)
        throw FileError(operation, path: path, errno: kind == S_IFDIR ? EISDIR : EOPNOTSUPP)
    }

    /// Opens a file for writing by `open`, which gets flags and permissions and checks what it gives.
    static func forWriting(
        _ path: String, _ mode: WriteMode, open: (Int32, mode_t) throws(FileError) -> Int32
    ) throws(FileError) -> any WritableFile {
        let flags =
            switch mode {
            case .replace: Int32(0)
            case .append: O_APPEND
            case .createNew, .createPrivate: O_EXCL
            }
        let descriptor = try open(O_WRONLY | O_CREAT | flags, mode == .createPrivate ? 0o600 : 0o644)
        // Emptied only once it is known what it is.
        if case .replace = mode, ftruncate(descriptor, 0) != 0 {
            let failure = errno
            _ = close(descriptor)
            throw FileError(.openForWriting, path: path, errno: failure)
        }
        return PosixFile(descriptor: descriptor, path: path, isOwned: true)
    }
}

/// A file without bytes.
private final class EndedFile: ReadableFile {
    let path = "-"

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int { 0 }
    func seek(to offset: Int) throws(FileError) {}
}
