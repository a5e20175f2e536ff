import Columnar

/// Deals the rows of a batch out to panes.
struct PaneAssignment {
    /// The start of each pane that has rows, in order of appearance, and how many.
    private(set) var starts: [Int64] = []
    private(set) var counts: [Int] = []
    /// Rows whose windows have all been closed.
    private(set) var lateCount = 0
    /// The first row whose time cannot be told; the rest is void then.
    private(set) var invalidRow: Int?
    private var slots = Buffer.empty

    private static let dropped = UInt32.max

    /// `watermark` is the last one seen: windows that end there or before are closed.
    init(_ times: UnsafePointer<Int64>, rowCount: Int, windows: WindowTimes, watermark: Int64) {
        if let only = Self.commonPane(times, rowCount, windows, watermark) {
            starts = [only]
            counts = [rowCount]
            return
        }
        slots = Buffer(byteCount: rowCount * 4)
        let slot = slots.assuming(UInt32.self)
        let valid = windows.validTimes
        var known: [Int64: UInt32] = [:]
        var (current, start, end): (UInt32, Int64, Int64) = (Self.dropped, 0, 0)
        var isLate = false
        for row in 0..<rowCount {
            let time = times[row]
            if time < start || time >= end {
                guard valid.contains(time) else {
                    invalidRow = row
                    return
                }
                start = windows.paneStart(of: time)
                end = start + windows.paneWidth
                let lastEnd = windows.lastEnd(ofPaneAt: start)
                isLate = lastEnd.map { $0 <= watermark } ?? false
                if lastEnd == nil || isLate {
                    current = Self.dropped
                } else if let slot = known[start] {
                    current = slot
                } else {
                    current = UInt32(truncatingIfNeeded: starts.count)
                    known[start] = current
                    starts.append(start)
                    counts.append(0)
                }
            }
            slot[row] = current
            if current != Self.dropped { counts[Int(current)] &+= 1 } else if isLate { lateCount &+= 1 }
        }
    }

    /// Whether all rows of the batch go to one pane, so that no row has to be picked.
    func isWhole(rowCount: Int) -> Bool { counts.count == 1 && counts[0] == rowCount }

    /// The rows of all panes, those of the first pane first, each pane's in their order.
    func selection(rowCount: Int) -> Selection {
        var positions: [Int] = []
        var total = 0
        for count in counts {
            positions.append(total)
            total += count
        }
        let buffer = Buffer(byteCount: total * 4)
        let rows = buffer.assuming(Int32.self)
        let slot = slots.assuming(UInt32.self)
        positions.withUnsafeMutableBufferPointer { positions in
            for row in 0..<rowCount where slot[row] != Self.dropped {
                let pane = Int(slot[row])
                rows[positions[pane]] = Int32(truncatingIfNeeded: row)
                positions[pane] &+= 1
            }
        }
        return Selection(buffer: buffer, count: total)
    }

    /// The one open pane that holds all rows; nil when there is none.
    private static func commonPane(
        _ times: UnsafePointer<Int64>, _ rowCount: Int, _ windows: WindowTimes, _ watermark: Int64
    ) -> Int64? {
        if rowCount == 0 { return nil }
        var (least, greatest) = (Int64.max, Int64.min)
        for row in 0..<rowCount {
            least = min(least, times[row])
            greatest = max(greatest, times[row])
        }
        let valid = windows.validTimes
        guard valid.contains(least), valid.contains(greatest) else { return nil }
        let start = windows.paneStart(of: least)
        guard greatest - start < windows.paneWidth, let end = windows.lastEnd(ofPaneAt: start), end > watermark else {
            return nil
        }
        return start
    }
}
