import Columnar

/// One optional byte string per group; each long one has memory of its own, so that replacing frees the former.
struct ByteSlots: ~Copyable {
    private struct Slot: BitwiseCopyable {
        /// -1: none.
        var length: Int = -1
        var bytes: UnsafeMutableRawPointer?
        var capacity = 0
    }

    private var slots = GroupArray(initial: Slot())
    private var ownedBytes = 0

    deinit {
        for group in 0..<slots.count { slots[group].bytes?.deallocate() }
    }

    mutating func resize(_ count: Int) { slots.resize(count) }

    /// The value of a group; nil while there is none. Valid until the group is set again.
    subscript(group: Int) -> UnsafeRawBufferPointer? {
        let slot = slots[group]
        return slot.length < 0 ? nil : UnsafeRawBufferPointer(start: slot.bytes, count: slot.length)
    }

    /// Copies a value into a group's slot.
    mutating func set(_ group: Int, _ value: UnsafeRawBufferPointer) {
        var slot = slots[group]
        if value.count > slot.capacity {
            slot.bytes?.deallocate()
            let capacity = (value.count + 15) & ~15
            slot.bytes = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
            ownedBytes += capacity - slot.capacity
            slot.capacity = capacity
        }
        if let source = value.baseAddress, let target = slot.bytes, value.count > 0 {
            target.copyMemory(from: source, byteCount: value.count)
        }
        slot.length = value.count
        slots[group] = slot
    }

    /// All values in group order, nulls where there is none.
    func column(_ type: DataType) -> Column {
        var builder = ViewBuilder(capacity: slots.count)
        for group in 0..<slots.count {
            if let value = self[group] { builder.append(value) } else { builder.appendNull() }
        }
        return builder.finish(type)
    }

    var byteCount: Int { slots.byteCount + ownedBytes }
}
