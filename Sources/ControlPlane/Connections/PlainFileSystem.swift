import Glibc
import HostSystem

/// Any file of the host, but only plain ones: a pipe or a device could make a reader wait for ever, and with it what
/// many share. Standard input has ended.
public struct PlainFileSystem: FileSystem {
    private let host = PosixFileSystem()

    public init() {}

    /// Files of tables that users of a server name.
    public static func below(_ roots: FileRoots) -> any FileSystem {
        roots.folders == nil ? PlainFileSystem() : ConfinedFileSystem.below(roots)
    }

    public var standardInput: any ReadableFile { EndedFile() }
    public var standardOutput: any WritableFile { host.standardOutput }
    public var standardError: any WritableFile { host.standardError }

    /// Opens a path if a plain file lies there.
    private func open(_ path: String, _ flags: Int32, _ operation: FileError.Operation) throws(FileError) -> Int32 {
        if path.utf8.contains(0) { throw FileError(operation, path: path, errno: ENOENT) }
        // Without waiting for the other end of what may be a pipe.
        let descriptor = Glibc.open(path, flags | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(operation, path: path, errno: errno) }
        var information = stat()
        let kind = fstat(descriptor, &information) == 0 ? information.st_mode & S_IFMT : 0
        if kind == S_IFREG { return descriptor }
        _ = close(descriptor)
        throw FileError(operation, path: path, errno: kind == S_IFDIR ? EISDIR : EOPNOTSUPP)
    }

    public func openForReading(_ path: String) throws(FileError) -> any ReadableFile {
        PosixFile(descriptor: try open(path, O_RDONLY, .open), path: path, isOwned: true)
    }

    public func openForWriting(_ path: String, _ mode: WriteMode) throws(FileError) -> any WritableFile {
        // What is there already may be anything; what is new is a plain file.
        if try host.status(path) != nil, mode == .replace || mode == .append {
            _ = close(try open(path, O_WRONLY, .openForWriting))
        }
        return try host.openForWriting(path, mode)
    }

    public func rename(_ path: String, to destination: String) throws(FileError) {
        try host.rename(path, to: destination)
    }
    public func rename(_ path: String, toNew destination: String) throws(FileError) {
        try host.rename(path, toNew: destination)
    }
    public func remove(_ path: String) throws(FileError) { try host.remove(path) }
    public func list(_ path: String) throws(FileError) -> [String] { try host.list(path) }
    public func status(_ path: String) throws(FileError) -> FileStatus? { try host.status(path) }
    public func makeDirectory(_ path: String) throws(FileError) { try host.makeDirectory(path) }
    public func hold(_ path: String) throws(FileError) -> (any FileHold)? { try host.hold(path) }
    public func truncate(_ path: String, byteCount: Int) throws(FileError) {
        try host.truncate(path, byteCount: byteCount)
    }
    public func synchronizeDirectory(_ path: String) throws(FileError) { try host.synchronizeDirectory(path) }
}

/// A file without bytes.
private final class EndedFile: ReadableFile {
    let path = "-"

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int { 0 }
    func seek(to offset: Int) throws(FileError) {}
}
