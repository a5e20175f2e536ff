import Columnar

/// Kernels that compare two times.
enum DifferenceKernels {
    /// `date_diff(unit, start, end)`: how many borders of the unit lie between.
    static func difference(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.int64)) }
        let names = arguments.text(0)
        let constant = names.isConstant ? try TimeUnit(names[0], function: "date_diff") : nil
        let (starts, ends) = (arguments.integer(1), arguments.integer(2))
        return try arguments.makeValues(Int64.self) { (row) throws(KernelError) in
            let unit = if let constant { constant } else { try TimeUnit(names[row], function: "date_diff") }
            return index(ends[row], unit) &- index(starts[row], unit)
        }
    }

    private static func index(_ time: Int64, _ unit: TimeUnit) -> Int64 {
        let (days, nanoseconds) = CalendarMath.split(time)
        if unit == .week { return Int64(floorDivide(days + 3, 7)) }
        guard let length = unit.length else { return Int64(unit.index(of: CivilDate(daysSinceEpoch: days))) }
        if unit == .day { return Int64(days) }
        return Int64(days) &* (NanosecondsPer.day / length) &+ nanoseconds / length
    }

    private static func floorDivide(_ value: Int, _ divisor: Int) -> Int {
        value >= 0 ? value / divisor : (value - divisor + 1) / divisor
    }

    /// `age(end, start)`: the difference in years, months, days and time, as a person would say it.
    static func age(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.interval)) }
        let later = arguments.integer(0)
        let earlier = arguments.count > 1 ? arguments.integer(1) : nil
        let today = arguments.context.now - (arguments.context.now % NanosecondsPer.day)
        let rows = arguments.computedRowCount
        let present = arguments.presentRows
        var builder = FixedWidthBuilder<Interval>(capacity: rows)
        for row in 0..<rows {
            if let present, !present[row] {
                builder.appendNull(Interval())
                continue
            }
            // With one argument: from it to the midnight this day began with.
            let (end, start) = earlier.map { (later[row], $0[row]) } ?? (today, later[row])
            let age = end >= start ? between(start, end) : between(end, start).negated
            guard let age else { throw KernelError(row: row, message: "age: out of range") }
            builder.append(age)
        }
        return arguments.result(builder.finish(.interval))
    }

    private static func between(_ start: Int64, _ end: Int64) -> Interval {
        let (startDays, startTime) = CalendarMath.split(start)
        let (endDays, endTime) = CalendarMath.split(end)
        let (first, last) = (CivilDate(daysSinceEpoch: startDays), CivilDate(daysSinceEpoch: endDays))
        var nanoseconds = endTime - startTime
        var days = last.day - first.day
        var months = (last.year - first.year) * 12 + last.month - first.month
        if nanoseconds < 0 {
            nanoseconds += NanosecondsPer.day
            days -= 1
        }
        if days < 0 {
            days += CivilDate.dayCount(year: first.year, month: first.month)
            months -= 1
        }
        return Interval(
            months: Int32(truncatingIfNeeded: months), days: Int32(truncatingIfNeeded: days), nanoseconds: nanoseconds)
    }
}
