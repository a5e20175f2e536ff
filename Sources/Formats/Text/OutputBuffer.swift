import Glibc

/// A growing run of bytes that encoders write into. Bytes go in through pointers: no array, no `String`.
public struct OutputBuffer: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<UInt8>
    @usableFromInline var capacity: Int
    /// How many bytes were written.
    public private(set) var count: Int

    /// An empty buffer with room for `capacity` bytes.
    public init(capacity: Int = 1 << 16) {
        self.capacity = max(64, capacity)
        base = .allocate(capacity: self.capacity)
        count = 0
    }

    deinit { base.deallocate() }

    /// What was written. Valid until the next change.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// What was written, copied.
    public var array: [UInt8] { Array(bytes) }

    /// Forgets what was written and keeps the memory.
    public mutating func removeAll() { count = 0 }

    /// Takes back the last `length` bytes.
    mutating func removeLast(_ length: Int) { count = max(0, count - length) }

    /// Room for at least `needed` more bytes, to be ended by `advance`.
    @inline(__always)
    mutating func reserve(_ needed: Int) -> UnsafeMutablePointer<UInt8> {
        if capacity &- count < needed { grow(needed) }
        return base + count
    }

    /// Says that `written` bytes were put into the room reserved.
    @inline(__always)
    mutating func advance(_ written: Int) { count &+= written }

    private mutating func grow(_ needed: Int) {
        let larger = max(capacity * 2, count + needed)
        let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        memcpy(fresh, base, count)
        base.deallocate()
        base = fresh
        capacity = larger
    }

    /// Appends one byte.
    @inline(__always)
    public mutating func append(_ byte: UInt8) {
        reserve(1).pointee = byte
        count &+= 1
    }

    /// Appends bytes.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        memcpy(reserve(bytes.count), source, bytes.count)
        count &+= bytes.count
    }

    /// Appends a text.
    public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Appends a text known at compile time.
    @inline(__always)
    mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Changes a byte written before.
    @inline(__always)
    mutating func replace(_ position: Int, with byte: UInt8) { base[position] = byte }
}
