import CRdKafka
import Columnar
import Dataflow
import HostSystem
import Synchronization

/// Writes records to a topic, in order and once each as long as the client lives (the library's idempotent producer).
// Unchecked because the library's handles may be used from any thread; nothing else changes.
final class KafkaProducer: @unchecked Sendable {
    let client: KafkaClient
    private let topicName: String
    private let topic: OpaquePointer
    /// Nil: not transactional.
    let transactionalID: String?

    /// For how long brokers keep a transaction open, nanoseconds.
    let transactionNanos: UInt64
    /// How long a step of a transaction may take before it is tried again, and how often that is: then the job starts
    /// again and finds out what became of it.
    private static let transactionMillis: Int32 = 60_000
    private static let attemptsMax = 2

    /// Makes a client; nothing is connected yet. Errors: `OperationalError` about settings.
    init(
        _ options: KafkaTableOptions, table: String, transactionalID: String? = nil, isRestored: Bool = false,
        metrics: OperatorMetrics? = nil
    ) throws {
        self.transactionalID = transactionalID
        topicName = options.topic
        let trouble = options.trouble(table: table, isRestored: isRestored)
        let configuration = options.producerConfiguration(transactionalID)
        transactionNanos = UInt64(configuration["transaction.timeout.ms"] ?? "").map { $0 &* 1_000_000 } ?? .max
        client = try KafkaClient(.producer, configuration, trouble, metrics: metrics)
        guard let topic = rd_kafka_topic_new(client.handle, options.topic, nil) else {
            throw trouble.userError("cannot make a Kafka client of the topic")
        }
        self.topic = topic
    }

    deinit { rd_kafka_topic_destroy(topic) }

    /// Waits until the topic is known. Errors: `OperationalError`.
    func connect() async throws {
        do {
            _ = try await client.waiting { [self] _ in try client.partitions(of: topic) }
        } catch let failure as KafkaFailure {
            throw client.error(failure, "cannot reach it")
        }
    }

    // MARK: Records

    /// Puts records into the client's queue; waits while it is full. Errors: `KafkaFailure`.
    func produce(_ records: KafkaRecords) async throws {
        var row = 0
        while true {
            let (next, code) = offer(records, from: row)
            row = next
            if code == RD_KAFKA_RESP_ERR_NO_ERROR { break }
            guard code == RD_KAFKA_RESP_ERR__QUEUE_FULL else { throw KafkaFailure(code) }
            try await client.waiting { handle in _ = rd_kafka_poll(handle, 20) }
            try check()
        }
        rd_kafka_poll(client.handle, 0)
    }

