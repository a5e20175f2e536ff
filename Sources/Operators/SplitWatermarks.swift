/// The watermarks of the splits of one source, and the least of those that count. Decides, and knows no clock.
///
/// A split counts from the moment it is known, so that one that has no rows yet holds the watermark back; it stops
/// counting when none of its rows came for the idle time and it has none that are not read (`mayHaveRows`), until the
/// next one comes. Cost: one look at every split for each question.
struct SplitWatermarks {
    private struct Split {
        var watermark: Int64?
        /// When it was first known, or its last row came, on the source's own time.
        var since: UInt64
    }

    private struct Restored {
        var watermark: Int64
        /// Whether a reader of the split said so; else somebody who was waiting for it passed it on.
        var isRead: Bool
    }

    private var splits: [Int64: Split] = [:]
    /// How many splits `assign` was last told of; it is told of ever more.
    private var assignedCount = 0
    /// Those a checkpoint names and the source has not, so far.
    private var restored: [Int64: Restored] = [:]
    /// How long a split may be silent, nanoseconds; nil: for ever.
    let idleNanos: UInt64?

    init(idleNanos: UInt64?) { self.idleNanos = idleNanos }

    var isEmpty: Bool { splits.isEmpty }

    /// What a checkpoint held. A reader knows best, the least counts where two name a split; what was only passed on
    /// may be old, so that the greatest counts.
    mutating func restore(_ split: Int64, _ watermark: Int64, isRead: Bool) {
        guard let known = restored[split], known.isRead == isRead else {
            if isRead || restored[split] == nil { restored[split] = Restored(watermark: watermark, isRead: isRead) }
            return
        }
        restored[split]?.watermark = isRead ? min(known.watermark, watermark) : max(known.watermark, watermark)
    }

    /// Makes these known; the source never gives one up.
    mutating func assign(_ assigned: Set<Int64>, at time: UInt64) {
        if assigned.count == assignedCount { return }
        assignedCount = assigned.count
        for split in assigned where splits[split] == nil {
            splits[split] = Split(watermark: restored.removeValue(forKey: split)?.watermark, since: time)
        }
    }

    /// Rows of a split came; `watermark` is nil when none of them had one.
    mutating func note(_ split: Int64, _ watermark: Int64?, at time: UInt64) {
        var entry = splits[split] ?? Split(watermark: restored.removeValue(forKey: split)?.watermark, since: time)
        if let watermark { entry.watermark = max(entry.watermark ?? .min, watermark) }
        entry.since = time
        splits[split] = entry
    }

    /// The least watermark of the splits that count; nil when one of them has none yet, or none counts.
    func least(at time: UInt64, mayHaveRows: (Int64) -> Bool = { _ in false }) -> Int64? {
        var least: Int64?
        for (id, split) in splits where !isIdle(split, at: time) || mayHaveRows(id) {
            guard let watermark = split.watermark else { return nil }
            least = min(least ?? watermark, watermark)
        }
        return least
    }

    /// Whether the mere passing of time may change `least`.
    func waits(at time: UInt64, mayHaveRows: (Int64) -> Bool = { _ in false }) -> Bool {
        guard idleNanos != nil, splits.count > 1 else { return false }
        return splits.contains { !isIdle($1, at: time) || mayHaveRows($0) }
    }

    private func isIdle(_ split: Split, at time: UInt64) -> Bool {
        guard let idleNanos else { return false }
        return time &- split.since >= idleNanos
    }

    /// Every split with its watermark, in order, for a checkpoint; also those that were restored and that nobody here
    /// has read yet (`isRead` is false), as maybe nobody does.
    var known: [(split: Int64, watermark: Int64, isRead: Bool)] {
        var all: [(split: Int64, watermark: Int64, isRead: Bool)] = splits.compactMap { split, entry in
            entry.watermark.map { (split, $0, true) }
        }
        for (split, entry) in restored { all.append((split, entry.watermark, false)) }
        return all.sorted { $0.split < $1.split }
    }
}
