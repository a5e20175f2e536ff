/// Decides which files of a chain are merged into the next one, so that a chain stays short at little cost.
///
/// Sizes fall geometrically from file to file after merging, so a chain has a logarithmic number of files, and each
/// byte is written again a logarithmic number of times (as in size-tiered compaction of log-structured merge trees).
public enum ChainPolicy {
    /// Fewer files are not worth a merge.
    static let fanIn = 4

    /// How many of the newest files the next one is to take in, given the sizes of all, oldest first.
    public static func mergedCount(_ byteCounts: [Int]) -> Int {
        guard var total = byteCounts.last else { return 0 }
        var count = 1
        while count < byteCounts.count, byteCounts[byteCounts.count - 1 - count] <= 2 * total {
            total += byteCounts[byteCounts.count - 1 - count]
            count += 1
        }
        return count >= fanIn ? count : 0
    }
}
