import Glibc
import HostSystem

/// Keeps a second server out of a data folder. The system takes the lock away when the process ends, however it ends.
final class DataDirectoryLock: Sendable {
    private let descriptor: Int32

    /// Makes the folder and takes its lock. Errors: `OperationalError` when another process has it, or it cannot be
    /// made.
    init(_ directory: String) throws {
        do {
            try PosixFileSystem().makeDirectory(directory)
        } catch {
            throw OperationalError(error)
        }
        let path = directory + "/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw OperationalError(FileError(.openForWriting, path: path, errno: errno)) }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            close(descriptor)
            throw OperationalError(
                "another server uses the data folder '\(directory)': stop it, or give this one another data-dir",
                domain: .user)
        }
    }

    deinit { close(descriptor) }
}
