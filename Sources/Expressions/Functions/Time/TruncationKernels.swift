import Columnar

/// Kernels that round timestamps down.
enum TruncationKernels {
    /// `date_trunc(unit, timestamp)`.
    static func truncate(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let names = arguments.text(0)
        let times = arguments.integer(1)
        if arguments.hasNullConstant { return .scalar(.null(arguments.returnType)) }
        var unit = names.isConstant ? try TimeUnit(names[0], function: "date_trunc") : TimeUnit.day
        // Neighbours mostly lie in one span.
        var known: Range<Int64> = 0..<0
        return try arguments.makeValues(Int64.self) { (row) throws(KernelError) in
            let time = times[row]
            if !names.isConstant {
                unit = try TimeUnit(names[row], function: "date_trunc")
                known = 0..<0
            }
            if time >= known.lowerBound && time < known.upperBound { return known.lowerBound }
            guard let span = unit.span(containing: time) else {
                throw KernelError(row: row, message: "date_trunc: the timestamp is out of range")
            }
            known = span
            return span.lowerBound
        }
    }

    /// `date_bin(stride, timestamp [, origin])`.
    static func bin(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let strides = ValueOperand<Interval>(arguments.values[0])
        let times = arguments.integer(1)
        let origins = arguments.count > 2 ? arguments.integer(2) : nil
        return try arguments.makeValues(Int64.self) { (row) throws(KernelError) in
            guard let start = start(strides[row], times[row], origins?[row] ?? 0) else {
                throw KernelError(
                    row: row, message: "date_bin: expected a positive stride and times in range, found \(strides[row])")
            }
            return start
        }
    }

    private static func start(_ stride: Interval, _ time: Int64, _ origin: Int64) -> Int64? {
        if stride.months != 0 { return monthStart(stride, time, origin) }
        let (days, overflow) = Int64(stride.days).multipliedReportingOverflow(by: NanosecondsPer.day)
        let (length, overflow2) = days.addingReportingOverflow(stride.nanoseconds)
        let (distance, overflow3) = time.subtractingReportingOverflow(origin)
        guard !overflow, !overflow2, !overflow3, length > 0 else { return nil }
        let remainder = distance % length
        let (start, underflow) = time.subtractingReportingOverflow(remainder < 0 ? remainder + length : remainder)
        return underflow ? nil : start
    }

    /// Strides of whole months count from the month of the origin.
    private static func monthStart(_ stride: Interval, _ time: Int64, _ origin: Int64) -> Int64? {
        guard stride.months > 0, stride.days == 0, stride.nanoseconds == 0 else { return nil }
        let date = CivilDate(daysSinceEpoch: CalendarMath.split(time).days)
        let first = CivilDate(daysSinceEpoch: CalendarMath.split(origin).days)
        var steps = ((date.year - first.year) * 12 + date.month - first.month) / Int(stride.months)
        // The day and time of the origin may lie later in its month than those of the timestamp.
        for _ in 0..<3 {
            guard let months = Int32(exactly: steps * Int(stride.months)),
                let start = CalendarMath.adding(Interval(months: months), to: origin)
            else { return nil }
            if start > time {
                steps -= 1
                continue
            }
            return start
        }
        return nil
    }
}
