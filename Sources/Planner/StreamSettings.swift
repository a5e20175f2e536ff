import Columnar
import Expressions
import SQLSyntax

/// What `SET` says about endless input.
struct StreamSettings {
    /// After how many milliseconds without rows updating operators forget; nil: never.
    var ttlMillis: Int64? = 86_400_000
    /// Whether the text itself says so.
    var isTTLGiven = false
    /// Whether bounded input is treated like endless: results as rows come, not at the end.
    var isStreaming = false

    static let names = ["updating_ttl", "runtime_mode"]

    /// Takes a setting. Errors: E0309 for an unknown name or value.
    mutating func set(_ name: String, _ expr: Expr, _ span: SourceSpan, _ binder: Binder) throws(Diagnostic) {
        switch name {
        case "updating_ttl":
            isTTLGiven = true
            if case .string(let text) = expr.kind, text == "none" {
                ttlMillis = nil
                return
            }
            let expressions = ExpressionBinder(binder, Scope(), [:], .values(.init(columns: [], rows: [[]])))
            ttlMillis = max(1, try WindowCall.length(expr, expressions) / 1_000_000)
        case "runtime_mode":
            guard case .string(let text) = expr.kind, text == "streaming" || text == "automatic" else {
                throw Diagnostic(
                    "E0309", "runtime_mode is 'streaming' or 'automatic'", span: expr.span,
                    hint: "'automatic', the default, gives final results where all sources end")
            }
            isStreaming = text == "streaming"
        default:
            let near = NameSuggestion.closest(to: name, among: Self.names)
            throw Diagnostic(
                "E0309", "there is no setting '\(name)'", span: span,
                hint: near.map { "did you mean \($0)?" }
                    ?? "the settings are: \(Self.names.joined(separator: ", "))")
        }
    }
}
