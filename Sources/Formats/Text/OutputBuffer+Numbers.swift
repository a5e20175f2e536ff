import Glibc

/// The decimal digits of 0 to 99, two each. A literal, as a global array is looked up through a lock.
private var digitPairs: UnsafePointer<UInt8> {
    let text: StaticString = """
        0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
        5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
        """
    return text.utf8Start
}

extension OutputBuffer {
    /// Writes `value` as exactly `width` digits, with leading zeros.
    @inline(__always)
    static func put(_ value: Int, width: Int, at target: UnsafeMutablePointer<UInt8>) {
        var rest = value
        var position = width
        while position > 0 {
            position &-= 1
            target[position] = UInt8(truncatingIfNeeded: 48 &+ rest % 10)
            rest /= 10
        }
    }

    /// Appends a whole number.
    mutating func append(integer value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        append(unsigned: value.magnitude)
    }

    /// Appends a whole number.
    mutating func append(unsigned value: UInt64) {
        let target = reserve(20)
        var digits = 1
        var bound: UInt64 = 10
        while digits < 20 && value >= bound {
            digits &+= 1
            bound = digits < 20 ? bound &* 10 : bound
        }
        var rest = value
        var position = digits
        let pairs = digitPairs
        while rest >= 100 {
            let pair = Int(truncatingIfNeeded: rest % 100) &* 2
            rest /= 100
            position &-= 2
            target[position] = pairs[pair]
            target[position &+ 1] = pairs[pair &+ 1]
        }
        if rest >= 10 {
            let pair = Int(truncatingIfNeeded: rest) &* 2
            target[0] = pairs[pair]
            target[1] = pairs[pair &+ 1]
        } else {
            target[0] = UInt8(truncatingIfNeeded: 48 &+ rest)
        }
        advance(digits)
    }

    /// Appends the shortest text that reads back as the same number; `2.0` keeps its point. NaN and infinities are
    /// written as `NaN`, `Infinity` and `-Infinity`.
    mutating func append(float value: Double) {
        if appendUnusual(value.isNaN, value.isInfinite, value < 0) { return }
        append(value.description)
    }

    /// Appends the shortest text that reads back as the same 32-bit number.
    mutating func append(float value: Float) {
        if appendUnusual(value.isNaN, value.isInfinite, value < 0) { return }
        append(value.description)
    }

    private mutating func appendUnusual(_ isNaN: Bool, _ isInfinite: Bool, _ isNegative: Bool) -> Bool {
        if isNaN {
            append("NaN" as StaticString)
        } else if isInfinite {
            append(isNegative ? "-Infinity" : "Infinity" as StaticString)
        } else {
            return false
        }
        return true
    }

    /// Appends `unscaled / 10^scale` with exactly `scale` digits after the point.
    mutating func append(decimal unscaled: Int128, scale: Int) {
        if unscaled < 0 { append(UInt8(ascii: "-")) }
        var rest = unscaled.magnitude
        var digits: [UInt8] = []
        while rest > 0 || digits.count <= scale {
            digits.append(UInt8(truncatingIfNeeded: rest % 10) &+ 48)
            rest /= 10
        }
        for (index, digit) in digits.enumerated().reversed() {
            append(digit)
            if index == scale && scale > 0 { append(UInt8(ascii: ".")) }
        }
    }

    /// Appends bytes in base64, padded.
    mutating func append(base64 bytes: UnsafeRawBufferPointer) {
        let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        let letters = alphabet.utf8Start
        var target = reserve((bytes.count + 2) / 3 * 4)
        advance((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let group =
                UInt32(bytes[index]) << 16 | (left > 1 ? UInt32(bytes[index + 1]) << 8 : 0)
                | (left > 2 ? UInt32(bytes[index + 2]) : 0)
            target[0] = letters[Int(group >> 18)]
            target[1] = letters[Int(group >> 12 & 63)]
            target[2] = left > 1 ? letters[Int(group >> 6 & 63)] : UInt8(ascii: "=")
            target[3] = left > 2 ? letters[Int(group & 63)] : UInt8(ascii: "=")
            target += 4
            index += 3
        }
    }
}
