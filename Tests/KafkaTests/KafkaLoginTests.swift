import Columnar
import Connectors
import Dataflow
import Foundation
import TestKit
import Testing

/// TLS and logins, by a proxy before a real broker.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"))
struct KafkaLoginTests {
    static let user = ["--user", "alice", "--password", "wonder,land=1"]

    func login(_ mechanism: String, password: String = "wonder,land=1", _ protocolName: String = "SASL_PLAINTEXT")
        -> [String: String]
    {
        [
            "auth.type": "sasl", "auth.mechanism": mechanism, "auth.username": "alice", "auth.password": password,
            "auth.protocol": protocolName,
        ]
    }

    /// Writes and reads through a proxy.
    func roundTrip(_ broker: KafkaBroker, _ proxy: KafkaProxy, _ access: [String: String]) async throws -> [String] {
        let topic = try broker.makeTopic(2)
        let sink = try makeSink(proxy, topic, access)
        try await sink.onStart()
        try await sink.write(ids([1, 2, 3]))
        try await sink.onEnd()
        let source = try makeSource(proxy, topic, access.merging(["source.offset": "earliest"]) { $1 })
        return try await readOnce(source, 3).sorted()
    }

    @Test(
        "a password is proven by each mechanism; a wrong one is told with a hint and not shown",
        arguments: ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
    func passwords(mechanism: String) async throws {
        let broker = try KafkaBroker()
        let proxy = try KafkaProxy(broker, Self.user)
        #expect(try await roundTrip(broker, proxy, login(mechanism)) == ["1", "2", "3"])
        #expect(try proxy.order("log").contains("login \(mechanism)"))
        let topic = try broker.makeTopic(1)
        let wrong = login(mechanism, password: "hunter2hunter2")
        let texts = [
            await message { _ = try await readOnce(makeSource(proxy, topic, wrong), 1, seconds: 5) },
            await message { try await makeSink(proxy, topic, wrong).onStart() },
        ]
        for text in texts {
            #expect(text.contains("check auth.mechanism, auth.username and auth.password"), "\(text)")
            #expect(text.contains("topic '\(topic)'") && !text.contains("hunter2"), "\(text)")
        }
    }

    @Test("who does not log in, or speaks without TLS, is told what to look at")
    func noLogin() async throws {
        let broker = try KafkaBroker()
        let proxy = try KafkaProxy(broker, Self.user)
        let topic = try broker.makeTopic(1)
        let text = await message { _ = try await readOnce(makeSource(proxy, topic), 1, seconds: 5) }
        #expect(text.contains("speaks the protocol of auth.protocol"), "\(text)")
        let encrypted = await message {
            _ = try await readOnce(makeSource(proxy, topic, login("PLAIN", "SASL_SSL")), 1, seconds: 5)
        }
        #expect(encrypted.contains("auth.protocol"), "\(encrypted)")
    }

    @Test("a connection is encrypted, to whom the certificate names; another certificate is refused with a hint")
    func encrypted() async throws {
        let broker = try KafkaBroker()
        let (folder, other) = (try TemporaryFolder(), try TemporaryFolder())
        let files = try KafkaProxy.certificate(in: folder.path)
        let stranger = try KafkaProxy.certificate(in: other.path)
        let proxy = try KafkaProxy(broker, ["--cert", files.certificate, "--key", files.key] + Self.user)
        func access(_ authority: String) -> [String: String] {
            login("SCRAM-SHA-512", "SASL_SSL").merging(["client_configs.ssl.ca.location": authority]) { $1 }
        }
        #expect(try await roundTrip(broker, proxy, access(files.certificate)) == ["1", "2", "3"])
        let topic = try broker.makeTopic(1)
        for authority in [stranger.certificate, nil] {
            let options = authority.map { access($0) } ?? login("PLAIN", "SASL_SSL")
            let text = await message { _ = try await readOnce(makeSource(proxy, topic, options), 1, seconds: 5) }
            #expect(text.contains("certificates named by ssl.*"), "\(text)")
        }
        let missing = await message { _ = try await readOnce(makeSource(proxy, topic, access("/nowhere.pem")), 1) }
        #expect(missing.contains("cannot make a Kafka client") && missing.contains("ssl.ca.location"), "\(missing)")
    }

    @Test("an MSK cluster is given a signed token, which the client asks for by itself")
    func managed() async throws {
        let broker = try KafkaBroker()
        let proxy = try KafkaProxy(broker, ["--tokens"])
        let access = ["auth.type": "aws_msk_iam", "auth.region": "eu-central-1", "auth.protocol": "SASL_PLAINTEXT"]
        let topic = try broker.makeTopic(1)
        try broker.tool("produce", topic, "0", "3", "1")
        let keys = ["AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "very-secret-key"]
        let source = try makeSource(
            proxy, topic, access.merging(["source.offset": "earliest"]) { $1 },
            connector: KafkaConnector(environment: keys))
        #expect(try await readOnce(source, 3) == ["0", "1", "2"])
        let log = try proxy.order("log")
        let token = try #require(log.split(separator: "\n").first { $0.hasPrefix("token ") }?.dropFirst(6))
        var padded = token.replacing("-", with: "+").replacing("_", with: "/")
        padded += String(repeating: "=", count: (4 - padded.count % 4) % 4)
        let url = String(decoding: try #require(Data(base64Encoded: String(padded))), as: UTF8.self)
        #expect(url.hasPrefix("https://kafka.eu-central-1.amazonaws.com/?Action=kafka-cluster%3AConnect&"), "\(url)")
        #expect(url.contains("X-Amz-Credential=AKIDEXAMPLE%2F") && url.contains("&X-Amz-Signature="), "\(url)")
        #expect(!url.contains("very-secret-key"))
        // Nothing to sign with.
        let folder = try TemporaryFolder()
        let none = try makeSource(
            proxy, topic, access, connector: KafkaConnector(environment: ["HOME": folder.path]))
        let text = await message { _ = try await readOnce(none, 1, seconds: 5) }
        #expect(text.contains("there are no AWS credentials"), "\(text)")
    }
}
