import Glibc
import Synchronization

/// A block of memory, 64-byte aligned, shared by reference between columns and their slices.
///
/// Whoever allocates a buffer may write it until the first column made of it is handed on; from then on it is
/// read only. At least eight readable bytes follow `byteCount`, so that kernels may load whole words.
// Unchecked because a buffer is written only by its one builder, before it is shared, and never after.
public final class Buffer: @unchecked Sendable {
    /// The first byte.
    public let pointer: UnsafeMutableRawPointer
    /// How many bytes may be used.
    public let byteCount: Int
    @usableFromInline let owner: AnyObject?
    @usableFromInline let deallocate: @Sendable (UnsafeMutableRawPointer) -> Void

    /// Allocates `byteCount` bytes, zeroed when asked. Traps only when the system has no memory left.
    public init(byteCount: Int, zeroed: Bool = false) {
        precondition(byteCount >= 0, "a buffer cannot have \(byteCount) bytes")
        let capacity = (byteCount + 8 + 63) & ~63
        var raw: UnsafeMutableRawPointer?
        let status = posix_memalign(&raw, 64, capacity)
        guard status == 0, let raw else { preconditionFailure("out of memory for a buffer of \(byteCount) bytes") }
        if zeroed { memset(raw, 0, capacity) } else { memset(raw + (capacity - 64), 0, 64) }
        self.pointer = raw
        self.byteCount = byteCount
        self.owner = nil
        self.deallocate = { free($0) }
        #if DEBUG
            BufferMeter.current?.byteCount.wrappingAdd(byteCount, ordering: .relaxed)
        #endif
    }

    /// Adopts memory from elsewhere; `deallocate` is called once when the last user is gone.
    ///
    /// The memory must be aligned for its element type and followed by eight readable bytes.
    public init(
        adopting pointer: UnsafeMutableRawPointer, byteCount: Int,
        deallocate: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
    ) {
        self.pointer = pointer
        self.byteCount = byteCount
        self.owner = nil
        self.deallocate = deallocate
    }

    /// Shares a part of another buffer without copying.
    public init(sharing parent: Buffer, offset: Int, byteCount: Int) {
        precondition(offset >= 0 && offset + byteCount <= parent.byteCount, "a part must lie inside its buffer")
        self.pointer = parent.pointer + offset
        self.byteCount = byteCount
        self.owner = parent
        self.deallocate = { _ in }
    }

    deinit { deallocate(pointer) }

    /// The bytes seen as values of a type.
    @inlinable
    public func assuming<T: BitwiseCopyable>(_ type: T.Type) -> UnsafeMutablePointer<T> {
        pointer.assumingMemoryBound(to: type)
    }

    /// A buffer with the bytes given.
    public static func copying(_ bytes: UnsafeRawBufferPointer) -> Buffer {
        let buffer = Buffer(byteCount: bytes.count)
        if let base = bytes.baseAddress, bytes.count > 0 { memcpy(buffer.pointer, base, bytes.count) }
        return buffer
    }

    /// A buffer with the values of an array.
    public static func copying<T: BitwiseCopyable>(_ values: [T]) -> Buffer {
        values.withUnsafeBytes { copying($0) }
    }

    public static let empty = Buffer(byteCount: 0, zeroed: true)
}

#if DEBUG
    /// Counts the bytes of the buffers made by a task while it is its `current` one, for tests of what is copied.
    public final class BufferMeter: Sendable {
        @TaskLocal public static var current: BufferMeter?

        public let byteCount = Atomic<Int>(0)

        public init() {}
    }
#endif
