import SQLSyntax

/// Everything that is wrong with a configuration, told at once.
public struct SettingsError: Error, Sendable, CustomStringConvertible {
    /// Sentences that begin with their place, e.g. `laminar.toml:3: api.http-port takes …`; without secrets.
    public let problems: [String]

    init(_ problems: [String]) { self.problems = problems }

    public var description: String { problems.joined(separator: "\n") }

    /// A problem with a key that no setting has.
    static func unknown(_ key: String, _ place: String) -> String {
        let near = NameSuggestion.closest(to: key, among: SettingTable.all.map(\.key))
        let inner = SettingTable.all.first { $0.key.hasPrefix(key + ".") }
        let hint =
            inner != nil
            ? "\n  hint: \(key) holds other settings, e.g. \(inner?.key ?? "")"
            : near.map { "\n  hint: did you mean \($0)?" } ?? "\n  hint: laminar config shows all settings"
        return "\(place): there is no setting '\(key)'\(hint)"
    }
}
