extension Arithmetic {
    static func temporal(_ rows: RowPair) throws(KernelError) -> Column {
        let retyped = RowPair(op: rows.op, left: rows.right, right: rows.left, count: rows.count, type: rows.type)
        switch (rows.op, rows.left.type, rows.right.type) {
        case (.add, .interval, .interval), (.subtract, .interval, .interval): return try intervals(rows)
        case (.add, _, .interval), (.subtract, _, .interval): return try moved(rows)
        case (.add, .interval, _): return try moved(retyped)
        case (.add, .date, .int64), (.subtract, .date, .int64): return try shiftedDates(rows)
        case (.add, .int64, .date): return try shiftedDates(retyped)
        case (.subtract, .date, .date):
            let buffer = Buffer(byteCount: rows.count * 8)
            let left = rows.left.operand(Int32.self)
            let right = rows.right.operand(Int32.self)
            mapRows(left, right, rows.count, into: buffer.assuming(Int64.self)) { Int64($0) &- Int64($1) }
            return rows.result(buffer)
        case (.subtract, .time, .time), (.subtract, .timestamp, .timestamp), (.subtract, .timestampTZ, .timestampTZ):
            return differences(rows)
        case (.add, .date, .time): return try datesWithTimes(rows)
        case (.add, .time, .date): return try datesWithTimes(retyped)
        case (.multiply, .interval, .int64), (.divide, .interval, .int64), (.multiply, .interval, .float64),
            (.divide, .interval, .float64):
            return try scaled(rows)
        case (.multiply, _, .interval): return try scaled(retyped)
        default: throw rows.unsupported
        }
    }

    /// Computes every row; nil is an error with the text given unless the row is null.
    @inline(__always)
    private static func eachRow<Left: BitwiseCopyable, Right: BitwiseCopyable, Value: BitwiseCopyable>(
        _ rows: RowPair, _ left: Operand<Left>, _ right: Operand<Right>, _ filler: Value, _ message: String,
        _ body: (Left, Right) -> Value?
    ) throws(KernelError) -> Column {
        let buffer = Buffer(byteCount: rows.count * MemoryLayout<Value>.stride)
        let target = buffer.assuming(Value.self)
        for row in 0..<rows.count {
            if let value = body(left[row], right[row]) {
                target[row] = value
            } else if rows.isNull(row) {
                target[row] = filler
            } else {
                throw KernelError(row: row, message: message)
            }
        }
        return rows.result(buffer)
    }

    private static func intervals(_ rows: RowPair) throws(KernelError) -> Column {
        let isAdd = rows.op == .add
        return try eachRow(
            rows, rows.left.intervals, rows.right.intervals, Interval(), "interval out of range"
        ) { a, b in
            let (months, overflow) =
                isAdd ? a.months.addingReportingOverflow(b.months) : a.months.subtractingReportingOverflow(b.months)
            let (days, overflow2) =
                isAdd ? a.days.addingReportingOverflow(b.days) : a.days.subtractingReportingOverflow(b.days)
            let (rest, overflow3) =
                isAdd
                ? a.nanoseconds.addingReportingOverflow(b.nanoseconds)
                : a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
            return overflow || overflow2 || overflow3 ? nil : Interval(months: months, days: days, nanoseconds: rest)
        }
    }

    /// A timestamp, date or time on the left, an interval on the right.
    private static func moved(_ rows: RowPair) throws(KernelError) -> Column {
        let isAdd = rows.op == .add
        if rows.left.type == .time {
            return try eachRow(rows, rows.left.operand(Int64.self), rows.right.intervals, Int64(0), "") { time, span in
                // Only the time of day counts, and it wraps at midnight.
                let step = span.nanoseconds % NanosecondsPer.day
                let sum = (isAdd ? time &+ step : time &- step) % NanosecondsPer.day
                return sum < 0 ? sum &+ NanosecondsPer.day : sum
            }
        }
        if rows.left.type == .date {
            return try eachRow(
                rows, rows.left.operand(Int32.self), rows.right.intervals, Int64(0), "timestamp out of range"
            ) { date, span in
                guard let step = isAdd ? span : span.negated,
                    let start = CalendarMath.join(days: Int(date), nanoseconds: 0)
                else { return nil }
                return CalendarMath.adding(step, to: start)
            }
        }
        if case .scalar(let scalar) = rows.right, let span = scalar.intervalValue, span.months == 0 && span.days == 0 {
            let pair = RowPair(
                op: rows.op, left: rows.left, right: .scalar(.int64(span.nanoseconds)), count: rows.count,
                type: rows.type)
            do {
                return try integers(Int64.self, pair)
            } catch {
                throw KernelError(row: error.row, message: "timestamp out of range")
            }
        }
        return try eachRow(
            rows, rows.left.operand(Int64.self), rows.right.intervals, Int64(0), "timestamp out of range"
        ) { timestamp, span in
            guard let step = isAdd ? span : span.negated else { return nil }
            return CalendarMath.adding(step, to: timestamp)
        }
    }

