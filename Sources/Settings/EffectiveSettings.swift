import JSONModel

/// Where a value comes from.
public enum SettingOrigin: Sendable, Hashable, CustomStringConvertible {
    case `default`
    /// The line counts from 1; nil when it is not known.
    case file(String, line: Int?)
    /// The variable's name.
    case environment(String)
    /// The flag as the user wrote it.
    case flag(String)

    public var description: String {
        switch self {
        case .default: "default"
        case .file(let path, let line): path + (line.map { ":\($0)" } ?? "")
        case .environment(let name): name
        case .flag(let name): name
        }
    }

    var place: String { description }
}

/// The value of every setting and where it comes from.
public struct EffectiveSettings: Sendable {
    /// What stands for a secret wherever it could be seen.
    public static let mask = "********"

    /// One setting in effect.
    public struct Entry: Sendable {
        public let setting: Setting
        /// Nil: it is not set.
        public let value: SettingValue?
        public let origin: SettingOrigin

        /// The value as it may be shown; nil: it is not set.
        public var shown: String? {
            value.map { setting.isSecret ? EffectiveSettings.mask : $0.description }
        }
    }

    private var values: [String: (value: SettingValue, origin: SettingOrigin)] = [:]
    private let home: String?

    /// The defaults. `home`: what `~/` stands for; nil: nothing.
    public init(home: String?) {
        self.home = home
        for setting in SettingTable.all {
            guard let text = setting.defaultText, let value = try? setting.value(of: text) else { continue }
            set(setting, value, .default)
        }
    }

    mutating func set(_ setting: Setting, _ value: SettingValue, _ origin: SettingOrigin) {
        var value = value
        // Nobody's shell replaces it in a file.
        if setting.kind == .text, case .text(let text) = value, text.hasPrefix("~/"), let home {
            value = .text(home + text.dropFirst())
        }
        values[setting.key] = (value, origin)
    }

    /// All settings in the order of the table.
    public var entries: [Entry] {
        SettingTable.all.map { setting in
            let known = values[setting.key]
            return Entry(setting: setting, value: known?.value, origin: known?.origin ?? .default)
        }
    }

    /// Where a setting's value comes from.
    public func origin(_ key: String) -> SettingOrigin { values[key]?.origin ?? .default }

    /// An object with a member for each setting, `{"value": …, "from": …}`, secrets masked; null: not set.
    public var json: JSONValue {
        .object(
            JSONObject(
                entries.map { entry in
                    .init(key: entry.setting.key, value: ["value": json(entry), "from": .string("\(entry.origin)")])
                }))
    }

    private func json(_ entry: Entry) -> JSONValue {
        guard let value = entry.value else { return .null }
        if entry.setting.isSecret { return .string(Self.mask) }
        switch value {
        case .integer(let number): return JSONValue(number)
        case .boolean(let flag): return .bool(flag)
        case .list(let texts): return .array(texts.map { .string($0) })
        case .text, .duration, .size: return .string(value.description)
        }
    }

    // MARK: Typed reads, for settings of the right kind; nil: not set

    func text(_ key: String) -> String? { if case .text(let text)? = values[key]?.value { text } else { nil } }
    func integer(_ key: String) -> Int? { if case .integer(let number)? = values[key]?.value { number } else { nil } }
    func boolean(_ key: String) -> Bool { if case .boolean(let flag)? = values[key]?.value { flag } else { false } }
    func millis(_ key: String) -> Int { if case .duration(let millis)? = values[key]?.value { millis } else { 0 } }
    func bytes(_ key: String) -> Int? { if case .size(let bytes)? = values[key]?.value { bytes } else { nil } }
    func list(_ key: String) -> [String]? { if case .list(let texts)? = values[key]?.value { texts } else { nil } }
}
