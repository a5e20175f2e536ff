import HostSystem

/// The names a server answers to. A page of another site can give its own name the server's address and then counts as
/// of the same origin; but it cannot make a browser send another name than its own.
struct HostNames: Sendable {
    /// Nil: any.
    private let names: Set<String>?

    init(_ configuration: APIServerConfiguration) {
        let more = configuration.allowedHosts.map(Self.normal)
        let isOpen = if case .none = configuration.authentication { true } else { false }
        let isChecked = (isOpen && configuration.isLoopback) || !more.isEmpty
        names = isChecked && !more.contains("*") ? Set(more + ["localhost", Self.normal(configuration.address)]) : nil
    }

    /// Whether a request with that Host header, a name with or without a port, is for this server. One without is of no
    /// browser.
    func allow(_ authority: String?) -> Bool {
        guard let names, let authority, !authority.isEmpty else { return true }
        let name = Self.name(authority)
        if names.contains(name) { return true }
        // Addresses cannot be given to others as names can.
        return IPAddress(name).map { $0.kind == .loopback } ?? false
    }

    /// Without the port and without brackets.
    private static func name(_ authority: String) -> String {
        if authority.hasPrefix("[") { return normal(String(authority.dropFirst().prefix { $0 != "]" })) }
        return normal(String(authority.prefix { $0 != ":" }))
    }

    private static func normal(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }
}
