import Columnar
import Glibc

extension TextBuffer {
    /// Appends a text as a JSON string, with its quotes.
    mutating func append(jsonString bytes: UnsafeRawBufferPointer) {
        let count = bytes.count
        // Quotes, and six bytes for each byte at worst only once an escape is found.
        let target = reserve(count + 2)
        target[0] = UInt8(ascii: "\"")
        guard let base = bytes.baseAddress, count > 0 else {
            target[1] = UInt8(ascii: "\"")
            commit(2)
            return
        }
        let clean = Self.cleanPrefix(base, count)
        memcpy(target + 1, base, clean)
        commit(clean + 1)
        if clean < count { appendEscaped(UnsafeRawBufferPointer(start: base + clean, count: count - clean)) }
        append(UInt8(ascii: "\""))
    }

    /// How many bytes from the start on need no escape.
    @inline(__always)
    private static func cleanPrefix(_ base: UnsafeRawPointer, _ count: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var index = 0
        while index &+ 8 <= count {
            let word = base.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            // A byte's high bit comes up where it is below 0x20, a quote or a backslash; bytes from 0x80 on are fine.
            let control = word &- (ones &* 0x20)
            let quote = (word ^ (ones &* 0x22)) &- ones
            let slash = (word ^ (ones &* 0x5C)) &- ones
            if (control | quote | slash) & ~word & highs != 0 { break }
            index &+= 8
        }
        while index < count {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if byte < 0x20 || byte == 0x22 || byte == 0x5C { break }
            index &+= 1
        }
        return index
    }

    private mutating func appendEscaped(_ bytes: UnsafeRawBufferPointer) {
        let hex: StaticString = "0123456789abcdef"
        for byte in bytes {
            switch byte {
            case 0x22, 0x5C:
                append(UInt8(ascii: "\\"))
                append(byte)
            case 0x0A: append("\\n" as StaticString)
            case 0x0D: append("\\r" as StaticString)
            case 0x09: append("\\t" as StaticString)
            case 0x08: append("\\b" as StaticString)
            case 0x0C: append("\\f" as StaticString)
            case 0..<0x20:
                append("\\u00" as StaticString)
                append(hex.utf8Start[Int(byte >> 4)])
                append(hex.utf8Start[Int(byte & 15)])
            default: append(byte)
            }
        }
    }

    /// Appends a JSON document on one line: line ends between its tokens become spaces.
    mutating func append(jsonDocument bytes: UnsafeRawBufferPointer) {
        let start = count
        append(bytes)
        guard let source = bytes.baseAddress, memchr(source, 0x0A, bytes.count) != nil else { return }
        for position in 0..<bytes.count where bytes[position] == 0x0A { replace(start + position, with: 0x20) }
    }
}
