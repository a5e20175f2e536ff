import Codecs
import Formats
import HostSystem

/// Makes errors about a table's file say which table and file, and what to do.
struct FileTableError {
    let table: String
    /// The path, or what stands for a standard stream.
    let path: String

    func locate(_ error: any Error) -> any Error {
        switch error {
        case let error as FileError:
            return OperationalError(
                "table '\(table)': \(error)", domain: error.isTransient ? .external : .user,
                isRetryable: error.isTransient)
        case let error as CodecError:
            return OperationalError("\(place): \(error) (\(remedy(error)))", domain: .user)
        case is BadRecordError, is FormatOptionError: return OperationalError("\(place): \(error)", domain: .user)
        default: return error
        }
    }

    /// Runs `body` and locates what it throws.
    func locating<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw locate(error)
        }
    }

    private var place: String { "table '\(table)', file '\(path)'" }

    private func remedy(_ error: CodecError) -> String {
        switch error.reason {
        case .corrupt:
            "check that the file is \(error.codec.rawValue), or set the option compression to what it is"
        case .truncated: "the file is cut short: write or fetch it again"
        case .tooLarge, .failed: "decompress the file first and read it plain"
        }
    }
}
