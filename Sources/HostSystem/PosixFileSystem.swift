import Glibc

/// The host's own file system.
public struct PosixFileSystem: FileSystem {
    /// Makes the access; costs nothing.
    public init() {}

    public var standardInput: any ReadableFile { PosixFile(descriptor: 0, path: "<stdin>", isOwned: false) }
    public var standardOutput: any WritableFile { PosixFile(descriptor: 1, path: "<stdout>", isOwned: false) }
    public var standardError: any WritableFile { PosixFile(descriptor: 2, path: "<stderr>", isOwned: false) }

    public func openForReading(_ path: String) throws(FileError) -> any ReadableFile {
        let descriptor = try open(path, O_RDONLY)
        var information = stat()
        if fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFDIR {
            _ = Glibc.close(descriptor)
            throw FileError(.open, path: path, errno: EISDIR)
        }
        return PosixFile(descriptor: descriptor, path: path, isOwned: true)
    }

    public func openForWriting(_ path: String, _ mode: WriteMode) throws(FileError) -> any WritableFile {
        let flags =
            switch mode {
            case .replace: O_TRUNC
            case .append: O_APPEND
            case .createNew, .createPrivate: O_EXCL
            }
        return PosixFile(
            descriptor: try open(
                path, O_WRONLY | O_CREAT | flags, .openForWriting, permissions: mode == .createPrivate ? 0o600 : 0o644),
            path: path, isOwned: true)
    }

    private func open(
        _ path: String, _ flags: Int32, _ operation: FileError.Operation = .open, permissions: mode_t = 0o644
    ) throws(FileError) -> Int32 {
        // A NUL inside the path would cut it off silently.
        guard !path.utf8.contains(0), !path.isEmpty else { throw FileError(operation, path: path, errno: ENOENT) }
        while true {
            let descriptor = Glibc.open(path, flags | O_CLOEXEC, permissions)
            if descriptor >= 0 { return descriptor }
            if errno != EINTR { throw FileError(operation, path: path, errno: errno) }
        }
    }

    /// What a symbolic link says; nil for everything else.
    public static func linkTarget(_ path: String) -> String? {
        guard !path.utf8.contains(0) else { return nil }
        var room = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &room, room.count)
        guard count > 0 else { return nil }
        return String(decoding: room[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The folder that relative paths begin at.
    public static var workingFolder: String {
        guard let found = getcwd(nil, 0) else { return "/" }
        defer { free(found) }
        return String(cString: found)
    }

    public func rename(_ path: String, to destination: String) throws(FileError) {
        guard Glibc.rename(path, destination) == 0 else { throw FileError(.rename, path: path, errno: errno) }
    }

    public func rename(_ path: String, toNew destination: String) throws(FileError) {
        // A second name, then the first one goes: unlike renaming this never replaces.
        if Glibc.link(path, destination) == 0 { return try remove(path) }
        let failure = errno
        guard [EPERM, EOPNOTSUPP, ENOSYS].contains(failure) else {
            throw FileError(.rename, path: destination, errno: failure)
        }
        // A file system without second names: a look before the renaming is the best there is.
        if try status(destination) != nil { throw FileError(.rename, path: destination, errno: EEXIST) }
        try rename(path, to: destination)
    }

    public func remove(_ path: String) throws(FileError) {
        guard Glibc.remove(path) == 0 else { throw FileError(.remove, path: path, errno: errno) }
    }

    public func list(_ path: String) throws(FileError) -> [String] {
        guard let directory = opendir(path) else { throw FileError(.list, path: path, errno: errno) }
        defer { closedir(directory) }
        return Self.names(in: directory)
    }

    /// The names in an open directory, sorted.
    static func names(in directory: OpaquePointer) -> [String] {
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    public func status(_ path: String) throws(FileError) -> FileStatus? {
        var information = stat()
        guard stat(path, &information) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw FileError(.inspect, path: path, errno: errno)
        }
        return FileStatus(information)
    }

    public func makeDirectory(_ path: String) throws(FileError) {
        if mkdir(path, 0o755) == 0 { return }
        let failure = errno
        if failure == EEXIST, try status(path)?.kind == .directory { return }
        let parent = FilePath.parent(path)
        guard failure == ENOENT, parent != ".", parent != "/" else {
            throw FileError(.makeDirectory, path: path, errno: failure)
        }
        try makeDirectory(parent)
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw FileError(.makeDirectory, path: path, errno: errno)
        }
    }

    public func hold(_ path: String) throws(FileError) -> (any FileHold)? {
        let descriptor = try open(path, O_RDWR | O_CREAT, .openForWriting)
        let file = PosixFile(descriptor: descriptor, path: path, isOwned: true)
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return file }
        guard errno == EWOULDBLOCK else { throw FileError(.openForWriting, path: path, errno: errno) }
        return nil
    }

    public func truncate(_ path: String, byteCount: Int) throws(FileError) {
        guard Glibc.truncate(path, byteCount) == 0 else { throw FileError(.truncate, path: path, errno: errno) }
    }

    public func synchronizeDirectory(_ path: String) throws(FileError) {
        let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
        defer { _ = Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError(.synchronize, path: path, errno: errno) }
    }
}

extension FileStatus {
    /// What the system says.
    init(_ information: stat) {
        let kind: Kind =
            switch information.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            default: .other
            }
        let modified = information.st_mtim
        self.init(
            kind: kind, byteCount: Int(information.st_size),
            modifiedNanoseconds: Int64(modified.tv_sec) &* 1_000_000_000 &+ Int64(modified.tv_nsec),
            permissions: Int(information.st_mode & 0o777))
    }
}
