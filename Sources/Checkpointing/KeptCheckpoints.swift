/// Decides which checkpoints stay when others are removed. Pure.
///
/// The newest ones stay. As these share the older files of their chains, one damaged file may spoil all of them; so for
/// each file of the newest checkpoint one stays that does without it: the last one there is from before it was written.
/// Of those about as old as one another (within a factor of two) only the one that does without most files stays, and
/// none is older than the first that shares nothing with the newest. So they are few, and most of what they need is
/// what newer ones have taken in.
enum KeptCheckpoints {
    private struct Candidate {
        var index: Int
        /// The binary logarithm of how many epochs older than the newest it is.
        var age: Int
        /// The files of the newest that it needs too, of those that all newer ones need.
        var rest: Set<String>
    }

    /// Whether each of some entries stays, which are given from the newest to the oldest.
    static func choose(_ entries: [CheckpointManifest], newestCount: Int) -> [Bool] {
        var isKept = Array(repeating: false, count: entries.count)
        var epochs: Set<Int> = []
        var shared: Set<String> = []
        var newest = 0
        var pending: Candidate?
        for (index, entry) in entries.enumerated() {
            // What says that there is nothing yet goes with the first checkpoints.
            if entry.epoch == 0 || epochs.contains(entry.epoch) {
                isKept[index] = entry.epoch > 0 || epochs.count < newestCount
                continue
            }
            let names = Set(entry.files.map(\.name))
            if epochs.count < newestCount {
                if epochs.isEmpty { (newest, shared) = (entry.epoch, names) }
                shared.formIntersection(names)
                isKept[index] = true
                epochs.insert(entry.epoch)
                continue
            }
            let distance = newest - entry.epoch
            let age = distance > 0 ? Int.bitWidth - distance.leadingZeroBitCount : 0
            if let last = pending, last.age != age {
                isKept[last.index] = true
                shared = last.rest
                pending = nil
            }
            let rest = shared.intersection(names)
            if rest.count < pending?.rest.count ?? shared.count {
                pending = Candidate(index: index, age: age, rest: rest)
            }
        }
        if let pending { isKept[pending.index] = true }
        return isKept
    }
}
