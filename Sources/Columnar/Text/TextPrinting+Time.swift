extension TextPrinting {
    /// How date and time stand together.
    public enum TimestampStyle: Sendable {
        /// `2013-01-01 05:00:00.25`: a blank, and as many digits of the second as needed.
        case sql
        /// `2013-01-01T05:00:00.250`: a `T`, and none, three, six or nine digits of the second.
        case rfc3339
    }

    /// At most 24 bytes: `2013-01-01`; years before 0 have a sign, years beyond 9999 more digits.
    @inlinable
    public static func writeDate(_ daysSinceEpoch: Int, to target: UnsafeMutablePointer<UInt8>) -> Int {
        let date = CivilDate(daysSinceEpoch: daysSinceEpoch)
        var count = 0
        if date.year >= 0 && date.year <= 9999 {
            writePair(date.year / 100, target)
            writePair(date.year % 100, target + 2)
            count = 4
        } else {
            count = writeWideYear(date.year, to: target)
        }
        target[count] = 45
        writePair(date.month, target + (count &+ 1))
        target[count &+ 3] = 45
        writePair(date.day, target + (count &+ 4))
        return count &+ 6
    }

    @usableFromInline
    static func writeWideYear(_ year: Int, to target: UnsafeMutablePointer<UInt8>) -> Int {
        var count = 0
        if year < 0 {
            target[0] = 45
            count = 1
        }
        let magnitude = UInt64(year.magnitude)
        var padding: UInt64 = 1000
        while magnitude < padding && padding > 1 {
            target[count] = 48
            count += 1
            padding /= 10
        }
        return count + write(magnitude, to: target + count)
    }

    /// A time of day in nanoseconds since midnight; at most 18 bytes.
    @inlinable
    public static func writeTime(
        _ nanoseconds: Int64, style: TimestampStyle = .sql, to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let seconds = Int(truncatingIfNeeded: nanoseconds / 1_000_000_000)
        let minutes = seconds / 60
        writePair(minutes / 60 % 100, target)
        target[2] = 58
        writePair(minutes % 60, target + 3)
        target[5] = 58
        writePair(seconds % 60, target + 6)
        let fraction = Int(truncatingIfNeeded: nanoseconds % 1_000_000_000)
        return fraction == 0 ? 8 : 8 &+ writeFraction(fraction, style, to: target + 8)
    }

    @usableFromInline
    static func writeFraction(
        _ nanoseconds: Int, _ style: TimestampStyle, to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        target[0] = 46
        var rest = nanoseconds
        for index in stride(from: 9, through: 1, by: -1) {
            target[index] = 48 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        var count = 10
        let step = style == .sql ? 1 : 3
        while count > step + 1 && (0..<step).allSatisfy({ target[count - 1 - $0] == 48 }) { count -= step }
        return count
    }

    /// A timestamp in nanoseconds since the epoch; at most 44 bytes. `suffix` follows as it is, e.g. `Z`.
    @inlinable
    public static func writeTimestamp(
        _ nanoseconds: Int64, style: TimestampStyle = .rfc3339, suffix: StaticString = "",
        to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let (days, rest) = CalendarMath.split(nanoseconds)
        var count = writeDate(days, to: target)
        target[count] = style == .sql ? 32 : 84
        count &+= 1
        count &+= writeTime(rest, style: style, to: target + count)
        let length = min(suffix.utf8CodeUnitCount, 8)
        if length > 0 { (target + count).update(from: suffix.utf8Start, count: length) }
        return count &+ length
    }

    /// An interval in PostgreSQL's style, e.g. `1 year 2 mons -3 days +04:05:06.5`; at most 96 bytes.
    public static func writeInterval(_ interval: Interval, to target: UnsafeMutablePointer<UInt8>) -> Int {
        var count = 0
        var isAfterNegative = false
        func part(_ value: Int64, _ one: StaticString, _ many: StaticString) {
            if value == 0 { return }
            if count > 0 {
                target[count] = 32
                count += 1
            }
            if isAfterNegative && value > 0 {
                target[count] = 43
                count += 1
            }
            count += write(value, to: target + count)
            let name = value == 1 ? one : many
            (target + count).update(from: name.utf8Start, count: name.utf8CodeUnitCount)
            count += name.utf8CodeUnitCount
            isAfterNegative = value < 0
        }
        part(Int64(interval.months / 12), " year", " years")
        part(Int64(interval.months % 12), " mon", " mons")
        part(Int64(interval.days), " day", " days")
        if interval.nanoseconds != 0 || count == 0 {
            if count > 0 {
                target[count] = 32
                count += 1
            }
            if interval.nanoseconds < 0 || isAfterNegative {
                target[count] = interval.nanoseconds < 0 ? 45 : 43
                count += 1
            }
            count += writeClock(interval.nanoseconds.magnitude, to: target + count)
        }
        return count
    }

    private static func writeClock(_ nanoseconds: UInt64, to target: UnsafeMutablePointer<UInt8>) -> Int {
        let seconds = nanoseconds / 1_000_000_000
        let hours = seconds / 3600
        var count = 0
        if hours < 10 {
            target[0] = 48
            count = 1
        }
        count += write(hours, to: target + count)
        target[count] = 58
        writePair(Int(seconds / 60 % 60), target + count + 1)
        target[count + 3] = 58
        writePair(Int(seconds % 60), target + count + 4)
        count += 6
        let fraction = Int(nanoseconds % 1_000_000_000)
        return fraction == 0 ? count : count + writeFraction(fraction, .sql, to: target + count)
    }

    @inlinable
    public static func appendDate(_ daysSinceEpoch: Int, to buffer: inout TextBuffer) {
        buffer.commit(writeDate(daysSinceEpoch, to: buffer.reserve(24)))
    }

    @inlinable
    public static func appendTime(
        _ nanoseconds: Int64, style: TimestampStyle = .sql, to buffer: inout TextBuffer
    ) {
        buffer.commit(writeTime(nanoseconds, style: style, to: buffer.reserve(24)))
    }

    @inlinable
    public static func appendTimestamp(
        _ nanoseconds: Int64, style: TimestampStyle = .rfc3339, suffix: StaticString = "",
        to buffer: inout TextBuffer
    ) {
        buffer.commit(writeTimestamp(nanoseconds, style: style, suffix: suffix, to: buffer.reserve(48)))
    }

    public static func appendInterval(_ interval: Interval, to buffer: inout TextBuffer) {
        buffer.commit(writeInterval(interval, to: buffer.reserve(96)))
    }
}
