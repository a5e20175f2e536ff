/// Arithmetic on scaled 128-bit integers with exact intermediate results.
public enum DecimalMath {
    /// 10^0 … 10^38.
    public static let powers: [Int128] = (0...38).reduce(into: []) { list, index in
        list.append(index == 0 ? 1 : list[index - 1] * 10)
    }

    /// 10^exponent for an exponent in 0...38; exponents outside are clamped.
    public static func power(_ exponent: Int) -> Int128 { powers[min(max(exponent, 0), 38)] }

    /// Whether the integer has at most `precision` digits.
    public static func fits(_ value: Int128, precision: Int) -> Bool {
        value.magnitude < power(precision).magnitude
    }

    /// The value at another scale, rounded half away from zero; nil on overflow of 128 bits.
    public static func rescale(_ value: Int128, from: Int, to: Int) -> Int128? {
        if to == from { return value }
        if to > from {
            guard to - from <= 38 else { return value == 0 ? 0 : nil }
            let (raised, overflow) = value.multipliedReportingOverflow(by: power(to - from))
            return overflow ? nil : raised
        }
        guard from - to <= 38 else { return 0 }
        return divideRounding(value, by: power(from - to))
    }

    /// The quotient rounded half away from zero; the divisor must be positive.
    public static func divideRounding(_ value: Int128, by divisor: Int128) -> Int128 {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        let isUp = remainder.magnitude >= divisor.magnitude - remainder.magnitude
        return isUp && remainder != 0 ? quotient + (value < 0 ? -1 : 1) : quotient
    }

    /// left · right at scale `scale`, where the exact product has scale `productScale`; nil on overflow.
    public static func multiply(_ left: Int128, _ right: Int128, productScale: Int, scale: Int) -> Int128? {
        let (product, overflow) = left.multipliedReportingOverflow(by: right)
        if !overflow { return rescale(product, from: productScale, to: scale) }
        guard productScale > scale, productScale - scale <= 38 else { return nil }
        let divisor = power(productScale - scale).magnitude
        let wide = left.magnitude.multipliedFullWidth(by: right.magnitude)
        guard wide.high < divisor else { return nil }
        let (quotient, remainder) = divisor.dividingFullWidth(wide)
        return signed(quotient, plusOne: remainder >= divisor - remainder, isNegative: (left < 0) != (right < 0))
    }

    /// left / right · 10^exponent rounded half away from zero; nil on overflow. The divisor must not be zero.
    public static func divide(_ left: Int128, _ right: Int128, exponent: Int) -> Int128? {
        let isNegative = (left < 0) != (right < 0)
        if exponent < 0 {
            let (divisor, overflow) = right.magnitude.multipliedReportingOverflow(by: power(-exponent).magnitude)
            if overflow { return 0 }
            let (quotient, remainder) = left.magnitude.quotientAndRemainder(dividingBy: divisor)
            return signed(quotient, plusOne: remainder >= divisor - remainder, isNegative: isNegative)
        }
        let divisor = right.magnitude
        var quotient: UInt128 = 0
        var remainder = left.magnitude
        var remaining = exponent
        // Long division in steps of up to 38 digits, as 10^exponent alone may exceed 128 bits.
        (quotient, remainder) = remainder.quotientAndRemainder(dividingBy: divisor)
        while remaining > 0 {
            let step = min(remaining, 38)
            let factor = power(step).magnitude
            let (raised, overflow) = quotient.multipliedReportingOverflow(by: factor)
            if overflow { return nil }
            let (digits, rest) = divisor.dividingFullWidth(remainder.multipliedFullWidth(by: factor))
            let (sum, overflow2) = raised.addingReportingOverflow(digits)
            if overflow2 { return nil }
            quotient = sum
            remainder = rest
            remaining -= step
        }
        return signed(quotient, plusOne: remainder >= divisor - remainder, isNegative: isNegative)
    }

    private static func signed(_ magnitude: UInt128, plusOne: Bool, isNegative: Bool) -> Int128? {
        let (rounded, overflow) = magnitude.addingReportingOverflow(plusOne ? 1 : 0)
        guard !overflow, let value = Int128(exactly: rounded) else { return nil }
        return isNegative ? -value : value
    }
}
