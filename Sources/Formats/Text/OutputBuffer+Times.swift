import Columnar

/// A day of the calendar.
private struct CivilDate {
    let year: Int
    let month: Int
    let day: Int

    /// The day so many days after 1970-01-01 in the proleptic Gregorian calendar.
    @inline(__always)
    init(daysSinceEpoch: Int) {
        let shifted = daysSinceEpoch + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * ofYear + 2) / 153
        day = ofYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }
}

extension OutputBuffer {
    /// Appends a date as `2026-01-15`; years past 9999 get more digits and a `+`, those before 0 a `-`.
    mutating func append(date days: Int) {
        let date = CivilDate(daysSinceEpoch: days)
        if date.year < 0 || date.year > 9999 {
            append(date.year < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
            let year = date.year.magnitude
            if year < 1000 {
                Self.put(Int(year), width: 4, at: reserve(4))
                advance(4)
            } else {
                append(unsigned: UInt64(year))
            }
        } else {
            Self.put(date.year, width: 4, at: reserve(4))
            advance(4)
        }
        let target = reserve(6)
        target[0] = UInt8(ascii: "-")
        Self.put(date.month, width: 2, at: target + 1)
        target[3] = UInt8(ascii: "-")
        Self.put(date.day, width: 2, at: target + 4)
        advance(6)
    }

    /// Appends a time of day as `12:30:00`, with 3, 6 or 9 digits of the second's fraction if it has one.
    mutating func append(timeOfDay nanoseconds: Int64) {
        let seconds = Int(nanoseconds / 1_000_000_000)
        let fraction = Int(nanoseconds % 1_000_000_000)
        let target = reserve(18)
        Self.put(seconds / 3600, width: 2, at: target)
        target[2] = UInt8(ascii: ":")
        Self.put(seconds / 60 % 60, width: 2, at: target + 3)
        target[5] = UInt8(ascii: ":")
        Self.put(seconds % 60, width: 2, at: target + 6)
        advance(8)
        guard fraction > 0 else { return }
        target[8] = UInt8(ascii: ".")
        if fraction % 1_000_000 == 0 {
            Self.put(fraction / 1_000_000, width: 3, at: target + 9)
            advance(4)
        } else if fraction % 1000 == 0 {
            Self.put(fraction / 1000, width: 6, at: target + 9)
            advance(7)
        } else {
            Self.put(fraction, width: 9, at: target + 9)
            advance(10)
        }
    }

    /// Appends a point in time in RFC 3339 form, e.g. `2026-01-15T12:30:00.250`; `hasZone` adds the `Z` of UTC.
    mutating func append(timestamp nanoseconds: Int64, hasZone: Bool) {
        let perDay: Int64 = 86_400_000_000_000
        var days = nanoseconds / perDay
        var ofDay = nanoseconds % perDay
        if ofDay < 0 {
            days -= 1
            ofDay += perDay
        }
        append(date: Int(days))
        append(UInt8(ascii: "T"))
        append(timeOfDay: ofDay)
        if hasZone { append(UInt8(ascii: "Z")) }
    }

    /// Appends whole milliseconds since the epoch, rounded down.
    mutating func append(unixMillis nanoseconds: Int64) {
        let millis = nanoseconds / 1_000_000
        append(integer: nanoseconds % 1_000_000 < 0 ? millis - 1 : millis)
    }

    /// Appends an interval as PostgreSQL writes it, e.g. `1 year 2 mons -3 days 04:05:06.5`.
    mutating func append(interval: Interval) {
        let start = count
        appendPart(Int64(interval.months / 12), " year", from: start)
        appendPart(Int64(interval.months % 12), " mon", from: start)
        appendPart(Int64(interval.days), " day", from: start)
        guard interval.nanoseconds != 0 || count == start else { return }
        if count > start { append(UInt8(ascii: " ")) }
        if interval.nanoseconds < 0 { append(UInt8(ascii: "-")) }
        let magnitude = interval.nanoseconds.magnitude
        let hours = magnitude / 3_600_000_000_000
        if hours < 10 { append(UInt8(ascii: "0")) }
        append(unsigned: hours)
        append(UInt8(ascii: ":"))
        let rest = Int(magnitude % 3_600_000_000_000)
        let target = reserve(15)
        Self.put(rest / 60_000_000_000, width: 2, at: target)
        target[2] = UInt8(ascii: ":")
        Self.put(rest / 1_000_000_000 % 60, width: 2, at: target + 3)
        var fraction = rest % 1_000_000_000
        var width = 9
        while width > 0 && fraction % 10 == 0 {
            fraction /= 10
            width -= 1
        }
        if width > 0 {
            target[5] = UInt8(ascii: ".")
            Self.put(fraction, width: width, at: target + 6)
        }
        advance(width > 0 ? 6 + width : 5)
    }

    private mutating func appendPart(_ value: Int64, _ unit: StaticString, from start: Int) {
        guard value != 0 else { return }
        if count > start { append(UInt8(ascii: " ")) }
        append(integer: value)
        append(unit)
        if value != 1 { append(UInt8(ascii: "s")) }
    }
}
