import Columnar
import Glibc

/// Walks over the bytes of a JSON document without building anything; checks the syntax of what it walks over.
///
/// Every reading member leaves the position undefined when it gives false or nil.
struct JSONCursor {
    let bytes: UnsafeRawBufferPointer
    var position: Int

    init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    /// The byte at the position; zero at the end.
    @inline(__always)
    var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

    @inline(__always)
    mutating func skipBlanks() {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position &+= 1
        }
    }

    /// Skips blanks and one byte if it is the one given.
    @inline(__always)
    mutating func skip(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard next == byte, position < bytes.count else { return false }
        position &+= 1
        return true
    }

    /// Skips a string that begins at the position; gives where its content lies and whether it holds escapes.
    mutating func readString() -> (start: Int, end: Int, hasEscapes: Bool)? {
        guard next == UInt8(ascii: "\""), let base = bytes.baseAddress else { return nil }
        position &+= 1
        let start = position
        var hasEscapes = false
        while position < bytes.count {
            while position &+ 8 <= bytes.count, Self.isPlain((base + position).loadUnaligned(as: UInt64.self)) {
                position &+= 8
            }
            guard position < bytes.count else { return nil }
            let byte = bytes[position]
            position &+= 1
            if byte == UInt8(ascii: "\"") { return (start, position &- 1, hasEscapes) }
            if byte < 0x20 { return nil }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                guard skipEscape() else { return nil }
            }
        }
        return nil
    }

    /// Whether eight bytes hold no quote, backslash or control character.
    @inline(__always)
    private static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quotes = word ^ 0x2222_2222_2222_2222
        let slashes = word ^ 0x5C5C_5C5C_5C5C_5C5C
        let found =
            ((quotes &- ones) & ~quotes) | ((slashes &- ones) & ~slashes) | ((word &- ones &* 0x20) & ~word)
        return found & 0x8080_8080_8080_8080 == 0
    }

    /// Skips what follows a backslash.
    private mutating func skipEscape() -> Bool {
        let escaped = next
        position &+= 1
        switch escaped {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return true
        case UInt8(ascii: "u"):
            for _ in 0..<4 {
                guard JSONStrings.hexDigit(next) != nil else { return false }
                position &+= 1
            }
            return true
        default: return false
        }
    }

    /// Skips a whole value after blanks.
    mutating func skipValue(depth: Int = 0) -> Bool {
        skipBlanks()
        switch next {
        case UInt8(ascii: "{"):
            guard depth < JSONText.depthLimit else { return false }
            position &+= 1
            if skip(UInt8(ascii: "}")) { return true }
            repeat {
                skipBlanks()
                guard readString() != nil, skip(UInt8(ascii: ":")), skipValue(depth: depth + 1) else { return false }
            } while skip(UInt8(ascii: ","))
            return skip(UInt8(ascii: "}"))
        case UInt8(ascii: "["):
            guard depth < JSONText.depthLimit else { return false }
            position &+= 1
            if skip(UInt8(ascii: "]")) { return true }
            repeat {
                guard skipValue(depth: depth + 1) else { return false }
            } while skip(UInt8(ascii: ","))
            return skip(UInt8(ascii: "]"))
        case UInt8(ascii: "\""): return readString() != nil
        case UInt8(ascii: "t"): return skipWord("true")
        case UInt8(ascii: "f"): return skipWord("false")
        case UInt8(ascii: "n"): return skipWord("null")
        default: return skipNumber()
        }
    }

    private mutating func skipWord(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard let base = bytes.baseAddress, bytes.count &- position >= count else { return false }
        guard memcmp(base + position, word.utf8Start, count) == 0 else { return false }
        position &+= count
        return true
    }

    private mutating func skipDigits() -> Bool {
        let start = position
        while next &- 0x30 < 10 { position &+= 1 }
        return position > start
    }

    private mutating func skipNumber() -> Bool {
        if next == UInt8(ascii: "-") { position &+= 1 }
        if next == UInt8(ascii: "0") { position &+= 1 } else if !skipDigits() { return false }
        if next == UInt8(ascii: ".") {
            position &+= 1
            if !skipDigits() { return false }
        }
        if next | 0x20 == UInt8(ascii: "e") {
            position &+= 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position &+= 1 }
            return skipDigits()
        }
        return true
    }

    /// Calls `body` with the position of each member's key and value until it gives false; false when the syntax is
    /// wrong. The position must be at an object's brace. Ends behind the object unless stopped.
    @inline(__always)
    mutating func forEachMember(
        _ body: ((start: Int, end: Int, hasEscapes: Bool), Int, Int) -> Bool
    ) -> Bool {
        position &+= 1
        if skip(UInt8(ascii: "}")) { return true }
        repeat {
            skipBlanks()
            guard let key = readString(), skip(UInt8(ascii: ":")) else { return false }
            skipBlanks()
            let start = position
            guard skipValue() else { return false }
            if !body(key, start, position) { return true }
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "}"))
    }

    /// Calls `body` with where each element begins and ends until it gives false; false when the syntax is wrong.
    @inline(__always)
    mutating func forEachElement(_ body: (Int, Int) -> Bool) -> Bool {
        position &+= 1
        if skip(UInt8(ascii: "]")) { return true }
        repeat {
            skipBlanks()
            let start = position
            guard skipValue() else { return false }
            if !body(start, position) { return true }
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "]"))
    }
}

