import Columnar
import Expressions

/// Aggregates over frames, whatever the frames and the aggregate are.
///
/// Aggregates are kept for runs of 1, 2, 4, 8 … rows (a segment tree); every frame is put together from at most two
/// runs of each length, in row order. O(n log n) merges, each a vectorised step over all rows.
/// (Leis et al., Efficient Processing of Window Functions in Analytical SQL Queries, VLDB 2015.)
enum FrameAggregation {
    /// A value per row of the plan's one call; `columns` are the plan's, over sorted rows.
    ///
    /// With `prefix` the frames begin before the first row there is: with what it says of each partition.
    static func evaluate(
        _ plan: AggregatePlan, _ columns: [Column], _ frames: OverFrames, _ layout: OverLayout,
        prefix: Prefix? = nil
    ) throws(KernelError) -> Column {
        if frames.isWholePartition { return try wholePartitions(plan, columns, layout) }
        let levels = try runs(plan, columns, rowCount: layout.rowCount)
        let pieces = Pieces(frames, levelCount: levels.count)
        let result = plan.makeAccumulators()
        result.resize(layout.rowCount)
        if let prefix { try add(prefix, frames, layout, to: result) }
        for (level, piece) in pieces.leading.enumerated() { try add(piece, of: levels[level], to: result) }
        for (level, piece) in pieces.trailing.enumerated().reversed() { try add(piece, of: levels[level], to: result) }
        return try result.finish()[0]
    }

    /// The aggregates of rows that lie before those there are.
    struct Prefix {
        /// A row per partition that has such rows.
        var states: [Column]
        /// The row of each partition; −1 for none.
        var places: [Int32]
    }

    private static func add(
        _ prefix: Prefix, _ frames: OverFrames, _ layout: OverLayout, to result: AccumulatorSet
    ) throws(KernelError) {
        var piece = Pieces.Piece()
        for row in 0..<layout.rowCount where frames.isWanted(row) {
            let place = prefix.places[Int(layout.partitionOfRow[row])]
            if place < 0 { continue }
            piece.runs.append(place)
            piece.rows.append(UInt32(truncatingIfNeeded: row))
        }
        try add(piece, of: [prefix.states], to: result)
    }

    private static func wholePartitions(
        _ plan: AggregatePlan, _ columns: [Column], _ layout: OverLayout
    ) throws(KernelError) -> Column {
        let set = plan.makeAccumulators()
        let groups = Buffer.copying(layout.partitionOfRow)
        try set.update(
            columns, groups: UnsafePointer(groups.assuming(UInt32.self)), rowCount: layout.rowCount,
            groupCount: layout.partitions.count)
        return try set.finish()[0].taking(Selection(buffer: groups, count: layout.rowCount))
    }

    /// The states of all aligned runs: level `k` holds runs of 2^k rows.
    private static func runs(
        _ plan: AggregatePlan, _ columns: [Column], rowCount: Int
    ) throws(KernelError) -> [[[Column]]] {
        let groups = Buffer(byteCount: rowCount * 4)
        let group = groups.assuming(UInt32.self)
        for row in 0..<rowCount { group[row] = UInt32(truncatingIfNeeded: row) }
        var set = plan.makeAccumulators()
        try set.update(columns, groups: UnsafePointer(group), rowCount: rowCount, groupCount: rowCount)
        var levels = [set.states()]
        for row in 0..<rowCount { group[row] = UInt32(truncatingIfNeeded: row / 2) }
        var count = rowCount
        while count > 1 {
            set = plan.makeAccumulators()
            try set.merge(
                levels[levels.count - 1], groups: UnsafePointer(group), rowCount: count, groupCount: (count + 1) / 2)
            count = (count + 1) / 2
            levels.append(set.states())
        }
        return levels
    }

    private static func add(
        _ piece: Pieces.Piece, of states: [[Column]], to result: AccumulatorSet
    ) throws(KernelError) {
        if piece.runs.isEmpty { return }
        let selection = Selection(buffer: .copying(piece.runs), count: piece.runs.count)
        let taken = states.map { columns in columns.map { $0.taking(selection) } }
        let rows = Buffer.copying(piece.rows)
        try result.merge(
            taken, groups: UnsafePointer(rows.assuming(UInt32.self)), rowCount: piece.rows.count,
            groupCount: result.groupCount)
    }

    /// The runs that make up all frames, by level: `leading` ones in ascending, `trailing` ones in descending order of
    /// level lie one behind the other.
    private struct Pieces {
        struct Piece {
            var runs: [Int32] = []
            /// The row whose frame each run is part of.
            var rows: [UInt32] = []
        }

        var leading: [Piece]
        var trailing: [Piece]

        init(_ frames: OverFrames, levelCount: Int) {
            leading = Array(repeating: Piece(), count: levelCount)
            trailing = leading
            for row in frames.starts.indices {
                var (start, end) = (frames.starts[row], frames.ends[row])
                var level = 0
                while start < end {
                    if start & 1 == 1 {
                        leading[level].runs.append(start)
                        leading[level].rows.append(UInt32(truncatingIfNeeded: row))
                        start += 1
                    }
                    if end & 1 == 1 {
                        end -= 1
                        trailing[level].runs.append(end)
                        trailing[level].rows.append(UInt32(truncatingIfNeeded: row))
                    }
                    start >>= 1
                    end >>= 1
                    level += 1
                }
            }
        }
    }
}
