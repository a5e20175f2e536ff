/// One value of a text or binary column: sixteen bytes, Arrow's view layout.
///
/// Up to twelve bytes lie inside the view after the length; longer values keep their first four bytes and point
/// into one of the column's data buffers. (Arrow columnar format, "Variable-size Binary View Layout".)
@frozen
public struct StringView: BitwiseCopyable, Sendable {
    /// Length in the low half, first four bytes in the high half.
    public var head: UInt64
    /// Bytes 4..<12 of a short value; buffer index (low half) and offset (high half) of a long one.
    public var tail: UInt64

    public static let inlineLimit = 12

    @inlinable
    public init(head: UInt64, tail: UInt64) {
        self.head = head
        self.tail = tail
    }

    public static let empty = StringView(head: 0, tail: 0)

    @inlinable
    public var length: Int { Int(UInt32(truncatingIfNeeded: head)) }
    @inlinable
    public var isInline: Bool { UInt32(truncatingIfNeeded: head) <= 12 }
    @inlinable
    public var bufferIndex: Int { Int(UInt32(truncatingIfNeeded: tail)) }
    @inlinable
    public var bufferOffset: Int { Int(UInt32(truncatingIfNeeded: tail &>> 32)) }

    /// A view of at most twelve bytes, which are copied into it.
    @inlinable
    public init(inlining bytes: UnsafeRawPointer, count: Int) {
        let length = UInt64(UInt32(truncatingIfNeeded: count))
        if count >= 4 {
            let prefix = UInt64(bytes.loadUnaligned(as: UInt32.self))
            // The last bytes are loaded whole and those that the prefix holds already are shifted out.
            let rest =
                count >= 8
                ? bytes.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
                    &>> UInt64(truncatingIfNeeded: (12 &- count) &* 8)
                : UInt64(bytes.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
                    &>> UInt64(truncatingIfNeeded: (8 &- count) &* 8)
            self.init(head: length | (prefix &<< 32), tail: rest)
            return
        }
        var head = length
        var index = 0
        while index < count {
            head |= UInt64(bytes.load(fromByteOffset: index, as: UInt8.self)) &<< UInt64(32 &+ index &* 8)
            index &+= 1
        }
        self.init(head: head, tail: 0)
    }

    /// A view of more than twelve bytes that lie at `offset` of data buffer `bufferIndex`; `bytes` points at them.
    @inlinable
    public init(referencing bytes: UnsafeRawPointer, count: Int, bufferIndex: Int, offset: Int) {
        let prefix = bytes.loadUnaligned(as: UInt32.self)
        head = UInt64(UInt32(truncatingIfNeeded: count)) | (UInt64(prefix) &<< 32)
        tail =
            UInt64(UInt32(truncatingIfNeeded: bufferIndex)) | (UInt64(UInt32(truncatingIfNeeded: offset)) &<< 32)
    }

    /// The same long value in another place of a buffer list.
    @inlinable
    public func rebased(bufferIndex: Int) -> StringView {
        isInline
            ? self
            : StringView(
                head: head, tail: (tail & 0xFFFF_FFFF_0000_0000) | UInt64(UInt32(truncatingIfNeeded: bufferIndex)))
    }
}

/// Reads the values of a text or binary column inside a loop. Valid only while the column is alive.
@frozen
public struct ViewReader {
    public let views: UnsafePointer<StringView>
    @usableFromInline let data: UnsafePointer<UnsafeRawPointer>

    @inlinable
    init(views: UnsafePointer<StringView>, data: UnsafePointer<UnsafeRawPointer>) {
        self.views = views
        self.data = data
    }

    /// The bytes of row `index`; empty for a null.
    @inlinable
    public subscript(index: Int) -> UnsafeRawBufferPointer {
        let view = views[index]
        let length = view.length
        if length <= 12 {
            return UnsafeRawBufferPointer(start: UnsafeRawPointer(views + index) + 4, count: length)
        }
        return UnsafeRawBufferPointer(start: data[view.bufferIndex] + view.bufferOffset, count: length)
    }
}
