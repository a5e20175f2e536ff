/// Why something may not be connected to.
public struct EgressRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// A sentence without a full stop.
    public let message: String

    /// A refusal, as one sentence.
    public init(_ message: String) { self.message = message }

    public var description: String { message }
}

/// A host and a port, as a URL or `host:port` names them.
public struct EgressTarget: Hashable, Sendable {
    /// In lower case; nil when none is given.
    public let scheme: String?
    /// In lower case, without brackets and without a dot at its end.
    public let host: String
    public let port: Int

    /// Ports of schemes that need not say theirs.
    public static let ports = [
        "http": 80, "https": 443, "ws": 80, "wss": 443, "mqtt": 1883, "tcp": 1883, "mqtts": 8883, "ssl": 8883,
        "redis": 6379, "rediss": 6379, "nats": 4222, "tls": 4222,
    ]

    private static let lengthMax = 2048

    /// Reads a URL of a known scheme, or `host:port`. Errors: other schemes, a name or password before the host, signs
    /// that programs read in different ways, numbers that are no address, no port.
    public init(_ text: String) throws(EgressRefusal) {
        guard text.utf8.count <= Self.lengthMax else { throw EgressRefusal("the address is too long") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw EgressRefusal("the address has spaces, control characters or letters beyond ASCII")
        }
        var rest = text[...]
        if let mark = rest.firstRange(of: "://") {
            let name = rest[..<mark.lowerBound].lowercased()
            guard Self.ports[name] != nil else { throw EgressRefusal("scheme '\(name)' cannot be connected to") }
            scheme = name
            rest = rest[mark.upperBound...]
        } else {
            scheme = nil
        }
        // Programs disagree whether a backslash ends the host.
        if rest.contains("\\") { throw EgressRefusal("the address has a backslash") }
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if scheme == nil && authority.count < rest.count { throw EgressRefusal("expected host:port or a URL") }
        if authority.contains("@") { throw EgressRefusal("the address holds a name or password before the host") }
        if authority.contains("%") { throw EgressRefusal("the host is written in percent codes or has a zone") }
        let (name, portText) = try Self.split(authority)
        guard let port = try Self.port(portText) ?? scheme.flatMap({ Self.ports[$0] }) else {
            throw EgressRefusal("the address has no port")
        }
        self.port = port
        host = try Self.checked(name)
    }

    private static func split(_ authority: Substring) throws(EgressRefusal) -> (Substring, Substring?) {
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else {
                throw EgressRefusal("the host has no closing bracket")
            }
            let host = authority[authority.index(after: authority.startIndex)..<end]
            let rest = authority[authority.index(after: end)...]
            guard host.contains(":"), rest.isEmpty || rest.first == ":" else {
                throw EgressRefusal("brackets are for IPv6 addresses")
            }
            return (host, rest.isEmpty ? nil : rest.dropFirst())
        }
        guard let colon = authority.firstIndex(of: ":") else { return (authority, nil) }
        let port = authority[authority.index(after: colon)...]
        if port.contains(":") { throw EgressRefusal("an IPv6 address needs brackets around it") }
        return (authority[..<colon], port)
    }

    private static func port(_ text: Substring?) throws(EgressRefusal) -> Int? {
        guard let text, !text.isEmpty else { return nil }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text), (1...65535).contains(number)
        else { throw EgressRefusal("'\(text)' is no port") }
        return number
    }

    private static func checked(_ given: Substring) throws(EgressRefusal) -> String {
        var host = given.lowercased()
        if host.hasSuffix(".") { host.removeLast() }
        if host.contains(":") {
            if IPAddress(host) == nil { throw EgressRefusal("'\(host)' is no address") }
            return host
        }
        guard !host.isEmpty, host.utf8.count <= 253 else { throw EgressRefusal("the address has no host") }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        let letters = Set("abcdefghijklmnopqrstuvwxyz0123456789-_")
        guard labels.allSatisfy({ (1...63).contains($0.count) && $0.allSatisfy(letters.contains) }) else {
            throw EgressRefusal("'\(host)' is no host name")
        }
        if IPAddress.looksNumeric(host) && IPAddress(host) == nil { throw EgressRefusal("'\(host)' is no address") }
        return host
    }
}

