import Columnar
import Connectors
import Dataflow
import HostSystem
import TestKit
import Testing

/// Which settings of the client library a user may pass on.
@Suite struct KafkaSettingTests {
    /// What is said of a table with these settings, given in each of the ways there are.
    static func said(_ name: String, _ value: String, connector: String = "kafka") -> [String] {
        var options: [String: OptionValue] = ["topic": "t", "type": "source"]
        if connector == "kafka" {
            options["bootstrap_servers"] = "localhost:9092"
        } else {
            options.merge(["bootstrap_servers": "localhost:9092", "key": "k", "secret": "s"]) { $1 }
        }
        let ways: [[String: OptionValue]] = [
            ["client_configs.\(name)": .string(value)], ["connection_properties.\(name)": .string(value)],
            ["client_configs": .string("client.id=x, \(name) =\(value)")],
            ["connection_properties": .string("\(name)=\(value)")],
        ]
        let schema = Schema([Field("id", .int64)])
        return ways.map { OptionTests.check(connector, options.merging($0) { $1 }, schema) }
    }

    @Test(
        "what could run commands, load code, or speak to somebody else is refused",
        arguments: [
            ("sasl.kerberos.kinit.cmd", "touch /tmp/x"), ("sasl.mechanism", "GSSAPI"), ("sasl.mechanisms", "GSSAPI"),
            ("sasl.mechanism", "OAUTHBEARER"), ("plugin.library.paths", "/tmp/x.so"), ("ssl.engine.location", "/tmp/x"),
            ("ssl.providers", "default"), ("sasl.oauthbearer.token.endpoint.url", "http://10.0.0.1"),
            ("sasl.oauthbearer.method", "oidc"), ("enable.sasl.oauthbearer.unsecure.jwt", "true"),
            ("bootstrap.servers", "10.0.0.1:1"), ("metadata.broker.list", "10.0.0.1:1"), ("debug", "all"),
            ("test.mock.num.brokers", "3"), ("builtin.features", "ssl"), ("group.id", "x"), ("transactional.id", "x"),
            ("enable.auto.commit", "true"), ("internal.termination.signal", "9"), ("offset.store.path", "/tmp"),
            ("sasl.kerberos.keytab", "/etc/keytab"), ("no.such.setting", "1"), ("Sasl.Mechanism", "GSSAPI"),
        ])
    func refused(name: String, value: String) {
        for connector in ["kafka", "confluent"] {
            for text in Self.said(name, value, connector: connector) {
                #expect(text.contains("client setting \(name) cannot be set: "), "\(text)")
            }
        }
    }

    @Test(
        "what tunes the client may be set",
        arguments: [
            ("fetch.min.bytes", "1"), ("queued.max.messages.kbytes", "1000"), ("socket.timeout.ms", "1000"),
            ("linger.ms", "1"), ("batch.size", "1000"), ("session.timeout.ms", "10000"),
            ("heartbeat.interval.ms", "1000"), ("retries", "3"), ("statistics.interval.ms", "1000"),
            ("auto.offset.reset", "earliest"), ("transaction.timeout.ms", "1000"), ("ssl.key.password", "x"),
            ("security.protocol", "SSL"), ("topic.metadata.refresh.interval.ms", "200"), ("client.rack", "a"),
        ])
    func allowed(name: String, value: String) {
        #expect(Self.said(name, value).allSatisfy { $0 == "fine" })
    }
}
