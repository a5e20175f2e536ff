import Columnar
import Dataflow

/// The frame of every row: the rows `starts[row]..<ends[row]` of its partition; empty when the start is not below.
struct OverFrames {
    private(set) var starts: [Int32]
    private(set) var ends: [Int32]
    /// Whether every frame is its whole partition.
    let isWholePartition: Bool

    /// The rows whose frames are wanted; nil: all.
    private var wanted: [Bool]?

    func isWanted(_ row: Int) -> Bool { wanted?[row] ?? true }

    /// The same with empty frames for all rows that are not wanted.
    func keeping(_ wanted: [Bool]) -> OverFrames {
        var result = self
        result.wanted = wanted
        for row in wanted.indices where !wanted[row] { result.ends[row] = result.starts[row] }
        return result
    }

    /// Without a frame clause: up to the row's last peer when there is an order, else the whole partition.
    init(
        _ frame: OverCall.Frame?, _ keys: [Column], _ order: [SortKey], _ layout: OverLayout
    ) throws(KernelError) {
        let frame =
            frame
            ?? OverCall.Frame(
                unit: .range, start: .unboundedPreceding, end: order.isEmpty ? .unboundedFollowing : .currentRow)
        starts = []
        ends = []
        starts.reserveCapacity(layout.rowCount)
        ends.reserveCapacity(layout.rowCount)
        isWholePartition = frame.start == .unboundedPreceding && frame.end == .unboundedFollowing
        let start = try FrameEdge(frame.start, frame.unit, isEnd: false, keys, order, layout)
        let end = try FrameEdge(frame.end, frame.unit, isEnd: true, keys, order, layout)
        for row in 0..<layout.rowCount {
            let partition = layout.partition(ofRow: row)
            let first = min(max(start.position(row, layout), partition.lowerBound), partition.upperBound)
            let last = min(max(end.position(row, layout), first), partition.upperBound)
            starts.append(Int32(truncatingIfNeeded: first))
            ends.append(Int32(truncatingIfNeeded: last))
        }
    }
}

/// One edge of a frame. The position of a start is its first row, that of an end the row behind its last.
private struct FrameEdge {
    private enum Place {
        case partitionStart
        case partitionEnd
        case row
        case peers
        /// So many rows on (back, when negative).
        case rows(Int)
        /// So many groups of peers on.
        case groups(Int)
        case values(RangeOffsets)
    }

    private let place: Place
    private let isEnd: Bool

    init(
        _ bound: OverCall.Frame.Bound, _ unit: OverCall.Frame.Unit, isEnd: Bool, _ keys: [Column],
        _ order: [SortKey], _ layout: OverLayout
    ) throws(KernelError) {
        self.isEnd = isEnd
        let offset: ScalarValue
        let isForward: Bool
        switch bound {
        case .unboundedPreceding:
            place = .partitionStart
            return
        case .unboundedFollowing:
            place = .partitionEnd
            return
        case .currentRow:
            place = unit == .rows ? .row : .peers
            return
        case .preceding(let value): (offset, isForward) = (value, false)
        case .following(let value): (offset, isForward) = (value, true)
        }
        if unit == .range {
            guard keys.count == 1, order.count == 1 else {
                throw KernelError(message: "RANGE with an offset needs exactly one ORDER BY expression")
            }
            place = .values(
                try RangeOffsets(
                    keys[0], isDescending: order[0].isDescending, offset, isForward: isForward, isEnd: isEnd))
            return
        }
        guard let count = offset.intValue, count >= 0 else {
            throw KernelError(message: "a frame's offset must be a whole number, zero or more")
        }
        let steps = Int(min(count, 1 << 40)) * (isForward ? 1 : -1)
        place = unit == .rows ? .rows(steps) : .groups(steps)
    }

    func position(_ row: Int, _ layout: OverLayout) -> Int {
        let partition = layout.partition(ofRow: row)
        switch place {
        case .partitionStart: return partition.lowerBound
        case .partitionEnd: return partition.upperBound
        case .row: return isEnd ? row + 1 : row
        case .peers:
            let peers = layout.peers(ofRow: row)
            return isEnd ? peers.upperBound : peers.lowerBound
        case .rows(let steps): return row + steps + (isEnd ? 1 : 0)
        case .groups(let steps):
            let group = Int(layout.peersOfRow[row]) + steps
            if group < Int(layout.peersOfRow[partition.lowerBound]) { return partition.lowerBound }
            if group > Int(layout.peersOfRow[partition.upperBound - 1]) { return partition.upperBound }
            return isEnd ? layout.peers[group].upperBound : layout.peers[group].lowerBound
        case .values(let offsets): return offsets.position(row, layout)
        }
    }
}

/// Edges of `RANGE` frames with an offset: found by the order key's value.
private struct RangeOffsets {
    private let keys: Column
    /// The key a row's edge lies at.
    private let targets: Column
    private let isDescending: Bool
    private let isEnd: Bool

    init(
        _ keys: Column, isDescending: Bool, _ offset: ScalarValue, isForward: Bool, isEnd: Bool
    ) throws(KernelError) {
        let op: ArithmeticOperator = isForward != isDescending ? .add : .subtract
        guard let types = Arithmetic.operandTypes(op, keys.type, offset.type),
            let result = Arithmetic.resultType(op, types.left, types.right)
        else {
            throw KernelError(
                message: "a RANGE offset of type \(offset.type.sqlName) does not fit \(keys.type.sqlName) keys")
        }
        let count = keys.count
        let left = try Cast.evaluate(.column(keys), to: types.left, rowCount: count)
        let right = try Cast.evaluate(.scalar(offset), to: types.right, rowCount: count)
        let targets = try Arithmetic.evaluate(op, left, right, rowCount: count, resultType: result)
        self.targets = targets.column(count: count)
        self.keys = try Cast.evaluate(.column(keys), to: result, rowCount: count).column(count: count)
        self.isDescending = isDescending
        self.isEnd = isEnd
    }

    func position(_ row: Int, _ layout: OverLayout) -> Int {
        let peers = layout.peers(ofRow: row)
        // Null keys have only one another near them.
        if targets.isNull(row) { return isEnd ? peers.upperBound : peers.lowerBound }
        let partition = layout.partition(ofRow: row)
        var low = partition.lowerBound
        var high = partition.upperBound
        while low < high, keys.isNull(low) { low = layout.peers(ofRow: low).upperBound }
        while low < high, keys.isNull(high - 1) { high = layout.peers(ofRow: high - 1).lowerBound }
        while low < high {
            let middle = (low + high) / 2
            if isBefore(middle, row) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Whether a row lies before the edge.
    private func isBefore(_ candidate: Int, _ row: Int) -> Bool {
        var comparison = ValueOrder.compare(keys, candidate, targets, row)
        if isDescending { comparison = -comparison }
        return isEnd ? comparison <= 0 : comparison < 0
    }
}
