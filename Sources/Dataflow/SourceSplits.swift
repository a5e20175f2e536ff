/// The splits a source subtask reads, and which of them the rows it gave out last came of.
///
/// A split is a piece of a source whose rows have an order of their own, as the partition of a topic. Rows of different
/// splits are mixed as they happen to come, so a watermark must be the least over the splits, not the greatest of what
/// has been seen. Belongs to one task: the source writes, the operators above it in the same task read.
public final class SourceSplits {
    /// Rows that came of one split: from the end of the run before to `end`.
    public struct Run: Hashable, Sendable {
        public var split: Int64
        public var end: Int

        public init(split: Int64, end: Int) {
            self.split = split
            self.end = end
        }
    }

    /// Whether anybody asks; a source need not tell otherwise.
    public private(set) var isFollowed = false
    /// All splits of the subtask, also those without rows.
    public private(set) var assigned: Set<Int64> = []
    /// For how long the source has looked for rows, nanoseconds: time in which nobody took its rows does not count, so
    /// that a split does not seem silent only because it was not read.
    public private(set) var watchedNanos: UInt64 = 0
    /// After how long without a row the task takes a split for silent, nanoseconds; nil: never.
    public var idleNanos: UInt64?
    /// When a split was last found to have nothing left to read, in `watchedNanos`, and for how long that counts; nil:
    /// the source does not find it out.
    private var ends: [Int64: UInt64] = [:]
    private var endNanos: UInt64?
    private var runs: [Run] = []
    /// Rows of `runs` that were asked for already, and the run the next one is in.
    private var taken = 0
    private var position = 0

    public init() {}

    /// Says that somebody will ask.
    public func follow() { isFollowed = true }

    /// From now on the subtask reads this split too.
    public func assign(_ split: Int64) { assigned.insert(split) }

    /// The source has looked for rows for so long again.
    public func watched(nanoseconds: UInt64) { watchedNanos &+= nanoseconds }

    /// Says that the source finds out which splits have nothing left to read, and that a finding counts for so long.
    public func tellEnds(lasting nanoseconds: UInt64) { endNanos = nanoseconds }

    /// A split has nothing left to read.
    public func foundEnd(of split: Int64) { ends[split] = watchedNanos }

    /// Whether a split may have rows that were not read: then it is not silent, whatever keeps its reader from them.
    public func mayHaveRows(_ split: Int64) -> Bool {
        guard let endNanos else { return false }
        guard let found = ends[split] else { return true }
        return watchedNanos &- found > endNanos
    }

    /// Whether nothing is left to read of all splits.
    public var areRead: Bool { assigned.allSatisfy { !mayHaveRows($0) } }

    /// Where the rows of the batch that is given out next came of; the last run ends where the batch does.
    public func note(_ runs: [Run]) {
        self.runs = runs
        taken = 0
        position = 0
    }

    /// Calls `body` with ranges of the next `count` rows, each of one split, counted from the first of these rows.
    /// Nothing is called for rows of which the source has not said where they came of.
    public func take(_ count: Int, _ body: (Int64, Range<Int>) -> Void) {
        var row = 0
        while row < count, position < runs.count {
            let end = min(count, runs[position].end - taken)
            if end > row { body(runs[position].split, row..<end) }
            row = max(row, end)
            if runs[position].end - taken <= count { position += 1 }
        }
        taken += count
    }
}
