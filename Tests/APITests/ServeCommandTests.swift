import Foundation
import TestKit
import Testing

/// How the server begins and ends.
@Suite(
    .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["LAMINAR_BINARY"] != nil, "LAMINAR_BINARY is not set"))
struct ServeCommandTests {
    /// A server in a folder of its own, on a port the system gives.
    struct Served {
        let folder = FileManager.default.temporaryDirectory.appending(path: "laminar-serve-\(UUID().uuidString)").path
        let running: ChildProcess.Running
        let binary: String

        init(_ arguments: [String] = [], environment: [String: String] = [:]) throws {
            binary = try #require(ProcessInfo.processInfo.environment["LAMINAR_BINARY"])
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let words = Self.words(binary, folder, environment) + ["serve", "--port", "0"] + arguments
            running = try #require(ChildProcess.start(words))
        }

        static func words(_ binary: String, _ folder: String, _ environment: [String: String]) -> [String] {
            let variables = environment.merging([
                "HOME": folder, "LAMINAR__DATA_DIR": folder + "/data", "LAMINAR__LOGGING__FORMAT": "json",
            ]) { given, _ in given }
            return ["env", "-i", "-C", folder] + variables.map { "\($0.key)=\($0.value)" } + [binary]
        }

        /// Where it listens, once it says so.
        func address() throws -> String {
            for _ in 0..<2000 {
                for line in running.errorOutput.split(separator: "\n") {
                    guard let event = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
                        let address = event["address"] as? String
                    else { continue }
                    #expect(event["data-dir"] as? String == folder + "/data")
                    return address
                }
                usleep(5000)
            }
            throw CocoaError(.userCancelled)
        }

        /// Another command beside it, in the same folder.
        func beside(_ arguments: [String], environment: [String: String] = [:]) throws -> ChildProcess.Result {
            try #require(ChildProcess.run(Self.words(binary, folder, environment) + arguments))
        }

        /// Sends a signal, waits for the end and takes the folder away.
        func end(_ signal: Int32) -> ChildProcess.Result {
            running.send(signal)
            let result = running.finish()
            try? FileManager.default.removeItem(atPath: folder)
            return result
        }
    }

    @Test("SIGTERM and Ctrl-C end it with 0, and its log has one line for the start", arguments: [SIGTERM, SIGINT])
    func ends(signal: Int32) throws {
        let server = try Served()
        _ = try server.address()
        let begin = ContinuousClock.now
        let result = server.end(signal)
        #expect(result.status == 0, "\(result.errorOutput)")
        #expect(ContinuousClock.now - begin < .seconds(10))
        #expect(result.errorOutput.components(separatedBy: "listening").count == 2, "\(result.errorOutput)")
    }

    @Test("an end without a last checkpoint has another status, and the log says so")
    func unsafe() throws {
        let server = try Served()
        let address = try server.address()
        func ask(_ words: String...) throws -> ChildProcess.Result {
            try server.beside(words, environment: ["LAMINAR__CLIENT__SERVER": address])
        }
        let query =
            "CREATE TABLE n WITH (connector = 'impulse', event_rate = 50, type = 'source'); SELECT counter FROM n"
        #expect(try ask("pipelines", "create", "p", "-e", query).status == 0)
        #expect(try ask("pipelines", "start", "p", "--wait").output == "Running\n")
        let state = server.folder + "/data/checkpoints"
        try FileManager.default.removeItem(atPath: state)
        try "".write(toFile: state, atomically: true, encoding: .utf8)
        let result = server.end(SIGTERM)
        #expect(result.status == 1, "\(result.errorOutput)")
        #expect(result.errorOutput.contains("not all pipelines ended behind a last checkpoint"))
        #expect(!result.errorOutput.contains("cannot go on"))
    }

    @Test("what is in the way of a second server is told, and the first one goes on")
    func inTheWay() throws {
        let server = try Served()
        let address = try server.address()
        let port = try #require(address.split(separator: ":").last.map(String.init))
        let sameFolder = try server.beside(["serve", "--port", "0"])
        #expect(sameFolder.status == 1 && sameFolder.errorOutput.contains("another server uses the data folder"))
        let samePort = try server.beside(["serve", "--port", port, "--data-dir", server.folder + "/other"])
        #expect(samePort.status == 1 && samePort.errorOutput.contains("cannot listen on \(address)"), "\(samePort)")
        let listed = try server.beside(["pipelines", "list", "--server", address])
        #expect(listed.status == 0, "\(listed.errorOutput)")
        #expect(server.end(SIGTERM).status == 0)
    }

    @Test("it does not listen to others without authentication, and wrong settings end it with 2")
    func refuses() throws {
        let open = try Served(["--bind-address", "0.0.0.0"]).end(0)
        #expect(open.status == 1 && open.errorOutput.contains("without authentication"), "\(open.errorOutput)")
        let wrong = try Served(["--set", "api.auth-mode=static-api-key"]).end(0)
        #expect(wrong.status == 2 && wrong.errorOutput.contains("needs api.api-key"), "\(wrong.errorOutput)")
    }

    @Test("the commands make, watch, stop and delete a pipeline over its key")
    func commands() throws {
        let key = "0123456789abcdef"
        let server = try Served(
            environment: ["LAMINAR__API__AUTH_MODE": "static-api-key", "LAMINAR__API__API_KEY": key])
        defer { _ = server.end(SIGTERM) }
        let variables = ["LAMINAR__CLIENT__SERVER": try server.address(), "LAMINAR__CLIENT__TOKEN": key]
        func ask(_ words: String...) throws -> ChildProcess.Result { try server.beside(words, environment: variables) }
        #expect(try server.beside(["pipelines", "list", "--server", try server.address()]).status == 1)
        #expect(
            try ask(
                "connections", "tables", "create", "t", "--connector", "impulse", "--options", "{\"event_rate\": 50}"
            )
            .output.hasPrefix("tbl_"))
        #expect(try ask("connections", "tables", "create", "b", "--connector", "blackhole").status == 0)
        let made = try ask("pipelines", "create", "p", "-e", "INSERT INTO b SELECT counter FROM t")
        #expect(made.output.hasPrefix("pl_"), "\(made.errorOutput)")
        #expect(try ask("pipelines", "start", "p", "--wait").output == "Running\n")
        #expect(try ask("pipelines", "list").output.contains(" p "))
        #expect(try ask("pipelines", "delete", "p").status == 1, "it runs")
        #expect(try ask("pipelines", "stop", "p", "--wait").output == "Stopped\n")
        #expect(try ask("jobs", "checkpoints", "p").output.split(separator: "\n").count >= 2)
        #expect(try ask("connections", "tables", "delete", "b").status == 1, "it is used")
        #expect(try ask("pipelines", "delete", "p").status == 0)
        #expect(try ask("connections", "tables", "delete", "b").status == 0)
        let wrong = try ask("pipelines", "validate", "-e", "SELECT countr FROM t")
        #expect(wrong.status == 2 && wrong.errorOutput.contains("did you mean counter?"))
    }
}
