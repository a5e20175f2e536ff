import CRdKafka
import HostSystem

/// The settings of a Kafka client, by the names librdkafka gives them. Later values take the place of earlier ones.
struct KafkaConfiguration: Sendable {
    private(set) var properties: [String: String] = [:]
    /// Makes the tokens of the mechanism OAUTHBEARER.
    var tokens: MSKTokenSource?
    /// The login is the key and the secret of the connector `confluent`.
    var isConfluent = false
    /// Which addresses may be connected to, also of the brokers that brokers name; nil: any.
    var egress: EgressPolicy?

    /// Which properties hold what must not be seen.
    static func isSecret(_ property: String) -> Bool {
        let name = property.lowercased()
        return name.contains("password") || name.contains("secret") || name.contains("token")
            || name.hasSuffix("key.pem") || name == "sasl.oauthbearer.config"
    }

    subscript(property: String) -> String? {
        get { properties[property] }
        set { properties[property] = newValue }
    }

    /// Sets what has not been set.
    mutating func setDefault(_ property: String, _ value: String) {
        if properties[property] == nil { properties[property] = value }
    }

    /// The values that must not appear in messages.
    var secrets: [String] { properties.filter { Self.isSecret($0.key) }.map(\.value).filter { !$0.isEmpty } }

    /// The library's form of the settings, which the caller passes on or destroys.
    /// Errors: `KafkaFailure` that names the property and never a secret value.
    func makeNative() throws(KafkaFailure) -> OpaquePointer {
        try checkFiles()
        guard let native = rd_kafka_conf_new() else { throw KafkaFailure(RD_KAFKA_RESP_ERR__FAIL) }
        var room = [CChar](repeating: 0, count: 512)
        // A protocol must be known before what depends on it; names in order keep messages stable.
        for (property, value) in properties.sorted(by: { $0.key < $1.key }) {
            let status = rd_kafka_conf_set(native, property, value, &room, room.count)
            if status == RD_KAFKA_CONF_OK { continue }
            rd_kafka_conf_destroy(native)
            let shown = Self.isSecret(property) ? "***" : value
            let reason = status == RD_KAFKA_CONF_UNKNOWN ? "there is no such setting" : "the value cannot be used"
            throw KafkaFailure(RD_KAFKA_RESP_ERR__INVALID_ARG, "setting \(property) = '\(shown)': \(reason)")
        }
        return native
    }

    /// The library opens whatever a path names, and would wait for ever for the other end of a pipe.
    private func checkFiles() throws(KafkaFailure) {
        for name in KafkaClientSettings.files.sorted() {
            guard let path = properties[name] else { continue }
            // No file, but the system's usual places.
            if name == "ssl.ca.location" && path == "probe" { continue }
            // The library says of what it cannot open neither the name nor why.
            guard let kind = try? PosixFileSystem().status(path)?.kind else {
                throw KafkaFailure(
                    RD_KAFKA_RESP_ERR__INVALID_ARG,
                    "setting \(name): there is no file '\(path)', or it may not be read")
            }
            if kind == .file || (kind == .directory && name == "ssl.ca.location") { continue }
            throw KafkaFailure(RD_KAFKA_RESP_ERR__INVALID_ARG, "setting \(name): '\(path)' is no file")
        }
    }
}