/// Which hosts users may have the server connect to.
///
/// A name is checked twice: as it is written, and by each address it stands for, right before connecting to that very
/// address, so that a name that changes its mind gains nothing.
public struct EgressPolicy: Hashable, Sendable {
    public enum Mode: Hashable, Sendable {
        /// All but link-local addresses, metadata services and groups.
        case any
        /// Only public addresses.
        case publicOnly
        /// Only these: names, `*.example.com`, addresses, networks such as `10.1.0.0/16`.
        case list([String])
    }

    public let mode: Mode

    public init(_ mode: Mode) { self.mode = mode }

    private static let metadataNames: Set<String> = [
        "metadata.google.internal", "metadata.goog", "metadata", "instance-data", "instance-data.ec2.internal",
    ]

    /// Checks what is written, before any look-up.
    public func check(_ target: EgressTarget) throws(EgressRefusal) {
        if let address = IPAddress(target.host) { return try check(address, of: target) }
        if Self.metadataNames.contains(target.host) { throw refusal(target, .metadata) }
        switch mode {
        case .any: return
        case .publicOnly:
            if target.host == "localhost" || target.host.hasSuffix(".localhost") { throw refusal(target, .loopback) }
        case .list(let entries):
            // A name that is not listed may stand for an address that is: that is seen when it is looked up.
            if entries.contains(where: { Self.matches($0, name: target.host) }) { return }
            if !entries.contains(where: { Self.network($0) != nil }) { throw unlisted(target) }
        }
    }

    /// Checks an address that a target stands for.
    public func check(_ address: IPAddress, of target: EgressTarget) throws(EgressRefusal) {
        switch address.kind {
        // These are refused whatever a list says: nothing that users need is there.
        case .metadata, .linkLocal, .multicast: throw refusal(target, address.kind)
        default: break
        }
        switch mode {
        case .any: return
        case .publicOnly: if address.kind != .global { throw refusal(target, address.kind) }
        case .list(let entries):
            let isListed = entries.contains { Self.matches($0, name: target.host) || Self.contains($0, address) }
            if !isListed { throw unlisted(target) }
        }
    }

    private func refusal(_ target: EgressTarget, _ kind: IPAddress.Kind) -> EgressRefusal {
        EgressRefusal("'\(target.host)' is \(kind.rawValue), which may not be connected to (setting egress.policy)")
    }

    private func unlisted(_ target: EgressTarget) -> EgressRefusal {
        EgressRefusal("'\(target.host)' is not among the hosts that may be connected to (setting egress.allow)")
    }

    private static func matches(_ entry: String, name: String) -> Bool {
        let entry = entry.lowercased()
        if entry.hasPrefix("*.") { return name.hasSuffix(entry.dropFirst()) && name.count > entry.count - 1 }
        return entry == name
    }

    /// The network of an entry, as its first address and the bits that count.
    private static func network(_ entry: String) -> (IPAddress, Int)? {
        let parts = entry.split(separator: "/", maxSplits: 1)
        guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
        let width = if case .v4 = address { 32 } else { 128 }
        if parts.count == 1 { return (address, width) }
        guard let bits = Int(parts[1]), (0...width).contains(bits) else { return nil }
        return (address, bits)
    }

    private static func contains(_ entry: String, _ address: IPAddress) -> Bool {
        guard let (first, bits) = network(entry) else { return false }
        switch (first, address) {
        case (.v4(let left), .v4(let right)): return left >> UInt32(32 - bits) == right >> UInt32(32 - bits)
        case (.v6(let high, let low), .v6(let otherHigh, let otherLow)):
            if bits <= 64 { return high >> UInt64(64 - bits) == otherHigh >> UInt64(64 - bits) }
            return high == otherHigh && low >> UInt64(128 - bits) == otherLow >> UInt64(128 - bits)
        default: return false
        }
    }
}
