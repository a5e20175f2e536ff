extension Cast {
    static func temporal(_ job: CastJob) throws(KernelError) -> Column {
        let column = job.column
        switch (column.type, job.type) {
        case (.timestamp, .timestampTZ), (.timestampTZ, .timestamp), (.timestamp, .int64), (.timestampTZ, .int64),
            (.int64, .timestamp), (.int64, .timestampTZ), (.time, .int64), (.date, .int32), (.int32, .date):
            return column.reinterpreted(as: job.type)
        case (.date, .timestamp), (.date, .timestampTZ):
            let source = column.pointer(Int32.self)
            return try job.flagged(source, Int64.self) { days in
                let (product, overflow) = Int64(days).multipliedReportingOverflow(by: NanosecondsPer.day)
                return (product, overflow)
            }
        case (.timestamp, .date), (.timestampTZ, .date):
            return try job.flagged(column.pointer(Int64.self), Int32.self) { value in
                (Int32(truncatingIfNeeded: CalendarMath.split(value).days), false)
            }
        case (.timestamp, .time), (.timestampTZ, .time):
            return try job.flagged(column.pointer(Int64.self), Int64.self) {
                (CalendarMath.split($0).nanoseconds, false)
            }
        case (.date, .int64): return try job.flagged(column.pointer(Int32.self), Int64.self) { (Int64($0), false) }
        case (.int64, .date):
            return try job.flagged(column.pointer(Int64.self), Int32.self) { value in
                let days = Int32(truncatingIfNeeded: value)
                return (days, Int64(days) != value)
            }
        case (.int64, .time):
            return try job.flagged(column.pointer(Int64.self), Int64.self) { value in
                (value, value < 0 || value >= NanosecondsPer.day)
            }
        case (.time, .interval):
            return try job.flagged(column.pointer(Int64.self), Interval.self) { (Interval(nanoseconds: $0), false) }
        case (.interval, .time):
            let source = column.pointer(Interval.self)
            return try job.eachRow(filler: Int64(0), { _ in "" }) { row in
                let rest = source[row].nanoseconds % NanosecondsPer.day
                return rest < 0 ? rest &+ NanosecondsPer.day : rest
            }
        default: throw job.unsupported
        }
    }
}
