import Connectors
import HostSystem
import JSONModel
import SQLSyntax

/// Turns what a schema objects to into one error for the user.
enum ConfigCheck {
    private static let shownMax = 5

    /// Throws a `ControlError` that tells the first few, with what may have been meant.
    static func throwIfAny(_ violations: [JSONSchemaViolation]) throws {
        if violations.isEmpty { return }
        var texts = violations.prefix(shownMax).map(text)
        if violations.count > shownMax { texts.append("and \(violations.count - shownMax) more") }
        throw ControlError(.invalid, texts.joined(separator: "; "))
    }

    private static func text(_ violation: JSONSchemaViolation) -> String {
        guard let key = violation.unknownKey else { return violation.description }
        let near = NameSuggestion.closest(to: key, among: violation.knownKeys)
        let hint =
            near.map { ": did you mean '\($0)'?" }
            ?? (violation.knownKeys.isEmpty ? "" : ": expected one of \(violation.knownKeys.joined(separator: ", "))")
        return violation.description + hint
    }

    /// Refuses masks where secrets belong: a config that was answered and comes back.
    static func refuseMasks(_ shape: ConfigShape, _ config: JSONValue) throws {
        _ = try shape.mappingSecrets(in: config) { path, text in
            if text == Secret.mask {
                throw ControlError(.invalid, "config.\(path): '\(Secret.mask)' stands for a secret: give the secret itself")
            }
            return text
        }
    }

    /// A name of a profile or table. Errors: empty, too long, blanks at its ends, control characters, quotes.
    static func name(_ name: String) throws -> String {
        func refuse(_ why: String) -> ControlError { ControlError(.invalid, "name: \(why)") }
        if name.isEmpty { throw refuse("must not be empty") }
        if name.count > 128 { throw refuse("expected at most 128 characters, found \(name.count)") }
        if name.first?.isWhitespace == true || name.last?.isWhitespace == true {
            throw refuse("must not begin or end with a blank")
        }
        let forbidden = name.unicodeScalars.first { $0.value < 0x20 || $0.value == 0x7F || "\"'`".unicodeScalars.contains($0) }
        if let forbidden {
            throw refuse(forbidden.value < 0x20 || forbidden.value == 0x7F ? "has control characters" : "has a quote: \(forbidden)")
        }
        return name
    }
}
