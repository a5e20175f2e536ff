/// Appends bits to a growing bitmap.
public struct BitmapBuilder: ~Copyable {
    @usableFromInline var buffer: Buffer
    @usableFromInline var words: UnsafeMutablePointer<UInt64>
    @usableFromInline var bitCapacity: Int
    @usableFromInline var bitCount = 0
    @usableFromInline var zeroCount = 0

    @inlinable
    public init(capacity: Int = 64) {
        let wordCount = max(8, (capacity + 63) / 64)
        buffer = Buffer(byteCount: wordCount * 8, zeroed: true)
        words = buffer.assuming(UInt64.self)
        bitCapacity = wordCount * 64
    }

    /// How many bits were appended.
    @inlinable
    public var count: Int { bitCount }

    /// Whether every bit so far is set.
    @inlinable
    public var isAllSet: Bool { zeroCount == 0 }

    @inlinable
    public mutating func append(_ bit: Bool) {
        if bitCount == bitCapacity { grow(toBits: bitCount &+ 1) }
        appendUnchecked(bit)
    }

    @inlinable
    mutating func appendUnchecked(_ bit: Bool) {
        let one: UInt64 = bit ? 1 : 0
        words[bitCount &>> 6] |= one &<< UInt64(truncatingIfNeeded: bitCount & 63)
        zeroCount &+= bit ? 0 : 1
        bitCount &+= 1
    }

    /// Appends `length` equal bits.
    public mutating func append(repeating bit: Bool, count length: Int) {
        guard length > 0 else { return }
        if bitCount + length > bitCapacity { grow(toBits: bitCount + length) }
        guard bit else {
            zeroCount += length
            bitCount += length
            return
        }
        var remaining = length
        while remaining > 0 {
            let shift = bitCount & 63
            let step = min(64 - shift, remaining)
            let mask = step == 64 ? UInt64.max : ((1 &<< UInt64(step)) &- 1) &<< UInt64(shift)
            words[bitCount >> 6] |= mask
            bitCount += step
            remaining -= step
        }
    }

    /// Appends all bits of a bitmap, a word at a time.
    public mutating func append(contentsOf bitmap: Bitmap) {
        if bitCount + bitmap.count > bitCapacity { grow(toBits: bitCount + bitmap.count) }
        for index in 0..<bitmap.wordCount {
            let word = bitmap.maskedWord(index)
            let length = min(64, bitmap.count - index * 64)
            let shift = bitCount & 63
            let position = bitCount >> 6
            words[position] |= word &<< UInt64(shift)
            if shift + length > 64 { words[position + 1] |= word &>> UInt64(64 - shift) }
            zeroCount += length - word.nonzeroBitCount
            bitCount += length
        }
    }

    @inlinable
    @inline(never)
    mutating func grow(toBits bits: Int) {
        let wordCount = max(bitCapacity / 64 * 2, (bits + 63) / 64)
        let larger = Buffer(byteCount: wordCount * 8, zeroed: true)
        larger.pointer.copyMemory(from: buffer.pointer, byteCount: bitCapacity / 8)
        buffer = larger
        words = larger.assuming(UInt64.self)
        bitCapacity = wordCount * 64
    }

    /// Ends the building and gives the bits.
    public consuming func finish() -> Bitmap {
        Bitmap(buffer: buffer, count: bitCount)
    }

    /// Ends the building and gives a validity: nil when every bit is set.
    public consuming func finishValidity() -> Bitmap? {
        zeroCount == 0 ? nil : finish()
    }
}
