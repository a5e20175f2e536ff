import CRdKafka
import HostSystem

/// What the Kafka library said went wrong.
struct KafkaFailure: Error, Sendable {
    var code: rd_kafka_resp_err_t
    /// The library's own words; they may hold settings and are shown only after `KafkaTrouble.redacted`.
    var text: String
    /// Nothing more can be done with the client.
    var isFatal = false
    /// The same call may succeed when it is made again.
    var isRetriable = false
    /// The transaction cannot be committed any more.
    var requiresAbort = false

    init(_ code: rd_kafka_resp_err_t, _ text: String? = nil) {
        self.code = code
        self.text = text ?? String(cString: rd_kafka_err2str(code))
    }

    /// Takes an error over from the library; nil is success.
    init?(taking error: OpaquePointer?) {
        guard let error else { return nil }
        code = rd_kafka_error_code(error)
        text = String(cString: rd_kafka_error_string(error))
        isFatal = rd_kafka_error_is_fatal(error) != 0
        isRetriable = rd_kafka_error_is_retriable(error) != 0
        requiresAbort = rd_kafka_error_txn_requires_abort(error) != 0
        rd_kafka_error_destroy(error)
    }
}

/// Makes errors about a topic say which table, topic and brokers, and what to do. Knows what must not be shown.
struct KafkaTrouble: Sendable {
    let table: String
    let topic: String
    let servers: String
    /// Passwords and the like; none of them appears in a message.
    var secrets: [String] = []
    /// Whether the pipeline has worked before: then topics and logins that are gone may come back.
    var isRestored = false
    /// Whether the login is a key and a secret (`KafkaConfiguration.isConfluent`).
    var isConfluent = false

    /// `what` is the thing that did not work, e.g. `cannot read the topic's partitions`.
    func error(_ failure: KafkaFailure, _ what: String) -> OperationalError {
        let advice = Self.advice(failure.code, self)
        return OperationalError(
            redacted("table '\(table)', topic '\(topic)': \(what): \(failure.text) (\(advice.hint))"),
            domain: advice.domain, isRetryable: advice.domain == .external, context: [("brokers", redacted(servers))])
    }

    /// An error of the user's data or settings in this topic.
    func userError(_ message: String) -> OperationalError {
        OperationalError(redacted("table '\(table)', topic '\(topic)': \(message)"), domain: .user)
    }

    /// The text with every secret replaced.
    func redacted(_ text: String) -> String {
        var text = text
        for secret in secrets where !secret.isEmpty { text = text.replacing(secret, with: "***") }
        return text
    }

    private typealias Advice = (hint: String, domain: OperationalError.Domain)

    private static func advice(_ code: rd_kafka_resp_err_t, _ trouble: KafkaTrouble) -> Advice {
        switch code {
        case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__RESOLVE,
            RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
            return (
                "check that a broker answers at \(trouble.servers), and speaks the protocol of auth.protocol", .external
            )
        case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
            RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
            return (
                trouble.isConfluent
                    ? "check key and secret: an API key belongs to one cluster"
                    : "check auth.mechanism, auth.username and auth.password", trouble.isRestored ? .external : .user
            )
        case RD_KAFKA_RESP_ERR__SSL:
            return (
                "check auth.protocol, the certificates named by ssl.* in client_configs, and that the brokers' are for "
                    + "the names in bootstrap_servers", .user
            )
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            return ("the brokers' access rules must allow it to the user of auth.username", .user)
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
            return ("create the topic, or correct the option topic", trouble.isRestored ? .external : .user)
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
            return (
                "records were deleted before they were read; to go on with those that are left set "
                    + "client_configs = 'auto.offset.reset=earliest'", .user
            )
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
            return ("raise the topic's max.message.bytes, and message.max.bytes in client_configs", .user)
        case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
            return (
                "the brokers allow no transaction of that length: raise their transaction.max.timeout.ms, or set "
                    + "transaction.timeout.ms in client_configs lower", .user
            )
        case RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
            return (
                "another process has gone on with this pipeline: end one of them; or brokers have ended a transaction "
                    + "that took longer than transaction.timeout.ms", .external
            )
        default: return ("tried again if the pipeline restarts", .external)
        }
    }
}
