import CRdKafka
import HostSystem

extension KafkaProbe {
    /// What a topic's settings mean for who writes to it.
    public struct TopicSettings: Sendable, Hashable {
        /// The largest batch of records that it takes, bytes; nil when that is not told.
        public var batchBytesMax: Int?
        /// Whether it keeps the newest record of each key, and so takes none without a key.
        public var isCompacted: Bool
        /// How many replicas must have a record; nil when that is not told.
        public var replicasMin: Int?
        /// The largest record that this client lets through, bytes.
        public var clientBytesMax: Int

        public init(
            batchBytesMax: Int? = nil, isCompacted: Bool = false, replicasMin: Int? = nil, clientBytesMax: Int
        ) {
            self.batchBytesMax = batchBytesMax
            self.isCompacted = isCompacted
            self.replicasMin = replicasMin
            self.clientBytesMax = clientBytesMax
        }
    }

    /// What a topic's settings say; nil when the brokers do not show them to this user. Errors: `OperationalError`
    /// that says what fails and what to do.
    public func topicSettings(_ topic: String) async throws -> TopicSettings? {
        guard let found = try await session({ try $0.settings(topic) }) else { return nil }
        return TopicSettings(
            batchBytesMax: found["max.message.bytes"].flatMap { Int($0) },
            isCompacted: found["cleanup.policy"]?.contains("compact") ?? false,
            replicasMin: found["min.insync.replicas"].flatMap { Int($0) },
            clientBytesMax: configuration["message.max.bytes"].flatMap { Int($0) } ?? 1_000_000)
    }

    /// Has the brokers take on a producer as a sink's is: one that they tell apart, so that no record comes twice, or
    /// one of transactions under the id that is given. The producer writes nothing and is gone at once; a transactional
    /// id stays known to the brokers for the time that they keep those that are not used. An id that another producer
    /// has is taken from it. Errors: likewise.
    public func takeOnProducer(transactionalID: String?) async throws {
        var configuration = configuration
        configuration["enable.idempotence"] = "true"
        configuration["transactional.id"] = transactionalID
        configuration["statistics.interval.ms"] = "100"
        try await session(producer: configuration) { try $0.takeOn(transactionalID: transactionalID) }
    }
}

extension KafkaProbeSession {
    /// The settings of a topic by their names; nil when the brokers do not show them.
    func settings(_ topic: String) throws -> [String: String]? {
        guard let queue = rd_kafka_queue_new(handle) else { return nil }
        defer { rd_kafka_queue_destroy(queue) }
        var resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic)
        defer { rd_kafka_ConfigResource_destroy(resource) }
        rd_kafka_DescribeConfigs(handle, &resource, 1, nil, queue)
        return try trying("cannot ask for the settings of topic '\(topic)'") { millis in
            guard let event = rd_kafka_queue_poll(queue, millis) else {
                return .failure(KafkaFailure(RD_KAFKA_RESP_ERR__TIMED_OUT))
            }
            defer { rd_kafka_event_destroy(event) }
            return .success(Self.settings(event))
        }
    }

    private static func settings(_ event: OpaquePointer) -> [String: String]? {
        var count = 0
        guard rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR,
            let result = rd_kafka_event_DescribeConfigs_result(event),
            let resources = rd_kafka_DescribeConfigs_result_resources(result, &count), count > 0,
            let resource = resources[0], rd_kafka_ConfigResource_error(resource) == RD_KAFKA_RESP_ERR_NO_ERROR
        else { return nil }
        var found: [String: String] = [:]
        let entries = rd_kafka_ConfigResource_configs(resource, &count)
        for index in 0..<count {
            guard let entry = entries?[index], let name = rd_kafka_ConfigEntry_name(entry),
                let value = rd_kafka_ConfigEntry_value(entry)
            else { continue }
            found[String(cString: name)] = String(cString: value)
        }
        return found
    }

    /// Waits until the brokers have taken on the client as a producer.
    func takeOn(transactionalID: String?) throws {
        if let transactionalID {
            return try trying("the brokers do not take the transactional id '\(transactionalID)'") { [handle] millis in
                KafkaFailure(taking: rd_kafka_init_transactions(handle, millis)).map { .failure($0) } ?? .success(())
            }
        }
        try trying("the brokers do not take on a producer") { [handle, events] millis in
            rd_kafka_poll(handle, millis)
            if events.isProducer { return .success(()) }
            var room = [CChar](repeating: 0, count: 512)
            let code = rd_kafka_fatal_error(handle, &room, room.count)
            var failure = KafkaFailure(code == RD_KAFKA_RESP_ERR_NO_ERROR ? RD_KAFKA_RESP_ERR__TIMED_OUT : code)
            failure.isFatal = code != RD_KAFKA_RESP_ERR_NO_ERROR
            return .failure(failure)
        }
    }
}
