/// One fixed-width value per group, in id order, in one block of memory.
///
/// Whoever loops over it copies `pointer` into a local first; it is valid until the next `resize`. A snapshot may refer
/// to the block (`LiveSnapshots`), which then outlives the array: who writes to groups that were there at the time has
/// to tell it before.
public struct GroupArray<Value: BitwiseCopyable>: ~Copyable {
    @usableFromInline var storage: UnsafeMutablePointer<Value>
    @usableFromInline var length = 0
    @usableFromInline var capacity = 0
    @usableFromInline var block = Buffer.empty
    /// What a new group starts with.
    public let initial: Value

    public init(initial: Value) {
        self.initial = initial
        storage = Buffer.empty.assuming(Value.self)
    }

    /// The value of group 0.
    @inlinable
    public var pointer: UnsafeMutablePointer<Value> { storage }

    /// How many groups there are.
    @inlinable
    public var count: Int { length }

    /// Makes room for `newCount` groups; never shrinks.
    @inlinable
    public mutating func resize(_ newCount: Int) {
        guard newCount > length else { return }
        if newCount > capacity { move(capacity: max(newCount, capacity &* 2)) }
        let first = storage + length
        let value = initial
        for index in 0..<(newCount &- length) { first[index] = value }
        length = newCount
    }

    /// Adds a group.
    @inlinable
    public mutating func append(_ value: Value) {
        if length == capacity { move(capacity: max(4, capacity &* 2)) }
        storage[length] = value
        length &+= 1
    }

    @usableFromInline
    mutating func move(capacity newCapacity: Int) {
        let larger = Buffer(byteCount: newCapacity &* MemoryLayout<Value>.stride)
        larger.pointer.copyMemory(from: UnsafeRawPointer(storage), byteCount: length &* MemoryLayout<Value>.stride)
        block = larger
        storage = larger.assuming(Value.self)
        capacity = newCapacity
    }

    /// Moves the values to another block if a snapshot may refer to this one; then all may be written.
    public mutating func detach() {
        if length > 0 && !isKnownUniquelyReferenced(&block) { move(capacity: capacity) }
    }

    /// The block as a snapshot refers to it.
    public var view: ArrayView { ArrayView(block: block, stride: MemoryLayout<Value>.stride) }

    /// The memory held, in bytes.
    public var byteCount: Int { capacity &* MemoryLayout<Value>.stride }

    @inlinable
    public subscript(group: Int) -> Value {
        get { storage[group] }
        nonmutating set { storage[group] = newValue }
    }
}

/// Where the values of an array lie, valid until it is resized.
public struct ArrayView: Sendable {
    public let block: Buffer
    /// Bytes from one value to the next.
    public let stride: Int

    public init(block: Buffer, stride: Int) {
        self.block = block
        self.stride = stride
    }
}
