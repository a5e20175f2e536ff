/// Prints values as ASCII bytes.
///
/// Every `write` function writes at `target`, which must have room for as many bytes as its comment says, and returns
/// how many it wrote; every `append` function does the same at the end of a text buffer.
public enum TextPrinting {
    /// At most 20 bytes.
    @inlinable
    public static func write(_ value: UInt64, to target: UnsafeMutablePointer<UInt8>) -> Int {
        if value < 10 {
            target[0] = 48 &+ UInt8(truncatingIfNeeded: value)
            return 1
        }
        let count = digitCount(value)
        var rest = value
        var position = count
        while rest >= 100 {
            let next = rest / 100
            position &-= 2
            writePair(Int(truncatingIfNeeded: rest &- next &* 100), target + position)
            rest = next
        }
        if rest >= 10 {
            writePair(Int(truncatingIfNeeded: rest), target)
        } else {
            target[0] = 48 &+ UInt8(truncatingIfNeeded: rest)
        }
        return count
    }

    /// At most 20 bytes.
    @inlinable
    public static func write(_ value: Int64, to target: UnsafeMutablePointer<UInt8>) -> Int {
        if value >= 0 { return write(UInt64(bitPattern: value), to: target) }
        target[0] = 45
        return 1 &+ write(value.magnitude, to: target + 1)
    }

    @inlinable
    static func writePair(_ value: Int, _ target: UnsafeMutablePointer<UInt8>) {
        let tens = UInt8(truncatingIfNeeded: value / 10)
        target[0] = 48 &+ tens
        target[1] = 48 &+ UInt8(truncatingIfNeeded: value) &- tens &* 10
    }

    @inlinable
    static func digitCount(_ value: UInt64) -> Int {
        var count = 1
        var rest = value
        while rest >= 10_000 {
            rest /= 10_000
            count &+= 4
        }
        if rest >= 1000 { return count &+ 3 }
        if rest >= 100 { return count &+ 2 }
        return rest >= 10 ? count &+ 1 : count
    }

    /// A 128-bit integer; at most 40 bytes.
    public static func write(_ value: Int128, to target: UnsafeMutablePointer<UInt8>) -> Int {
        writeDecimal(value, scale: 0, to: target)
    }

    /// A decimal with exactly `scale` digits after the point; at most 42 bytes.
    public static func writeDecimal(_ value: Int128, scale: Int, to target: UnsafeMutablePointer<UInt8>) -> Int {
        var count = 0
        if value < 0 {
            target[0] = 45
            count = 1
        }
        let (digits, length) = splitDigits(value.magnitude)
        let scale = min(max(scale, 0), 38)
        // Digits are the last `length` of the forty; at least one stands before the point.
        let shown = max(length, scale + 1)
        withUnsafeBytes(of: digits) { bytes in
            for index in (40 - shown)..<40 {
                if scale > 0 && index == 40 - scale {
                    target[count] = 46
                    count += 1
                }
                target[count] = bytes[index]
                count += 1
            }
        }
        return count
    }

    private typealias Digits = (UInt64, UInt64, UInt64, UInt64, UInt64)

    /// The forty last decimal digits in ASCII, padded with zeros, and how many there are without the padding.
    private static func splitDigits(_ magnitude: UInt128) -> (Digits, Int) {
        var digits: Digits = (0, 0, 0, 0, 0)
        var length = 1
        withUnsafeMutableBytes(of: &digits) { bytes in
            for index in 0..<40 { bytes[index] = 48 }
            var rest = magnitude
            var position = 40
            while rest > 0 && position > 0 {
                let next = rest > UInt128(UInt64.max) ? rest / 1_000_000_000_000_000_000 : 0
                var part = UInt64(truncatingIfNeeded: rest &- next &* 1_000_000_000_000_000_000)
                var left = next == 0 ? Int.max : 18
                while left > 0 && (part > 0 || next > 0) && position > 0 {
                    position -= 1
                    left -= 1
                    bytes[position] = 48 + UInt8(part % 10)
                    part /= 10
                }
                rest = next
            }
            length = 40 - (bytes.firstIndex { $0 != 48 } ?? 39)
        }
        return (digits, length)
    }

    /// `true` or `false`; at most 5 bytes.
    @inlinable
    public static func write(_ value: Bool, to target: UnsafeMutablePointer<UInt8>) -> Int {
        let text: StaticString = value ? "true" : "false"
        target.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        return text.utf8CodeUnitCount
    }

    @inlinable
    public static func append(_ value: Int64, to buffer: inout TextBuffer) {
        buffer.commit(write(value, to: buffer.reserve(20)))
    }

    @inlinable
    public static func append(_ value: UInt64, to buffer: inout TextBuffer) {
        buffer.commit(write(value, to: buffer.reserve(20)))
    }

    @inlinable
    public static func append(_ value: Bool, to buffer: inout TextBuffer) {
        buffer.commit(write(value, to: buffer.reserve(5)))
    }

    public static func appendDecimal(_ value: Int128, scale: Int, to buffer: inout TextBuffer) {
        buffer.commit(writeDecimal(value, scale: scale, to: buffer.reserve(42)))
    }
}
