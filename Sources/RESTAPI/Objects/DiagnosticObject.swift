import JSONModel
import SQLSyntax

/// Diagnostics as the API shows them.
enum DiagnosticObject {
    static func json(_ diagnostic: Diagnostic, in source: SourceText) -> JSONValue {
        [
            "severity": .string(diagnostic.severity.rawValue), "code": .string(diagnostic.code),
            "message": .string(diagnostic.message), "help": JSONValue(diagnostic.hint),
            "span": diagnostic.span.map { span in
                ["start": position(span.start, source), "end": position(span.end, source)]
            } ?? .null,
        ]
    }

    /// One line: where, what, and what to do.
    static func line(_ diagnostic: Diagnostic, in source: SourceText) -> String {
        var text = diagnostic.message
        if let span = diagnostic.span {
            let start = source.position(of: span.start)
            text = "line \(start.line):\(start.column): \(text)"
        }
        return diagnostic.hint.map { "\(text) (\($0))" } ?? text
    }

    private static func position(_ offset: Int, _ source: SourceText) -> JSONValue {
        let place = source.position(of: offset)
        return ["line": JSONValue(place.line), "column": JSONValue(place.column), "offset": JSONValue(offset)]
    }
}
