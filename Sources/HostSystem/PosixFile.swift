import Glibc
import Synchronization

/// An open file descriptor.
public final class PosixFile: ReadableFile, WritableFile, FileHold {
    public let path: String
    private let descriptor: Atomic<Int32>
    private let isOwned: Bool

    /// Takes over an open descriptor; it is closed at the end only if `isOwned`.
    public init(descriptor: Int32, path: String, isOwned: Bool) {
        self.descriptor = Atomic(descriptor)
        self.path = path
        self.isOwned = isOwned
    }

    deinit { closeQuietly() }

    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        guard let base = buffer.baseAddress, buffer.count > 0 else { return 0 }
        while true {
            let file = descriptor.load(ordering: .relaxed)
            let count = Glibc.read(file, base, buffer.count)
            if count >= 0 { return count }
            if errno == EINTR { continue }
            if errno == EAGAIN {
                wait(file, Int16(POLLIN))
                continue
            }
            throw FileError(.read, path: path, errno: errno)
        }
    }

    public func isReady(withinMillis millis: Int) -> Bool {
        var state = pollfd(fd: descriptor.load(ordering: .relaxed), events: Int16(POLLIN), revents: 0)
        // A failing poll is left to `read`, which can tell the error.
        return poll(&state, 1, Int32(clamping: millis)) != 0
    }

    public func seek(to offset: Int) throws(FileError) {
        guard lseek(descriptor.load(ordering: .relaxed), offset, SEEK_SET) >= 0 else {
            throw FileError(.read, path: path, errno: errno)
        }
    }

    public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        guard let base = bytes.baseAddress else { return }
        let file = descriptor.load(ordering: .relaxed)
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(file, base + done, bytes.count - done)
            if count >= 0 {
                done += count
            } else if errno == EAGAIN {
                wait(file, Int16(POLLOUT))
            } else if errno != EINTR {
                throw FileError(.write, path: path, errno: errno)
            }
        }
    }

    public func synchronize() throws(FileError) {
        while fsync(descriptor.load(ordering: .relaxed)) != 0 {
            if errno == EINTR { continue }
            // Pipes and terminals have nothing to synchronise.
            if errno == EINVAL || errno == ENOTSUP { return }
            throw FileError(.synchronize, path: path, errno: errno)
        }
    }

    public func close() throws(FileError) {
        guard closeQuietly() == 0 else { throw FileError(.close, path: path, errno: errno) }
    }

    /// Whether a person sits at the other end.
    public var isTerminal: Bool { isatty(descriptor.load(ordering: .relaxed)) == 1 }

    @discardableResult
    private func closeQuietly() -> Int32 {
        let file = descriptor.exchange(-1, ordering: .relaxed)
        guard file >= 0, isOwned else { return 0 }
        return Glibc.close(file)
    }

    private func wait(_ file: Int32, _ events: Int16) {
        var entry = pollfd(fd: file, events: events, revents: 0)
        _ = poll(&entry, 1, 1000)
    }
}
