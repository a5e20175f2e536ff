import ArgumentParser
import Glibc
import HostSystem
import LogHandlers
import Logging
import Settings
import Synchronization

/// `laminar serve`: the server, until SIGTERM or Ctrl-C.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the server: pipelines that are kept, and the API to them.",
        discussion: """
            It listens on this machine only unless api.bind-address says otherwise (see laminar config). SIGTERM or
            Ctrl-C takes a last checkpoint of every pipeline and ends within ten seconds; a second one ends at once.
            Pipelines that ran go on when it starts again.

            Exit codes: 0 ended when asked to, 1 failed or a last checkpoint is missing, 2 wrong settings.
            """)

    @OptionGroup var input: SettingsInput
    @Option(name: .customLong("bind-address"), help: "The address to listen on (api.bind-address).")
    var bindAddress: String?
    @Option(help: "The port to listen on, 0 for any (api.http-port).")
    var port: String?
    @Option(name: .customLong("data-dir"), help: "The folder for everything that is kept (data-dir).")
    var dataDirectory: String?

    func run() async throws {
        var flags: [SettingFlag] = []
        for (key, text, name) in [
            ("api.bind-address", bindAddress, "--bind-address"), ("api.http-port", port, "--port"),
            ("data-dir", dataDirectory, "--data-dir"),
        ] {
            if let text { flags.append(SettingFlag(key: key, text: text, name: name)) }
        }
        let effective = try input.load(flags)
        let settings = try ProcessEnvironment.reporting { () throws(SettingsError) in try ServerSettings(effective)
        }
        let stop = ServerStop()
        // Must be there before any thread begins.
        let interrupts = Interrupts(stop: { stop.requested($0) }, explain: {})
        let logger = Self.logger(settings)
        interrupts.start()
        do {
            try await ServerComposition(settings, logger).run(stop)
        } catch let status as ExitCode {
            throw status
        } catch {
            logger.critical("the server cannot go on", metadata: ["reason": "\(error)"])
            throw ExitStatus.failedWhileRunning
        }
    }

    /// All loggers of the process write to standard error as the settings say.
    private static func logger(_ settings: ServerSettings) -> Logger {
        let level = Logger.Level(rawValue: settings.logLevel) ?? .info
        let format: LineLogHandler.Format =
            settings.logFormat == .json ? .json : .console(usesColor: Terminal.isErrorATerminal)
        let output = PosixFileSystem().standardError
        LoggingSystem.bootstrap { label in
            LineLogHandler(label: label, level: level, format: format, output: output)
        }
        return Logger(label: "laminar")
    }
}

/// What signals ask of the server: to end well, then to end at once.
final class ServerStop: Sendable {
    /// The end is at hand this long after the first signal, whatever hangs.
    private static let millisMax = 9_700

    private struct State {
        var isWanted = false
        var isSafe = false
        var begin: (@Sendable () async -> Void)?
    }

    private let state = Mutex(State())

    /// Says how a graceful end is begun; begins it when it has been asked for already.
    func onFirst(_ begin: @escaping @Sendable () async -> Void) {
        let isWanted = state.withLock { state in
            state.begin = begin
            return state.isWanted
        }
        if isWanted { Task.detached { await begin() } }
    }

    /// Whether all that had to be kept is kept.
    var isSafe: Bool { state.withLock { $0.isSafe } }

    /// All that had to be kept is kept.
    func becameSafe() { state.withLock { $0.isSafe = true } }

    /// The `count`-th signal.
    func requested(_ count: Int) {
        if count > 1 { exit(130) }
        let begin = state.withLock { state in
            state.isWanted = true
            return state.begin
        }
        if let begin { Task.detached { await begin() } }
        Task.detached { [self] in
            try? await Task.sleep(for: .milliseconds(Self.millisMax))
            exit(isSafe ? 0 : 1)
        }
    }
}
