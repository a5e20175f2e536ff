import CRdKafka
import HostSystem

/// Says why brokers cannot be asked, and what to do about it. Knows what must not be shown.
struct KafkaProbeTrouble {
    private let servers: String
    private let secrets: [String]
    private let protocolName: String
    private let isConfluent: Bool
    /// Nobody has answered the beginning of TLS.
    private static let unanswered = "timed out in state ssl_handshake"

    init(_ configuration: KafkaConfiguration, servers: String) {
        self.servers = servers
        secrets = configuration.secrets
        protocolName = configuration["security.protocol"]?.uppercased() ?? "PLAINTEXT"
        isConfluent = configuration.isConfluent || servers.contains("confluent.cloud")
    }

    func redacted(_ text: String) -> String {
        secrets.reduce(text) { text, secret in secret.isEmpty ? text : text.replacing(secret, with: "***") }
    }

    /// `what` is the thing that did not work.
    func error(_ failure: KafkaFailure, _ what: String) -> OperationalError {
        let (hint, domain) = advice(failure)
        return OperationalError(
            redacted("\(what): \(Self.brief(failure.text)) (\(hint))"), domain: domain,
            isRetryable: domain == .external)
    }

    /// The library's words without its names of threads and states.
    private static func brief(_ text: String) -> String {
        var text = text
        if let end = text.firstRange(of: " (after ") { text = String(text[..<end.lowerBound]) }
        return text
    }

    private func advice(_ failure: KafkaFailure) -> (String, OperationalError.Domain) {
        let text = failure.text.lowercased()
        let isTLS = ["ssl handshake", "ssl routines", Self.unanswered].contains { text.contains($0) }
        if failure.code == RD_KAFKA_RESP_ERR__SSL || isTLS { return (tls(text), .user) }
        if [RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED].contains(failure.code) {
            return (login(text), .user)
        }
        if failure.code == RD_KAFKA_RESP_ERR__RESOLVE || text.contains("failed to resolve") {
            return ("there is no host of that name: check bootstrap_servers", .user)
        }
        if text.contains("invalid response size") {
            // The first four bytes are taken for a length: these are HTTP's.
            let who = text.contains("1213486160") ? "an HTTP server" : "something that does not speak Kafka's protocol"
            return ("\(who) listens on that port: check bootstrap_servers", .user)
        }
        if text.contains("connection refused") {
            return ("nobody listens there: check the port in bootstrap_servers, and that the broker runs", .external)
        }
        if text.contains("security.protocol") || text.contains("ssl listener") || text.contains("disconnected") {
            return (
                protocolName.contains("SSL")
                    ? "the broker closed the connection: check that it speaks TLS on that port"
                    : "the broker closed the connection: it may want TLS or a login, see authentication", .user
            )
        }
        if [
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        ].contains(failure.code) {
            return ("the brokers' access rules must allow it to this user", .user)
        }
        if [RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC].contains(failure.code) {
            return ("create the topic, or correct its name", .user)
        }
        return (
            "no broker answers at \(servers) in time: check the addresses, those that brokers advertise too, and "
                + "firewalls between", .external
        )
    }

    private func tls(_ text: String) -> String {
        let isNoTLS = ["wrong version", "plaintext", "unexpected eof", Self.unanswered].contains { text.contains($0) }
        if isNoTLS {
            let other = protocolName.hasPrefix("SASL") ? "SASL_PLAINTEXT" : "PLAINTEXT"
            return "the broker does not speak TLS on that port: use its TLS port, or protocol \(other)"
        }
        if text.contains("verify") || text.contains("self") || text.contains("unknown ca") || text.contains("issuer") {
            // The library does not say which.
            return "its certificate is not trusted (set ssl.ca.location in connection_properties), or is for another "
                + "name (use that in bootstrap_servers, or set ssl.endpoint.identification.algorithm to none)"
        }
        return "check the certificates, and that the port is one for TLS"
    }

    private func login(_ text: String) -> String {
        if isConfluent { return "check key and secret: an API key belongs to one cluster" }
        if text.contains("mechanism") { return "the broker takes other mechanisms: check authentication.sasl_config" }
        return "check mechanism, username and password in authentication.sasl_config"
    }
}
