import Glibc
import HostSystem

/// The process's terminal and standard streams.
enum Terminal {
    static var isOutputATerminal: Bool { isatty(STDOUT_FILENO) == 1 }
    static var isErrorATerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes a line to standard error.
    static func printError(_ text: String) { writeError(text + "\n") }

    /// Writes lines to standard error over the line of progress, if there is one; it is drawn again below.
    static func printNotice(_ text: String) { writeError((isErrorATerminal ? "\r\u{1B}[K" : "") + text + "\n") }

    static func writeError(_ text: String) {
        // Nobody is left to tell when standard error itself is gone.
        try? PosixFileSystem().standardError.write(text)
    }

    /// Writes all bytes to standard output.
    static func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try PosixFileSystem().standardOutput.write(bytes)
    }

    static func readStandardInput() throws(FileError) -> [UInt8] {
        let input = PosixFileSystem().standardInput
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= 1 << 24 {
            var count = 0
            var failure: FileError?
            chunk.withUnsafeMutableBytes { buffer in
                do throws(FileError) { count = try input.read(into: buffer) } catch { failure = error }
            }
            if let failure { throw failure }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return bytes
    }

    /// Where files go that nobody needs after the process.
    static var temporaryDirectory: String {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? ""
        return (folder.isEmpty ? "/tmp" : folder) + "/laminar"
    }

    /// Columns of the terminal; 80 when it does not say.
    static var width: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}
