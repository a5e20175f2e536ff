import Dataflow
import Formats
import HostSystem
import SQLSyntax

/// Why a job failed.
public struct JobFailure: Error, Sendable, CustomStringConvertible {
    /// What was thrown.
    public let error: any Error
    /// Whose it is to mend. What is the user's is not tried again: it would fail the same way.
    public let domain: OperationalError.Domain
    /// For people, without secrets.
    public let message: String

    public init(_ error: any Error) {
        self.error = error
        domain = Self.domain(of: error)
        let text =
            switch error {
            case let error as Diagnostic: error.message
            case let error as OptionError: error.message + (error.hint.map { " (\($0))" } ?? "")
            default: "\(error)"
            }
        // A value that is no number may be as long as a record, and messages are kept and listed.
        message = text.utf8.count > Self.byteCountMax ? String(text.prefix(Self.byteCountMax / 4)) + "…" : text
    }

    private static let byteCountMax = 8192

    public var description: String { message }

    private static func domain(of error: any Error) -> OperationalError.Domain {
        switch error {
        case let error as OperationalError: error.domain
        case let error as FileError: error.isTransient ? .external : .user
        // Wrong SQL, wrong options, and rows that an expression of the query cannot take.
        case is Diagnostic, is OptionError, is FormatOptionError, is OperatorError, is BadRecordError, is ControlError:
            .user
        default: .internal
        }
    }
}
