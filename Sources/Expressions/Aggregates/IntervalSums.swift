import Columnar

/// `sum` of intervals, part by part.
final class IntervalSums: FixedWidthAccumulator {
    private struct Total: BitwiseCopyable {
        var months: Int64 = 0
        var days: Int64 = 0
        var nanoseconds: Int128 = 0
        var count: Int64 = 0
    }

    private var totals = GroupArray(initial: Total())

    func resize(groupCount: Int) { totals.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let totals = totals.pointer
        let values = arguments[0].pointer(Interval.self)
        forEachRow(rowCount, in: presentRows(arguments, filter)) { row in
            let group = Int(groups[row])
            totals[group].months &+= Int64(values[row].months)
            totals[group].days &+= Int64(values[row].days)
            totals[group].nanoseconds &+= Int128(values[row].nanoseconds)
            totals[group].count &+= 1
        }
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        let totals = totals.pointer
        let months = states[0].pointer(Int64.self)
        let days = states[1].pointer(Int64.self)
        let nanoseconds = states[2].pointer(Int128.self)
        let counts = states[3].pointer(Int64.self)
        for row in 0..<rowCount {
            let group = Int(groups[row])
            totals[group].months &+= months[row]
            totals[group].days &+= days[row]
            totals[group].nanoseconds &+= nanoseconds[row]
            totals[group].count &+= counts[row]
        }
    }

    func states() -> [Column] {
        let totals = totals.pointer
        let count = self.totals.count
        return [
            groupColumn(.int64, count: count, filler: 0) { Optional(totals[$0].months) },
            groupColumn(.int64, count: count, filler: 0) { Optional(totals[$0].days) },
            groupColumn(totalType, count: count, filler: 0) { Optional(totals[$0].nanoseconds) },
            groupColumn(.int64, count: count, filler: 0) { Optional(totals[$0].count) },
        ]
    }

    func finish() throws(KernelError) -> Column {
        let totals = totals.pointer
        var isOutOfRange = false
        let column = groupColumn(.interval, count: self.totals.count, filler: Interval()) { group -> Interval? in
            let total = totals[group]
            if total.count == 0 { return nil }
            guard let months = Int32(exactly: total.months), let days = Int32(exactly: total.days),
                let nanoseconds = Int64(exactly: total.nanoseconds)
            else {
                isOutOfRange = true
                return Interval()
            }
            return Interval(months: months, days: days, nanoseconds: nanoseconds)
        }
        if isOutOfRange { throw KernelError(message: "INTERVAL out of range in sum") }
        return column
    }

    func makeEmpty() -> any GroupsAccumulator { IntervalSums() }
    var arrays: [ArrayView] { [totals.view] }
    var byteCount: Int { totals.byteCount }
}