    /// Gives the row that was not taken, and why.
    private func offer(_ records: KafkaRecords, from first: Int) -> (row: Int, code: rd_kafka_resp_err_t) {
        let (keys, values) = (records.keys.viewReader, records.values.viewReader)
        let (hasKeys, hasTombstones) = (records.keys.nullCount < records.count, records.values.validity != nil)
        let millis = records.millis.pointer(Int64.self)
        let empty = UnsafeRawPointer(records.values.values.pointer)
        for row in first..<records.count {
            let key = !hasKeys || records.keys.isNull(row) ? nil : keys[row]
            let value = hasTombstones && records.values.isNull(row) ? nil : values[row]
            let headers = records.headers.flatMap { $0.isNull(row) ? nil : KafkaHeaders.native($0.viewReader[row]) }
            let code = laminar_kafka_produce(
                client.handle, topic, RD_KAFKA_PARTITION_UA, key.map { $0.baseAddress ?? empty }, key?.count ?? 0,
                value.map { $0.baseAddress ?? empty }, value?.count ?? 0, millis[row], headers)
            if code == RD_KAFKA_RESP_ERR_NO_ERROR { continue }
            if let headers { rd_kafka_headers_destroy(headers) }
            return (row, code)
        }
        return (records.count, RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    /// Serves the library's callbacks. Errors: `KafkaFailure` when a record was not delivered.
    func check() throws(KafkaFailure) {
        rd_kafka_poll(client.handle, 0)
        guard var failure = client.events.undelivered else { return }
        if let fatal = client.fatal { throw fatal }
        failure.requiresAbort = transactionalID != nil
        throw failure
    }

    /// Waits until brokers have every record, or about so long. Errors: `KafkaFailure` when one was not delivered.
    func flush(withinMillis millis: Int = .max) async throws {
        let step: Int32 = 200
        var waited = 0
        while rd_kafka_outq_len(client.handle) > 0, waited < millis {
            try await client.waiting { handle in _ = rd_kafka_flush(handle, step) }
            try check()
            waited += Int(step)
        }
        try check()
    }

    // MARK: Transactions

    /// Takes the transactional id over: other producers with it are fenced, what they left open is aborted, and what
    /// they were committing is committed. Waits. Errors: `KafkaFailure`.
    func takeOver() async throws {
        try await transactional { handle in
            KafkaFailure(taking: rd_kafka_init_transactions(handle, Self.transactionMillis))
        }
    }

    /// Errors: `KafkaFailure`.
    func begin() throws {
        client.events.forgetUndelivered()
        if let failure = KafkaFailure(taking: rd_kafka_begin_transaction(client.handle)) { throw failure }
        client.hasTransaction.store(true, ordering: .relaxed)
    }

    /// Errors: `KafkaFailure`.
    func abort() async throws {
        try await transactional { handle in
            KafkaFailure(taking: rd_kafka_abort_transaction(handle, Self.transactionMillis))
        }
        client.hasTransaction.store(false, ordering: .relaxed)
    }

    /// Commits the open transaction, and with it the note that `epoch` is committed. Errors: `KafkaFailure`, first of
    /// all of a record that brokers refuse.
    func commit(epoch: Int) async throws {
        try await flush(withinMillis: Int(Self.transactionMillis))
        let (name, group) = (topicName, transactionalID ?? "")
        try await transactional { handle in
            guard let list = rd_kafka_topic_partition_list_new(1),
                let identity = rd_kafka_consumer_group_metadata_new(group)
            else { return KafkaFailure(RD_KAFKA_RESP_ERR__FAIL) }
            defer {
                rd_kafka_topic_partition_list_destroy(list)
                rd_kafka_consumer_group_metadata_destroy(identity)
            }
            rd_kafka_topic_partition_list_add(list, name, 0)?.pointee.offset = Int64(epoch)
            return KafkaFailure(
                taking: rd_kafka_send_offsets_to_transaction(handle, list, identity, Self.transactionMillis))
        }
        // From here on the outcome is the brokers' to tell.
        client.hasTransaction.store(false, ordering: .relaxed)
        do {
            try await transactional { handle in
                KafkaFailure(taking: rd_kafka_commit_transaction(handle, Self.transactionMillis))
            }
        } catch let failure as KafkaFailure {
            client.hasTransaction.store(failure.requiresAbort, ordering: .relaxed)
            throw failure
        }
    }

    /// Does a step, again as long as that may help.
    private func transactional(_ step: @escaping @Sendable (OpaquePointer) -> KafkaFailure?) async throws {
        try await client.waiting { handle in
            var attempts = 0
            while let failure = step(handle) {
                attempts += 1
                if !failure.isRetriable || attempts >= Self.attemptsMax { throw failure }
            }
        }
    }
}

extension KafkaTableOptions {
    /// With what a sink's client is made.
    func producerConfiguration(_ transactionalID: String?) -> KafkaConfiguration {
        var result = configuration
        result["isolation.level"] = nil
        result["enable.idempotence"] = "true"
        // Those of the other clients, so that a key goes where they look for it.
        result.setDefault("partitioner", "murmur2_random")
        result.setDefault("linger.ms", "5")
        result.setDefault("batch.num.messages", "10000")
        result.setDefault("queue.buffering.max.messages", "200000")
        result.setDefault("queue.buffering.max.kbytes", "131072")
        result["delivery.report.only.error"] = "true"
        if let transactionalID {
            result["transactional.id"] = transactionalID
            result.setDefault("transaction.timeout.ms", "300000")
        }
        return result
    }

    /// A consumer of the group that notes what a transactional id has committed.
    func markerConfiguration(_ transactionalID: String) -> KafkaConfiguration {
        var result = configuration
        result["group.id"] = transactionalID
        result["enable.auto.commit"] = "false"
        // What a transaction has not decided yet must be waited for.
        result["isolation.level"] = "read_committed"
        return result
    }
}
