import Columnar

/// `percentile_cont(x, fraction)` and `median`: exact, by linear interpolation between the nearest values.
final class PercentileAccumulator: GroupsAccumulator {
    private var rows = CollectedRows([.float64])
    private var fraction = ConstantParameter("percentile_cont", "fraction")
    private let isMedian: Bool

    init(isMedian: Bool) { self.isMedian = isMedian }

    func resize(groupCount: Int) { rows.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        guard rowCount > 0 else { return }
        if !isMedian { try checkFraction(fraction.read(arguments[1]), "percentile_cont") }
        let mask = presentRows([arguments[0]], filter)
        try rows.append([arguments[0]], groups: groups, rowCount: rowCount, mask: mask)
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        fraction.merge(states[1], rowCount: rowCount)
        try rows.appendLists([states[0]], groups: groups, rowCount: rowCount)
    }

    func states() -> [Column] { rows.lists(emptyIsNull: false) + [fraction.column(rows.groupCount)] }

    func states(_ groups: Selection) -> [Column] {
        rows.lists(of: groups, emptyIsNull: false) + [fraction.column(groups.count)]
    }

    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot {
        rows.snapshot { [fraction] in [fraction.column($0)] }
    }

    func finish() throws(KernelError) -> Column { percentiles(rows.grouped(), rows.groupCount) }

    func finish(_ groups: Selection) throws(KernelError) -> Column {
        percentiles(rows.grouped(of: groups), groups.count)
    }

    private func percentiles(_ grouped: CollectedRows.Grouped, _ groupCount: Int) -> Column {
        let numbers = grouped.columns[0]
        let values = numbers.pointer(Double.self)
        let fraction = isMedian ? 0.5 : fraction.value ?? 0.5
        return groupColumn(.float64, count: groupCount, filler: 0) { group in
            let range = grouped.range(group)
            if range.isEmpty { return nil }
            let sorted = UnsafeBufferPointer(start: values + range.lowerBound, count: range.count)
                .sorted { Double.precedes($0, $1) }
            return interpolated(sorted, fraction)
        }
    }

    var byteCount: Int { rows.byteCount }
}

/// The value at a fraction of a sorted, non-empty sequence.
func interpolated(_ sorted: [Double], _ fraction: Double) -> Double {
    let position = fraction * Double(sorted.count - 1)
    let lower = min(sorted.count - 1, max(0, Int(position)))
    let upper = min(sorted.count - 1, lower + 1)
    let share = position - Double(lower)
    if share == 0 || sorted[lower] == sorted[upper] { return sorted[lower] }
    return sorted[lower] + (sorted[upper] - sorted[lower]) * share
}

func checkFraction(_ fraction: Double, _ function: String) throws(KernelError) {
    guard fraction >= 0 && fraction <= 1 else {
        throw KernelError(message: "\(function) needs a fraction between 0 and 1: found \(fraction)")
    }
}

/// `mode`: the most frequent value that is not null; of several the smallest.
final class ModeAccumulator: GroupsAccumulator {
    private var rows: CollectedRows

    init(type: DataType) { rows = CollectedRows([type]) }

    func resize(groupCount: Int) { rows.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let mask = presentRows([arguments[0]], filter)
        try rows.append([arguments[0]], groups: groups, rowCount: rowCount, mask: mask)
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        try rows.appendLists(states, groups: groups, rowCount: rowCount)
    }

    func states() -> [Column] { rows.lists(emptyIsNull: false) }
    func states(_ groups: Selection) -> [Column] { rows.lists(of: groups, emptyIsNull: false) }

    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot {
        rows.snapshot()
    }

    func finish() throws(KernelError) -> Column { modes(rows.grouped(), rows.groupCount) }

    func finish(_ groups: Selection) throws(KernelError) -> Column {
        modes(rows.grouped(of: groups), groups.count)
    }

    private func modes(_ grouped: CollectedRows.Grouped, _ groupCount: Int) -> Column {
        let values = grouped.columns[0]
        let indices = Buffer(byteCount: max(1, groupCount) * 4)
        let picks = indices.assuming(Int32.self)
        for group in 0..<groupCount {
            let order = grouped.range(group).sorted { ValueOrder.compareNullable(values, $0, values, $1) < 0 }
            picks[group] = Self.mostFrequent(order, values)
        }
        return values.takingOrNull(Selection(buffer: indices, count: groupCount))
    }

    /// The row that begins the longest run of equal values; -1 for no rows.
    private static func mostFrequent(_ order: [Int], _ values: Column) -> Int32 {
        var best: Int32 = -1
        var bestLength = 0
        var start = 0
        for position in 0..<order.count {
            let isEnd =
                position + 1 == order.count
                || ValueOrder.compareNullable(values, order[position], values, order[position + 1]) != 0
            guard isEnd else { continue }
            if position + 1 - start > bestLength {
                bestLength = position + 1 - start
                best = Int32(truncatingIfNeeded: order[start])
            }
            start = position + 1
        }
        return best
    }

    var byteCount: Int { rows.byteCount }
}
