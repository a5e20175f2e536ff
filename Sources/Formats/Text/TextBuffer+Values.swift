import Columnar

extension TextBuffer {
    /// Appends a point in time in RFC 3339 form, e.g. `2026-01-15T12:30:00.250`; `hasZone` adds the `Z` of UTC.
    @inline(__always)
    mutating func append(timestamp nanoseconds: Int64, hasZone: Bool) {
        TextPrinting.appendTimestamp(nanoseconds, style: .rfc3339, suffix: hasZone ? "Z" : "", to: &self)
    }

    /// Appends whole milliseconds since the epoch, rounded down.
    mutating func append(unixMillis nanoseconds: Int64) {
        let millis = nanoseconds / 1_000_000
        TextPrinting.append(nanoseconds % 1_000_000 < 0 ? millis - 1 : millis, to: &self)
    }

    /// Appends bytes in base64, padded.
    public mutating func append(base64 bytes: UnsafeRawBufferPointer) {
        let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        let letters = alphabet.utf8Start
        var target = reserve((bytes.count + 2) / 3 * 4)
        commit((bytes.count + 2) / 3 * 4)
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
