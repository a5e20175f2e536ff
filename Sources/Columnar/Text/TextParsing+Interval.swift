extension TextParsing {
    /// An interval as PostgreSQL reads it (`5 minutes`, `1 day 02:00:00`, `1-2`, `-1.5 hours`, `2 weeks ago`, a bare
    /// number of seconds) or in ISO 8601 (`P1DT2H30M`). Fractions of months go to days of a 30-day month, those of days
    /// to the time.
    public static func interval(_ bytes: UnsafeRawBufferPointer) -> Interval? {
        var scanner = IntervalScanner(bytes)
        return scanner.read()
    }
}

/// A unit of an interval: months, days and nanoseconds of one.
private enum IntervalUnit {
    case months(Int64)
    case days(Int64)
    case nanoseconds(Int64)

    static let names: [String: IntervalUnit] = {
        var names: [String: IntervalUnit] = [:]
        func add(_ words: String, _ unit: IntervalUnit) {
            for word in words.split(separator: " ") { names[String(word)] = unit }
        }
        add("ns nsec nsecs nanosecond nanoseconds", .nanoseconds(1))
        add("us usec usecs microsecond microseconds", .nanoseconds(NanosecondsPer.microsecond))
        add("ms msec msecs millisecond milliseconds", .nanoseconds(NanosecondsPer.millisecond))
        add("s sec secs second seconds", .nanoseconds(NanosecondsPer.second))
        add("m min mins minute minutes", .nanoseconds(NanosecondsPer.minute))
        add("h hr hrs hour hours", .nanoseconds(NanosecondsPer.hour))
        add("d day days", .days(1))
        add("w week weeks", .days(7))
        add("mon mons month months", .months(1))
        add("quarter quarters", .months(3))
        add("y yr yrs year years", .months(12))
        add("dec decs decade decades", .months(120))
        add("c cent century centuries", .months(1200))
        add("mil mils millennium millennia", .months(12_000))
        return names
    }()
}

private struct IntervalScanner {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    // Wide enough for any sum of parts an input of sane length can have; checked once at the end.
    private var months: Int128 = 0
    private var days: Int128 = 0
    private var nanoseconds: Int128 = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private mutating func skipBlanks() {
        while position < bytes.count, TextParsing.isBlank(bytes[position]) { position += 1 }
    }

    mutating func read() -> Interval? {
        // Long inputs cannot be intervals, and short ones cannot overflow the sums.
        guard bytes.count <= 256 else { return nil }
        skipBlanks()
        if next == 64 { position += 1 }
        skipBlanks()
        let isRead = next | 0x20 == 112 || isSignedISO ? readISO() : readParts()
        guard isRead, let months = Int32(exactly: months), let days = Int32(exactly: days),
            let nanoseconds = Int64(exactly: nanoseconds)
        else { return nil }
        return Interval(months: months, days: days, nanoseconds: nanoseconds)
    }

    private var isSignedISO: Bool {
        next == 45 && position + 1 < bytes.count && bytes[position + 1] | 0x20 == 112
    }

    /// A number: whole part and billionths of the fraction, and the sign that goes with both.
    private struct Number {
        var whole: Int128
        var billionths: Int128
        var sign: Int128
        var hasFraction: Bool
    }

    private mutating func number(allowsSign: Bool = true) -> Number? {
        var sign: Int128 = 1
        if allowsSign && (next == 45 || next == 43) {
            sign = next == 45 ? -1 : 1
            position += 1
        }
        var whole: Int128 = 0
        var digitCount = 0
        while TextParsing.isDigit(next), digitCount < 20 {
            whole = whole * 10 + Int128(next - 48)
            digitCount += 1
            position += 1
        }
        var billionths: Int128 = 0
        let hasFraction = next == 46
        if hasFraction {
            position += 1
            var unit: Int128 = 100_000_000
            while TextParsing.isDigit(next) {
                billionths += Int128(next - 48) * unit
                unit /= 10
                digitCount += 1
                position += 1
            }
        }
        if digitCount == 0 || TextParsing.isDigit(next) || next == 46 { return nil }
        return Number(whole: whole, billionths: billionths, sign: sign, hasFraction: hasFraction)
    }

