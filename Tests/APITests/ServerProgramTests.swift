import Foundation
import TestKit
import Testing

/// The server as its users meet it: programs under `Tests/api` start it and try it from outside.
@Suite(
    .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["LAMINAR_BINARY"] != nil, "LAMINAR_BINARY is not set"))
struct ServerProgramTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test(
        "the server holds what its document says",
        arguments: [
            ["document_examples.py"],
            ["openapi_fuzz.py", "1500"],
            ["canaries.py"],
            ["connections.py"],
            ["limits.py"],
            ["client_commands.py"],
            ["output_latency.py", "3"],
            ["shutdown.py"],
            ["server_life.py", "3"],
            ["query_changes.py", "8"],
            ["control_chaos.py", "200"],
            // Short turns on a machine that others may share are noisy; by hand it demands 0.95.
            ["sse_readers.py", "2", "0.8"],
            ["responsiveness.py", "10000"],
            ["kafka_workflow.py", "50000", "1"],
        ])
    func program(_ program: [String]) throws {
        let environment = ProcessInfo.processInfo.environment
        let python = environment["LAMINAR_PYTHON"] ?? Self.root.path + "/.venv/bin/python3"
        let binary = try #require(environment["LAMINAR_BINARY"])
        let path = Self.root.path + "/Tests/api/" + program[0]
        let result = try #require(
            ChildProcess.run([python, path, binary] + program.dropFirst()), "\(python) cannot be started")
        #expect(result.status == 0, "\(program[0]):\n\(result.output)\n\(result.errorOutput)")
        print("\(program[0]):\n\(result.output)")
    }
}