    private static func shiftedDates(_ rows: RowPair) throws(KernelError) -> Column {
        let isAdd = rows.op == .add
        return try eachRow(
            rows, rows.left.operand(Int32.self), rows.right.operand(Int64.self), Int32(0), "date out of range"
        ) { date, days in
            let (sum, overflow) =
                isAdd ? Int64(date).addingReportingOverflow(days) : Int64(date).subtractingReportingOverflow(days)
            return overflow ? nil : Int32(exactly: sum)
        }
    }

    /// Whole days and the rest, as PostgreSQL subtracts timestamps.
    private static func differences(_ rows: RowPair) -> Column {
        let buffer = Buffer(byteCount: rows.count * 16)
        let left = rows.left.operand(Int64.self)
        let right = rows.right.operand(Int64.self)
        mapRows(left, right, rows.count, into: buffer.assuming(Interval.self)) { a, b in
            let (difference, overflow) = a.subtractingReportingOverflow(b)
            if !overflow {
                let days = difference / NanosecondsPer.day
                return Interval(
                    days: Int32(truncatingIfNeeded: days), nanoseconds: difference &- days &* NanosecondsPer.day)
            }
            let (days, rest) = (Int128(a) - Int128(b)).quotientAndRemainder(dividingBy: Int128(NanosecondsPer.day))
            return Interval(days: Int32(truncatingIfNeeded: days), nanoseconds: Int64(truncatingIfNeeded: rest))
        }
        return rows.result(buffer)
    }

    private static func datesWithTimes(_ rows: RowPair) throws(KernelError) -> Column {
        try eachRow(
            rows, rows.left.operand(Int32.self), rows.right.operand(Int64.self), Int64(0), "timestamp out of range"
        ) { date, time in CalendarMath.join(days: Int(date), nanoseconds: time) }
    }

    /// An interval on the left, a number on the right.
    private static func scaled(_ rows: RowPair) throws(KernelError) -> Column {
        let message = "interval out of range"
        let isDivision = rows.op == .divide
        if rows.right.type == .int64 {
            let factors = rows.right.operand(Int64.self)
            if isDivision {
                try rejectZeros(rows) { factors[$0] == 0 }
                return try eachRow(rows, rows.left.intervals, factors, Interval(), message) { span, factor in
                    span.scaled { $0 / Double(factor) }
                }
            }
            return try eachRow(rows, rows.left.intervals, factors, Interval(), message) { span, factor in
                span.multiplied(by: factor)
            }
        }
        let factors = rows.right.operand(Double.self)
        if isDivision {
            try rejectZeros(rows) { factors[$0] == 0 }
            return try eachRow(rows, rows.left.intervals, factors, Interval(), message) { span, factor in
                span.scaled { $0 / factor }
            }
        }
        return try eachRow(rows, rows.left.intervals, factors, Interval(), message) { span, factor in
            span.scaled { $0 * factor }
        }
    }

    private static func rejectZeros(_ rows: RowPair, _ isZero: (Int) -> Bool) throws(KernelError) {
        for row in 0..<rows.count where isZero(row) && !rows.isNull(row) {
            throw KernelError(row: row, message: divisionByZero)
        }
    }
}

extension Interval {
    /// Each part times a whole number, exactly; nil on overflow.
    func multiplied(by factor: Int64) -> Interval? {
        let (months, overflow) = Int64(months).multipliedReportingOverflow(by: factor)
        let (days, overflow2) = Int64(days).multipliedReportingOverflow(by: factor)
        let (rest, overflow3) = nanoseconds.multipliedReportingOverflow(by: factor)
        guard !overflow, !overflow2, !overflow3, let months = Int32(exactly: months), let days = Int32(exactly: days)
        else { return nil }
        return Interval(months: months, days: days, nanoseconds: rest)
    }

    /// Each part scaled; fractions of months go to days of a 30-day month, fractions of days to the time, as in
    /// PostgreSQL. Nil out of range.
    func scaled(_ scale: (Double) -> Double) -> Interval? {
        let exactMonths = scale(Double(months))
        let exactDays = scale(Double(days))
        guard let wholeMonths = Int32(exactly: exactMonths.rounded(.towardZero)),
            let wholeDays = Int32(exactly: exactDays.rounded(.towardZero))
        else { return nil }
        let daysOfMonths = Interval.micro((exactMonths - Double(wholeMonths)) * 30)
        let wholeExtra = daysOfMonths.rounded(.towardZero)
        var seconds = Interval.micro((exactDays - Double(wholeDays) + daysOfMonths - wholeExtra) * 86_400)
        var carried = wholeExtra
        if seconds.magnitude >= 86_400 {
            carried += (seconds / 86_400).rounded(.towardZero)
            seconds = seconds.truncatingRemainder(dividingBy: 86_400)
        }
        guard let extra = Int32(exactly: carried) else { return nil }
        let (sum, overflow) = wholeDays.addingReportingOverflow(extra)
        let exactRest = (scale(Double(nanoseconds)) + seconds * 1e9).rounded(.toNearestOrEven)
        guard !overflow, let rest = Int64(exactly: exactRest) else { return nil }
        return Interval(months: wholeMonths, days: sum, nanoseconds: rest)
    }

    // Fractions are taken to six digits, which hides the error of binary fractions.
    private static func micro(_ value: Double) -> Double { (value * 1e6).rounded() / 1e6 }
}
