import ControlPlane
import HTTPTypes
import JSONModel
import SQLSyntax

/// What a caller is told instead of an answer.
struct APIError: Error {
    var status: HTTPResponse.Status
    /// One sentence without secrets, or several lines for several mistakes in SQL.
    var message: String
    var diagnostics: [JSONValue] = []
    var headers = HTTPFields()

    init(_ status: HTTPResponse.Status, _ message: String) {
        self.status = status
        self.message = message
    }

    static func invalid(_ message: String) -> APIError { APIError(.badRequest, message) }

    /// What is told of any error. Nothing of an error that is not made for callers gets out; it is for the log.
    init(_ error: any Error, query: String? = nil) {
        switch error {
        case let error as APIError: self = error
        case let error as JSONSyntaxError: self.init(.badRequest, "the body is not JSON: \(error)")
        case let error as JSONShapeError:
            self.init(.badRequest, error.path.isEmpty ? "the body: \(error)" : error.description)
        case let error as ControlError: self.init(error, query: query)
        case is CancellationError: self.init(.serviceUnavailable, "The request was given up")
        default: self.init(.internalServerError, "Something went wrong")
        }
    }

    private init(_ error: ControlError, query: String?) {
        status =
            switch error.kind {
            case .invalid: .badRequest
            case .notFound: .notFound
            case .conflict: .conflict
            case .tooMany: .tooManyRequests
            case .unavailable: .serviceUnavailable
            }
        message = error.message
        guard !error.diagnostics.isEmpty else { return }
        let source = SourceText(query ?? "")
        diagnostics = error.diagnostics.map { DiagnosticObject.json($0, in: source) }
        if query != nil && !message.contains("\n") {
            message += ":" + error.diagnostics.map { "\n * " + DiagnosticObject.line($0, in: source) }.joined()
        }
    }

    /// The body: `{"error": …}`, for mistakes in SQL with `diagnostics`.
    var body: JSONValue {
        var object = JSONObject([.init(key: "error", value: .string(message))])
        if !diagnostics.isEmpty { object["diagnostics"] = .array(diagnostics) }
        return .object(object)
    }
}
