import Foundation
import TestKit
import Testing

/// A real broker on a free port of the loopback, with the independent client of `Tests/interop`.
final class KafkaBroker {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    static let python = ProcessInfo.processInfo.environment["LAMINAR_PYTHON"] ?? root + "/.venv/bin/python3"
    static let laminar = ProcessInfo.processInfo.environment["LAMINAR_BINARY"] ?? root + "/.build/debug/laminar"

    /// The broker's program; nil, and told once, where it is not installed.
    static let program: String? = {
        let script = "import noida_db, confluent_kafka, os; print(os.path.dirname(noida_db.__file__) + '/noida-db')"
        let found = ChildProcess.run([python, "-c", script])
        guard let found, found.status == 0 else {
            print("Kafka tests are skipped: \(python) has no noida_db and confluent_kafka (make python installs them)")
            return nil
        }
        return found.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }()

    static var isMissing: Bool { program == nil }

    let port: Int
    private let data: String
    private var running: ChildProcess.Running?

    var servers: String { "127.0.0.1:\(port)" }

    init() throws {
        data = FileManager.default.temporaryDirectory.appending(path: "laminar-kafka-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        port = try Self.freePort()
        try start()
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(atPath: data)
    }

    /// Starts it over the data it had, and waits until it answers.
    func start() throws {
        let program = try #require(Self.program)
        // The threads of tests block signals, and a child would inherit that.
        let script =
            "import os, signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, []); "
            + "os.execv(sys.argv[1], sys.argv[1:])"
        let arguments = ["--data-dir", data, "--host", "127.0.0.1", "--only", "kafka", "--kafka-port", "\(port)"]
        running = try #require(ChildProcess.start([Self.python, "-c", script, program, "start"] + arguments))
        for _ in 0..<2400 {
            if Self.answers(port) { return }
            usleep(25_000)
        }
        Issue.record("the broker does not answer on port \(port)")
    }

    func stop() {
        guard let running else { return }
        // It writes what it has when it is asked to end; one that does not end is ended.
        let process = running.process
        let last = DispatchWorkItem { kill(process, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + 10, execute: last)
        running.send(SIGTERM)
        _ = running.finish()
        last.cancel()
        self.running = nil
    }

    /// A topic of a name that no other test has.
    func makeTopic(_ partitions: Int) throws -> String {
        let name = "t-" + UUID().uuidString.prefix(8).lowercased()
        try tool("create", name, "\(partitions)")
        return name
    }

    @discardableResult
    func tool(_ arguments: String..., input: String? = nil) throws -> String {
        let command = [Self.python, Self.root + "/Tests/interop/kafka_tool.py", servers] + arguments
        let result = try #require(ChildProcess.run(command, input: input))
        try #require(result.status == 0, "\(arguments): \(result.errorOutput)")
        return result.output
    }

    struct Record: Decodable, Hashable {
        var partition: Int
        var offset: Int
        var key: String?
        var value: String?
        var millis: Int
        /// Name and value of each.
        var headers: [[String?]]
    }

    /// Every committed record of a topic, by partition and offset.
    func records(_ topic: String, _ isolation: String = "read_committed") throws -> [Record] {
        try tool("dump", topic, isolation).split(separator: "\n").map {
            try JSONDecoder().decode(Record.self, from: Data($0.utf8))
        }
    }

    /// Of those below the ones that the system gives to connections, as a broker that restarts needs its port again.
    static func freePort() throws -> Int {
        for _ in 0..<1000 {
            let port = Int.random(in: 12_000..<30_000)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = loopback(port)
            let isBound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            if isBound { return port }
        }
        throw NoPort()
    }

    struct NoPort: Error {}

    static func answers(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
