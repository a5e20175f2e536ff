/// Something wrong, or doubtful, in what the user wrote.
public struct Diagnostic: Error, Hashable, Sendable {
    public enum Severity: String, Hashable, Sendable {
        case error, warning
    }

    /// Stable over releases: E01xx lexer and parser, E02xx names and types, E03xx tables and options, E04xx what cannot
    /// be planned; W0xxx warnings.
    public var code: String
    public var severity: Severity
    public var message: String
    public var span: SourceSpan?
    /// What to do about it.
    public var hint: String?

    public init(
        _ code: String, _ message: String, span: SourceSpan?, hint: String? = nil, severity: Severity = .error
    ) {
        self.code = code
        self.severity = severity
        self.message = message
        self.span = span
        self.hint = hint
    }
}

/// Shows diagnostics as text with the source line and a caret under what is meant.
public struct DiagnosticRenderer: Sendable {
    private let usesColor: Bool
    /// Longer lines are cut around the span.
    private static let widthMax = 160

    public init(usesColor: Bool = false) { self.usesColor = usesColor }

    /// One diagnostic, without a final newline.
    public func render(_ diagnostic: Diagnostic, in source: SourceText) -> String {
        let color = diagnostic.severity == .error ? "\u{1B}[1;31m" : "\u{1B}[1;33m"
        var lines = [
            paint("\(diagnostic.severity.rawValue)[\(diagnostic.code)]", color) + ": "
                + String(diagnostic.message.map(Self.visible))
        ]
        if let span = diagnostic.span {
            let start = source.position(of: span.start)
            lines.append("  --> \(source.name):\(start.line):\(start.column)")
            lines += excerpt(source, span, start, color)
        }
        if let hint = diagnostic.hint { lines.append("  hint: \(hint)") }
        return lines.joined(separator: "\n")
    }

    private func excerpt(_ source: SourceText, _ span: SourceSpan, _ start: SourcePosition, _ color: String) -> [String]
    {
        let end = source.position(of: max(span.start, span.end))
        let text = Array(source.line(start.line))
        let first = min(start.column - 1, text.count)
        let last =
            end.line == start.line ? max(first + 1, min(end.column - 1, text.count + 1)) : max(first + 1, text.count)
        let left = max(0, min(first - Self.widthMax / 2, text.count - Self.widthMax))
        let shown = text[left..<min(text.count, left + Self.widthMax)]
        let number = String(start.line)
        let gutter = String(repeating: " ", count: number.count)
        // Tabs stay tabs, so that the caret stands below what it points at.
        let padding = text[left..<first].map { $0 == "\t" ? "\t" : String(repeating: " ", count: Self.width($0)) }
        let marked = text[min(first, text.count)..<min(last, text.count)].reduce(0) { $0 + Self.width($1) }
        let carets = String(repeating: "^", count: max(1, min(marked, Self.widthMax)))
        return [
            " \(number) | \(String(shown.map(Self.visible)))",
            " \(gutter) | \(padding.joined())\(paint(carets, color))",
        ]
    }

    /// The character, or a point in place of one that a terminal would obey.
    private static func visible(_ character: Character) -> Character {
        guard let scalar = character.unicodeScalars.first?.value, character != "\t" else { return character }
        return scalar < 0x20 || (0x7F...0x9F).contains(scalar) ? "·" : character
    }

    /// How many terminal cells a character takes.
    private static func width(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first?.value else { return 0 }
        switch scalar {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }

    private func paint(_ text: String, _ color: String) -> String {
        usesColor ? "\(color)\(text)\u{1B}[0m" : text
    }
}
