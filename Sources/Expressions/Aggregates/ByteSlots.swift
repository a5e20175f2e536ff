import Columnar

/// One optional byte string per group; each long one has memory of its own, so that replacing frees the former.
struct ByteSlots: ~Copyable {
    struct Slot: BitwiseCopyable {
        /// -1: none.
        var length: Int = -1
        var bytes: UnsafeMutableRawPointer?
        var capacity = 0

        /// The value; nil while there is none.
        var value: UnsafeRawBufferPointer? {
            length < 0 ? nil : UnsafeRawBufferPointer(start: bytes, count: length)
        }
    }

    /// Memory that slots have given up while a snapshot may read it; it goes with the snapshot.
    // Unchecked because the slots alone add to it, with a reference of their own, and nobody reads it.
    final class Retired: @unchecked Sendable {
        fileprivate var blocks: [UnsafeMutableRawPointer] = []
        /// What was given up after the next snapshot may be read by this one too.
        fileprivate var next: Retired?

        deinit { for block in blocks { block.deallocate() } }
    }

    /// Of the last snapshot, as long as somebody may read it.
    private weak var retired: Retired?
    private var isShared = false
    private var slots = GroupArray(initial: Slot())
    private var ownedBytes = 0

    deinit {
        let readers = isShared ? retired : nil
        for group in 0..<slots.count {
            guard let bytes = slots[group].bytes else { continue }
            if let readers { readers.blocks.append(bytes) } else { bytes.deallocate() }
        }
    }

    /// The slots' array.
    var view: ArrayView { slots.view }

    /// From now on nothing that lies in memory is written or freed, until the result has gone.
    mutating func share() -> Retired {
        let fresh = Retired()
        retired?.next = fresh
        retired = fresh
        isShared = true
        return fresh
    }

    mutating func resize(_ count: Int) { slots.resize(count) }

    /// The value of a group; nil while there is none. Valid until the group is set again.
    subscript(group: Int) -> UnsafeRawBufferPointer? {
        slots[group].value
    }

    /// Copies a value into a group's slot.
    mutating func set(_ group: Int, _ value: UnsafeRawBufferPointer) {
        var slot = slots[group]
        if isShared { retire(&slot) }
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

    /// Leaves a slot's memory to those who may read it.
    private mutating func retire(_ slot: inout Slot) {
        guard let retired else {
            isShared = false
            return
        }
        guard let bytes = slot.bytes else { return }
        retired.blocks.append(bytes)
        ownedBytes -= slot.capacity
        slot = Slot()
    }

    /// All values in group order, nulls where there is none.
    func column(_ type: DataType) -> Column { Self.column(type, slots.count) { slots[$0] } }

    /// Those of some groups.
    func column(_ type: DataType, of groups: Selection) -> Column {
        Self.column(type, groups.count) { slots[groups[$0]] }
    }

    static func column(_ type: DataType, _ count: Int, _ slot: (Int) -> Slot) -> Column {
        var builder = ViewBuilder(capacity: count)
        for row in 0..<count {
            if let value = slot(row).value { builder.append(value) } else { builder.appendNull() }
        }
        return builder.finish(type)
    }

    var byteCount: Int { slots.byteCount + ownedBytes }
}
