import Foundation
import TestKit
import Testing

/// `Tests/interop/kafka_proxy.py` before a broker: TLS, logins, faults.
final class KafkaProxy: KafkaAddress {
    /// The kinds of requests that rules name.
    enum Request: Int {
        case produce = 0
        case initProducer = 22
        case addPartitions = 24
        case addOffsets = 25
        case endTransaction = 26
        case commitOffsets = 28
    }

    let port: Int
    private let control: Int
    private let running: ChildProcess.Running

    var servers: String { "127.0.0.1:\(port)" }

    init(_ broker: KafkaBroker, _ arguments: [String] = []) throws {
        port = try KafkaBroker.freePort()
        control = try KafkaBroker.freePort()
        let script =
            "import os, signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, []); "
            + "os.execv(sys.argv[1], sys.argv[1:])"
        let words = [
            KafkaBroker.python, KafkaBroker.root + "/Tests/interop/kafka_proxy.py", "\(port)", "\(broker.port)",
            "\(control)",
        ]
        running = try #require(ChildProcess.start([KafkaBroker.python, "-c", script] + words + arguments))
        for _ in 0..<400 {
            if KafkaBroker.answers(control), KafkaBroker.answers(port) { return }
            usleep(25_000)
        }
        Issue.record("the proxy does not answer: \(running.errorOutput)")
    }

    deinit {
        running.send(SIGKILL)
        _ = running.finish()
    }

    /// Gives the proxy an order; see the program.
    @discardableResult
    func order(_ path: String) throws -> String {
        let result = try #require(
            ChildProcess.run(["curl", "-s", "--max-time", "10", "http://127.0.0.1:\(control)/\(path)"]))
        try #require(result.status == 0, "\(path): \(result.errorOutput) \(running.errorOutput)")
        return result.output
    }

    /// Lets requests of a kind go wrong: `what` is e.g. `cut-after` or `fail&code=16`.
    func rule(_ request: Request, _ what: String) throws {
        try order("rule?api=\(request.rawValue)&do=\(what)")
    }

    /// A certificate for the loopback and its key, in files that last as long as the folder.
    static func certificate(in folder: String) throws -> (certificate: String, key: String) {
        let paths = (folder + "/certificate.pem", folder + "/key.pem")
        let made = ChildProcess.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", paths.1, "-out", paths.0, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        try #require(made?.status == 0, "openssl: \(made?.errorOutput ?? "")")
        return paths
    }
}

/// A folder that goes with its last reference.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "laminar-kafka-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
