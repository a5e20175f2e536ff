import Glibc
import HostSystem
import Settings

/// What the process was started with.
enum ProcessEnvironment {
    /// Its variables by name.
    static var variables: [String: String] {
        var result: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return result
    }

    /// The settings in effect. Prints what is wrong and throws an exit code when something is.
    static func settings(configFile: String?, flags: [SettingFlag] = []) throws -> EffectiveSettings {
        let loader = SettingsLoader(fileSystem: PosixFileSystem(), environment: variables)
        return try reporting { () throws(SettingsError) in try loader.load(configFile: configFile, flags: flags) }
    }

    /// The result; prints what is wrong with settings and throws an exit code.
    static func reporting<Result>(_ act: () throws(SettingsError) -> Result) throws -> Result {
        do throws(SettingsError) {
            return try act()
        } catch {
            for problem in error.problems { Terminal.printError("error: \(problem)") }
            throw ExitStatus.invalidInput
        }
    }
}
