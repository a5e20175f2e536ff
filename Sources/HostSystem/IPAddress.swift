import Glibc

/// An address of the Internet Protocol.
public enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    /// What an address is for; only `global` ones lead to the wide world.
    public enum Kind: String, Hashable, Sendable {
        case global = "a public address"
        case loopback = "this machine"
        case `private` = "a private network"
        case linkLocal = "a link-local address"
        case metadata = "a cloud's metadata service"
        case unspecified = "no address at all"
        case multicast = "a group of machines"
        case reserved = "a reserved address"
    }

    /// The address that a host is, as connecting would read it: 1 to 4 numbers, decimal, octal (`0…`) or hexadecimal
    /// (`0x…`), or IPv6 without brackets. Nil: it is a name, or nothing sensible.
    public init?(_ host: String) {
        if host.utf8.contains(UInt8(ascii: ":")) {
            guard let groups = Self.groups(host) else { return nil }
            let words = groups.map { UInt64($0) }
            self = .v6(
                high: words[0] << 48 | words[1] << 32 | words[2] << 16 | words[3],
                low: words[4] << 48 | words[5] << 32 | words[6] << 16 | words[7])
        } else {
            guard let value = Self.number(host) else { return nil }
            self = .v4(value)
        }
    }

    /// The address of a socket's other end; nil: it is of another family.
    public init?(_ socketAddress: UnsafePointer<sockaddr>) {
        switch Int32(socketAddress.pointee.sa_family) {
        case AF_INET:
            let value = socketAddress.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                $0.pointee.sin_addr.s_addr
            }
            self = .v4(UInt32(bigEndian: value))
        case AF_INET6:
            var bytes = socketAddress.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee.sin6_addr }
            self = withUnsafeBytes(of: &bytes) { raw in
                .v6(
                    high: UInt64(bigEndian: raw.loadUnaligned(as: UInt64.self)),
                    low: UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
            }
        default: return nil
        }
    }

    /// Whether a host without brackets can only be an IPv4 address, so that one that is none is refused: its last part
    /// is a number.
    static func looksNumeric(_ host: String) -> Bool {
        guard let last = host.split(separator: ".").last else { return false }
        return last.utf8.allSatisfy { (0x30...0x39).contains($0) } || last.lowercased().hasPrefix("0x")
    }

    private static func number(_ host: String) -> UInt32? {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...4).contains(parts.count) else { return nil }
        var result: UInt64 = 0
        for (index, part) in parts.enumerated() {
            guard let value = part32(part) else { return nil }
            if index < parts.count - 1 {
                guard value <= 255 else { return nil }
                result = result << 8 | value
            } else {
                let bits = UInt64(8 * (5 - parts.count))
                guard value < 1 << bits else { return nil }
                result = result << bits | value
            }
        }
        return UInt32(exactly: result)
    }

    private static func part32(_ part: Substring) -> UInt64? {
        let lower = part.lowercased()
        if lower.hasPrefix("0x") { return lower.count == 2 ? 0 : digits(lower.dropFirst(2), 16) }
        if lower.hasPrefix("0"), lower.count > 1 { return digits(lower.dropFirst(), 8) }
        return digits(lower[...], 10)
    }

    private static func digits(_ text: Substring, _ radix: Int) -> UInt64? {
        // A sign would be taken for a part of the number.
        guard text.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }) else { return nil }
        return UInt64(text, radix: radix).flatMap { $0 <= UInt64(UInt32.max) ? $0 : nil }
    }

    /// Eight groups of 16 bits.
    private static func groups(_ host: String) -> [UInt16]? {
        var text = host
        // The last four bytes may be written as IPv4.
        if let dot = text.firstIndex(of: "."), let colon = text[..<dot].lastIndex(of: ":") {
            let tail = String(text[text.index(after: colon)...])
            let parts = tail.split(separator: ".", omittingEmptySubsequences: false)
            let bytes = parts.compactMap { digits($0, 10).flatMap { UInt8(exactly: $0) } }
            guard parts.count == 4, bytes.count == 4 else { return nil }
            let words = [UInt32(bytes[0]) << 8 | UInt32(bytes[1]), UInt32(bytes[2]) << 8 | UInt32(bytes[3])]
            text = String(text[...colon]) + words.map { String($0, radix: 16) }.joined(separator: ":")
        }
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return nil }
        var sides: [[UInt16]] = []
        for half in halves {
            if half.isEmpty {
                sides.append([])
                continue
            }
            let parts = half.split(separator: ":", omittingEmptySubsequences: false)
            let words = parts.compactMap { part in
                (1...4).contains(part.utf8.count) ? digits(part, 16).flatMap { UInt16(exactly: $0) } : nil
            }
            guard words.count == parts.count else { return nil }
            sides.append(words)
        }
        if halves.count == 1 { return sides[0].count == 8 ? sides[0] : nil }
        let missing = 8 - sides[0].count - sides[1].count
        guard missing >= 1 else { return nil }
        return sides[0] + [UInt16](repeating: 0, count: missing) + sides[1]
    }
}