    private mutating func add(_ number: Number, _ unit: IntervalUnit) {
        let billion: Int128 = 1_000_000_000
        switch unit {
        case .nanoseconds(let length):
            let fraction = number.billionths * Int128(length) / billion
            nanoseconds += number.sign * (number.whole * Int128(length) + fraction)
        case .days(let length):
            days += number.sign * number.whole * Int128(length)
            addDays(billionths: number.sign * number.billionths * Int128(length))
        case .months(let length):
            let fraction = number.billionths * Int128(length)
            months += number.sign * (number.whole * Int128(length) + fraction / billion)
            addDays(billionths: number.sign * (fraction % billion) * 30)
        }
    }

    private mutating func addDays(billionths: Int128) {
        let billion: Int128 = 1_000_000_000
        days += billionths / billion
        nanoseconds += billionths % billion * Int128(NanosecondsPer.day) / billion
    }

    private mutating func readParts() -> Bool {
        var partCount = 0
        var isAgo = false
        while true {
            skipBlanks()
            if position == bytes.count { break }
            if isAgo { return false }
            if let word = word() {
                guard word == "ago", partCount > 0 else { return false }
                isAgo = true
                continue
            }
            guard let number = number() else { return false }
            partCount += 1
            if next == 58 {
                guard !number.hasFraction, readClock(number) else { return false }
            } else if next == 45 && !number.hasFraction && partCount == 1 {
                guard readYearMonth(number) else { return false }
            } else {
                skipBlanks()
                if let word = word() {
                    guard let unit = IntervalUnit.names[word] else { return false }
                    add(number, unit)
                } else {
                    add(number, .nanoseconds(NanosecondsPer.second))
                }
            }
        }
        if isAgo {
            months = -months
            days = -days
            nanoseconds = -nanoseconds
        }
        return partCount > 0
    }

    private mutating func word() -> String? {
        let start = position
        var word = ""
        while next | 0x20 >= 97 && next | 0x20 <= 122 && position - start < 16 {
            word.append(Character(Unicode.Scalar(next | 0x20)))
            position += 1
        }
        return word.isEmpty ? nil : word
    }

    /// The rest of `hours:minutes[:seconds]`.
    private mutating func readClock(_ hours: Number) -> Bool {
        position += 1
        guard var minutes = number(allowsSign: false), minutes.whole < 60, !minutes.hasFraction else { return false }
        minutes.sign = hours.sign
        add(hours, .nanoseconds(NanosecondsPer.hour))
        add(minutes, .nanoseconds(NanosecondsPer.minute))
        if next == 58 {
            position += 1
            guard var seconds = number(allowsSign: false), seconds.whole <= 60 else { return false }
            seconds.sign = hours.sign
            add(seconds, .nanoseconds(NanosecondsPer.second))
        }
        return true
    }

    /// The rest of `years-months`.
    private mutating func readYearMonth(_ years: Number) -> Bool {
        position += 1
        guard var rest = number(allowsSign: false), rest.whole < 12, !rest.hasFraction else { return false }
        rest.sign = years.sign
        add(years, .months(12))
        add(rest, .months(1))
        return true
    }

    private mutating func readISO() -> Bool {
        let isNegative = next == 45
        if isNegative { position += 1 }
        position += 1
        var isTime = false
        var partCount = 0
        while position < bytes.count {
            if next | 0x20 == 116 && !isTime {
                isTime = true
                position += 1
                continue
            }
            guard let number = number(), let unit = isoUnit(isTime) else { return false }
            add(number, unit)
            partCount += 1
        }
        if isNegative {
            months = -months
            days = -days
            nanoseconds = -nanoseconds
        }
        return partCount > 0
    }

    private mutating func isoUnit(_ isTime: Bool) -> IntervalUnit? {
        let letter = next | 0x20
        position += 1
        switch (letter, isTime) {
        case (121, false): return .months(12)
        case (109, false): return .months(1)
        case (119, false): return .days(7)
        case (100, false): return .days(1)
        case (104, true): return .nanoseconds(NanosecondsPer.hour)
        case (109, true): return .nanoseconds(NanosecondsPer.minute)
        case (115, true): return .nanoseconds(NanosecondsPer.second)
        default: return nil
        }
    }
}
