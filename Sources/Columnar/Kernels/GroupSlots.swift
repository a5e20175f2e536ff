import Glibc

/// An open-addressing index from hashes to dense ids: eight-byte slots of 32 bits of hash and 32 bits of id + 1.
///
/// The keys themselves are kept by the owner, who compares them.
struct GroupSlots {
    private(set) var slots: UnsafeMutablePointer<UInt64>
    private(set) var mask: Int
    /// The hash of every id, for growing.
    private(set) var hashes: UnsafeMutablePointer<UInt64>
    private(set) var count = 0
    private var hashCapacity: Int

    /// Starts small: a window operator keeps a table per window.
    init() {
        let size = 32
        mask = size - 1
        slots = .allocate(capacity: size)
        slots.initialize(repeating: 0, count: size)
        hashCapacity = size / 2
        hashes = .allocate(capacity: hashCapacity)
    }

    func deallocate() {
        slots.deallocate()
        hashes.deallocate()
    }

    /// How many rows to look up after one `reserve`: as most bring no new keys, room for many would mostly stay empty.
    var nextPiece: Int { min(1024, max(64, count)) }

    var byteCount: Int { (mask + 1) * 8 + hashCapacity * 8 }

    /// Makes room for `extra` more ids, so that `insert` need not grow.
    mutating func reserve(_ extra: Int) {
        if count + extra > hashCapacity {
            let larger = max(hashCapacity * 2, count + extra)
            let moved = UnsafeMutablePointer<UInt64>.allocate(capacity: larger)
            moved.update(from: hashes, count: count)
            hashes.deallocate()
            hashes = moved
            hashCapacity = larger
        }
        var size = mask + 1
        while (count + extra) * 2 > size { size *= 2 }
        if size == mask + 1 { return }
        slots.deallocate()
        slots = .allocate(capacity: size)
        slots.initialize(repeating: 0, count: size)
        mask = size - 1
        for id in 0..<count { place(id) }
    }

    private func place(_ id: Int) {
        let hash = hashes[id]
        var position = Int(truncatingIfNeeded: hash) & mask
        while slots[position] != 0 { position = (position &+ 1) & mask }
        slots[position] = (hash & 0xFFFF_FFFF_0000_0000) | UInt64(truncatingIfNeeded: id &+ 1)
    }

    /// Gives the next id to a hash, at the free slot that a probe ended on. Room must have been reserved.
    @inline(__always)
    mutating func insert(_ hash: UInt64, at position: Int) -> Int {
        let id = count
        hashes[id] = hash
        slots[position] = (hash & 0xFFFF_FFFF_0000_0000) | UInt64(truncatingIfNeeded: id &+ 1)
        count = id &+ 1
        return id
    }

    mutating func removeAll() {
        slots.update(repeating: 0, count: mask + 1)
        count = 0
    }
}