extension IPAddress {
    /// What the address is for; an IPv4 address inside an IPv6 one counts as itself.
    public var kind: Kind {
        switch self {
        case .v4(let value): return Self.kind(value)
        case .v6(let high, let low): return Self.kind(high, low)
        }
    }

    /// Addresses at which clouds tell machines their secrets.
    private static let metadata: Set<UInt32> = [
        0xA9FE_A9FE, 0xA9FE_AA02, 0xA9FE_AA17, 0x6464_64C8, 0xC000_00C0,
    ]

    /// Source: <https://www.iana.org/assignments/iana-ipv4-special-registry>.
    private static let blocks: [(first: UInt32, bits: UInt32, kind: Kind)] = [
        (0x0000_0000, 8, .unspecified), (0x0A00_0000, 8, .private), (0x6440_0000, 10, .private),
        (0x7F00_0000, 8, .loopback), (0xA9FE_0000, 16, .linkLocal), (0xAC10_0000, 12, .private),
        (0xC000_0000, 24, .reserved), (0xC000_0200, 24, .reserved), (0xC058_6300, 24, .reserved),
        (0xC0A8_0000, 16, .private), (0xC612_0000, 15, .reserved), (0xC633_6400, 24, .reserved),
        (0xCB00_7100, 24, .reserved), (0xE000_0000, 4, .multicast), (0xF000_0000, 4, .reserved),
    ]

    private static func kind(_ value: UInt32) -> Kind {
        if metadata.contains(value) { return .metadata }
        return blocks.first { value >> (32 - $0.bits) == $0.first >> (32 - $0.bits) }?.kind ?? .global
    }

    /// Source: <https://www.iana.org/assignments/iana-ipv6-special-registry>.
    private static func kind(_ high: UInt64, _ low: UInt64) -> Kind {
        if high == 0 {
            if low == 0 { return .unspecified }
            if low == 1 { return .loopback }
            // ::ffff:a.b.c.d and the older ::a.b.c.d
            if low >> 32 == 0xFFFF || low >> 32 == 0 { return kind(UInt32(truncatingIfNeeded: low)) }
            // ::ffff:0:a.b.c.d
            if low >> 32 == 0xFFFF_0000 { return kind(UInt32(truncatingIfNeeded: low)) }
            return .reserved
        }
        if high == 0x0064_FF9B_0000_0000, low >> 32 == 0 { return kind(UInt32(truncatingIfNeeded: low)) }
        if high >> 48 == 0x2002 { return kind(UInt32(truncatingIfNeeded: high >> 16)) }
        if high == 0xFD00_0EC2_0000_0000, low == 0x254 { return .metadata }
        if high == 0xFD20_00CE_0000_0000, low == 0x254 { return .metadata }
        switch high >> 56 {
        case 0xFF: return .multicast
        case 0xFC, 0xFD: return .private
        default: break
        }
        if high >> 54 == 0xFE80 >> 6 { return .linkLocal }
        if high >> 54 == 0xFEC0 >> 6 { return .private }
        // Only 2000::/3 is given out; some of it for special ends.
        let isGlobal = high >> 61 == 1 && high >> 32 != 0x2001_0DB8 && high >> 32 != 0x2001_0000
        return isGlobal ? .global : .reserved
    }
}

extension IPAddress: CustomStringConvertible {
    /// Four decimal numbers, or eight hexadecimal groups without brackets.
    public var description: String {
        switch self {
        case .v4(let value): return (0..<4).map { "\(value >> (24 - 8 * UInt32($0)) & 255)" }.joined(separator: ".")
        case .v6(let high, let low):
            let words = [high, low].flatMap { half in (0..<4).map { half >> (48 - 16 * UInt64($0)) & 0xFFFF } }
            return words.map { String($0, radix: 16) }.joined(separator: ":")
        }
    }
}
