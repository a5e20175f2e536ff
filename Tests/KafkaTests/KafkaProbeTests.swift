import Connectors
import Dataflow
import Foundation
import HostSystem
import TestKit
import Testing

/// Asking brokers what they hold, and saying why they cannot be asked.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"), .timeLimit(.minutes(5)))
struct KafkaProbeTests {
    static func probe(
        _ servers: String, _ more: [String: String] = [:], egress: EgressPolicy = EgressPolicy(.any), millis: Int = 4000
    ) throws -> KafkaProbe {
        let options = ["bootstrap_servers": servers].merging(more) { $1 }.mapValues { OptionValue.string($0) }
        return try KafkaProbe(options, isConfluent: false, egress: egress, timeoutMillis: millis)
    }

    /// What is said when the brokers cannot be asked.
    static func refusal(_ probe: KafkaProbe) async -> String {
        do {
            return "found \(try await probe.cluster())"
        } catch let error as OperationalError {
            return error.message
        } catch {
            return "no OperationalError: \(error)"
        }
    }

    static let login = [
        "auth.mechanism": "PLAIN", "auth.username": "ada", "auth.password": "s3cret-canary",
        "auth.protocol": "SASL_PLAINTEXT",
    ]

    @Test("topics are listed with their partitions, and records counted, without making any topic")
    func cluster() async throws {
        let broker = try KafkaBroker()
        let one = try broker.makeTopic(1)
        let three = try broker.makeTopic(3)
        try broker.tool("produce", one, "0", "5", "1")
        let probe = try Self.probe(broker.servers)
        let cluster = try await probe.cluster()
        #expect(cluster.topics[one] == 1 && cluster.topics[three] == 3 && cluster.topics["nothing"] == nil)
        #expect(cluster.topics.keys.allSatisfy { !$0.hasPrefix("__") })
        #expect(cluster.brokers == [broker.servers])
        #expect(try await probe.recordCount(topic: one, partition: 0) == 5)
        #expect(try await probe.recordCount(topic: three, partition: 2) == 0)
        #expect(try await Self.probe("\(broker.servers),127.0.0.1:1").cluster().topics[one] == 1)
        await #expect(throws: OperationalError.self) { try await probe.recordCount(topic: "nothing", partition: 0) }
        #expect(try await probe.cluster().topics["nothing"] == nil)
    }

