/// A failure of the world around the engine: files, brokers, data, limits. Not of the user's SQL text.
public struct OperationalError: Error, Sendable {
    /// Who has to act.
    public enum Domain: String, Sendable {
        /// The user's data or settings; trying again gives the same.
        case user
        /// Another system.
        case external
        /// This program.
        case `internal`
    }

    /// What happened: expected …, found …. One sentence without a full stop, without secrets.
    public let message: String
    public let domain: Domain
    /// Whether a restart may succeed.
    public let isRetryable: Bool
    /// Values that help to find the place, in order, e.g. `operator`, `row`.
    public private(set) var context: [(name: String, value: String)]

    public init(
        _ message: String, domain: Domain, isRetryable: Bool = false, context: [(name: String, value: String)] = []
    ) {
        self.message = message
        self.domain = domain
        self.isRetryable = isRetryable
        self.context = context
    }

    /// Wraps a file error: the user's to mend unless it is transient.
    public init(_ error: FileError) {
        self.init(
            error.description, domain: error.isTransient ? .external : .user, isRetryable: error.isTransient,
            context: [("path", error.path)])
    }

    /// The same error with one more value to find its place by.
    public func adding(_ name: String, _ value: String) -> OperationalError {
        var copy = self
        copy.context.append((name, value))
        return copy
    }
}

extension OperationalError: CustomStringConvertible {
    /// The message, then the context in brackets.
    public var description: String {
        if context.isEmpty { return message }
        return message + " [" + context.map { "\($0.name)=\($0.value)" }.joined(separator: ", ") + "]"
    }
}
