import CRE2
import Glibc

/// The largest value that a function which multiplies its input may make: 16 MiB.
let resultBytesMax = 16 << 20

/// Text as UTF-8 bytes, counted in characters (Unicode scalars). Ill-formed bytes give some result and never trap.
enum UTF8Bytes {
    /// Whether a byte continues a character.
    @inline(__always)
    static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

    @inline(__always)
    private static func continuationCount(_ word: UInt64) -> Int {
        ((word &>> 7) & ~(word &>> 6) & 0x0101_0101_0101_0101).nonzeroBitCount
    }

    @inline(__always)
    static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        var position = 0
        var seen: UInt64 = 0
        while position &+ 8 <= bytes.count {
            seen |= (base + position).loadUnaligned(as: UInt64.self)
            position &+= 8
        }
        while position < bytes.count {
            seen |= UInt64((base + position).load(as: UInt8.self))
            position &+= 1
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }

    /// The number of characters.
    @inline(__always)
    static func count(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var position = 0
        var continuations = 0
        while position &+ 8 <= bytes.count {
            continuations &+= continuationCount((base + position).loadUnaligned(as: UInt64.self))
            position &+= 8
        }
        while position < bytes.count {
            continuations &+= isContinuation((base + position).load(as: UInt8.self)) ? 1 : 0
            position &+= 1
        }
        return bytes.count &- continuations
    }

    /// The position of the byte where character `index` begins, counting from the character at byte `start`;
    /// the end of the bytes when there are not so many.
    static func offset(of index: Int, in bytes: UnsafeRawBufferPointer, from start: Int = 0) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var position = start
        var remaining = index
        while position &+ 8 <= bytes.count {
            let starts = 8 &- continuationCount((base + position).loadUnaligned(as: UInt64.self))
            if starts > remaining { break }
            remaining &-= starts
            position &+= 8
        }
        while position < bytes.count {
            if !isContinuation((base + position).load(as: UInt8.self)) {
                if remaining == 0 { return position }
                remaining &-= 1
            }
            position &+= 1
        }
        return bytes.count
    }

    /// The end of the character that begins at byte `position`.
    @inline(__always)
    static func end(ofCharacterAt position: Int, in bytes: UnsafeRawBufferPointer) -> Int {
        var next = position &+ 1
        while next < bytes.count && isContinuation(bytes[next]) { next &+= 1 }
        return next
    }

    /// The begin of the character that ends before byte `position`.
    @inline(__always)
    static func start(ofCharacterBefore position: Int, in bytes: UnsafeRawBufferPointer) -> Int {
        var start = position &- 1
        while start > 0 && isContinuation(bytes[start]) { start &-= 1 }
        return start
    }

    /// The code point of the character at bytes `start..<end`; U+FFFD for ill-formed bytes.
    static func decode(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> UInt32 {
        let first = UInt32(bytes[start])
        func tail(_ index: Int) -> UInt32 { UInt32(bytes[start &+ index] & 0x3F) }
        switch end &- start {
        case 1: return first < 0x80 ? first : 0xFFFD
        case 2: return (first & 0x1F) &<< 6 | tail(1)
        case 3: return (first & 0x0F) &<< 12 | tail(1) &<< 6 | tail(2)
        case 4: return (first & 0x07) &<< 18 | tail(1) &<< 12 | tail(2) &<< 6 | tail(3)
        default: return 0xFFFD
        }
    }

    /// All code points.
    static func scalars(_ bytes: UnsafeRawBufferPointer) -> [UInt32] {
        var found: [UInt32] = []
        var position = 0
        while position < bytes.count {
            let next = end(ofCharacterAt: position, in: bytes)
            found.append(decode(bytes, position, next))
            position = next
        }
        return found
    }

    /// Appends the bytes of a code point; U+FFFD for one that is no Unicode scalar.
    static func append(_ codePoint: UInt32, to bytes: inout [UInt8]) {
        if codePoint < 0x80 { return bytes.append(UInt8(truncatingIfNeeded: codePoint)) }
        let scalar = Unicode.Scalar(codePoint) ?? "\u{FFFD}"
        bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }

    /// The first position of `needle` at or after `start`; an empty needle is found at once.
    @inline(__always)
    static func find(
        _ needle: UnsafeRawBufferPointer, in bytes: UnsafeRawBufferPointer, from start: Int = 0
    ) -> Int? {
        guard let needleBase = needle.baseAddress, needle.count > 0 else { return start }
        guard let base = bytes.baseAddress, bytes.count &- start >= needle.count else { return nil }
        if needle.count == 1 {
            guard let found = memchr(base + start, Int32(needle[0]), bytes.count &- start) else { return nil }
            return UnsafeRawPointer(found) - base
        }
        guard let found = cre2_find_bytes(base + start, bytes.count &- start, needleBase, needle.count) else {
            return nil
        }
        return found - base
    }

    /// The last position of `needle` that ends at or before `end`.
    static func findLast(
        _ needle: UnsafeRawBufferPointer, in bytes: UnsafeRawBufferPointer, before end: Int
    ) -> Int? {
        guard needle.count > 0 else { return end }
        var position = end &- needle.count
        while position >= 0 {
            if matches(needle, bytes, at: position) { return position }
            position &-= 1
        }
        return nil
    }

    /// Whether `needle` lies at byte `position`, where there must be room for it.
    @inline(__always)
    static func matches(_ needle: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer, at position: Int) -> Bool {
        guard needle.count > 0, let needleBase = needle.baseAddress, let base = bytes.baseAddress else { return true }
        return memcmp(base + position, needleBase, needle.count) == 0
    }

    @inline(__always)
    static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        left.count == right.count && matches(left, right, at: 0)
    }
}
