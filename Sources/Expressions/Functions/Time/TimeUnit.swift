import Columnar

/// A unit of the calendar, as functions take it by name.
enum TimeUnit: String, CaseIterable {
    case nanosecond, microsecond, millisecond, second, minute, hour, day, week, month, quarter, year, decade, century
    case millennium

    /// Reads a name in any case, singular or plural, e.g. `HOURS`.
    init(_ name: UnsafeRawBufferPointer, function: StaticString) throws(KernelError) {
        var text = String(decoding: name, as: UTF8.self).lowercased()
        if text == "centuries" { text = "century" }
        if text == "millennia" { text = "millennium" }
        if let unit = TimeUnit(rawValue: text) ?? TimeUnit(rawValue: String(text.dropLast())) {
            if text.hasSuffix("s") || TimeUnit(rawValue: text) != nil {
                self = unit
                return
            }
        }
        let known = TimeUnit.allCases.map(\.rawValue).joined(separator: ", ")
        throw KernelError(message: "\(function): expected one of \(known), found \"\(text)\"")
    }

    /// The length in nanoseconds of units that are always equally long.
    var length: Int64? {
        switch self {
        case .nanosecond: 1
        case .microsecond: NanosecondsPer.microsecond
        case .millisecond: NanosecondsPer.millisecond
        case .second: NanosecondsPer.second
        case .minute: NanosecondsPer.minute
        case .hour: NanosecondsPer.hour
        case .day: NanosecondsPer.day
        case .week: 7 * NanosecondsPer.day
        case .month, .quarter, .year, .decade, .century, .millennium: nil
        }
    }

    /// How many months the longer units have.
    var monthCount: Int {
        switch self {
        case .month: 1
        case .quarter: 3
        case .year: 12
        case .decade: 120
        case .century: 1200
        case .millennium: 12_000
        default: 0
        }
    }

    /// The unit's span that a timestamp lies in, as a half-open range; nil when its start cannot be told in 64 bits.
    func span(containing timestamp: Int64) -> Range<Int64>? {
        if let length {
            // Weeks begin on Mondays; the epoch was a Thursday.
            let shift: Int64 = self == .week ? 3 * NanosecondsPer.day : 0
            let (shifted, overflow) = timestamp.addingReportingOverflow(shift)
            if overflow { return nil }
            let remainder = shifted % length
            let (start, underflow) = timestamp.subtractingReportingOverflow(
                remainder < 0 ? remainder + length : remainder)
            if underflow { return nil }
            let (end, beyond) = start.addingReportingOverflow(length)
            return start..<(beyond ? .max : end)
        }
        let date = CivilDate(daysSinceEpoch: CalendarMath.split(timestamp).days)
        let months = index(of: date) * monthCount + offset
        guard let start = Self.start(ofMonth: months) else { return nil }
        return start..<(Self.start(ofMonth: months + monthCount) ?? .max)
    }

    /// The number of the unit a date lies in, counted from some fixed one.
    func index(of date: CivilDate) -> Int {
        let months = date.year * 12 + date.month - 1 - offset
        return months >= 0 ? months / monthCount : (months - monthCount + 1) / monthCount
    }

    /// Centuries and millennia begin in years 1, 101, …: twelve months on.
    private var offset: Int { self == .century || self == .millennium ? 12 : 0 }

    private static func start(ofMonth months: Int) -> Int64? {
        let year = months >= 0 ? months / 12 : (months - 11) / 12
        let date = CivilDate(year: year, month: months - year * 12 + 1, day: 1)
        return CalendarMath.join(days: date.daysSinceEpoch, nanoseconds: 0)
    }
}
