import Columnar
import Connectors
import Dataflow
import Foundation
import Glibc
import HostSystem
import TestKit
import Testing

/// Who is let in where: tokens in trials, policies of running pipelines, keys of Confluent, files that clients read.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"), .timeLimit(.minutes(5)))
struct KafkaAccessTests {
    static let keys = ["AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "very-secret-key"]

    @Test("a profile of an MSK cluster is tried out with a token")
    func tokens() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(2)
        let proxy = try KafkaProxy(broker, ["--tokens"])
        let options: [String: OptionValue] = [
            "bootstrap_servers": .string(proxy.servers), "auth.type": "aws_msk_iam", "auth.region": "eu-central-1",
            "auth.protocol": "SASL_PLAINTEXT",
        ]
        let probe = try KafkaProbe(
            options, isConfluent: false, egress: EgressPolicy(.any), timeoutMillis: 5000, environment: Self.keys)
        #expect(try await probe.cluster().topics[topic] == 2)
        #expect(try await probe.recordCount(topic: topic, partition: 1) == 0)
        #expect(try proxy.order("log").contains("token "))
        let folder = try TemporaryFolder()
        let none = try KafkaProbe(
            options, isConfluent: false, egress: EgressPolicy(.any), timeoutMillis: 3000,
            environment: ["HOME": folder.path])
        let text = await KafkaProbeTests.refusal(none)
        #expect(text.contains("there are no AWS credentials"), "\(text)")
    }

    @Test("running pipelines connect to no address that the policy refuses, sources and sinks alike")
    func egress() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        try broker.tool("produce", topic, "0", "3", "1")
        let listed = KafkaConnector(egress: EgressPolicy(.list(["127.0.0.0/8"])))
        let source = try makeSource(broker, topic, connector: listed)
        #expect(try await readOnce(source, 3) == ["0", "1", "2"])
        let closed = KafkaConnector(egress: EgressPolicy(.publicOnly))
        let read = await message { _ = try await readOnce(makeSource(broker, topic, connector: closed), 1, seconds: 5) }
        #expect(read.contains("which may not be connected to (setting egress.policy)"), "\(read)")
        let spec = ConnectorSpec(
            connector: "kafka", table: "t", options: options(broker, topic, [:]), schema: idSchema)
        let written = await message { try await closed.makeSink(spec, context: context()).onStart() }
        #expect(written.contains("which may not be connected to (setting egress.policy)"), "\(written)")
    }

    @Test("connector confluent logs in with its key over TLS")
    func confluent() async throws {
        let broker = try KafkaBroker()
        let folder = try TemporaryFolder()
        let files = try KafkaProxy.certificate(in: folder.path)
        let proxy = try KafkaProxy(
            broker, ["--cert", files.certificate, "--key", files.key, "--user", "key", "--password", "secret"])
        let topic = try broker.makeTopic(1)
        try broker.tool("produce", topic, "0", "3", "1")
        let access = [
            "key": "key", "secret": "secret", "client_configs.ssl.ca.location": files.certificate,
            "source.offset": "earliest",
        ]
        let source = try makeSource(proxy, topic, access, connector: .confluent())
        #expect(try await readOnce(source, 3) == ["0", "1", "2"])
        #expect(try proxy.order("log").contains("login PLAIN"))
        let wrong = access.merging(["secret": "guessed"]) { $1 }
        let text = await message {
            _ = try await readOnce(makeSource(proxy, topic, wrong, connector: .confluent()), 1, seconds: 5)
        }
        #expect(!text.contains("guessed") && text.contains("check key and secret"), "\(text)")
    }

    @Test("a pipe in place of a file is refused at once, where opening it would wait for ever")
    func pipes() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/pipe"
        try #require(mkfifo(path, 0o600) == 0)
        let begin = ContinuousClock.now
        for name in ["ssl.ca.location", "ssl.certificate.location", "ssl.key.location"] {
            let options: [String: OptionValue] = [
                "bootstrap_servers": "127.0.0.1:1", "auth.protocol": "SSL", "client_configs.\(name)": .string(path),
            ]
            let probe = try KafkaProbe(
                options, isConfluent: false, egress: EgressPolicy(.any), timeoutMillis: 2000)
            let text = await KafkaProbeTests.refusal(probe)
            #expect(text.contains("setting \(name): '\(path)' is no file"), "\(text)")
        }
        // Others use the same cores.
        #expect(ContinuousClock.now - begin < .seconds(60))
    }

    @Test("a job that has worked before waits for a topic or a login that is gone; a new one is the user's to mend")
    func recovery() async throws {
        let broker = try KafkaBroker()
        for isRestored in [false, true] {
            var restored = context()
            restored.isRestored = isRestored
            let source = try makeSource(broker, "nothing-\(UUID().uuidString)", context: restored)
            do {
                _ = try await readOnce(source, 1, seconds: 3)
                Issue.record("there is no such topic")
            } catch let error as OperationalError {
                #expect(error.isRetryable == isRestored && error.message.contains("create the topic"), "\(error)")
            }
        }
    }
}
