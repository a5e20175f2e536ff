import ArgumentParser

/// The `laminar` command.
@main
struct Laminar: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "laminar", abstract: "Streaming SQL over columnar batches.", version: Laminar.version,
        subcommands: [
            RunCommand.self, ServeCommand.self, ExplainCommand.self, ValidateCommand.self, FunctionsCommand.self,
            ConfigCommand.self,
            PipelinesCommand.self, JobsCommand.self, ConnectionsCommand.self, ConnectorsCommand.self,
            OutputCommand.self,
        ])
}

/// What the process tells its caller.
enum ExitStatus {
    static let failedWhileRunning = ExitCode(1)
    /// Something in the SQL, a setting or the command line is wrong; nothing ran.
    static let invalidInput = ExitCode(2)
    /// Stopped by Ctrl-C, as shells report it.
    static let unreadOutput = ExitCode(141)
    static let interrupted = ExitCode(130)
}
