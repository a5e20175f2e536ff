/// One fixed-width value per group, in id order, in memory of its own.
///
/// Accumulators copy `pointer` into a local before a loop; it is valid until the next `resize`.
struct GroupArray<Value: BitwiseCopyable>: ~Copyable {
    private(set) var pointer: UnsafeMutablePointer<Value>
    private(set) var count = 0
    private var capacity: Int
    /// What a new group starts with.
    let initial: Value

    init(initial: Value) {
        self.initial = initial
        capacity = 0
        pointer = UnsafeMutablePointer<Value>.allocate(capacity: 1)
    }

    deinit { pointer.deallocate() }

    /// Makes room for `newCount` groups; never shrinks.
    mutating func resize(_ newCount: Int) {
        guard newCount > count else { return }
        if newCount > capacity {
            let newCapacity = max(newCount, capacity * 2)
            let larger = UnsafeMutablePointer<Value>.allocate(capacity: newCapacity)
            larger.update(from: pointer, count: count)
            pointer.deallocate()
            pointer = larger
            capacity = newCapacity
        }
        (pointer + count).update(repeating: initial, count: newCount - count)
        count = newCount
    }

    var byteCount: Int { capacity * MemoryLayout<Value>.stride }

    subscript(group: Int) -> Value {
        get { pointer[group] }
        nonmutating set { pointer[group] = newValue }
    }
}
