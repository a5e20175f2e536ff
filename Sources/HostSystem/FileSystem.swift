/// A file open for reading, front to back. The last reference closes it.
public protocol ReadableFile: AnyObject, Sendable {
    /// The path it was opened by, for messages.
    var path: String { get }

    /// Reads some bytes at the current position; 0 only at the end. May give fewer bytes than there is room for.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int

    /// Whether `read` would return at once, with bytes or at the end; waits at most so long for it.
    func isReady(withinMillis millis: Int) -> Bool

    /// Moves the current position to `offset` bytes from the start; fails on pipes.
    func seek(to offset: Int) throws(FileError)
}

extension ReadableFile {
    /// Plain files never let readers wait.
    public func isReady(withinMillis millis: Int) -> Bool { true }
}

/// A file open for writing at its end or from its start.
public protocol WritableFile: AnyObject, Sendable {
    /// The path it was opened by, for messages.
    var path: String { get }

    /// Writes all bytes.
    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError)

    /// Returns when all bytes written so far are on the disk.
    func synchronize() throws(FileError)

    /// Closes the file and reports what the system may have to say only now.
    func close() throws(FileError)
}

extension WritableFile {
    /// Writes the bytes of a text.
    public func write(_ text: String) throws(FileError) {
        try write(Array(text.utf8))
    }

    /// Writes the bytes of an array.
    public func write(_ bytes: [UInt8]) throws(FileError) {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(FileError) in try write(buffer) }
        }
        try result.get()
    }
}

/// How a file is opened for writing.
public enum WriteMode: Sendable {
    /// Made if missing, emptied if there.
    case replace
    /// Made if missing, written at its end.
    case append
    /// Made; an error if it is there already.
    case createNew
    /// The same, with access for its owner alone.
    case createPrivate
}

/// What is known about a path.
public struct FileStatus: Hashable, Sendable {
    /// What it is.
    public enum Kind: Sendable { case file, directory, other }

    public let kind: Kind
    /// The size of a file.
    public let byteCount: Int
    /// When it was last written, in nanoseconds since the epoch.
    public let modifiedNanoseconds: Int64
    /// Who may do what with it, as nine bits: read, write, execute of its owner, its group and all others.
    public let permissions: Int

    /// A status from its parts.
    public init(kind: Kind, byteCount: Int, modifiedNanoseconds: Int64, permissions: Int = 0o600) {
        self.permissions = permissions
        self.kind = kind
        self.byteCount = byteCount
        self.modifiedNanoseconds = modifiedNanoseconds
    }
}

/// A file that one process alone holds, until the last reference goes or the process ends, however it does.
public protocol FileHold: AnyObject, Sendable {}

/// Files and the three standard streams, as far as the engine uses them.
public protocol FileSystem: Sendable {
    /// Where the process reads from.
    var standardInput: any ReadableFile { get }
    /// Where results go.
    var standardOutput: any WritableFile { get }
    /// Where messages go.
    var standardError: any WritableFile { get }

    /// Opens an existing file; directories are refused.
    func openForReading(_ path: String) throws(FileError) -> any ReadableFile
    /// Opens a file for writing in the mode given.
    func openForWriting(_ path: String, _ mode: WriteMode) throws(FileError) -> any WritableFile

    /// Moves a file, replacing what lies at `destination`; atomic within one file system.
    func rename(_ path: String, to destination: String) throws(FileError)
    /// Moves a file to a name that nothing has yet; atomic within one file system, so that of several who try one
    /// succeeds. Throws an error whose `isAlreadyThere` is true when something has the name.
    func rename(_ path: String, toNew destination: String) throws(FileError)
    /// Removes a file or an empty directory.
    func remove(_ path: String) throws(FileError)
    /// The names in a directory, sorted.
    func list(_ path: String) throws(FileError) -> [String]
    /// What lies at a path; nil when nothing does.
    func status(_ path: String) throws(FileError) -> FileStatus?
    /// Makes a directory and those above it; it is fine if they exist.
    func makeDirectory(_ path: String) throws(FileError)
    /// Makes a file, if it is missing, and holds it; nil when somebody else does, or when files cannot be held here.
    func hold(_ path: String) throws(FileError) -> (any FileHold)?
    /// Cuts or extends (with zeros) a file.
    func truncate(_ path: String, byteCount: Int) throws(FileError)
    /// Returns when a directory's entries (renames, new files) are on the disk.
    func synchronizeDirectory(_ path: String) throws(FileError)
}

extension FileSystem {
    public func hold(_ path: String) throws(FileError) -> (any FileHold)? { nil }

    /// The whole file; fails with `EFBIG` when it has more than `byteCountMax` bytes.
    public func readAll(_ path: String, byteCountMax: Int = 1 << 30) throws(FileError) -> [UInt8] {
        let file = try openForReading(path)
        var bytes: [UInt8] = []
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { room.deallocate() }
        while true {
            let count = try file.read(into: room)
            if count == 0 { return bytes }
            if bytes.count + count > byteCountMax { throw FileError(.read, path: path, errno: 27) }
            bytes.append(contentsOf: room[..<count])
        }
    }
}
