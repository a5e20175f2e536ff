import SQLSyntax

/// Why the control plane will not do what it was asked for. Everything else that is thrown is a fault of the server.
public struct ControlError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        /// The request itself is wrong.
        case invalid
        case notFound
        /// Not now: something is in use, runs, or has that name already.
        case conflict
        /// A bound of the server is reached; later it may be possible.
        case tooMany
        /// The server is shutting down, or the job cannot answer at the moment.
        case unavailable
    }

    public let kind: Kind
    /// A sentence without a full stop, without secrets.
    public let message: String
    /// What is wrong with the SQL, when it is the SQL.
    public let diagnostics: [Diagnostic]

    public init(_ kind: Kind, _ message: String, diagnostics: [Diagnostic] = []) {
        self.kind = kind
        self.message = message
        self.diagnostics = diagnostics
    }

    /// Nothing has that id, e.g. `Pipeline not found: pl_abc123`.
    public static func notFound(_ object: String, _ id: String) -> ControlError {
        ControlError(.notFound, "\(object) not found: \(id)")
    }

    public var description: String { message }
}
