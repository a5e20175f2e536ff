import Glibc

/// Appends values of one fixed width to a growing column.
public struct FixedWidthBuilder<Value: BitwiseCopyable>: ~Copyable {
    @usableFromInline var buffer: Buffer
    @usableFromInline var capacity: Int
    public private(set) var count = 0
    @usableFromInline var validity: BitmapBuilder?

    public init(capacity: Int = 64) {
        let size = MemoryLayout<Value>.stride
        buffer = Buffer(byteCount: max(1, capacity) * size)
        self.capacity = max(1, capacity)
        validity = nil
    }

    @inlinable
    public mutating func append(_ value: Value) {
        if count == capacity { grow(to: count + 1) }
        appendUnchecked(value)
    }

    @usableFromInline
    mutating func appendUnchecked(_ value: Value) {
        buffer.assuming(Value.self)[count] = value
        count &+= 1
        if validity != nil { validity?.append(true) }
    }

    /// Appends a null; `filler` is what lies in its place.
    public mutating func appendNull(_ filler: Value) {
        if count == capacity { grow(to: count + 1) }
        if validity == nil {
            validity = BitmapBuilder(capacity: capacity)
            validity?.append(repeating: true, count: count)
        }
        buffer.assuming(Value.self)[count] = filler
        count &+= 1
        validity?.append(false)
    }

    @usableFromInline
    mutating func grow(to minimum: Int) {
        let size = MemoryLayout<Value>.stride
        let newCapacity = max(capacity * 2, minimum)
        let larger = Buffer(byteCount: newCapacity * size)
        memcpy(larger.pointer, buffer.pointer, count * size)
        buffer = larger
        capacity = newCapacity
    }

    /// Ends the building; `type` must be as wide as `Value`.
    public consuming func finish(_ type: DataType) -> Column {
        let bitmap = validity.take()?.finishValidity()
        return Column(type: type, count: count, validity: bitmap, values: buffer)
    }
}

/// Appends booleans to a growing column.
public struct BooleanBuilder: ~Copyable {
    private var bits: BitmapBuilder
    private var validity: BitmapBuilder

    public init(capacity: Int = 64) {
        bits = BitmapBuilder(capacity: capacity)
        validity = BitmapBuilder(capacity: capacity)
    }

    public var count: Int { bits.count }

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
