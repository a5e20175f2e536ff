import Connectors
import Dataflow

/// Puts the values of environment variables in place of `{{ NAME }}` in secret options, when a table is opened.
///
/// Only secrets are looked at, and the settings of this program (`LAMINAR__…`) are not given out: else a text could ask
/// for them in a place that messages show.
public struct EnvironmentVariables: Sendable {
    private let value: @Sendable (String) -> String?
    private static let ownPrefix = "LAMINAR__"

    /// `value` gives a variable's value; nil: there is none.
    public init(value: @escaping @Sendable (String) -> String?) { self.value = value }

    /// The options with the variables of secrets filled in. Errors: one that is not set or not given out; other options
    /// that name one.
    public func filled(
        _ connector: String, _ options: [String: OptionValue]
    ) throws(OptionError) -> [String: OptionValue] {
        var result = options
        for key in options.keys.sorted() {
            guard case .string(let text)? = options[key], Self.holdsVariable(text) else { continue }
            guard let descriptor = ConnectorDescriptor.find(connector), descriptor.isSecret(option: key) else {
                continue
            }
            result[key] = .string(try filled(text, key))
        }
        return result
    }

    /// Whether a text has a `{{ NAME }}`.
    static func holdsVariable(_ text: String) -> Bool {
        // An expression is compiled at each use: not for texts that cannot match.
        text.utf8.contains(UInt8(ascii: "{")) && text.contains(/\{\{\s*[A-Za-z_][A-Za-z0-9_]*\s*\}\}/)
    }

    private func filled(_ text: String, _ key: String) throws(OptionError) -> String {
        var result = ""
        var rest = text[...]
        while let match = rest.firstMatch(of: /\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/) {
            let name = String(match.1)
            if name.hasPrefix(Self.ownPrefix) {
                throw OptionError(key: key, message: "option '\(key)': variable \(name) is not for tables")
            }
            guard let value = value(name) else {
                throw OptionError(
                    key: key, message: "option '\(key)': environment variable \(name) is not set",
                    hint: "set it where the server is started")
            }
            result += rest[..<match.range.lowerBound] + value
            rest = rest[match.range.upperBound...]
        }
        return result + rest
    }
}
