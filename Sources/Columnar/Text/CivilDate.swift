/// A day of the proleptic Gregorian calendar.
///
/// The conversions follow Howard Hinnant's published algorithms `days_from_civil` and `civil_from_days`
/// ("chrono-Compatible Low-Level Date Algorithms"): eras of 400 years, years that begin in March. They wrap instead
/// of trapping for absurd inputs.
@frozen
public struct CivilDate: Hashable, Sendable {
    /// Astronomical: 0 is 1 BC.
    public var year: Int
    /// 1 to 12.
    public var month: Int
    /// 1 to 31.
    public var day: Int

    @inlinable
    public init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The day `days` days after 1970-01-01.
    @inlinable
    public init(daysSinceEpoch days: Int) {
        let shifted = days &+ 719_468
        let era = (shifted >= 0 ? shifted : shifted &- 146_096) / 146_097
        let dayOfEra = shifted &- era &* 146_097
        let yearOfEra = (dayOfEra &- dayOfEra / 1460 &+ dayOfEra / 36_524 &- dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra &- (365 &* yearOfEra &+ yearOfEra / 4 &- yearOfEra / 100)
        let shiftedMonth = (5 &* dayOfYear &+ 2) / 153
        day = dayOfYear &- (153 &* shiftedMonth &+ 2) / 5 &+ 1
        month = shiftedMonth < 10 ? shiftedMonth &+ 3 : shiftedMonth &- 9
        year = yearOfEra &+ era &* 400 &+ (month <= 2 ? 1 : 0)
    }

    /// How many days after 1970-01-01 the day is; the month must be in 1...12.
    @inlinable
    public var daysSinceEpoch: Int {
        let shiftedYear = month <= 2 ? year &- 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear &- 399) / 400
        let yearOfEra = shiftedYear &- era &* 400
        let dayOfYear = (153 &* (month > 2 ? month &- 3 : month &+ 9) &+ 2) / 5 &+ day &- 1
        let dayOfEra = yearOfEra &* 365 &+ yearOfEra / 4 &- yearOfEra / 100 &+ dayOfYear
        return era &* 146_097 &+ dayOfEra &- 719_468
    }

    @inlinable
    public static func isLeapYear(_ year: Int) -> Bool {
        year & 3 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    /// The number of days of a month in 1...12.
    @inlinable
    public static func dayCount(year: Int, month: Int) -> Int {
        switch month {
        case 2: isLeapYear(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// 1 for the first of January.
    @inlinable
    public var dayOfYear: Int {
        daysSinceEpoch &- CivilDate(year: year, month: 1, day: 1).daysSinceEpoch &+ 1
    }

    /// The day some months later; a day that the month lacks becomes the month's last day, as PostgreSQL has it.
    @inlinable
    public func adding(months: Int) -> CivilDate {
        let total = year &* 12 &+ (month &- 1) &+ months
        let newYear = total >= 0 ? total / 12 : (total &- 11) / 12
        let newMonth = total &- newYear &* 12 &+ 1
        return CivilDate(
            year: newYear, month: newMonth, day: min(day, CivilDate.dayCount(year: newYear, month: newMonth)))
    }
}

/// How many nanoseconds a unit of time has.
public enum NanosecondsPer {
    public static let microsecond: Int64 = 1000
    public static let millisecond: Int64 = 1_000_000
    public static let second: Int64 = 1_000_000_000
    public static let minute: Int64 = 60_000_000_000
    public static let hour: Int64 = 3_600_000_000_000
    public static let day: Int64 = 86_400_000_000_000
}

/// Calendar arithmetic on timestamps, dates and intervals.
public enum CalendarMath {
    /// The day a timestamp falls on, in days since the epoch, and the nanoseconds since that day's midnight.
    @inlinable
    public static func split(_ timestamp: Int64) -> (days: Int, nanoseconds: Int64) {
        var days = timestamp / 86_400_000_000_000
        var rest = timestamp &- days &* 86_400_000_000_000
        if rest < 0 {
            days &-= 1
            rest &+= 86_400_000_000_000
        }
        return (Int(days), rest)
    }

    /// The timestamp of a day and a time on it; nil when it does not fit 64 bits (years 1677 to 2262 do).
    @inlinable
    public static func join(days: Int, nanoseconds: Int64) -> Int64? {
        let (start, overflow) = Int64(days).multipliedReportingOverflow(by: 86_400_000_000_000)
        if overflow {
            // The first representable day begins before the first representable instant.
            let (next, overflow) = (Int64(days) &+ 1).multipliedReportingOverflow(by: 86_400_000_000_000)
            let (sum, overflow2) = next.addingReportingOverflow(nanoseconds &- 86_400_000_000_000)
            return overflow || overflow2 ? nil : sum
        }
        let (sum, overflow2) = start.addingReportingOverflow(nanoseconds)
        return overflow2 ? nil : sum
    }

    /// A timestamp moved by an interval: first by the months, then the days, then the rest; nil out of range.
    @inlinable
    public static func adding(_ interval: Interval, to timestamp: Int64) -> Int64? {
        var (days, rest) = split(timestamp)
        if interval.months != 0 {
            days = CivilDate(daysSinceEpoch: days).adding(months: Int(interval.months)).daysSinceEpoch
        }
        let (nanoseconds, carried) = splitDays(interval.nanoseconds)
        days &+= Int(interval.days) &+ carried
        rest &+= nanoseconds
        return join(days: days, nanoseconds: rest)
    }

    /// Whole days (towards zero) and the rest of a span of nanoseconds.
    @inlinable
    static func splitDays(_ span: Int64) -> (rest: Int64, days: Int) {
        let days = span / 86_400_000_000_000
        return (span &- days &* 86_400_000_000_000, Int(days))
    }
}

extension Interval {
    /// The interval of the opposite direction; nil on overflow.
    @inlinable
    public var negated: Interval? {
        guard months != .min, days != .min, nanoseconds != .min else { return nil }
        return Interval(months: -months, days: -days, nanoseconds: -nanoseconds)
    }

    /// The length with 30-day months and 24-hour days: what PostgreSQL compares intervals by.
    @inlinable
    public var comparisonKey: Int128 {
        (Int128(months) &* 30 &+ Int128(days)) &* 86_400_000_000_000 &+ Int128(nanoseconds)
    }
}
