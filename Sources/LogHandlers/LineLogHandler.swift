import HostSystem
import Logging

/// Writes log events as lines, each with one write, so that lines of several threads do not mix.
public struct LineLogHandler: LogHandler {
    /// How events look.
    public enum Format: Sendable {
        /// Lines for people.
        case console(usesColor: Bool)
        /// One JSON object a line.
        case json
    }

    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let format: Format
    private let output: any WritableFile
    private let clock: any WallClock

    /// `output`: what cannot be written there is lost, as there is nobody to tell.
    public init(
        label: String, level: Logger.Level, format: Format, output: any WritableFile,
        clock: any WallClock = SystemWallClock()
    ) {
        self.label = label
        logLevel = level
        self.format = format
        self.output = output
        self.clock = clock
    }

    public subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var all = metadataProvider?.get() ?? [:]
        all.merge(metadata) { $1 }
        if let own = event.metadata { all.merge(own) { $1 } }
        let text = LogEventText(
            level: event.level, message: "\(event.message)", error: event.error.map { "\($0)" }, label: label,
            metadata: LogMask.masked(all), time: clock.nowNanoseconds())
        switch format {
        case .console(let usesColor): try? output.write(text.console(usesColor: usesColor) + "\n")
        case .json: try? output.write(text.json() + "\n")
        }
    }
}
