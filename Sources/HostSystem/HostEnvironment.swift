import Glibc

/// The environment variables of the process.
public protocol HostEnvironment: Sendable {
    /// The value of a variable; nil when it is not set.
    func value(_ name: String) -> String?
}

/// Those the process was started with.
public struct SystemEnvironment: HostEnvironment {
    /// Makes it; costs nothing.
    public init() {}

    /// Asks `getenv`.
    public func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

extension [String: String]: HostEnvironment {
    public func value(_ name: String) -> String? { self[name] }
}
