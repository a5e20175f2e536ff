/// The significant decimal digits of a number without sign: 0.d1d2d3… · 10^point.
struct FloatDigits {
    var bytes: [UInt8] = []
    var point = 0
}

extension TextPrinting {
    /// The shortest digits that read back as the same double, laid out as PostgreSQL does: `2`, `0.0001`, `1e-05`,
    /// `1e+15`, `NaN`, `-Infinity`. With `keepsPoint` whole numbers end in `.0`. At most 32 bytes.
    public static func write(
        _ value: Double, keepsPoint: Bool = false, to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        if let count = writeSpecial(value, keepsPoint, to: target) { return count }
        let magnitude = value.magnitude
        // A decimal of at most 15 digits that reads back as the value is its only one, hence the shortest.
        if magnitude < 1e15 {
            let whole = magnitude.rounded(.towardZero)
            if whole == magnitude { return writeWhole(value, keepsPoint, target) }
            let millionths = (magnitude * 1e6).rounded()
            if magnitude >= 1e-4 && millionths < 1e15 && millionths / 1e6 == magnitude {
                return writeMillionths(UInt64(millionths), isNegative: value < 0, to: target)
            }
        }
        return writeDigits(digits(of: value.description), value < 0, keepsPoint, scientificFrom: 15, to: target)
    }

    /// The same for a float, whose exponent form begins at 1e+06 as in PostgreSQL.
    public static func write(
        _ value: Float, keepsPoint: Bool = false, to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        if let count = writeSpecial(Double(value), keepsPoint, to: target) { return count }
        return writeDigits(digits(of: value.description), value < 0, keepsPoint, scientificFrom: 6, to: target)
    }

    public static func append(_ value: Double, keepsPoint: Bool = false, to buffer: inout TextBuffer) {
        buffer.commit(write(value, keepsPoint: keepsPoint, to: buffer.reserve(32)))
    }

    public static func append(_ value: Float, keepsPoint: Bool = false, to buffer: inout TextBuffer) {
        buffer.commit(write(value, keepsPoint: keepsPoint, to: buffer.reserve(32)))
    }

    private static func writeSpecial(
        _ value: Double, _ keepsPoint: Bool, to target: UnsafeMutablePointer<UInt8>
    ) -> Int? {
        if value.isFinite && value != 0 { return nil }
        let text: StaticString
        if value.isNaN {
            text = "NaN"
        } else if value.isInfinite {
            text = value < 0 ? "-Infinity" : "Infinity"
        } else if value.sign == .minus {
            text = keepsPoint ? "-0.0" : "-0"
        } else {
            return nil
        }
        target.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        return text.utf8CodeUnitCount
    }

    private static func writeWhole(_ value: Double, _ keepsPoint: Bool, _ target: UnsafeMutablePointer<UInt8>) -> Int {
        var count = write(Int64(value), to: target)
        if keepsPoint {
            target[count] = 46
            target[count + 1] = 48
            count += 2
        }
        return count
    }

    private static func writeMillionths(
        _ units: UInt64, isNegative: Bool, to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var count = 0
        if isNegative {
            target[0] = 45
            count = 1
        }
        count += write(units / 1_000_000, to: target + count)
        target[count] = 46
        var fraction = units % 1_000_000
        for index in stride(from: 6, through: 1, by: -1) {
            target[count + index] = 48 + UInt8(truncatingIfNeeded: fraction % 10)
            fraction /= 10
        }
        count += 7
        while target[count - 1] == 48 { count -= 1 }
        return count
    }

    /// The digits of a number as Swift prints it, e.g. `-1.25e-07`.
    private static func digits(of description: String) -> FloatDigits {
        var result = FloatDigits()
        var exponent = 0
        var isExponentNegative = false
        var isInExponent = false
        var afterPoint = false
        for byte in description.utf8 {
            switch byte {
            case 46: afterPoint = true
            case 101: isInExponent = true
            case 45: if isInExponent { isExponentNegative = true }
            case 48...57 where isInExponent: exponent = exponent * 10 + Int(byte - 48)
            case 48...57:
                if result.bytes.isEmpty && byte == 48 {
                    if afterPoint { result.point -= 1 }
                } else {
                    result.bytes.append(byte)
                    if !afterPoint { result.point += 1 }
                }
            default: break
            }
        }
        while result.bytes.last == 48 { result.bytes.removeLast() }
        result.point += isExponentNegative ? -exponent : exponent
        return result
    }

    private static func writeDigits(
        _ digits: FloatDigits, _ isNegative: Bool, _ keepsPoint: Bool, scientificFrom limit: Int,
        to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var count = 0
        func put(_ byte: UInt8) {
            target[count] = byte
            count += 1
        }
        if isNegative { put(45) }
        guard !digits.bytes.isEmpty else {
            put(48)
            if keepsPoint {
                put(46)
                put(48)
            }
            return count
        }
        let exponent = digits.point - 1
        if exponent < -4 || exponent >= limit {
            put(digits.bytes[0])
            if digits.bytes.count > 1 { put(46) }
            for byte in digits.bytes.dropFirst() { put(byte) }
            put(101)
            put(exponent < 0 ? 45 : 43)
            if abs(exponent) < 10 { put(48) }
            return count + write(UInt64(abs(exponent)), to: target + count)
        }
        if digits.point <= 0 {
            put(48)
            put(46)
            for _ in 0..<(-digits.point) { put(48) }
        }
        for (index, byte) in digits.bytes.enumerated() {
            if index == digits.point && index > 0 { put(46) }
            put(byte)
        }
        if digits.point >= digits.bytes.count {
            for _ in digits.bytes.count..<max(digits.point, digits.bytes.count) { put(48) }
            if keepsPoint {
                put(46)
                put(48)
            }
        }
        return count
    }
}
