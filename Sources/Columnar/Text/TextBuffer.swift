/// Bytes that grow at the end: what encoders and printers write into.
public struct TextBuffer: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<UInt8>
    @usableFromInline var capacity: Int
    @usableFromInline var used = 0

    @inlinable
    public init(capacity: Int = 256) {
        self.capacity = max(16, capacity)
        base = UnsafeMutablePointer<UInt8>.allocate(capacity: self.capacity)
    }

    deinit { base.deallocate() }

    /// How many bytes were written.
    @inlinable
    public var count: Int { used }

    @inlinable
    public var isEmpty: Bool { used == 0 }

    /// The bytes written so far; valid until the next change.
    @inlinable
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: used) }

    /// The bytes as an array of their own.
    public var array: [UInt8] { Array(UnsafeBufferPointer(start: base, count: used)) }

    /// The bytes as text; invalid UTF-8 is repaired.
    public var string: String { String(decoding: UnsafeBufferPointer(start: base, count: used), as: UTF8.self) }

    /// Gives room for `count` more bytes, to be written in place and ended by `commit`.
    @inlinable
    public mutating func reserve(_ count: Int) -> UnsafeMutablePointer<UInt8> {
        if used &+ count > capacity { grow(by: count) }
        return base + used
    }

    /// Counts `count` bytes written where `reserve` said.
    @inlinable
    public mutating func commit(_ count: Int) { used &+= count }

    @inlinable
    public mutating func append(_ byte: UInt8) {
        if used == capacity { grow(by: 1) }
        base[used] = byte
        used &+= 1
    }

    @inlinable
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        UnsafeMutableRawPointer(reserve(bytes.count)).copyMemory(from: source, byteCount: bytes.count)
        used &+= bytes.count
    }

    @inlinable
    public mutating func append(_ text: StaticString) {
        if text.hasPointerRepresentation {
            append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }
    }

    public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// Changes a byte written before.
    @inlinable
    public mutating func replace(_ position: Int, with byte: UInt8) {
        precondition(position >= 0 && position < used, "a byte outside the text")
        base[position] = byte
    }

    /// Forgets the bytes and keeps the room.
    @inlinable
    public mutating func removeAll() { used = 0 }

    /// Forgets all but the first `count` bytes.
    @inlinable
    public mutating func truncate(to count: Int) { used = min(used, max(0, count)) }

    /// A shared buffer of the bytes; the text buffer is empty afterwards.
    public mutating func take() -> Buffer {
        let taken = Buffer.copying(bytes)
        used = 0
        return taken
    }

    @usableFromInline
    mutating func grow(by count: Int) {
        let newCapacity = max(capacity * 2, used + count)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: newCapacity)
        larger.update(from: base, count: used)
        base.deallocate()
        base = larger
        capacity = newCapacity
    }
}
