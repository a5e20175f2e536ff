import Glibc

/// A packed sequence of bits, least significant first, sharing its buffer with its slices.
///
/// As validity a set bit means "present"; as a boolean column's values it means true.
@frozen
public struct Bitmap: Sendable {
    public let buffer: Buffer
    /// The position of bit 0 inside the buffer.
    public let offset: Int
    public let count: Int

    /// Views `count` bits of a buffer from `offset` on.
    @inlinable
    public init(buffer: Buffer, offset: Int = 0, count: Int) {
        precondition(offset >= 0 && count >= 0 && (offset + count + 7) / 8 <= buffer.byteCount, "bits outside buffer")
        self.buffer = buffer
        self.offset = offset
        self.count = count
    }

    /// A bitmap of equal bits.
    public init(repeating value: Bool, count: Int) {
        let bytes = (count + 63) / 64 * 8
        let buffer = Buffer(byteCount: bytes)
        memset(buffer.pointer, value ? 0xFF : 0, bytes)
        self.init(buffer: buffer, count: count)
    }

    /// A bitmap with the bits of an array.
    public init(_ bits: [Bool]) {
        let buffer = Buffer(byteCount: (bits.count + 63) / 64 * 8, zeroed: true)
        let bytes = buffer.assuming(UInt8.self)
        for (index, bit) in bits.enumerated() where bit { bytes[index >> 3] |= 1 << UInt8(index & 7) }
        self.init(buffer: buffer, count: bits.count)
    }

    @inlinable
    public subscript(index: Int) -> Bool {
        let position = offset &+ index
        return (buffer.assuming(UInt8.self)[position &>> 3] &>> UInt8(truncatingIfNeeded: position & 7)) & 1 != 0
    }

    /// How many 64-bit words hold the bits.
    @inlinable
    public var wordCount: Int { (count + 63) / 64 }

    /// The 64 bits that start at bit `index * 64`; bits past the end are undefined.
    @inlinable
    public func word(_ index: Int) -> UInt64 {
        let position = offset &+ index &* 64
        let bytes = buffer.pointer + (position &>> 3)
        let shift = UInt64(truncatingIfNeeded: position & 7)
        let low = bytes.loadUnaligned(as: UInt64.self)
        if shift == 0 { return low }
        let high = UInt64((bytes + 8).load(as: UInt8.self))
        return (low &>> shift) | (high &<< (64 &- shift))
    }

    /// Like `word`, with the bits past the end cleared.
    @inlinable
    public func maskedWord(_ index: Int) -> UInt64 {
        let remaining = count &- index &* 64
        let bits = word(index)
        return remaining >= 64 ? bits : bits & ((1 &<< UInt64(truncatingIfNeeded: remaining)) &- 1)
    }

    /// The number of set bits.
    public var trueCount: Int {
        var total = 0
        for index in 0..<wordCount { total &+= maskedWord(index).nonzeroBitCount }
        return total
    }

    /// The bits `range` as a bitmap over the same buffer.
    @inlinable
    public func slice(_ start: Int, _ length: Int) -> Bitmap {
        Bitmap(buffer: buffer, offset: offset + start, count: length)
    }

    /// A bitmap made word by word from this one.
    @inlinable
    public func mapWords(_ transform: (UInt64) -> UInt64) -> Bitmap {
        let result = Buffer(byteCount: wordCount * 8)
        let words = result.assuming(UInt64.self)
        for index in 0..<wordCount { words[index] = transform(word(index)) }
        return Bitmap(buffer: result, count: count)
    }

    /// A bitmap made word by word from this one and another of the same length.
    @inlinable
    public func combineWords(_ other: Bitmap, _ combine: (UInt64, UInt64) -> UInt64) -> Bitmap {
        precondition(count == other.count, "bitmaps of different length")
        let result = Buffer(byteCount: wordCount * 8)
        let words = result.assuming(UInt64.self)
        for index in 0..<wordCount { words[index] = combine(word(index), other.word(index)) }
        return Bitmap(buffer: result, count: count)
    }

    public func and(_ other: Bitmap) -> Bitmap { combineWords(other) { $0 & $1 } }
    public func or(_ other: Bitmap) -> Bitmap { combineWords(other) { $0 | $1 } }
    public func andNot(_ other: Bitmap) -> Bitmap { combineWords(other) { $0 & ~$1 } }
    public func xor(_ other: Bitmap) -> Bitmap { combineWords(other) { $0 ^ $1 } }
    public func inverted() -> Bitmap { mapWords { ~$0 } }

    /// The same bits at offset 0 of a buffer, copying only if they are not already there.
    public func aligned() -> Bitmap {
        offset == 0 ? self : mapWords { $0 }
    }

    /// The intersection of two validity bitmaps, where nil means that all are valid.
    public static func intersect(_ left: Bitmap?, _ right: Bitmap?) -> Bitmap? {
        guard let left else { return right }
        guard let right else { return left }
        return left.and(right)
    }
}
