import Dataflow

/// Which rows of partitions can be known, and which are needed no more, when event time has come to a watermark.
///
/// Rows are those of a layout; all are before the watermark, so that nothing comes between them any more.
struct OverEdges {
    private let reach: OverReach
    private let layout: OverLayout
    private let times: [Int64]
    private let watermark: Int64

    init(_ reach: OverReach, _ layout: OverLayout, _ times: [Int64], _ watermark: Int64) {
        self.reach = reach
        self.layout = layout
        self.times = times
        self.watermark = watermark
    }

    /// The row behind the last one, from `first` on, whose frames are all there.
    func knownEnd(ofPartition index: Int, from first: Int) -> Int {
        let range = layout.partitions[index]
        if watermark == .max { return range.upperBound }
        var row = first
        while row < range.upperBound, isKnown(row, range) { row += 1 }
        return row
    }

    private func isKnown(_ row: Int, _ range: Range<Int>) -> Bool {
        if row + reach.rowsAhead >= range.upperBound && reach.rowsAhead > 0 { return false }
        if let groups = reach.groupsAhead, groups > 0,
            Int(layout.peersOfRow[row]) + groups > Int(layout.peersOfRow[range.upperBound - 1])
        {
            return false
        }
        if let ahead = reach.timeAhead, WindowTimes.sum(times[row], ahead) >= watermark { return false }
        return true
    }

    /// The first row that rows from `firstOpen` on, or those to come, may need.
    func keptStart(ofPartition index: Int, firstOpen: Int) -> Int {
        let range = layout.partitions[index]
        if watermark == .max { return range.upperBound }
        let hasOpen = firstOpen < range.upperBound
        var start = max(range.lowerBound, firstOpen - reach.rowsBack)
        if let groups = reach.groupsBack {
            let last = Int(layout.peersOfRow[range.upperBound - 1])
            let group = (hasOpen ? Int(layout.peersOfRow[firstOpen]) : last + 1) - groups
            let first = Int(layout.peersOfRow[range.lowerBound])
            let groupStart =
                group > last ? range.upperBound : group <= first ? range.lowerBound : layout.peers[group].lowerBound
            start = min(start, groupStart)
        }
        if let back = reach.timeBack {
            let from = WindowTimes.sum(hasOpen ? times[firstOpen] : watermark, -back)
            var row = range.lowerBound
            while row < start, times[row] < from { row += 1 }
            start = row
        }
        return start
    }
}
