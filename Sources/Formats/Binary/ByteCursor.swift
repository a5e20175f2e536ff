/// Reads the bytes of a record from front to back and never past its end. Valid while the bytes are.
struct ByteCursor {
    private(set) var position: UnsafePointer<UInt8>
    let end: UnsafePointer<UInt8>
    /// Items of arrays that take no bytes are bounded by this for a record, since the input does not bound them.
    var emptyItemsLeft = ByteCursor.emptyItemsMax

    static let emptyItemsMax = 1 << 16

    init(_ position: UnsafePointer<UInt8>, count: Int) {
        self.position = position
        end = position + count
    }

    @inline(__always)
    var left: Int { end - position }
    @inline(__always)
    var isAtEnd: Bool { position == end }

    /// Goes back to a place passed before, or forward to one before the end.
    mutating func move(to place: UnsafePointer<UInt8>) { position = place }

    @inline(__always)
    mutating func byte() throws(RecordFault) -> UInt8 {
        guard position < end else { throw .truncated }
        let byte = position.pointee
        position += 1
        return byte
    }

    /// A base-128 number, lowest digits first, of at most 64 bits.
    @inline(__always)
    mutating func varint() throws(RecordFault) -> UInt64 {
        if position < end, position.pointee < 0x80 {
            let byte = position.pointee
            position += 1
            return UInt64(byte)
        }
        return try longVarint()
    }

    private mutating func longVarint() throws(RecordFault) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard position < end else { throw .truncated }
            let byte = position.pointee
            position += 1
            if shift == 63 && byte > 1 { throw RecordFault("a number has more than 64 bits") }
            value |= UInt64(byte & 0x7F) &<< shift
            if byte < 0x80 { return value }
            shift &+= 7
            if shift > 63 { throw RecordFault("a number has more than 64 bits") }
        }
    }

    /// A varint in which the lowest bit is the sign.
    @inline(__always)
    mutating func zigzag() throws(RecordFault) -> Int64 {
        let raw = try varint()
        return Int64(bitPattern: raw &>> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// A little-endian value.
    @inline(__always)
    mutating func fixed<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) throws(RecordFault) -> Value {
        guard left >= MemoryLayout<Value>.size else { throw .truncated }
        let value = UnsafeRawPointer(position).loadUnaligned(as: Value.self)
        position += MemoryLayout<Value>.size
        return Value(littleEndian: value)
    }

    /// The next `count` bytes.
    @inline(__always)
    mutating func bytes(_ count: Int) throws(RecordFault) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= left else { throw .truncated }
        let start = position
        position += count
        return UnsafeRawBufferPointer(start: start, count: count)
    }

    /// Bytes after their number as a varint.
    @inline(__always)
    mutating func prefixedBytes() throws(RecordFault) -> UnsafeRawBufferPointer {
        let count = try varint()
        guard count <= UInt64(left) else { throw .truncated }
        return try bytes(Int(truncatingIfNeeded: count))
    }

    mutating func skip(_ count: Int) throws(RecordFault) { _ = try bytes(count) }
}
