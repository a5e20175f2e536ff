/// A file system that is another one but for what it says itself.
public protocol ForwardingFileSystem: FileSystem {
    associatedtype Base: FileSystem
    /// The one that does the rest.
    var base: Base { get }
}

extension ForwardingFileSystem {
    public var standardInput: any ReadableFile { base.standardInput }
    public var standardOutput: any WritableFile { base.standardOutput }
    public var standardError: any WritableFile { base.standardError }

    public func openForReading(_ path: String) throws(FileError) -> any ReadableFile { try base.openForReading(path) }
    public func openForWriting(_ path: String, _ mode: WriteMode) throws(FileError) -> any WritableFile {
        try base.openForWriting(path, mode)
    }
    public func rename(_ path: String, to destination: String) throws(FileError) {
        try base.rename(path, to: destination)
    }
    public func rename(_ path: String, toNew destination: String) throws(FileError) {
        try base.rename(path, toNew: destination)
    }
    public func remove(_ path: String) throws(FileError) { try base.remove(path) }
    public func list(_ path: String) throws(FileError) -> [String] { try base.list(path) }
    public func status(_ path: String) throws(FileError) -> FileStatus? { try base.status(path) }
    public func makeDirectory(_ path: String) throws(FileError) { try base.makeDirectory(path) }
    public func hold(_ path: String) throws(FileError) -> (any FileHold)? { try base.hold(path) }
    public func truncate(_ path: String, byteCount: Int) throws(FileError) {
        try base.truncate(path, byteCount: byteCount)
    }
    public func synchronizeDirectory(_ path: String) throws(FileError) { try base.synchronizeDirectory(path) }
}
