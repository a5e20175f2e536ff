import Columnar

/// `array_agg`: all values, nulls included, in the order they came; null for a group without rows.
final class ArrayAccumulator: GroupsAccumulator {
    private var rows: CollectedRows

    init(type: DataType) { rows = CollectedRows([type]) }

    func resize(groupCount: Int) { rows.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        try rows.append([arguments[0]], groups: groups, rowCount: rowCount, mask: filter)
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        try rows.appendLists(states, groups: groups, rowCount: rowCount)
    }

    func states() -> [Column] { rows.lists(emptyIsNull: false) }
    func finish() throws(KernelError) -> Column { rows.lists(emptyIsNull: true)[0] }
    func states(_ groups: Selection) -> [Column] { rows.lists(of: groups, emptyIsNull: false) }

    func finish(_ groups: Selection) throws(KernelError) -> Column {
        rows.lists(of: groups, emptyIsNull: true)[0]
    }

    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot {
        rows.snapshot()
    }

    var byteCount: Int { rows.byteCount }
}

/// `string_agg(text, delimiter)`: the texts that are not null, each but the first after its row's delimiter.
final class TextJoinAccumulator: GroupsAccumulator {
    private var rows = CollectedRows([.utf8, .utf8])

    func resize(groupCount: Int) { rows.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let mask = presentRows([arguments[0]], filter)
        try rows.append(Array(arguments.prefix(2)), groups: groups, rowCount: rowCount, mask: mask)
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        try rows.appendLists(states, groups: groups, rowCount: rowCount)
    }

    func states() -> [Column] { rows.lists(emptyIsNull: false) }
    func states(_ groups: Selection) -> [Column] { rows.lists(of: groups, emptyIsNull: false) }

    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot {
        rows.snapshot()
    }

    func finish() throws(KernelError) -> Column { try joined(rows.grouped(), rows.groupCount) }

    func finish(_ groups: Selection) throws(KernelError) -> Column {
        try joined(rows.grouped(of: groups), groups.count)
    }

    private func joined(_ grouped: CollectedRows.Grouped, _ groupCount: Int) throws(KernelError) -> Column {
        let textColumn = grouped.columns[0]
        let texts = textColumn.viewReader
        let delimiters = grouped.columns[1]
        let delimiterReader = delimiters.viewReader
        var builder = ViewBuilder(capacity: groupCount)
        var joined: [UInt8] = []
        for group in 0..<groupCount {
            let range = grouped.range(group)
            if range.isEmpty {
                builder.appendNull()
                continue
            }
            joined.removeAll(keepingCapacity: true)
            for row in range {
                if row > range.lowerBound && !delimiters.isNull(row) {
                    joined.append(contentsOf: delimiterReader[row])
                }
                joined.append(contentsOf: texts[row])
            }
            guard joined.count <= Int(Int32.max) else {
                throw KernelError(message: "string_agg made a text of \(joined.count) bytes: more than \(Int32.max)")
            }
            builder.append(joined)
        }
        return builder.finish()
    }

    var byteCount: Int { rows.byteCount }
}

/// `nth_value(value, n)`: the n-th value from the first, 1-based, nulls included; null when there are fewer.
final class NthValueAccumulator: GroupsAccumulator {
    private var rows: CollectedRows
    private var counts = GroupArray<Int64>(initial: 0)
    private var position = ConstantParameter("nth_value", "position")

    init(type: DataType) { rows = CollectedRows([type]) }

    func resize(groupCount: Int) {
        rows.resize(groupCount)
        counts.resize(groupCount)
    }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        guard rowCount > 0 else { return }
        let limit = try limit(position.read(arguments[1]))
        var mask = BitmapBuilder(capacity: rowCount)
        for row in 0..<rowCount {
            let group = Int(groups[row])
            let isTaken = counts[group] < limit && (filter?[row] ?? true)
            if isTaken { counts[group] += 1 }
            mask.append(isTaken)
        }
        try rows.append([arguments[0]], groups: groups, rowCount: rowCount, mask: mask.finish())
    }

    private func limit(_ value: Double) throws(KernelError) -> Int64 {
        guard let limit = Int64(exactly: value), limit > 0 else {
            throw KernelError(message: "nth_value needs a position of at least 1: found \(value)")
        }
        return limit
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        position.merge(states[1], rowCount: rowCount)
        let offsets = states[0].listOffsets
        for row in 0..<rowCount { counts[Int(groups[row])] += Int64(offsets[row + 1] - offsets[row]) }
        try rows.appendLists([states[0]], groups: groups, rowCount: rowCount)
    }

    func states() -> [Column] { rows.lists(emptyIsNull: false) + [position.column(rows.groupCount)] }

    func states(_ groups: Selection) -> [Column] {
        rows.lists(of: groups, emptyIsNull: false) + [position.column(groups.count)]
    }

    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot {
        rows.snapshot { [position] in [position.column($0)] }
    }

    func finish() throws(KernelError) -> Column { picked(rows.grouped(), rows.groupCount) }

    func finish(_ groups: Selection) throws(KernelError) -> Column {
        picked(rows.grouped(of: groups), groups.count)
    }

    private func picked(_ grouped: CollectedRows.Grouped, _ groupCount: Int) -> Column {
        let nth = Int(position.value.flatMap { Int64(exactly: $0) } ?? 1)
        let indices = Buffer(byteCount: max(1, groupCount) * 4)
        let picks = indices.assuming(Int32.self)
        for group in 0..<groupCount {
            let range = grouped.range(group)
            picks[group] = nth <= range.count ? Int32(truncatingIfNeeded: range.lowerBound + nth - 1) : -1
        }
        return grouped.columns[0].takingOrNull(Selection(buffer: indices, count: groupCount))
    }

    var byteCount: Int { rows.byteCount + counts.byteCount }
}

/// A constant argument of an aggregate, learnt from the first row that comes and carried in the state.
struct ConstantParameter {
    private(set) var value: Double?
    private let function: String
    private let parameter: String

    init(_ function: String, _ parameter: String) {
        self.function = function
        self.parameter = parameter
    }

    /// The constant: of the first batch, whose first row stands for all. The column is a number of any type.
    mutating func read(_ column: Column) throws(KernelError) -> Double {
        if let value { return value }
        switch column.scalar(at: 0).storage {
        case .int(let number): value = Double(number)
        case .uint(let number): value = Double(number)
        case .float(let number): value = number
        default: throw KernelError(row: 0, message: "the \(parameter) of \(function) must not be NULL")
        }
        return value ?? 0
    }

    mutating func merge(_ column: Column, rowCount: Int) {
        guard value == nil, rowCount > 0, !column.isNull(0) else { return }
        value = column.pointer(Double.self)[0]
    }

    func column(_ count: Int) -> Column {
        guard let value else { return .nulls(.float64, count: count) }
        return .repeating(.float64(value), count: count)
    }
}
