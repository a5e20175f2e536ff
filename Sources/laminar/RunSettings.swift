import ArgumentParser
import Codecs
import ControlPlane
import Engine
import Glibc
import HostSystem
import Planner

/// The settings of `laminar run --set key=value`.
struct RunSettings {
    var compiler = CompilerOptions()
    var engine: EngineConfiguration
    /// What the state of the pipeline may take of the memory, in bytes; nil: all it wants.
    var stateMemoryBytes: Int?
    /// How the files of checkpoints are compressed.
    var checkpointCodec = Codec.zstd
    /// A run that does not end when it should is given up soon: somebody is sitting there.
    var restarts = RestartPolicy(giveUpMillis: 3000)

    static let names = [
        "parallelism", "engine.threads", "pipeline.source-batch-size", "pipeline.source-batch-linger-millis",
        "pipeline.update-aggregate-flush-interval-millis", "pipeline.chaining",
        "pipeline.max-state-memory", "pipeline.allowed-restarts", "pipeline.healthy-duration-millis",
        "checkpoint.compression", "optimizer.disable",
    ]

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

    private mutating func apply(_ name: String, _ value: String) throws {
        switch name {
        case "parallelism": compiler.parallelism = try RunSettings.number(value, 1...1024, name)
        case "engine.threads": engine.threads = try RunSettings.number(value, 1...1024, name)
        case "pipeline.source-batch-size": engine.batchSize = try RunSettings.number(value, 1...1_000_000, name)
        case "pipeline.source-batch-linger-millis":
            engine.lingerMillis = try RunSettings.number(value, 0...60_000, name)
        case "pipeline.update-aggregate-flush-interval-millis":
            engine.changesFlushMillis = try RunSettings.number(value, 0...3_600_000, name)
        case "pipeline.chaining":
            guard let flag = Bool(value) else {
                throw RunSettings.wrong("\(name) takes true or false, found '\(value)'")
            }
            engine.isChainingEnabled = flag
        case "pipeline.max-state-memory": stateMemoryBytes = try RunSettings.bytes(value, name)
        case "pipeline.allowed-restarts":
            restarts.allowedRestarts = try RunSettings.number(value, -1...1_000_000, name)
        case "pipeline.healthy-duration-millis":
            restarts.healthyMillis = try RunSettings.number(value, 0...86_400_000, name)
        case "checkpoint.compression":
            guard let codec = Codec(rawValue: value), [.zstd, .lz4, .none].contains(codec) else {
                throw RunSettings.wrong("\(name) takes zstd, lz4 or none, found '\(value)'")
            }
            checkpointCodec = codec
        case "optimizer.disable": compiler.disabledRules = Set(value.split(separator: ",").map(String.init))
        default:
            throw RunSettings.wrong(
                "there is no setting '\(name)'\n  hint: the settings are: \(RunSettings.names.joined(separator: ", "))")
        }
    }

    private static func number(_ text: String, _ range: ClosedRange<Int>, _ name: String) throws -> Int {
        guard let value = Int(text) else { throw wrong("\(name) takes a whole number, found '\(text)'") }
        return try inRange(value, range, name)
    }

    private static func bytes(_ text: String, _ name: String) throws -> Int {
        guard let bytes = ByteSize.parse(text) else {
            throw wrong("\(name) takes a size such as 64MB or 2GB, found '\(text)'")
        }
        return try inRange(bytes, 0...(1 << 50), name)
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
