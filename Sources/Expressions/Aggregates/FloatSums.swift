import Columnar

/// `sum` and `avg` of doubles with the rounding errors carried along (Knuth's two-sum), so that the order in which
/// rows or partial sums come hardly ever shows in the result.
final class FloatSums: GroupsAccumulator {
    private struct Total: BitwiseCopyable {
        var sum = 0.0
        var error = 0.0
        var count: Int64 = 0

        @inline(__always)
        mutating func add(_ value: Double) {
            let next = sum + value
            let part = next - sum
            error += (sum - (next - part)) + (value - part)
            sum = next
        }

        var value: Double {
            // Infinities leave a NaN as their rounding error.
            sum.isFinite && error.isFinite ? sum + error : sum
        }
    }

    private var totals = GroupArray(initial: Total())
    private let result: SumResult

    init(_ result: SumResult) { self.result = result }

    func resize(groupCount: Int) { totals.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let totals = totals.pointer
        let values = arguments[0].pointer(Double.self)
        forEachRow(rowCount, in: presentRows(arguments, filter)) { row in
            let group = Int(groups[row])
            totals[group].add(values[row])
            totals[group].count &+= 1
        }
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        let totals = totals.pointer
        let sums = states[0].pointer(Double.self)
        let errors = states[1].pointer(Double.self)
        let counts = states[2].pointer(Int64.self)
        for row in 0..<rowCount where counts[row] > 0 {
            let group = Int(groups[row])
            totals[group].add(sums[row])
            totals[group].error += errors[row]
            totals[group].count &+= counts[row]
        }
    }

    func states() -> [Column] {
        let totals = totals.pointer
        let count = self.totals.count
        return [
            groupColumn(.float64, count: count, filler: 0) { Optional(totals[$0].sum) },
            groupColumn(.float64, count: count, filler: 0) { Optional(totals[$0].error) },
            groupColumn(.int64, count: count, filler: 0) { Optional(totals[$0].count) },
        ]
    }

    func states(_ groups: Selection) -> [Column] {
        let totals = totals.pointer
        return [
            groupColumn(.float64, of: groups, filler: 0) { Optional(totals[$0].sum) },
            groupColumn(.float64, of: groups, filler: 0) { Optional(totals[$0].error) },
            groupColumn(.int64, of: groups, filler: 0) { Optional(totals[$0].count) },
        ]
    }

    func finish() throws(KernelError) -> Column {
        let totals = totals.pointer
        let isSum = result == .sum
        return groupColumn(.float64, count: self.totals.count, filler: 0) { group in
            let total = totals[group]
            if total.count == 0 { return nil }
            return isSum ? total.value : total.value / Double(total.count)
        }
    }

    var arrays: [ArrayView] { [totals.view] }
    var byteCount: Int { totals.byteCount }
}
