import Columnar
import Expressions

/// Panes merged two by two, those again two by two, and so on, so that a window of many panes is put together from few:
/// at most twice the binary logarithm of their number, each wider one made once.
///
/// A node of level `l` holds the panes `i ..< i + 2^l`, where `i` is a multiple of `2^l`. Which nodes a window consists
/// of depends on its bounds alone, so the result does not depend on what was asked for before, not even in the last
/// digit of a sum. Panes are merged in the order of time. Source: the canonical nodes of a segment tree (Bentley,
/// "Solutions to Klee's rectangle problems", 1977).
struct PaneTree {
    private let plan: AggregatePlan
    private let paneWidth: Int64
    /// The nodes of level 1 and above, by the index of their first pane.
    private var levels: [[Int64: Pane]] = []
    /// The end of the last node: whatever comes from here on is in none.
    private var end = Int64.min
    /// How many panes and nodes have been added to others so far.
    private(set) var mergeCount = 0
    /// Fewer panes are added up one by one: nodes would not pay.
    private static let paneCountMin = 8

    init(_ plan: AggregatePlan, paneWidth: Int64) {
        self.plan = plan
        self.paneWidth = paneWidth
    }

    var byteCount: Int { levels.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.byteCount } } }

    /// All that the panes from `start` to `end` hold, which are multiples of the pane's width. To be read only: it may
    /// be a pane itself. `order` has the starts of `panes`, ascending. Cost: one merge for each of at most twice log2
    /// of the number of panes, and of wider nodes those that are not there yet.
    mutating func content(
        _ start: Int64, _ end: Int64, of panes: [Int64: Pane], _ order: [Int64], ids: inout ScratchBuffer
    ) throws(KernelError) -> Pane {
        var parts: [Pane] = []
        var index = start / paneWidth
        let last = end / paneWidth
        var rest = order[Self.position(of: start, in: order[...])...]
        let inside = rest[..<Self.position(of: end, in: rest)]
        if inside.count < Self.paneCountMin { return try merged(inside.compactMap { panes[$0] }, start, &ids) }
        while index < last, !rest.isEmpty {
            let level = min(index.trailingZeroBitCount, Self.log2(last - index))
            index += 1 << Int64(level)
            let inside = rest[..<Self.position(of: index * paneWidth, in: rest)]
            rest = rest[inside.endIndex...]
            if let node = try node(level, inside, panes, &ids) { parts.append(node) }
        }
        return try merged(parts, start, &ids)
    }

    /// A pane has got more rows: what it was merged into has to be made anew when it is asked for.
    mutating func invalidate(_ start: Int64) {
        if start >= end { return }
        let index = start / paneWidth
        for level in levels.indices { levels[level][Self.floor(index, level + 1)] = nil }
    }

    /// No window begins before this any more.
    mutating func removeNodes(before start: Int64) {
        let first = start / paneWidth
        for level in levels.indices where levels[level].keys.contains(where: { $0 < first }) {
            levels[level] = levels[level].filter { $0.key >= first }
        }
    }

    /// The node that holds these panes, of which there may be none; a single one stands for itself.
    private mutating func node(
        _ level: Int, _ inside: ArraySlice<Int64>, _ panes: [Int64: Pane], _ ids: inout ScratchBuffer
    ) throws(KernelError) -> Pane? {
        guard let first = inside.first else { return nil }
        if inside.count == 1 { return panes[first] }
        let index = Self.floor(first / paneWidth, level)
        if level <= levels.count, let known = levels[level - 1][index] { return known }
        let middle = Self.position(of: (index + (1 << Int64(level - 1))) * paneWidth, in: inside)
        let left = try node(level - 1, inside[..<middle], panes, &ids)
        let right = try node(level - 1, inside[middle...], panes, &ids)
        guard let left, let right else { return left ?? right }
        let merged = try merged([left, right], index * paneWidth, &ids)
        while levels.count < level { levels.append([:]) }
        levels[level - 1][index] = merged
        end = max(end, (index + (1 << Int64(level))) * paneWidth)
        return merged
    }

    /// All that some panes hold; a single one stands for itself.
    private mutating func merged(
        _ parts: [Pane], _ start: Int64, _ ids: inout ScratchBuffer
    ) throws(KernelError) -> Pane {
        if parts.count == 1 { return parts[0] }
        let whole = Pane(start: start, plan: plan)
        for part in parts { try whole.merge(part, ids: &ids) }
        mergeCount += parts.count
        return whole
    }

    /// Where the first start stands that is not below `start`.
    private static func position(of start: Int64, in order: ArraySlice<Int64>) -> Int {
        var (low, high) = (order.startIndex, order.endIndex)
        while low < high {
            let middle = (low + high) / 2
            if order[middle] < start { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func log2(_ count: Int64) -> Int { Int64.bitWidth - 1 - count.leadingZeroBitCount }

    private static func floor(_ index: Int64, _ level: Int) -> Int64 { (index >> Int64(level)) << Int64(level) }
}