/// One step from a value to one inside it.
enum JSONStep: Hashable, Sendable {
    case key([UInt8])
    /// Counted from 0, or from the end if negative.
    case index(Int64)
}

extension JSONCursor {
    /// Goes to the value that the steps lead to; false if there is none. The position is then at its first byte.
    mutating func go(_ steps: [JSONStep]) -> Bool {
        skipBlanks()
        for step in steps {
            switch step {
            case .key(let key): guard next == UInt8(ascii: "{"), goToMember(key) else { return false }
            case .index(let index): guard next == UInt8(ascii: "["), goToElement(index) else { return false }
            }
        }
        return position < bytes.count
    }

    /// Goes to the value of the first member with a key.
    private mutating func goToMember(_ key: [UInt8]) -> Bool {
        position &+= 1
        if skip(UInt8(ascii: "}")) { return false }
        repeat {
            skipBlanks()
            guard let found = readString(), skip(UInt8(ascii: ":")) else { return false }
            skipBlanks()
            if JSONStrings.isEqual(bytes, found, to: key) { return true }
            guard skipValue() else { return false }
        } while skip(UInt8(ascii: ","))
        return false
    }

    private mutating func goToElement(_ index: Int64) -> Bool {
        var remaining = index
        if index < 0 {
            var counter = self
            var count: Int64 = 0
            let isWhole = counter.forEachElement { _, _ in
                count &+= 1
                return true
            }
            guard isWhole, index >= -count else { return false }
            remaining = count &+ index
        }
        position &+= 1
        if skip(UInt8(ascii: "]")) { return false }
        skipBlanks()
        while remaining > 0 {
            guard skipValue(), skip(UInt8(ascii: ",")) else { return false }
            skipBlanks()
            remaining &-= 1
        }
        return true
    }
}

/// What lies between the quotes of JSON strings.
enum JSONStrings {
    static func hexDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte &- 0x30)
        case 0x41...0x46: UInt32(byte &- 0x37)
        case 0x61...0x66: UInt32(byte &- 0x57)
        default: nil
        }
    }

    /// Whether a string's content means the same as plain bytes.
    @inline(__always)
    static func isEqual(
        _ bytes: UnsafeRawBufferPointer, _ string: (start: Int, end: Int, hasEscapes: Bool), to plain: [UInt8]
    ) -> Bool {
        if string.hasEscapes {
            var unescaped: [UInt8] = []
            appendUnescaped(bytes, string.start, string.end, to: &unescaped)
            return unescaped == plain
        }
        guard string.end &- string.start == plain.count else { return false }
        return plain.withUnsafeBytes { UTF8Bytes.matches($0, bytes, at: string.start) }
    }

    /// Appends the text of a string's content, whose syntax was checked; a half surrogate pair becomes U+FFFD.
    static func appendUnescaped(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int, to result: inout [UInt8]
    ) {
        var position = start
        while position < end {
            let byte = bytes[position]
            position &+= 1
            guard byte == UInt8(ascii: "\\"), position < end else {
                result.append(byte)
                continue
            }
            let escaped = bytes[position]
            position &+= 1
            switch escaped {
            case UInt8(ascii: "b"): result.append(8)
            case UInt8(ascii: "f"): result.append(12)
            case UInt8(ascii: "n"): result.append(10)
            case UInt8(ascii: "r"): result.append(13)
            case UInt8(ascii: "t"): result.append(9)
            case UInt8(ascii: "u"):
                var unit = codeUnit(bytes, position, end)
                position &+= 4
                if unit & 0xFC00 == 0xD800, position &+ 6 <= end, bytes[position] == UInt8(ascii: "\\"),
                    bytes[position &+ 1] == UInt8(ascii: "u")
                {
                    let low = codeUnit(bytes, position &+ 2, end)
                    if low & 0xFC00 == 0xDC00 {
                        unit = 0x10000 &+ (unit & 0x3FF) &<< 10 &+ (low & 0x3FF)
                        position &+= 6
                    }
                }
                UTF8Bytes.append(unit, to: &result)
            default: result.append(escaped)
            }
        }
    }

    private static func codeUnit(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> UInt32 {
        var unit: UInt32 = 0
        for index in start..<min(end, start &+ 4) { unit = unit &<< 4 | (hexDigit(bytes[index]) ?? 0) }
        return unit
    }
}
