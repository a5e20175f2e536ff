/// How long rows took, counted in buckets whose bounds grow: four to a doubling, from 1 µs to 18 minutes, so that what
/// is read out of it is off by an eighth at most. Counts only grow.
public struct LatencyHistogram: Sendable, Hashable {
    /// Everything below 2^10 ns is in the first bucket, everything from 2^40 ns on in the last.
    private static let firstPower = 10
    private static let lastPower = 40
    private static let bucketCount = (lastPower - firstPower) * 4 + 2

    /// Rows by bucket; empty before the first.
    private var counts: [Int] = []
    /// All rows.
    public private(set) var rowCount = 0
    /// The time of all rows together, seconds.
    public private(set) var sumSeconds = 0.0

    public init() {}

    /// Counts rows that took so many nanoseconds. Cost: two additions.
    public mutating func record(nanos: UInt64, rows: Int) {
        if counts.isEmpty { counts = [Int](repeating: 0, count: Self.bucketCount) }
        counts[Self.bucket(nanos)] &+= rows
        rowCount &+= rows
        sumSeconds += Double(nanos) * Double(rows) / 1e9
    }

    /// What was counted since an earlier state of the same histogram.
    public func since(_ earlier: LatencyHistogram) -> LatencyHistogram {
        if earlier.counts.isEmpty || counts.isEmpty { return self }
        var result = self
        for index in counts.indices { result.counts[index] = max(0, counts[index] - earlier.counts[index]) }
        result.rowCount = max(0, rowCount - earlier.rowCount)
        result.sumSeconds = max(0, sumSeconds - earlier.sumSeconds)
        return result
    }

    /// The time, in seconds, that a share of the rows (0 to 1) did not exceed; nil without rows.
    public func quantile(_ share: Double) -> Double? {
        if rowCount == 0 { return nil }
        let rank = max(1, (share * Double(rowCount)).rounded(.up))
        var before = 0.0
        for (index, count) in counts.enumerated() where count > 0 {
            if before + Double(count) >= rank {
                let (lower, upper) = Self.bounds(index)
                return (lower + (upper - lower) * (rank - before) / Double(count)) / 1e9
            }
            before += Double(count)
        }
        return nil
    }

    private static func bucket(_ nanos: UInt64) -> Int {
        if nanos < 1 << firstPower { return 0 }
        if nanos >= 1 << lastPower { return bucketCount - 1 }
        let power = 63 - nanos.leadingZeroBitCount
        return (power - firstPower) * 4 + Int(nanos >> UInt64(power - 2) & 3) + 1
    }

    /// Nanoseconds.
    private static func bounds(_ bucket: Int) -> (lower: Double, upper: Double) {
        if bucket == 0 { return (0, Double(1 << firstPower)) }
        // Of what is beyond all bounds no more is known.
        if bucket == bucketCount - 1 { return (Double(1 << lastPower), Double(1 << lastPower)) }
        let power = (bucket - 1) / 4 + firstPower
        let quarter = (bucket - 1) % 4
        return (Double((4 + quarter) << (power - 2)), Double((5 + quarter) << (power - 2)))
    }
}
