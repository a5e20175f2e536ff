import Columnar

/// A field of a date, time or interval that `date_part` and `EXTRACT` give.
enum DateField: String, CaseIterable {
    case nanosecond, microsecond, millisecond, second, minute, hour, day, week, month, quarter, year, decade, century
    case millennium, dow, isodow, doy, isoyear, epoch

    init(_ name: UnsafeRawBufferPointer) throws(KernelError) {
        var text = String(decoding: name, as: UTF8.self).lowercased()
        if text.hasSuffix("s"), DateField(rawValue: String(text.dropLast())) != nil { text.removeLast() }
        if text == "dayofweek" { text = "dow" }
        if text == "dayofyear" { text = "doy" }
        guard let field = DateField(rawValue: text) else {
            let known = DateField.allCases.map(\.rawValue).joined(separator: ", ")
            throw KernelError(message: "date_part: expected one of \(known), found \"\(text)\"")
        }
        self = field
    }

    /// The field of a day and a time on it.
    func value(days: Int, nanoseconds: Int64) -> Double {
        switch self {
        case .nanosecond: return Double(nanoseconds % NanosecondsPer.minute)
        case .microsecond: return Double(nanoseconds % NanosecondsPer.minute) / 1e3
        case .millisecond: return Double(nanoseconds % NanosecondsPer.minute) / 1e6
        case .second: return Double(nanoseconds % NanosecondsPer.minute) / 1e9
        case .minute: return Double(nanoseconds / NanosecondsPer.minute % 60)
        case .hour: return Double(nanoseconds / NanosecondsPer.hour)
        case .dow: return Double(isoWeekday(days) % 7)
        case .isodow: return Double(isoWeekday(days))
        case .week: return Double(isoWeek(days).week)
        case .isoyear: return Double(isoWeek(days).year)
        case .epoch: return Double(days) * 86_400 + Double(nanoseconds) / 1e9
        default: break
        }
        let date = CivilDate(daysSinceEpoch: days)
        switch self {
        case .day: return Double(date.day)
        case .month: return Double(date.month)
        case .quarter: return Double((date.month + 2) / 3)
        case .doy: return Double(date.dayOfYear)
        case .decade: return (Double(date.year) / 10).rounded(.down)
        case .century: return Double(TimeUnit.century.index(of: date) + 1)
        case .millennium: return Double(TimeUnit.millennium.index(of: date) + 1)
        default: return Double(date.year)
        }
    }

    /// The field of an interval; months make years, nothing else is carried.
    func value(_ interval: Interval) -> Double? {
        let months = Int(interval.months)
        switch self {
        case .year: return Double(months / 12)
        case .month: return Double(months % 12)
        case .quarter: return Double(months % 12 / 3 + 1)
        case .decade: return Double(months / 120)
        case .century: return Double(months / 1200)
        case .millennium: return Double(months / 12_000)
        case .day: return Double(interval.days)
        case .epoch:
            let years = Double(months / 12) * 365.25 * 86_400
            return years + Double(months % 12) * 30 * 86_400 + Double(interval.days) * 86_400
                + Double(interval.nanoseconds) / 1e9
        case .hour: return Double(interval.nanoseconds / NanosecondsPer.hour)
        case .minute: return Double(interval.nanoseconds / NanosecondsPer.minute % 60)
        case .second: return Double(interval.nanoseconds % NanosecondsPer.minute) / 1e9
        case .millisecond: return Double(interval.nanoseconds % NanosecondsPer.minute) / 1e6
        case .microsecond: return Double(interval.nanoseconds % NanosecondsPer.minute) / 1e3
        case .nanosecond: return Double(interval.nanoseconds % NanosecondsPer.minute)
        case .week, .dow, .isodow, .doy, .isoyear: return nil
        }
    }

    /// Monday is 1, Sunday is 7.
    private func isoWeekday(_ days: Int) -> Int {
        let weekday = (days + 3) % 7
        return (weekday < 0 ? weekday + 7 : weekday) + 1
    }

    /// The week of ISO 8601: the one with the year's first Thursday is week 1.
    private func isoWeek(_ days: Int) -> (year: Int, week: Int) {
        let thursday = CivilDate(daysSinceEpoch: days - isoWeekday(days) + 4)
        return (thursday.year, (thursday.dayOfYear - 1) / 7 + 1)
    }
}

/// Kernels that take dates and times apart.
enum DatePartKernels {
    static func resolve(_ types: [DataType]) throws(SignatureError) -> ResolvedSignature {
        guard types.count == 2 else { throw SignatureError("takes 2 arguments, found \(types.count)") }
        guard Parameter.text.accepting(types[0]) != nil else {
            throw SignatureError("expects text as argument 1, found \(types[0].sqlName)")
        }
        let type = types[1]
        if type.isTemporal || type == .interval { return ResolvedSignature([.utf8, type], returns: .float64) }
        guard let instant = Parameter.instant.accepting(type) else {
            throw SignatureError("expects a date, time, timestamp or interval as argument 2, found \(type.sqlName)")
        }
        return ResolvedSignature([.utf8, instant], returns: .float64)
    }

    static func part(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.float64)) }
        let names = arguments.text(0)
        let constant = names.isConstant ? try DateField(names[0]) : nil
        let type = arguments.values[1].type
        if type == .interval {
            let intervals = ValueOperand<Interval>(arguments.values[1])
            return try arguments.makeValues(Double.self) { (row) throws(KernelError) in
                let field = if let constant { constant } else { try DateField(names[row]) }
                guard let value = field.value(intervals[row]) else {
                    throw KernelError(row: row, message: "date_part: an interval has no \(field.rawValue)")
                }
                return value
            }
        }
        if type == .date {
            let dates = ValueOperand<Int32>(arguments.values[1])
            return try arguments.makeValues(Double.self) { (row) throws(KernelError) in
                let field = if let constant { constant } else { try DateField(names[row]) }
                return field.value(days: Int(dates[row]), nanoseconds: 0)
            }
        }
        let times = arguments.integer(1)
        return try arguments.makeValues(Double.self) { (row) throws(KernelError) in
            let field = if let constant { constant } else { try DateField(names[row]) }
            let (days, nanoseconds) = CalendarMath.split(times[row])
            return field.value(days: days, nanoseconds: nanoseconds)
        }
    }
}
