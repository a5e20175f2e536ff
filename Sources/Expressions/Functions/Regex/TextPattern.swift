import Columnar

/// A regular expression of RE2's syntax, for texts outside of columns such as names of files.
package struct TextPattern: Sendable {
    private let expression: RegularExpression

    /// Compiles a pattern; throws RE2's message with the pattern.
    package init(_ pattern: String) throws(KernelError) {
        expression = try RegularExpression(RegexKey(pattern: Array(pattern.utf8), options: []))
    }

    /// Whether the pattern matches somewhere in a text. Linear in the text, whatever the pattern.
    package func isFound(in text: String) -> Bool { Array(text.utf8).withUnsafeBytes { expression.isMatch($0) } }
}
