import ArgumentParser
import JSONModel
import Settings

/// Where the settings of a command come from besides the environment.
struct SettingsInput: ParsableArguments {
    @Option(help: "A file of settings: TOML, or YAML when it ends in .yaml or .yml.")
    var config: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("A setting; may be repeated (see laminar config).", valueName: "key=value"))
    var assignments: [String] = []

    /// The settings in effect. Prints what is wrong and throws an exit code when something is.
    func load(_ flags: [SettingFlag] = []) throws -> EffectiveSettings {
        let assigned = try ProcessEnvironment.reporting { () throws(SettingsError) in
            var result: [SettingFlag] = []
            for assignment in assignments { result.append(try SettingFlag(assignment: assignment)) }
            return result
        }
        return try ProcessEnvironment.settings(configFile: config, flags: assigned + flags)
    }
}

/// `laminar config`: what is set, and where each value comes from.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Show the settings in effect and where each comes from.")

    @OptionGroup var input: SettingsInput

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: .hidden)
    var markdown = false

    @Flag(help: "Print a file to begin with: every setting, its meaning and its default.")
    var example = false

    func run() throws {
        if markdown {
            print(SettingsReference.markdown)
            return
        }
        if example {
            print(SettingsReference.example)
            return
        }
        let settings = try input.load()
        // What does not go together is told here as the server would tell it.
        _ = try ProcessEnvironment.reporting { () throws(SettingsError) in try ServerSettings(settings) }
        _ = try ProcessEnvironment.reporting { () throws(SettingsError) in try ClientSettings(settings) }
        if json {
            print(settings.json.text(indented: true))
            return
        }
        var table = ListTable("SETTING", "VALUE", "FROM")
        for entry in settings.entries { table.add(entry.setting.key, entry.shown ?? "-", "\(entry.origin)") }
        print(table.text, terminator: "")
    }
}
