import Foundation
import TestKit
import Testing

/// A stand-in for a schema registry on a free port of the loopback, with tools of other implementations.
final class RegistryProcess {
    let endpoint: String
    /// With the name and password that it wants, for the tools.
    private let address: String
    private let running: ChildProcess.Running

    /// `login`: `name:password` that it asks for.
    init(login: String? = nil) throws {
        let script = KafkaBroker.root + "/Tests/interop/schema_registry.py"
        let more = login.map { ["--basic", $0] } ?? []
        let running = try #require(ChildProcess.start([KafkaBroker.python, script, "--port", "0"] + more))
        self.running = running
        var port = 0
        for _ in 0..<500 where port == 0 {
            port = Int(running.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
            if port == 0 { usleep(20_000) }
        }
        endpoint = "http://127.0.0.1:\(port)"
        address = login.map { "http://\($0)@127.0.0.1:\(port)" } ?? endpoint
        try #require(port > 0, "\(running.errorOutput)")
    }

    deinit {
        // The test's own mask of signals is inherited: only this one always arrives.
        running.send(SIGKILL)
        _ = running.finish()
    }

    @discardableResult
    func tool(_ broker: KafkaBroker, _ arguments: String..., input: String? = nil) throws -> String {
        let script = KafkaBroker.root + "/Tests/interop/kafka_formats.py"
        let command = [KafkaBroker.python, script, broker.servers, address] + arguments
        let result = try #require(ChildProcess.run(command, input: input))
        try #require(result.status == 0, "\(arguments): \(result.errorOutput)")
        return result.output
    }

    /// The rows of a topic as the other implementation reads them, each with the id of its schema.
    func dump(_ broker: KafkaBroker, _ topic: String) throws -> [String] {
        try tool(broker, "dump", topic).split(separator: "\n").map(String.init)
    }
}
