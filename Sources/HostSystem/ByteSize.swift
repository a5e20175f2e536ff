/// Sizes of memory and files as people write them.
public enum ByteSize {
    /// The number of bytes a text says: a number, maybe with a fraction, and maybe a unit: B, kB, MB, GB or TB, also
    /// without the B or with an i before it, in either case. Units are powers of 1024: 1 MB is 2^20 bytes. Nil for
    /// anything else, and beyond 2^62.
    public static func parse(_ text: String) -> Int? {
        let text = text.lowercased().filter { $0 != " " }
        let digits = text.prefix { ("0"..."9").contains($0) || $0 == "." }
        guard let shift = shifts[String(text.dropFirst(digits.count))] else { return nil }
        if let whole = Int(digits) { return whole <= (1 << 62) >> shift ? whole << shift : nil }
        guard let number = Double(digits), number.isFinite else { return nil }
        let bytes = (number * Double(1 << shift)).rounded()
        return bytes < 0x1p62 ? Int(bytes) : nil
    }

    private static let shifts: [String: Int] = [
        "": 0, "b": 0, "k": 10, "kb": 10, "kib": 10, "m": 20, "mb": 20, "mib": 20, "g": 30, "gb": 30, "gib": 30,
        "t": 40, "tb": 40, "tib": 40,
    ]
}
