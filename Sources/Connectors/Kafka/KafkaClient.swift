import CRdKafka
import Glibc
import HostSystem
import Synchronization

/// One client of the Kafka library, with a thread of its own for calls that wait.
///
/// Goes away with the last reference, on that thread, as saying goodbye may take a while.
// Unchecked because the library's handle may be used from any thread; everything else is immutable.
final class KafkaClient: @unchecked Sendable {
    enum Kind { case consumer, producer }

    /// What the library tells of itself, on whichever thread polls.
    final class Events: Sendable {
        private struct State {
            var lastError: KafkaFailure?
            var undelivered: KafkaFailure?
            var undeliveredCount = 0
            var errorCount = 0
        }

        private let state = Mutex(State())
        fileprivate let tokens: MSKTokenSource?

        init(tokens: MSKTokenSource?) { self.tokens = tokens }

        /// The last trouble of a connection, which the library goes on mending.
        var lastError: KafkaFailure? { state.withLock { $0.lastError } }
        /// How often there was any.
        var errorCount: Int { state.withLock { $0.errorCount } }
        /// Why a record was not delivered, if one was not.
        var undelivered: KafkaFailure? { state.withLock { $0.undelivered } }

        fileprivate func note(_ failure: KafkaFailure) {
            state.withLock {
                $0.errorCount += 1
                // That all brokers are down says less than why.
                if failure.code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, $0.lastError != nil { return }
                $0.lastError = failure
            }
        }

        fileprivate func noteUndelivered(_ failure: KafkaFailure) {
            state.withLock {
                $0.undeliveredCount += 1
                if $0.undelivered == nil { $0.undelivered = failure }
            }
        }

        func forgetUndelivered() { state.withLock { $0.undelivered = nil } }
    }

    let handle: OpaquePointer
    let events: Events
    let trouble: KafkaTrouble
    /// Whether a transaction is open that nobody will end but this client.
    let hasTransaction = Atomic<Bool>(false)
    private let thread: ThreadPoolExecutor

    /// How long one request to a broker may take.
    static let requestMillis: Int32 = 10_000

    /// Makes a client; nothing is connected yet. Errors: `OperationalError` that names a setting that cannot be used.
    init(_ kind: Kind, _ configuration: KafkaConfiguration, _ trouble: KafkaTrouble) throws {
        self.trouble = trouble
        events = Events(tokens: configuration.tokens)
        thread = try ThreadPoolExecutor(threadCount: 1, name: "kafka")
        do {
            handle = try Self.make(kind, configuration, events)
        } catch {
            thread.shutDown()
            throw trouble.userError("cannot make a Kafka client: \(error.text)")
        }
    }

    private static func make(
        _ kind: Kind, _ configuration: KafkaConfiguration, _ events: Events
    ) throws(KafkaFailure) -> OpaquePointer {
        let native = try configuration.makeNative()
        let opaque = Unmanaged.passRetained(events)
        rd_kafka_conf_set_opaque(native, opaque.toOpaque())
        rd_kafka_conf_set_error_cb(native) { _, code, reason, opaque in
            guard let opaque else { return }
            let text = reason.map { String(cString: $0) }
            Unmanaged<Events>.fromOpaque(opaque).takeUnretainedValue()
                .note(KafkaFailure(rd_kafka_resp_err_t(rawValue: code), text))
        }
        // What matters reaches the user as an error; standard error belongs to the program.
        rd_kafka_conf_set_log_cb(native) { _, _, _, _ in }
        if kind == .producer {
            rd_kafka_conf_set_dr_msg_cb(native) { _, message, opaque in
                guard let opaque, let message, message.pointee.err != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
                Unmanaged<Events>.fromOpaque(opaque).takeUnretainedValue()
                    .noteUndelivered(KafkaFailure(message.pointee.err))
            }
        }
        if events.tokens != nil { setTokens(native) }
        var room = [CChar](repeating: 0, count: 512)
        let type = kind == .consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER
        if let handle = rd_kafka_new(type, native, &room, room.count) {
            // A thread of the library's own asks for tokens, as calls that wait need them.
            let error = events.tokens == nil ? nil : rd_kafka_sasl_background_callbacks_enable(handle)
            if let failure = KafkaFailure(taking: error) {
                rd_kafka_destroy(handle)
                opaque.release()
                throw failure
            }
            return handle
        }
        opaque.release()
        rd_kafka_conf_destroy(native)
        let text = String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        throw KafkaFailure(RD_KAFKA_RESP_ERR__INVALID_ARG, text)
    }

