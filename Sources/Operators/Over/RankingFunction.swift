import Columnar

/// Window functions that only look at where a row stands.
enum RankingFunction: String {
    case rowNumber = "row_number"
    case rank
    case denseRank = "dense_rank"
    case percentRank = "percent_rank"
    case cumulativeDistribution = "cume_dist"

    /// One value per row, never null.
    func evaluate(_ layout: OverLayout) -> Column {
        switch self {
        case .rowNumber: whole(layout) { row, partition, _ in row - partition.lowerBound + 1 }
        case .rank: whole(layout) { _, partition, peers in peers.lowerBound - partition.lowerBound + 1 }
        case .denseRank: denseRanks(layout)
        case .percentRank:
            fraction(layout) { partition, peers in
                partition.count < 2 ? 0 : Double(peers.lowerBound - partition.lowerBound) / Double(partition.count - 1)
            }
        case .cumulativeDistribution:
            fraction(layout) { partition, peers in
                Double(peers.upperBound - partition.lowerBound) / Double(partition.count)
            }
        }
    }

    private func whole(
        _ layout: OverLayout, _ value: (_ row: Int, _ partition: Range<Int>, _ peers: Range<Int>) -> Int
    ) -> Column {
        let values = (0..<layout.rowCount).map { row in
            Int64(value(row, layout.partition(ofRow: row), layout.peers(ofRow: row)))
        }
        return Column(type: .int64, count: values.count, values: .copying(values))
    }

    private func fraction(
        _ layout: OverLayout, _ value: (_ partition: Range<Int>, _ peers: Range<Int>) -> Double
    ) -> Column {
        let values = (0..<layout.rowCount).map { value(layout.partition(ofRow: $0), layout.peers(ofRow: $0)) }
        return Column(type: .float64, count: values.count, values: .copying(values))
    }

    private func denseRanks(_ layout: OverLayout) -> Column {
        whole(layout) { row, partition, _ in
            Int(layout.peersOfRow[row] - layout.peersOfRow[partition.lowerBound]) + 1
        }
    }
}
