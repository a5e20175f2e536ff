import Glibc

/// Reads values from ASCII bytes. Every function takes the whole input, without blanks around it (`trimmed` removes
/// them), and gives nil for anything that is not a value of the type or does not fit it.
public enum TextParsing {
    /// The bytes without white space at either end.
    @inlinable
    public static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = bytes.count
        while start < end && isBlank(bytes[start]) { start &+= 1 }
        while end > start && isBlank(bytes[end &- 1]) { end &-= 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    @inlinable
    static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (byte >= 9 && byte <= 13) }

    @inlinable
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

    /// An integer with an optional sign.
    @inlinable
    public static func integer(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        guard let first = bytes.first else { return nil }
        let isNegative = first == 45
        let start = isNegative || first == 43 ? 1 : 0
        guard let magnitude = digits(bytes, from: start) else { return nil }
        if isNegative {
            return magnitude <= 1 &<< 63 ? Int64(truncatingIfNeeded: 0 &- magnitude) : nil
        }
        return Int64(exactly: magnitude)
    }

    /// An integer that is not negative, with an optional plus sign.
    @inlinable
    public static func unsigned(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
        guard let first = bytes.first else { return nil }
        if first == 45 { return digits(bytes, from: 1) == 0 ? 0 : nil }
        return digits(bytes, from: first == 43 ? 1 : 0)
    }

    @inlinable
    static func digits(_ bytes: UnsafeRawBufferPointer, from start: Int) -> UInt64? {
        let count = bytes.count
        if start >= count { return nil }
        var value: UInt64 = 0
        var index = start
        // Nineteen digits always fit.
        let safe = min(count, start &+ 19)
        while index < safe {
            let digit = bytes[index] &- 48
            if digit > 9 { return nil }
            value = value &* 10 &+ UInt64(digit)
            index &+= 1
        }
        while index < count {
            let digit = bytes[index] &- 48
            if digit > 9 { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.addingReportingOverflow(UInt64(digit))
            if overflow || overflow2 { return nil }
            value = sum
            index &+= 1
        }
        return value
    }

    /// `true t yes y on 1` or `false f no n off 0` and their beginnings, in any case, as PostgreSQL reads them.
    public static func boolean(_ bytes: UnsafeRawBufferPointer) -> Bool? {
        func begins(_ word: StaticString, atLeast: Int = 1) -> Bool {
            guard bytes.count >= atLeast, bytes.count <= word.utf8CodeUnitCount else { return false }
            return bytes.indices.allSatisfy { bytes[$0] | 0x20 == word.utf8Start[$0] }
        }
        if bytes.count == 1 && bytes[0] == 49 { return true }
        if bytes.count == 1 && bytes[0] == 48 { return false }
        if begins("true") || begins("yes") || begins("on", atLeast: 2) { return true }
        if begins("false") || begins("no") || begins("off", atLeast: 2) { return false }
        return nil
    }

    /// A floating-point number, correctly rounded: decimal notation with optional fraction and exponent, `NaN`,
    /// `Infinity` or `inf` with optional sign. A number too large for a double is nil.
    public static func double(_ bytes: UnsafeRawBufferPointer) -> Double? {
        guard let number = DecimalText(bytes) else { return specialDouble(bytes) }
        // Both are exact doubles, so that one operation rounds once (Clinger's fast path).
        if number.isExact && number.mantissa <= 1 << 53 && abs(number.exponent) <= 22 {
            let mantissa = Double(UInt64(truncatingIfNeeded: number.mantissa))
            let power = exactPowers[abs(number.exponent)]
            let magnitude = number.exponent < 0 ? mantissa / power : mantissa * power
            return number.isNegative ? -magnitude : magnitude
        }
        return withTerminated(bytes) { text in
            let value = strtod(text, nil)
            return value.isInfinite ? nil : value
        }
    }

    /// A single-precision number, correctly rounded.
    public static func float(_ bytes: UnsafeRawBufferPointer) -> Float? {
        guard DecimalText(bytes) != nil else { return specialDouble(bytes).map { Float($0) } }
        return withTerminated(bytes) { text in
            let value = strtof(text, nil)
            return value.isInfinite ? nil : value
        }
    }

    private static let exactPowers: [Double] = (0...22).map { exponent in
        (0..<exponent).reduce(1.0) { power, _ in power * 10 }
    }

    private static func withTerminated<Value>(
        _ bytes: UnsafeRawBufferPointer, _ body: (UnsafePointer<CChar>) -> Value?
    ) -> Value? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { copy in
            guard let target = copy.baseAddress, let source = bytes.baseAddress else { return nil }
            UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: bytes.count)
            target[bytes.count] = 0
            return body(target)
        }
    }

    private static func specialDouble(_ bytes: UnsafeRawBufferPointer) -> Double? {
        guard let first = bytes.first else { return nil }
        let isSigned = first == 45 || first == 43
        let word = bytes.dropFirst(isSigned ? 1 : 0).map { $0 | 0x20 }
        if word == Array("nan".utf8) { return .nan }
        guard word == Array("infinity".utf8) || word == Array("inf".utf8) else { return nil }
        return first == 45 ? -.infinity : .infinity
    }

    /// A decimal number at a scale, rounded half away from zero; nil if it has more than `precision` digits.
    public static func decimal(_ bytes: UnsafeRawBufferPointer, precision: Int, scale: Int) -> Int128? {
        guard let number = DecimalText(bytes) else { return nil }
        let shift = number.exponent + scale
        let magnitude = Int128(number.mantissa)
        let rounded: Int128
        if shift >= 0 {
            if shift > 38 && magnitude != 0 { return nil }
            let (raised, overflow) = magnitude.multipliedReportingOverflow(by: DecimalMath.power(shift))
            if overflow || (!number.isExact && shift > 0) { return nil }
            rounded = number.dropsHalf ? raised + 1 : raised
        } else {
            rounded = shift < -38 ? 0 : DecimalMath.divideRounding(magnitude, by: DecimalMath.power(-shift))
        }
        guard DecimalMath.fits(rounded, precision: precision) else { return nil }
        return number.isNegative ? -rounded : rounded
    }
}