    private static func setTokens(_ native: OpaquePointer) {
        rd_kafka_conf_enable_sasl_queue(native, 1)
        rd_kafka_conf_set_oauthbearer_token_refresh_cb(native) { client, _, opaque in
            guard let client, let opaque else { return }
            let events = Unmanaged<Events>.fromOpaque(opaque).takeUnretainedValue()
            guard let reason = events.tokens?.refresh(client) else { return }
            events.note(KafkaFailure(RD_KAFKA_RESP_ERR__AUTHENTICATION, reason))
        }
    }

    deinit {
        let end = Ending(
            handle: handle, events: events, hasTransaction: hasTransaction.load(ordering: .relaxed))
        thread.schedule(at: 0) { end.perform() }
        thread.shutDown()
    }

    /// Ends a client on its thread.
    // Unchecked because the handle has no other user any more.
    private struct Ending: @unchecked Sendable {
        let handle: OpaquePointer
        let events: Events
        let hasTransaction: Bool

        func perform() {
            // Readers of committed records would wait for it until it is too old.
            if hasTransaction, let error = rd_kafka_abort_transaction(handle, 3000) { rd_kafka_error_destroy(error) }
            if rd_kafka_type(handle) == RD_KAFKA_PRODUCER {
                // What was not delivered by now is written again from a checkpoint.
                rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
            }
            rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
            Unmanaged.passUnretained(events).release()
        }
    }

    /// Does something that waits, on the client's thread, without keeping the caller's.
    func waiting<Result: Sendable>(
        _ body: @escaping @Sendable (OpaquePointer) throws -> Result
    ) async throws -> Result {
        try await Task.detached(executorPreference: thread) { [self] in try body(handle) }.value
    }

    /// Begins something that keeps the client's thread until it returns.
    func begin(_ body: @escaping @Sendable () -> Void) -> Task<Void, Never> {
        Task.detached(executorPreference: thread) { body() }
    }

    /// What has ended the client for good, if anything has.
    var fatal: KafkaFailure? {
        var room = [CChar](repeating: 0, count: 512)
        let code = rd_kafka_fatal_error(handle, &room, room.count)
        if code == RD_KAFKA_RESP_ERR_NO_ERROR { return nil }
        let text = String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var failure = KafkaFailure(code, text)
        failure.isFatal = true
        return failure
    }

    /// An error that says why the connection fails, where a call only says that time is over.
    func error(_ failure: KafkaFailure, _ what: String) -> OperationalError {
        let isVague =
            failure.code == RD_KAFKA_RESP_ERR__TIMED_OUT || failure.code == RD_KAFKA_RESP_ERR__TRANSPORT
            || failure.code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
        // The reason waits to be polled.
        if isVague { rd_kafka_poll(handle, 0) }
        if failure.code == RD_KAFKA_RESP_ERR__FATAL, let fatal { return trouble.error(fatal, what) }
        return trouble.error(isVague ? events.lastError ?? failure : failure, what)
    }

    // MARK: What brokers know

    /// The numbers of the topic's partitions, ascending. Waits. Errors: `KafkaFailure`.
    func partitions(of topic: OpaquePointer) throws(KafkaFailure) -> [Int32] {
        var found: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(handle, 0, topic, &found, Self.requestMillis)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let found else { throw KafkaFailure(code) }
        defer { rd_kafka_metadata_destroy(found) }
        guard found.pointee.topic_cnt > 0, let entry = found.pointee.topics?.pointee else {
            throw KafkaFailure(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        }
        if entry.err != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaFailure(entry.err) }
        if entry.partition_cnt == 0 { throw KafkaFailure(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC) }
        return (0..<Int(entry.partition_cnt)).compactMap { entry.partitions?[$0].id }.sorted()
    }

    /// The first offset of a partition and the one behind its last. Waits. Errors: `KafkaFailure`.
    func bounds(_ topic: String, _ partition: Int32) throws(KafkaFailure) -> (low: Int64, high: Int64) {
        var bounds: (low: Int64, high: Int64) = (0, 0)
        let code = rd_kafka_query_watermark_offsets(
            handle, topic, partition, &bounds.low, &bounds.high, Self.requestMillis)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaFailure(code) }
        return bounds
    }

    /// What the client's group has committed for partitions; those without are left out. Waits.
    /// Errors: `KafkaFailure`.
    func committed(_ topic: String, _ partitions: [Int32]) throws(KafkaFailure) -> [Int32: Int64] {
        guard let list = rd_kafka_topic_partition_list_new(Int32(clamping: partitions.count)) else { return [:] }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for partition in partitions { _ = rd_kafka_topic_partition_list_add(list, topic, partition) }
        let code = rd_kafka_committed(handle, list, Self.requestMillis)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaFailure(code) }
        var offsets: [Int32: Int64] = [:]
        for index in 0..<Int(list.pointee.cnt) {
            let entry = list.pointee.elems[index]
            if entry.err != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaFailure(entry.err) }
            if entry.offset >= 0 { offsets[entry.partition] = entry.offset }
        }
        return offsets
    }
}
