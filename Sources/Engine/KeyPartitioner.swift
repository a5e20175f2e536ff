import Columnar

/// Splits batches by the key groups of their rows.
///
/// A key belongs to one of the key groups by its hash, a subtask owns a contiguous range of groups: so state can move
/// in whole groups when the parallelism changes.
final class KeyPartitioner {
    private let hasher: any KeyHasher
    private let targetCount: Int
    private let groups: KeyGroups

    init(hasher: any KeyHasher, targetCount: Int) {
        self.hasher = hasher
        self.targetCount = targetCount
        groups = KeyGroups(targetCount: targetCount)
    }

    /// The rows of each target that has any, in their order. Costs one hash and one copy per row.
    func split(_ batch: RecordBatch) throws -> [(target: Int, piece: RecordBatch)] {
        let count = batch.rowCount
        if count == 0 { return [] }
        let hashBuffer = Buffer(byteCount: count * 8)
        let hashes = hashBuffer.assuming(UInt64.self)
        try hasher.hash(batch, into: hashes)
        let targetBuffer = Buffer(byteCount: count * 4)
        let targets = targetBuffer.assuming(UInt32.self)
        var counts = Array(repeating: 0, count: targetCount)
        let shift = groups.shift
        groups.targets.withUnsafeBufferPointer { table in
            counts.withUnsafeMutableBufferPointer { counts in
                for row in 0..<count {
                    // The high bits of a product, so that the groups do not follow the bits hash tables use.
                    let group = Int(truncatingIfNeeded: (hashes[row] &* 0x9E37_79B9_7F4A_7C15) &>> shift)
                    let target = table[group]
                    targets[row] = target
                    counts[Int(target)] &+= 1
                }
            }
        }
        if let only = counts.firstIndex(of: count) { return [(only, batch)] }
        return gather(batch, targets: targets, counts: counts)
    }

    /// Counting sort of the row numbers by target, then one take per target.
    private func gather(
        _ batch: RecordBatch, targets: UnsafeMutablePointer<UInt32>, counts: [Int]
    ) -> [(target: Int, piece: RecordBatch)] {
        let indexBuffer = Buffer(byteCount: batch.rowCount * 4)
        let indices = indexBuffer.assuming(Int32.self)
        var positions = counts
        var start = 0
        for target in counts.indices {
            positions[target] = start
            start += counts[target]
        }
        positions.withUnsafeMutableBufferPointer { positions in
            for row in 0..<batch.rowCount {
                let target = Int(targets[row])
                indices[positions[target]] = Int32(truncatingIfNeeded: row)
                positions[target] &+= 1
            }
        }
        var pieces: [(target: Int, piece: RecordBatch)] = []
        for (target, length) in counts.enumerated() where length > 0 {
            let part = Buffer(sharing: indexBuffer, offset: (positions[target] - length) * 4, byteCount: length * 4)
            pieces.append((target, batch.taking(Selection(buffer: part, count: length))))
        }
        return pieces
    }
}

/// Which subtask each key group belongs to.
struct KeyGroups {
    /// Key groups, unless there are more subtasks than that.
    static let countMin = 128

    /// The subtask of each key group.
    let targets: [UInt32]
    let shift: UInt64

    init(targetCount: Int) {
        var count = Self.countMin
        while count < targetCount { count *= 2 }
        shift = UInt64(64 - count.trailingZeroBitCount)
        targets = (0..<count).map { UInt32(truncatingIfNeeded: $0 * targetCount / count) }
    }

    /// The subtask that owns a key of this hash.
    func target(ofHash hash: UInt64) -> Int {
        Int(targets[Int(truncatingIfNeeded: (hash &* 0x9E37_79B9_7F4A_7C15) &>> shift)])
    }
}
