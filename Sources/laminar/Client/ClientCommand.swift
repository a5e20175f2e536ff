import APIClient
import ArgumentParser
import Glibc
import HostSystem
import JSONModel
import Settings

/// How a command reaches the server, and how it shows what it got.
struct ClientOptions: ParsableArguments {
    @Option(help: "The server's address (client.server, LAMINAR__CLIENT__SERVER; http://127.0.0.1:5115).")
    var server: String?

    @Option(help: "The bearer token (client.token, LAMINAR__CLIENT__TOKEN).")
    var token: String?

    @Option(help: "A file of settings.")
    var config: String?

    @Flag(help: "Print JSON as the server sent it.")
    var json = false

    /// The address and what proves who asks. Prints what is wrong and throws an exit code when something is.
    func address() throws -> ServerAddress {
        var flags: [SettingFlag] = []
        if let server { flags.append(SettingFlag(key: "client.server", text: server, name: "--server")) }
        if let token { flags.append(SettingFlag(key: "client.token", text: token, name: "--token")) }
        let effective = try ProcessEnvironment.settings(configFile: config, flags: flags)
        let settings = try ProcessEnvironment.reporting { () throws(SettingsError) in try ClientSettings(effective) }
        return ServerAddress(
            url: settings.server, token: settings.token, authorityFile: settings.authorityFile,
            certificateFile: settings.certificateFile, keyFile: settings.keyFile)
    }
}

/// A command that asks a server.
protocol ClientCommand: AsyncParsableCommand {
    var client: ClientOptions { get }

    /// Asks and prints. What it throws is printed and becomes the exit code.
    func run(_ server: LaminarServer) async throws
}

/// Why a command gives up; printed as it is.
struct ClientFailure: Error {
    var message: String
    var exit: ExitCode

    /// Something in what the user gave is wrong.
    static func invalid(_ message: String) -> ClientFailure {
        ClientFailure(message: message, exit: ExitStatus.invalidInput)
    }
}

extension ClientCommand {
    mutating func run() async throws {
        let connection = try reporting { try ServerClient(try client.address()) }
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await run(LaminarServer(connection)))
        } catch {
            outcome = .failure(error)
        }
        await connection.shutDown()
        try reporting { try outcome.get() }
    }

    /// Prints an error and throws its exit code.
    private func reporting<Value>(_ act: () throws -> Value) throws -> Value {
        do {
            return try act()
        } catch let error as ExitCode {
            throw error
        } catch let error as ClientFailure {
            Terminal.printError("error: \(error.message)")
            throw error.exit
        } catch let error as FileError where error.errno == EPIPE {
            throw ExitStatus.unreadOutput
        } catch let error as APIError {
            let hint = error.status == 401 ? "\n  hint: give the token with --token or LAMINAR__CLIENT__TOKEN" : ""
            Terminal.printError("error: \(error.message)\(hint)")
            throw error.isInvalidRequest ? ExitStatus.invalidInput : ExitStatus.failedWhileRunning
        } catch {
            Terminal.printError("error: \(error)")
            throw ExitStatus.failedWhileRunning
        }
    }

    /// Prints a value as the server sent it.
    func printJSON(_ value: JSONValue) { print(value.text(indented: true)) }
}
