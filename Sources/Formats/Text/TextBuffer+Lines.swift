import Columnar
import Glibc

extension TextBuffer {
    /// Appends lines that `write` writes, without their line ends, and adds to `ends` where each one ends. No line
    /// may hold a line end itself.
    mutating func appendLines(_ ends: inout [Int], _ write: (inout TextBuffer) -> Void) {
        var lines = TextBuffer(capacity: 4096)
        write(&lines)
        let bytes = lines.bytes
        guard let base = bytes.baseAddress else { return }
        var start = 0
        while start < bytes.count {
            let newline = memchr(base + start, 0x0A, bytes.count - start)
            let end = newline.map { UnsafeRawPointer($0) - base } ?? bytes.count
            append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            ends.append(count)
            start = end + 1
        }
    }
}
