import ArgumentParser
import Codecs
import ControlPlane
import Engine
import Glibc
import Planner
import Settings

/// The settings of `laminar run --set key=value`.
struct RunSettings {
    var compiler = CompilerOptions()
    var engine: EngineConfiguration
    /// What the state of the pipeline may take of the memory, in bytes; nil: all it wants.
    var stateMemoryBytes: Int?
    /// How the files of checkpoints are compressed.
    var checkpointCodec = Codec.zstd
    var compactsCheckpoints = true
    /// A run that does not end when it should is given up soon: somebody is sitting there.
    var restarts = RestartPolicy(giveUpMillis: 3000)

    /// Settings of `SettingTable` that a single run heeds.
    private static let shared = [
        "engine.threads", "pipeline.source-batch-size", "pipeline.source-batch-linger",
        "pipeline.update-aggregate-flush-interval", "pipeline.chaining.enabled", "pipeline.compaction.enabled",
        "pipeline.max-state-memory",
        "pipeline.allowed-restarts", "pipeline.healthy-duration", "checkpoint.compression",
    ]

    /// Names that stand for one of the table, with the unit of their numbers.
    private static let aliases: [String: (key: String, unit: String)] = [
        "pipeline.source-batch-linger-millis": ("pipeline.source-batch-linger", "ms"),
        "pipeline.update-aggregate-flush-interval-millis": ("pipeline.update-aggregate-flush-interval", "ms"),
        "pipeline.healthy-duration-millis": ("pipeline.healthy-duration", "ms"),
        "pipeline.chaining": ("pipeline.chaining.enabled", ""),
    ]

    static let names = ["parallelism"] + shared + ["optimizer.disable"]

    /// Prints what is wrong and throws an exit code for an unknown name or a value of the wrong kind.
    init(_ settings: [String], parallelism: Int?) throws {
        let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        engine = EngineConfiguration(threads: cores)
        if let parallelism { compiler.parallelism = try RunSettings.inRange(parallelism, 1...1024, "--parallelism") }
        for setting in settings {
            guard let equals = setting.firstIndex(of: "=") else {
                throw RunSettings.wrong("--set takes key=value, found '\(setting)'")
            }
            try apply(String(setting[..<equals]), String(setting[setting.index(after: equals)...]))
        }
    }

    private mutating func apply(_ name: String, _ text: String) throws {
        switch name {
        case "parallelism":
            guard let number = Int(text) else {
                throw RunSettings.wrong("\(name) takes a whole number, found '\(text)'")
            }
            compiler.parallelism = try RunSettings.inRange(number, 1...1024, name)
        case "optimizer.disable": compiler.disabledRules = Set(text.split(separator: ",").map(String.init))
        default:
            let alias = RunSettings.aliases[name]
            let key = alias?.key ?? name
            guard let setting = SettingTable.setting(key), RunSettings.shared.contains(key) else {
                throw RunSettings.wrong(
                    "there is no setting '\(name)'\n"
                        + "  hint: the settings are: \(RunSettings.names.joined(separator: ", "))")
            }
            if alias?.unit == "ms", Int(text) == nil {
                throw RunSettings.wrong("\(name) takes a whole number of milliseconds, found '\(text)'")
            }
            do throws(SettingMistake) {
                apply(key, try setting.value(of: text + (alias?.unit ?? "")))
            } catch {
                throw RunSettings.wrong("\(name) \(error)")
            }
        }
    }

    private mutating func apply(_ key: String, _ value: SettingValue) {
        switch (key, value) {
        case ("engine.threads", .integer(let count)): engine.threads = count
        case ("pipeline.source-batch-size", .integer(let count)): engine.batchSize = count
        case ("pipeline.source-batch-linger", .duration(let millis)): engine.lingerMillis = millis
        case ("pipeline.update-aggregate-flush-interval", .duration(let millis)): engine.changesFlushMillis = millis
        case ("pipeline.chaining.enabled", .boolean(let flag)): engine.isChainingEnabled = flag
        case ("pipeline.compaction.enabled", .boolean(let flag)): compactsCheckpoints = flag
        case ("pipeline.max-state-memory", .size(let bytes)): stateMemoryBytes = bytes
        case ("pipeline.allowed-restarts", .integer(let count)): restarts.allowedRestarts = count
        case ("pipeline.healthy-duration", .duration(let millis)): restarts.healthyMillis = millis
        case ("checkpoint.compression", .text(let name)): checkpointCodec = Codec(rawValue: name) ?? .zstd
        default: preconditionFailure("no use for the setting \(key)")
        }
    }

    private static func inRange(_ value: Int, _ range: ClosedRange<Int>, _ name: String) throws -> Int {
        guard range.contains(value) else {
            throw wrong("\(name) takes a number from \(range.lowerBound) to \(range.upperBound), found \(value)")
        }
        return value
    }

    private static func wrong(_ message: String) -> ExitCode {
        Terminal.printError("error: \(message)")
        return ExitStatus.invalidInput
    }
}
