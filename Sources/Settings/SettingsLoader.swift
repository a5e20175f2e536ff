import HostSystem

/// A value given on the command line.
public struct SettingFlag: Sendable, Hashable {
    public var key: String
    public var text: String
    /// How the user wrote it, e.g. `--set api.http-port`.
    public var name: String

    public init(key: String, text: String, name: String) {
        self.key = key
        self.text = text
        self.name = name
    }

    /// The flag of `--set key=value`. Errors: no `=`.
    public init(assignment: String) throws(SettingsError) {
        guard let equals = assignment.firstIndex(of: "=") else {
            throw SettingsError(["--set takes key=value, found '\(assignment)'"])
        }
        let key = String(assignment[..<equals])
        self.init(key: key, text: String(assignment[assignment.index(after: equals)...]), name: "--set")
    }
}

/// Reads settings from all their sources: what comes later overrules what came before.
///
/// 1. the defaults of `SettingTable`, 2. `~/.config/laminar/config.toml`, 3. `laminar.toml` in the working folder,
/// 4. the file given, 5. variables `LAMINAR__…`, 6. flags.
public struct SettingsLoader: Sendable {
    private static let fileBytesMax = 1 << 20

    private let fileSystem: any FileSystem
    private let environment: [String: String]

    /// `environment`: by name; `HOME` is used besides the variables of settings.
    public init(fileSystem: any FileSystem, environment: [String: String]) {
        self.fileSystem = fileSystem
        self.environment = environment
    }

    /// The settings in effect. `configFile`: TOML, or YAML when it ends in `.yaml` or `.yml`.
    /// Errors: everything wrong with any source at once, also with those that are overruled.
    public func load(configFile: String?, flags: [SettingFlag] = []) throws(SettingsError) -> EffectiveSettings {
        var settings = EffectiveSettings(home: environment["HOME"])
        var problems: [String] = []
        for path in [environment["HOME"].map { $0 + "/.config/laminar/config.toml" }, "laminar.toml"] {
            guard let path else { continue }
            // A folder that may not be looked into holds no settings for this user.
            guard let status = try? fileSystem.status(path), status.kind == .file else { continue }
            apply(file: path, to: &settings, &problems)
        }
        if let configFile { apply(file: configFile, to: &settings, &problems) }
        applyEnvironment(to: &settings, &problems)
        for flag in flags {
            let name = flag.name == "--set" ? "--set \(flag.key)" : flag.name
            apply(flag.key, SettingInput(.text(flag.text, .untyped)), .flag(name), to: &settings, &problems)
        }
        if !problems.isEmpty { throw SettingsError(problems) }
        return settings
    }

    private func apply(file path: String, to settings: inout EffectiveSettings, _ problems: inout [String]) {
        let file: SettingsFile
        do {
            let bytes = try fileSystem.readAll(path, byteCountMax: Self.fileBytesMax)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                problems.append("\(path): not UTF-8")
                return
            }
            file = try SettingsFile(path: path, text: text)
        } catch let error as SettingsError {
            problems += error.problems
            return
        } catch {
            problems.append("\(error)")
            return
        }
        for entry in file.entries {
            apply(entry.key, entry.input, .file(path, line: entry.line), to: &settings, &problems)
        }
    }

    private func applyEnvironment(to settings: inout EffectiveSettings, _ problems: inout [String]) {
        for (name, text) in environment.sorted(by: { $0.key < $1.key }) {
            guard name.hasPrefix(SettingTable.variablePrefix) else { continue }
            let key = Self.key(ofVariable: name)
            apply(key, SettingInput(.text(text, .untyped)), .environment(name), to: &settings, &problems)
        }
    }

    /// `LAMINAR__API__HTTP_PORT` is `api.http-port`.
    private static func key(ofVariable name: String) -> String {
        var key = ""
        var rest = name.dropFirst(SettingTable.variablePrefix.count)
        while let letter = rest.popFirst() {
            if letter == "_", rest.first == "_" {
                rest.removeFirst()
                key += "."
            } else {
                key += letter == "_" ? "-" : letter.lowercased()
            }
        }
        return key
    }

    private func apply(
        _ key: String, _ input: SettingInput, _ origin: SettingOrigin, to settings: inout EffectiveSettings,
        _ problems: inout [String]
    ) {
        guard let setting = SettingTable.setting(key) else {
            problems.append(SettingsError.unknown(key, origin.place))
            return
        }
        do throws(SettingMistake) {
            settings.set(setting, try setting.value(of: input), origin)
        } catch {
            problems.append("\(origin.place): \(key) \(error)")
        }
    }
}
