import Columnar

/// An exact sum of integers, 128 bits in two halves, with the number of rows.
struct IntegerTotal: BitwiseCopyable {
    var low: UInt64 = 0
    var high: Int64 = 0
    var count: Int64 = 0

    var value: Int128 { Int128(high) << 64 | Int128(low) }

    @inline(__always)
    mutating func add(low other: UInt64, high otherHigh: Int64) {
        let (sum, carry) = low.addingReportingOverflow(other)
        low = sum
        high = high &+ otherHigh &+ (carry ? 1 : 0)
    }
}

/// What an accumulator of sums gives in the end.
enum SumResult {
    case sum
    case average
}

/// `sum` and `avg` of integers: sums exactly, so that only the final value can be out of range and the order of rows
/// never matters.
final class IntegerSums<Input: FixedWidthInteger & BitwiseCopyable>: RetractableAccumulator {
    private var totals = GroupArray<IntegerTotal>(initial: IntegerTotal())
    private let result: SumResult

    init(_ result: SumResult) { self.result = result }

    func resize(groupCount: Int) { totals.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let totals = totals.pointer
        let values = arguments[0].pointer(Input.self)
        forEachRow(rowCount, in: presentRows(arguments, filter)) { row in
            let value = values[row]
            let group = Int(groups[row])
            totals[group].add(low: UInt64(truncatingIfNeeded: value), high: value < 0 ? -1 : 0)
            totals[group].count &+= 1
        }
    }

    func retract(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let totals = totals.pointer
        let values = arguments[0].pointer(Input.self)
        forEachRow(rowCount, in: presentRows(arguments, filter)) { row in
            let value = -Int128(truncatingIfNeeded: values[row])
            let group = Int(groups[row])
            totals[group].add(low: UInt64(truncatingIfNeeded: value), high: Int64(truncatingIfNeeded: value >> 64))
            totals[group].count &-= 1
        }
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        let totals = totals.pointer
        let sums = states[0].pointer(Int128.self)
        let counts = states[1].pointer(Int64.self)
        for row in 0..<rowCount {
            let sum = sums[row]
            let group = Int(groups[row])
            totals[group].add(low: UInt64(truncatingIfNeeded: sum), high: Int64(truncatingIfNeeded: sum >> 64))
            totals[group].count &+= counts[row]
        }
    }

    func states() -> [Column] {
        let totals = totals.pointer
        let count = self.totals.count
        return [
            groupColumn(totalType, count: count, filler: 0) { Optional(totals[$0].value) },
            groupColumn(.int64, count: count, filler: 0) { Optional(totals[$0].count) },
        ]
    }

    func states(_ groups: Selection) -> [Column] {
        let totals = totals.pointer
        return [
            groupColumn(totalType, of: groups, filler: 0) { Optional(totals[$0].value) },
            groupColumn(.int64, of: groups, filler: 0) { Optional(totals[$0].count) },
        ]
    }

    func finish() throws(KernelError) -> Column { try results(of: nil) }

    func finish(_ groups: Selection) throws(KernelError) -> Column { try results(of: groups) }

    /// The results of some groups, or of all.
    private func results(of groups: Selection?) throws(KernelError) -> Column {
        switch result {
        case .average:
            let totals = totals.pointer
            return groupColumn(.float64, count: groups?.count ?? self.totals.count, filler: 0) { index in
                let total = totals[groups?[index] ?? index]
                return total.count == 0 ? nil : Double(total.value) / Double(total.count)
            }
        case .sum where Input.isSigned: return try sums(of: Int64.self, .int64, groups)
        case .sum: return try sums(of: UInt64.self, .uint64, groups)
        }
    }

    private func sums<Sum: FixedWidthInteger & BitwiseCopyable>(
        of width: Sum.Type, _ type: DataType, _ groups: Selection?
    ) throws(KernelError) -> Column {
        let totals = totals.pointer
        var outOfRange: Int128?
        let column = groupColumn(type, count: groups?.count ?? self.totals.count, filler: Sum(0)) { index -> Sum? in
            let total = totals[groups?[index] ?? index]
            if total.count == 0 { return nil }
            guard let sum = Sum(exactly: total.value) else {
                outOfRange = total.value
                return 0
            }
            return sum
        }
        if let outOfRange {
            throw KernelError(message: "\(type.sqlName) out of range in sum: the total is \(outOfRange)")
        }
        return column
    }

    var arrays: [ArrayView] { [totals.view] }
    var byteCount: Int { totals.byteCount }
}