/// A number in decimal notation: mantissa · 10^exponent.
struct DecimalText {
    var mantissa: UInt128 = 0
    var exponent = 0
    var isNegative = false
    /// Whether the mantissa holds every digit; those beyond the 38th are dropped, which keeps its magnitude.
    var isExact = true
    /// Whether the dropped digits begin with five or more.
    var dropsHalf = false

    init?(_ bytes: UnsafeRawBufferPointer) {
        var index = 0
        let count = bytes.count
        guard count > 0 else { return nil }
        if bytes[0] == 45 || bytes[0] == 43 {
            isNegative = bytes[0] == 45
            index = 1
        }
        var digitCount = 0
        var kept = 0
        var hasPoint = false
        var short: UInt64 = 0
        while index < count {
            let digit = bytes[index] &- 48
            if digit <= 9 {
                digitCount += 1
                if kept < 18 {
                    short = short &* 10 &+ UInt64(digit)
                    if short != 0 { kept += 1 }
                    if hasPoint { exponent -= 1 }
                } else if kept < 38 {
                    if kept == 18 { mantissa = UInt128(short) }
                    mantissa = mantissa &* 10 &+ UInt128(digit)
                    kept += 1
                    if hasPoint { exponent -= 1 }
                } else {
                    if digit != 0 { isExact = false }
                    if kept == 38 { dropsHalf = digit >= 5 }
                    kept = 39
                    if !hasPoint { exponent += 1 }
                }
            } else if bytes[index] == 46 && !hasPoint {
                hasPoint = true
            } else {
                break
            }
            index += 1
        }
        if kept <= 18 { mantissa = UInt128(short) }
        guard digitCount > 0 else { return nil }
        guard index < count else { return }
        guard bytes[index] | 0x20 == 101,
            let power = TextParsing.integer(UnsafeRawBufferPointer(rebasing: bytes[(index + 1)...]))
        else { return nil }
        // Beyond these the number is zero or too large whatever the digits are.
        exponent += Int(min(max(power, -1_000_000), 1_000_000))
    }
}
