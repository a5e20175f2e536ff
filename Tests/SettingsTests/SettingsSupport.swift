import HostSystem
import TestKit

@testable import Settings

/// Loads settings from files and variables that exist only here.
enum SettingsSupport {
    static let home = "/home/ada"
    static let homeFile = "/home/ada/.config/laminar/config.toml"

    static func load(
        files: [String: String] = [:], environment: [String: String] = [:], configFile: String? = nil,
        flags: [SettingFlag] = []
    ) throws -> EffectiveSettings {
        let fileSystem = SimulatedFileSystem()
        for (path, text) in files {
            let parts = path.split(separator: "/").dropLast()
            if !parts.isEmpty { try fileSystem.makeDirectory("/" + parts.joined(separator: "/")) }
            let file = try fileSystem.openForWriting(path, .replace)
            try file.write(text)
            try file.close()
        }
        let variables = environment.merging(["HOME": home]) { given, _ in given }
        return try SettingsLoader(fileSystem: fileSystem, environment: variables).load(
            configFile: configFile, flags: flags)
    }

    /// What is wrong with them.
    static func problems(
        files: [String: String] = [:], environment: [String: String] = [:], configFile: String? = nil,
        flags: [SettingFlag] = []
    ) throws -> [String] {
        do {
            let settings = try load(files: files, environment: environment, configFile: configFile, flags: flags)
            _ = try ServerSettings(settings)
            _ = try ClientSettings(settings)
            return []
        } catch let error as SettingsError {
            return error.problems
        }
    }

    /// A value that is not the default, as a user would write it, with what is read from it.
    static func sample(_ setting: Setting) -> (text: String, value: SettingValue) {
        switch setting.kind {
        case .text: ("/x y", .text("/x y"))
        case .integer(let range): ("\(range.upperBound)", .integer(range.upperBound))
        case .boolean: ("false", .boolean(false))
        case .duration: ("7s", .duration(millis: 7000))
        case .size: ("3MB", .size(bytes: 3 << 20))
        case .choice(let words): (words[words.count - 1], .text(words[words.count - 1]))
        case .list: ("a,b", .list(["a", "b"]))
        }
    }

    /// The sample as TOML or as YAML writes it.
    static func literal(_ setting: Setting, isTOML: Bool) -> String {
        let text = sample(setting).text
        switch setting.kind {
        case .integer, .boolean: return text
        case .list: return "[\"a\", \"b\"]"
        case .text, .duration, .size, .choice: return isTOML ? "\"\(text)\"" : text
        }
    }
}
