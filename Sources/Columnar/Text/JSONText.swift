/// Checks that bytes are one JSON document (RFC 8259), without building anything.
public enum JSONText {
    /// How deep arrays and objects may lie in one another.
    public static let depthLimit = 512

    /// Whether the bytes are a document: valid UTF-8, white space around it allowed. Linear in time, without recursion.
    public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var scanner = JSONScanner(bytes)
        guard scanner.readDocument() else { return false }
        return bytes.allSatisfy { $0 < 0x80 } || String(validating: bytes, as: UTF8.self) != nil
    }
}

private struct JSONScanner {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    /// The open brackets: true for an object.
    private var open: [Bool] = []

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private mutating func skipBlanks() {
        while next == 32 || next == 10 || next == 13 || next == 9 { position += 1 }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        if next != byte || position == bytes.count { return false }
        position += 1
        return true
    }

    mutating func readDocument() -> Bool {
        while true {
            guard readValueOrOpen() else { return false }
            // After a whole value: close brackets, or go on behind a comma.
            while true {
                skipBlanks()
                guard let isObject = open.last else { return position == bytes.count }
                if skip(44) {
                    if isObject && !readKey() { return false }
                    break
                }
                guard skip(isObject ? 125 : 93) else { return false }
                open.removeLast()
            }
        }
    }

    /// Reads a scalar or an empty container, or opens containers up to the first such.
    private mutating func readValueOrOpen() -> Bool {
        while true {
            skipBlanks()
            switch next {
            case 123, 91:
                let isObject = next == 123
                position += 1
                skipBlanks()
                if skip(isObject ? 125 : 93) { return true }
                guard open.count < JSONText.depthLimit else { return false }
                open.append(isObject)
                if isObject && !readKey() { return false }
            case 34: return readString()
            case 116: return readWord("true")
            case 102: return readWord("false")
            case 110: return readWord("null")
            default: return readNumber()
            }
        }
    }

    private mutating func readKey() -> Bool {
        skipBlanks()
        guard readString() else { return false }
        skipBlanks()
        return skip(58)
    }

    private mutating func readWord(_ word: StaticString) -> Bool {
        for index in 0..<word.utf8CodeUnitCount where !skip(word.utf8Start[index]) { return false }
        return true
    }

    private mutating func readString() -> Bool {
        guard skip(34) else { return false }
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == 34 { return true }
            if byte < 32 { return false }
            guard byte == 92 else { continue }
            let escaped = next
            position += 1
            switch escaped {
            case 34, 92, 47, 98, 102, 110, 114, 116: continue
            case 117:
                for _ in 0..<4 {
                    let digit = next | 0x20
                    guard TextParsing.isDigit(next) || (digit >= 97 && digit <= 102) else { return false }
                    position += 1
                }
            default: return false
            }
        }
        return false
    }

    private mutating func readDigits() -> Bool {
        let start = position
        while TextParsing.isDigit(next) { position += 1 }
        return position > start
    }

    private mutating func readNumber() -> Bool {
        _ = skip(45)
        if !skip(48) && !readDigits() { return false }
        if skip(46) && !readDigits() { return false }
        if next | 0x20 == 101 {
            position += 1
            if !skip(45) { _ = skip(43) }
            return readDigits()
        }
        return true
    }
}