    @Test("what a topic takes is told, and a producer is taken on, without a record in the topic")
    func sinks() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(2)
        let probe = try Self.probe(broker.servers, ["client_configs.message.max.bytes": "5000000"])
        let settings = try #require(try await probe.topicSettings(topic))
        #expect(
            settings
                == .init(batchBytesMax: 1_048_588, isCompacted: false, replicasMin: 1, clientBytesMax: 5_000_000))
        #expect(try await probe.topicSettings("nothing") == nil)
        #expect(try await probe.cluster().leaderless.isEmpty)
        try await probe.takeOnProducer(transactionalID: nil)
        for _ in 0..<2 { try await probe.takeOnProducer(transactionalID: "laminar-t-test") }
        #expect(try await probe.recordCount(topic: topic, partition: 0) == 0)
        #expect(try broker.records(topic, "read_uncommitted").isEmpty)
        #expect(try await probe.cluster().topics["nothing"] == nil)
    }

    @Test(
        "a producer that cannot be, or that nobody takes on, is an error in time", arguments: [nil, "laminar-t-test"])
    func refusedProducer(transactionalID: String?) async throws {
        let begin = ContinuousClock.now
        let nobody = try Self.probe("127.0.0.1:1", millis: 2000)
        let said = await message { try await nobody.takeOnProducer(transactionalID: transactionalID) }
        #expect(said.contains("nobody listens there"), "\(said)")
        #expect(ContinuousClock.now - begin < .seconds(9))
        let broker = try KafkaBroker()
        let wrong = try Self.probe(broker.servers, ["client_configs.acks": "1"])
        let refused = await message { try await wrong.takeOnProducer(transactionalID: transactionalID) }
        #expect(refused.contains("cannot make a Kafka client"), "\(refused)")
    }

    @Test("a host that is not, a port where nobody listens, an address that is not allowed")
    func unreachable() async throws {
        let begin = ContinuousClock.now
        let nowhere = await Self.refusal(try Self.probe("no-such-host.invalid:9092"))
        #expect(nowhere.contains("there is no host of that name"), "\(nowhere)")
        let refused = await Self.refusal(try Self.probe("127.0.0.1:1"))
        #expect(refused.contains("nobody listens there"), "\(refused)")
        #expect(ContinuousClock.now - begin < .seconds(9))
        let broker = try KafkaBroker()
        let forbidden = await Self.refusal(try Self.probe(broker.servers, egress: EgressPolicy(.publicOnly)))
        #expect(forbidden.contains("which may not be connected to (setting egress.policy)"), "\(forbidden)")
        // A name that is allowed, an address that is not.
        let port = broker.port
        let listed = await Self.refusal(
            try Self.probe("localhost:\(port)", egress: EgressPolicy(.list(["10.0.0.0/8", "kafka.example"]))))
        #expect(listed.contains("not among the hosts that may be connected to"), "\(listed)")
    }

    @Test("TLS where there is none, none where there is, and a certificate of nobody")
    func encryption() async throws {
        let broker = try KafkaBroker()
        let encrypted = ["auth.protocol": "SSL"]
        let plain = await Self.refusal(try Self.probe(broker.servers, encrypted))
        #expect(plain.contains("does not speak TLS on that port: use its TLS port, or protocol PLAINTEXT"), "\(plain)")

        let folder = FileManager.default.temporaryDirectory.appending(path: "laminar-probe-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let made = ChildProcess.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
            folder + "/key", "-out", folder + "/pem", "-subj", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1",
        ])
        try #require(made?.status == 0, "openssl: \(made?.errorOutput ?? "")")
        let port = try KafkaBroker.freePort()
        let server = try #require(
            ChildProcess.start([
                "openssl", "s_server", "-www", "-accept", "127.0.0.1:\(port)", "-cert", folder + "/pem", "-key",
                folder + "/key",
            ]))
        defer {
            server.send(SIGKILL)
            _ = server.finish()
        }
        for _ in 0..<200 where !KafkaBroker.answers(port) { usleep(10_000) }
        let open = await Self.refusal(try Self.probe("127.0.0.1:\(port)"))
        #expect(open.contains("it may want TLS or a login"), "\(open)")
        let unknown = await Self.refusal(try Self.probe("127.0.0.1:\(port)", encrypted))
        #expect(unknown.contains("its certificate is not trusted"), "\(unknown)")
        // Trusted, and for another name.
        let trusted = encrypted.merging(["client_configs.ssl.ca.location": folder + "/pem"]) { $1 }
        let misnamed = await Self.refusal(try Self.probe("localhost:\(port)", trusted))
        #expect(misnamed.contains("or is for another name (use that in bootstrap_servers"), "\(misnamed)")
    }

    @Test(
        "a wrong password and a mechanism that is not offered are told, the password is not",
        arguments: ["PLAIN", "SCRAM-SHA-256"])
    func logins(offered: String) async throws {
        let server = try #require(
            ChildProcess.start([KafkaBroker.python, KafkaBroker.root + "/Tests/interop/kafka_refuser.py", offered]))
        defer {
            server.send(SIGKILL)
            _ = server.finish()
        }
        for _ in 0..<500 where !server.output.contains("\n") { usleep(10_000) }
        let port = try #require(Int(server.output.trimmingCharacters(in: .whitespacesAndNewlines)))
        let said = await Self.refusal(try Self.probe("127.0.0.1:\(port)", Self.login))
        let hint = offered == "PLAIN" ? "check mechanism, username and password" : "the broker takes other mechanisms"
        #expect(said.contains(hint), "\(said)")
        #expect(!said.contains("canary"))
    }

    @Test("an answer that is not waited for any more ends the wait")
    func cancelled() async throws {
        let probe = try Self.probe("127.0.0.1:1", millis: 60_000)
        let task = Task { try await probe.cluster() }
        try await Task.sleep(nanoseconds: 200_000_000)
        task.cancel()
        let begin = ContinuousClock.now
        _ = try? await task.value
        #expect(ContinuousClock.now - begin < .seconds(10))
    }
}
