import Glibc

/// A failed file operation: what was tried, on which path, and what the system said.
public struct FileError: Error, Hashable, Sendable {
    /// What was being done.
    public enum Operation: String, Sendable {
        case open
        /// Making a file, or opening it to write.
        case openForWriting = "open for writing"
        case read, write, synchronize, close, rename, remove, list, inspect, truncate
        case makeDirectory = "create directory"
    }

    public let operation: Operation
    public let path: String
    /// The system's error number, e.g. `ENOENT`.
    public let errno: Int32

    /// An error with the number the system gave.
    public init(_ operation: Operation, path: String, errno: Int32) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// Why it failed, in the system's words, e.g. `no such file or directory`.
    public var reason: String {
        var buffer = [CChar](repeating: 0, count: 256)
        let text = buffer.withUnsafeMutableBufferPointer { bytes -> String in
            guard let base = bytes.baseAddress, strerror_r(errno, base, bytes.count) == 0 else {
                return "error \(errno)"
            }
            return String(cString: base)
        }
        return text.prefix(1).lowercased() + text.dropFirst()
    }

    /// Whether trying again later may help (interrupted, busy, out of space, too many open files).
    public var isTransient: Bool {
        [EINTR, EAGAIN, EBUSY, ENOSPC, EDQUOT, EMFILE, ENFILE, EIO, ETIMEDOUT].contains(errno)
    }

    /// Whether the system refused it to this user.
    public var isForbidden: Bool { errno == EACCES || errno == EPERM }

    /// Whether a file that was to be made is there already.
    public var isAlreadyThere: Bool { errno == EEXIST }

    /// What the user can do about it, if that is known.
    public var hint: String? {
        switch errno {
        case ENOENT: operation == .openForWriting ? "create the directory first" : "check the path"
        case EACCES, EPERM: "check the permissions of the path"
        case EISDIR: "give the path of a file"
        case ENOTDIR: "a part of the path is a file"
        case ENOSPC, EDQUOT: "free some space on the disk"
        case EMFILE, ENFILE: "raise the limit of open files (ulimit -n)"
        case EROFS: "the file system is read-only"
        case ELOOP: "a part of the path is a link, which is not followed here"
        case EOPNOTSUPP: "give the path of a plain file"
        default: nil
        }
    }
}

extension FileError: CustomStringConvertible {
    /// One sentence, e.g. `cannot open 'x': no such file or directory (check the path)`.
    public var description: String {
        "cannot \(operation.rawValue) '\(path)': \(reason)" + (hint.map { " (\($0))" } ?? "")
    }
}
