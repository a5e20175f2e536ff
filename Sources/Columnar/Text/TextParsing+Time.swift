extension TextParsing {
    /// Nanoseconds since the epoch of `2013-01-01T05:00:00.25Z` and its kin: RFC 3339 with `T` or blanks between date
    /// and time, seconds and zone optional, up to nine digits of the second used. A zone is subtracted; without one the
    /// time is UTC. A date alone is its midnight.
    @inlinable
    public static func timestamp(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        // The common shape of exactly nineteen bytes, and of twenty with a `Z`, needs no general scanner.
        if bytes.count == 19 || (bytes.count == 20 && bytes[19] == 90) {
            if let seconds = plainSeconds(bytes) {
                let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
                return overflow ? nil : nanoseconds
            }
        }
        return generalTimestamp(bytes)
    }

    /// Seconds since the epoch of `YYYY-MM-DDTHH:MM:SS`; nil for any other shape.
    @inlinable
    static func plainSeconds(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        @inline(__always) func pair(_ index: Int) -> Int {
            let tens = bytes[index] &- 48
            let ones = bytes[index &+ 1] &- 48
            return tens > 9 || ones > 9 ? 1000 : Int(tens) &* 10 &+ Int(ones)
        }
        guard bytes[4] == 45, bytes[7] == 45, bytes[10] == 84 || bytes[10] == 32, bytes[13] == 58, bytes[16] == 58
        else { return nil }
        let century = pair(0)
        let yearOfCentury = pair(2)
        let month = pair(5)
        let day = pair(8)
        let hour = pair(11)
        let minute = pair(14)
        let second = pair(17)
        guard century < 100, yearOfCentury < 100, month >= 1, month <= 12, day >= 1, hour < 24, minute < 60, second < 60
        else { return nil }
        let year = century &* 100 &+ yearOfCentury
        guard day <= 28 || day <= CivilDate.dayCount(year: year, month: month) else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
        return Int64(days &* 86_400 &+ hour &* 3600 &+ minute &* 60 &+ second)
    }

    @usableFromInline
    static func generalTimestamp(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        var scanner = TimeScanner(bytes)
        guard let days = scanner.date() else { return nil }
        if scanner.isAtEnd { return CalendarMath.join(days: days, nanoseconds: 0) }
        guard scanner.skipSeparator(), let time = scanner.clock(), let offset = scanner.zone(), scanner.isAtEnd
        else { return nil }
        // An offset of hours can move the time to another day, which `join` takes as it comes.
        let shifted = time - offset
        let carried =
            shifted >= 0 ? shifted / NanosecondsPer.day : (shifted - NanosecondsPer.day + 1) / NanosecondsPer.day
        return CalendarMath.join(
            days: days + Int(carried), nanoseconds: shifted - carried * NanosecondsPer.day)
    }

    /// Days since the epoch of `2013-01-01` or `20130101`; of a timestamp the day it falls on.
    public static func date(_ bytes: UnsafeRawBufferPointer) -> Int32? {
        var scanner = TimeScanner(bytes)
        guard let days = scanner.date() else { return nil }
        if scanner.isAtEnd { return Int32(exactly: days) }
        guard scanner.skipSeparator(), scanner.clock() != nil, scanner.zone() != nil, scanner.isAtEnd else {
            return nil
        }
        return Int32(exactly: days)
    }

    /// Nanoseconds since midnight of `05:00`, `05:00:00` or `05:00:00.25`.
    public static func time(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        var scanner = TimeScanner(bytes)
        guard let time = scanner.clock(), scanner.isAtEnd, time < NanosecondsPer.day else { return nil }
        return time
    }
}

/// Reads the parts of dates and times one after the other.
struct TimeScanner {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    private var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private mutating func skip(_ byte: UInt8) -> Bool {
        if next != byte { return false }
        position += 1
        return true
    }

    /// A run of digits; nil unless it has as many as the range says.
    private mutating func number(_ digits: ClosedRange<Int>) -> Int? {
        var value = 0
        let start = position
        while position < bytes.count, TextParsing.isDigit(bytes[position]), position - start < digits.upperBound {
            value = value * 10 + Int(bytes[position] - 48)
            position += 1
        }
        return position - start >= digits.lowerBound ? value : nil
    }

    /// Days since the epoch.
    mutating func date() -> Int? {
        if isCompactDate { return compactDate() }
        let isNegative = skip(45)
        if !isNegative { _ = skip(43) }
        guard var year = number(1...7), skip(45), let month = number(1...2), skip(45), let day = number(1...2)
        else { return nil }
        if isNegative { year = -year }
        return days(year, month, day)
    }

    private var isCompactDate: Bool {
        bytes.count >= 8 && bytes.prefix(8).allSatisfy { TextParsing.isDigit($0) }
            && (bytes.count == 8 || bytes[8] == 84 || bytes[8] == 32)
    }

    private mutating func compactDate() -> Int? {
        guard let year = number(4...4), let month = number(2...2), let day = number(2...2) else { return nil }
        return days(year, month, day)
    }

    private func days(_ year: Int, _ month: Int, _ day: Int) -> Int? {
        guard (1...12).contains(month), day >= 1, day <= CivilDate.dayCount(year: year, month: month) else {
            return nil
        }
        return CivilDate(year: year, month: month, day: day).daysSinceEpoch
    }

    /// What stands between date and time: a `T` or blanks.
    mutating func skipSeparator() -> Bool {
        if skip(84) || skip(116) { return true }
        let start = position
        while skip(32) {}
        return position > start
    }

    /// Nanoseconds since midnight; 24:00 is the next one, a leap second counts as the next minute.
    mutating func clock() -> Int64? {
        guard let hour = number(1...2), hour <= 24, skip(58), let minute = number(2...2), minute < 60 else {
            return nil
        }
        var second = 0
        var fraction = 0
        if skip(58) {
            guard let value = number(2...2), value <= 60 else { return nil }
            second = value
            if skip(46) || skip(44) {
                guard let value = nanoseconds() else { return nil }
                fraction = value
            }
        }
        if hour == 24 && (minute > 0 || second > 0 || fraction > 0) { return nil }
        return Int64((hour * 60 + minute) * 60 + second) * NanosecondsPer.second + Int64(fraction)
    }

    /// The digits after the point of a second; those beyond the ninth are dropped.
    private mutating func nanoseconds() -> Int? {
        let start = position
        guard var value = number(1...9) else { return nil }
        for _ in (position - start)..<9 { value *= 10 }
        while position < bytes.count, TextParsing.isDigit(bytes[position]) { position += 1 }
        return value
    }

    /// The offset from UTC in nanoseconds: nothing, `Z`, `UTC`, `+02`, `+0200` or `+02:00`.
    mutating func zone() -> Int64? {
        while skip(32) {}
        if isAtEnd || skip(90) || skip(122) { return 0 }
        if bytes.count - position == 3, next | 0x20 == 117, bytes[position + 1] | 0x20 == 116,
            bytes[position + 2] | 0x20 == 99
        {
            position += 3
            return 0
        }
        let isNegative = next == 45
        guard skip(45) || skip(43), let hours = number(2...2), hours <= 18 else { return nil }
        var minutes = 0
        if !isAtEnd {
            _ = skip(58)
            guard let value = number(2...2), value < 60 else { return nil }
            minutes = value
        }
        let offset = Int64(hours * 60 + minutes) * NanosecondsPer.minute
        return isNegative ? -offset : offset
    }
}
