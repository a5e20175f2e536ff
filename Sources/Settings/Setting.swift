/// One thing that can be set: by a file, the environment or a flag.
public struct Setting: Sendable, Hashable {
    /// Lower-case words with dashes, levels parted by points, e.g. `api.http-port`.
    public let key: String
    public let kind: SettingKind
    /// As a user would write it; nil: nothing is set unless somebody sets it.
    public let defaultText: String?
    /// One sentence for the documentation.
    public let documentation: String
    /// Whether its value is never shown.
    public let isSecret: Bool

    init(
        _ key: String, _ kind: SettingKind, default defaultText: String? = nil, isSecret: Bool = false,
        _ documentation: String
    ) {
        self.key = key
        self.kind = kind
        self.defaultText = defaultText
        self.isSecret = isSecret
        self.documentation = documentation
    }

    /// Its variable of the environment, e.g. `LAMINAR__API__HTTP_PORT`.
    public var variable: String {
        SettingTable.variablePrefix
            + key.uppercased().split(separator: ".").joined(separator: "__").map { $0 == "-" ? "_" : String($0) }
            .joined()
    }

    /// The value of a text, e.g. of a flag or a variable. Errors: a text of another kind, or out of range.
    public func value(of text: String) throws(SettingMistake) -> SettingValue {
        try value(of: SettingInput(.text(text, .untyped)))
    }

    /// The value of what a file, the environment or a flag gave. Errors: another kind, or out of range.
    func value(of input: SettingInput) throws(SettingMistake) -> SettingValue {
        do throws(SettingMistake) {
            return try kind.value(of: input)
        } catch {
            let found = isSecret ? "something else" : error.found
            throw SettingMistake(expected: error.expected, found: found)
        }
    }
}

/// What a setting takes and what was found instead.
public struct SettingMistake: Error, Hashable, Sendable, CustomStringConvertible {
    /// E.g. `a number from 0 to 65535`.
    public let expected: String
    /// E.g. `'x'`.
    public let found: String

    public var description: String { "takes \(expected), found \(found)" }
}

/// The value of a setting.
public enum SettingValue: Hashable, Sendable {
    case text(String)
    case integer(Int)
    case boolean(Bool)
    /// Milliseconds.
    case duration(millis: Int)
    /// Bytes.
    case size(bytes: Int)
    case list([String])
}

/// What a file, the environment or a flag gave for a setting.
struct SettingInput: Hashable, Sendable {
    /// How a text was written; `untyped` may be of any kind.
    enum Form: String, Sendable { case untyped, string, integer, boolean, number }

    enum Shape: Hashable, Sendable {
        case text(String, Form)
        case list([String])
        /// Something no setting takes, e.g. `a date`.
        case other(String)
    }

    var shape: Shape

    init(_ shape: Shape) { self.shape = shape }

    /// For messages.
    var words: String {
        switch shape {
        case .text(let text, .string), .text(let text, .untyped): "'\(text)'"
        case .text(let text, _): text
        case .list: "a list"
        case .other(let words): words
        }
    }
}
