import Glibc

/// Appends bits to a growing bitmap.
public struct BitmapBuilder: ~Copyable {
    @usableFromInline var buffer: Buffer
    public private(set) var count = 0
    @usableFromInline var zeroCount = 0

    public init(capacity: Int = 64) {
        buffer = Buffer(byteCount: max(64, (capacity + 63) / 64 * 8), zeroed: true)
    }

    /// Whether every bit so far is set.
    public var isAllSet: Bool { zeroCount == 0 }

    @inlinable
    public mutating func append(_ bit: Bool) {
        if count &>> 3 >= buffer.byteCount { grow(toBits: count + 1) }
        appendUnchecked(bit)
    }

    @usableFromInline
    mutating func appendUnchecked(_ bit: Bool) {
        if bit {
            buffer.assuming(UInt8.self)[count &>> 3] |= 1 &<< UInt8(truncatingIfNeeded: count & 7)
        } else {
            zeroCount &+= 1
        }
        count &+= 1
    }

    /// Appends `length` equal bits.
    public mutating func append(repeating bit: Bool, count length: Int) {
        guard length > 0 else { return }
        if (count + length + 7) / 8 > buffer.byteCount { grow(toBits: count + length) }
        guard bit else {
            zeroCount += length
            count += length
            return
        }
        let bytes = buffer.assuming(UInt8.self)
        var remaining = length
        while remaining > 0 && count & 7 != 0 {
            bytes[count >> 3] |= 1 << UInt8(count & 7)
            count += 1
            remaining -= 1
        }
        memset(bytes + (count >> 3), 0xFF, remaining / 8)
        count += remaining / 8 * 8
        for _ in 0..<(remaining % 8) {
            bytes[count >> 3] |= 1 << UInt8(count & 7)
            count += 1
        }
    }

    /// Appends all bits of a bitmap.
    public mutating func append(contentsOf bitmap: Bitmap) {
        if (count + bitmap.count + 7) / 8 > buffer.byteCount { grow(toBits: count + bitmap.count) }
        for index in 0..<bitmap.count { appendUnchecked(bitmap[index]) }
    }

    @usableFromInline
    mutating func grow(toBits bits: Int) {
        let larger = Buffer(byteCount: max(buffer.byteCount * 2, (bits + 63) / 64 * 8), zeroed: true)
        memcpy(larger.pointer, buffer.pointer, buffer.byteCount)
        buffer = larger
    }

    /// Ends the building and gives the bits.
    public consuming func finish() -> Bitmap {
        Bitmap(buffer: buffer, count: count)
    }

    /// Ends the building and gives a validity: nil when every bit is set.
    public consuming func finishValidity() -> Bitmap? {
        isAllSet ? nil : finish()
    }
}
