/// Appends values of one fixed width to a growing column.
public struct FixedWidthBuilder<Value: BitwiseCopyable>: ~Copyable {
    @usableFromInline var buffer: Buffer
    @usableFromInline var pointer: UnsafeMutablePointer<Value>
    @usableFromInline var capacity: Int
    @usableFromInline var length = 0
    // Lags behind `length`: the rows it lacks are valid, so that appending a value never touches it.
    @usableFromInline var validity: BitmapBuilder

    @inlinable
    public init(capacity: Int = 64) {
        let rows = max(1, capacity)
        buffer = Buffer(byteCount: rows * MemoryLayout<Value>.stride)
        pointer = buffer.assuming(Value.self)
        self.capacity = rows
        validity = BitmapBuilder(capacity: 0)
    }

    /// How many rows were appended.
    @inlinable
    public var count: Int { length }

    @inlinable
    public mutating func append(_ value: Value) {
        if length == capacity { grow(to: length &+ 1) }
        pointer[length] = value
        length &+= 1
    }

    /// Appends a null; `filler` is what lies in its place.
    @inlinable
    public mutating func appendNull(_ filler: Value) {
        if length == capacity { grow(to: length &+ 1) }
        if validity.bitCount < length { validity.append(repeating: true, count: length &- validity.bitCount) }
        pointer[length] = filler
        length &+= 1
        validity.append(false)
    }

    /// Appends `count` values from memory.
    @inlinable
    public mutating func append(contentsOf values: UnsafePointer<Value>, count: Int) {
        if length &+ count > capacity { grow(to: length &+ count) }
        (pointer + length).update(from: values, count: count)
        length &+= count
    }

    /// Gives room for `count` more values, to be written in place and counted by `commit`.
    @inlinable
    public mutating func reserve(_ count: Int) -> UnsafeMutablePointer<Value> {
        if length &+ count > capacity { grow(to: length &+ count) }
        return pointer + length
    }

    /// Counts `count` values written where `reserve` said.
    @inlinable
    public mutating func commit(_ count: Int) { length &+= count }

    @inlinable
    @inline(never)
    mutating func grow(to minimum: Int) {
        let stride = MemoryLayout<Value>.stride
        let newCapacity = max(capacity * 2, minimum)
        let larger = Buffer(byteCount: newCapacity * stride)
        larger.pointer.copyMemory(from: buffer.pointer, byteCount: length * stride)
        buffer = larger
        pointer = larger.assuming(Value.self)
        capacity = newCapacity
    }

    /// Ends the building; `type` must be as wide as `Value`.
    public consuming func finish(_ type: DataType) -> Column {
        let count = length
        let values = buffer
        var bits = validity
        guard !bits.isAllSet else { return Column(type: type, count: count, values: values) }
        if bits.count < count { bits.append(repeating: true, count: count - bits.count) }
        return Column(type: type, count: count, validity: bits.finish(), values: values)
    }
}

/// Appends booleans to a growing column.
public struct BooleanBuilder: ~Copyable {
    @usableFromInline var bits: BitmapBuilder
    @usableFromInline var validity: BitmapBuilder

    @inlinable
    public init(capacity: Int = 64) {
        bits = BitmapBuilder(capacity: capacity)
        validity = BitmapBuilder(capacity: capacity)
    }

    /// How many rows were appended.
    @inlinable
    public var count: Int { bits.bitCount }

    @inlinable
    public mutating func append(_ value: Bool?) {
        bits.append(value ?? false)
        validity.append(value != nil)
    }

    /// Ends the building.
    public consuming func finish() -> Column {
        let count = bits.count
        let values = bits.finish()
        return Column(type: .boolean, count: count, validity: validity.finishValidity(), values: values.buffer)
    }
}
