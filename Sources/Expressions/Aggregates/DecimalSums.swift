import Columnar

/// `sum` and `avg` of decimals: exact 128-bit sums of the scaled integers.
final class DecimalSums: RetractableAccumulator, FixedWidthAccumulator {
    private struct Total: BitwiseCopyable {
        var sum: Int128 = 0
        var count: Int64 = 0
        var hasOverflowed = false
    }

    private var totals = GroupArray(initial: Total())
    private let result: SumResult
    private let scale: Int
    private let type: DataType
    /// Ten to the digits that an average gains.
    private let raise: Int128

    /// `scale` is the argument's scale; `type` the result's type.
    init(_ result: SumResult, scale: Int, type: DataType) {
        self.result = result
        self.scale = scale
        self.type = type
        var raise: Int128 = 1
        if case .decimal(_, let resultScale) = type, resultScale > scale {
            for _ in scale..<resultScale { raise *= 10 }
        }
        self.raise = raise
    }

    func resize(groupCount: Int) { totals.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let totals = totals.pointer
        let values = arguments[0].pointer(Int128.self)
        forEachRow(rowCount, in: presentRows(arguments, filter)) { row in
            let group = Int(groups[row])
            let (sum, overflow) = totals[group].sum.addingReportingOverflow(values[row])
            totals[group].sum = sum
            totals[group].count &+= 1
            if overflow { totals[group].hasOverflowed = true }
        }
    }

    func retract(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let totals = totals.pointer
        let values = arguments[0].pointer(Int128.self)
        forEachRow(rowCount, in: presentRows(arguments, filter)) { row in
            let group = Int(groups[row])
            let (sum, overflow) = totals[group].sum.subtractingReportingOverflow(values[row])
            totals[group].sum = sum
            totals[group].count &-= 1
            if overflow { totals[group].hasOverflowed = true }
        }
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        let totals = totals.pointer
        let sums = states[0].pointer(Int128.self)
        let counts = states[1].pointer(Int64.self)
        let overflows = states[2].bits
        for row in 0..<rowCount {
            let group = Int(groups[row])
            let (sum, overflow) = totals[group].sum.addingReportingOverflow(sums[row])
            totals[group].sum = sum
            totals[group].count &+= counts[row]
            if overflow || overflows[row] { totals[group].hasOverflowed = true }
        }
    }

    func states() -> [Column] {
        let totals = totals.pointer
        let count = self.totals.count
        var overflows = BooleanBuilder(capacity: count)
        for group in 0..<count { overflows.append(totals[group].hasOverflowed) }
        return [
            groupColumn(totalType, count: count, filler: 0) { Optional(totals[$0].sum) },
            groupColumn(.int64, count: count, filler: 0) { Optional(totals[$0].count) },
            overflows.finish(),
        ]
    }

    func finish() throws(KernelError) -> Column {
        let totals = totals.pointer
        let limit = Self.limit
        let result = result
        let raise = raise
        var isOutOfRange = false
        let column = groupColumn(type, count: self.totals.count, filler: Int128(0)) { group -> Int128? in
            let total = totals[group]
            if total.count == 0 { return nil }
            if total.hasOverflowed {
                isOutOfRange = true
                return 0
            }
            let value = result == .sum ? total.sum : Self.average(total.sum, raise, Int128(total.count))
            guard let value, value.magnitude < limit else {
                isOutOfRange = true
                return 0
            }
            return value
        }
        if isOutOfRange {
            throw KernelError(message: "\(type.sqlName) out of range in \(result == .sum ? "sum" : "avg")")
        }
        return column
    }

    private static let limit: UInt128 = {
        var power: UInt128 = 1
        for _ in 0..<38 { power *= 10 }
        return power
    }()

    /// `sum · raise / count` rounded half away from zero; nil when it does not fit.
    private static func average(_ sum: Int128, _ raise: Int128, _ count: Int128) -> Int128? {
        let (high, low) = sum.magnitude.multipliedFullWidth(by: raise.magnitude)
        let divisor = count.magnitude
        guard high < divisor else { return nil }
        var (quotient, remainder) = divisor.dividingFullWidth((high, low))
        if remainder >= divisor - remainder { quotient += 1 }
        guard let magnitude = Int128(exactly: quotient) else { return nil }
        return sum < 0 ? -magnitude : magnitude
    }

    func makeEmpty() -> any GroupsAccumulator { DecimalSums(result, scale: scale, type: type) }
    var arrays: [ArrayView] { [totals.view] }
    var byteCount: Int { totals.byteCount }
}
