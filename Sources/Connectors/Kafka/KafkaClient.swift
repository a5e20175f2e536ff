import CRdKafka
import Dataflow
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
            var lastTime: UInt64 = 0
            var undelivered: KafkaFailure?
            var undeliveredCount = 0
        }

        private let state = Mutex(State())
        private let clock = SystemMonotonicClock()
        private let metrics: OperatorMetrics?

        /// Troubles of connections are counted in `metrics`.
        init(_ metrics: OperatorMetrics?) { self.metrics = metrics }

        /// The last trouble of a connection, which the library goes on mending; nil when it is so long ago that what
        /// fails now fails of something else.
        var recentError: KafkaFailure? {
            let now = clock.elapsedNanoseconds()
            return state.withLock { now &- $0.lastTime < Self.recentNanos ? $0.lastError : nil }
        }
        private static let recentNanos: UInt64 = 30_000_000_000
        /// Why a record was not delivered, if one was not.
        var undelivered: KafkaFailure? { state.withLock { $0.undelivered } }

        func note(_ failure: KafkaFailure) {
            let now = clock.elapsedNanoseconds()
            metrics?.externalErrors.wrappingAdd(1, ordering: .relaxed)
            state.withLock {
                // That all brokers are down, or none answers, says less than why.
                let isKnown = $0.lastError != nil && now &- $0.lastTime < Self.recentNanos
                let isVague =
                    failure.code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || failure.code == RD_KAFKA_RESP_ERR__TIMED_OUT
                if isVague, isKnown { return }
                $0.lastError = failure
                $0.lastTime = now
            }
        }

        func noteUndelivered(_ failure: KafkaFailure) {
            state.withLock {
                $0.undeliveredCount += 1
                if $0.undelivered == nil { $0.undelivered = failure }
            }
        }

        func forgetUndelivered() { state.withLock { $0.undelivered = nil } }
    }

    let handle: OpaquePointer
    let events: Events
    private let callbacks: KafkaCallbacks
    let trouble: KafkaTrouble
    /// Whether a transaction is open that nobody will end but this client.
    let hasTransaction = Atomic<Bool>(false)
    private let thread: ThreadPoolExecutor

    /// How long one request to a broker may take.
    static let requestMillis: Int32 = 10_000

    /// Makes a client; nothing is connected yet. Troubles of its connections are counted in `metrics`. Errors:
    /// `OperationalError` that names a setting that cannot be used.
    init(
        _ kind: Kind, _ configuration: KafkaConfiguration, _ trouble: KafkaTrouble, metrics: OperatorMetrics? = nil
    ) throws {
        self.trouble = trouble
        let events = Events(metrics)
        self.events = events
        var onUndelivered: (@Sendable (KafkaFailure) -> Void)?
        if kind == .producer { onUndelivered = { failure in events.noteUndelivered(failure) } }
        callbacks = KafkaCallbacks(configuration, onUndelivered: onUndelivered) { failure in events.note(failure) }
        thread = try ThreadPoolExecutor(threadCount: 1, name: "kafka")
        do {
            handle = try KafkaHandle.make(
                kind == .consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, configuration, callbacks)
        } catch {
            thread.shutDown()
            throw trouble.userError("cannot make a Kafka client: \(error.text)")
        }
    }

    deinit {
        let end = Ending(
            handle: handle, callbacks: callbacks, hasTransaction: hasTransaction.load(ordering: .relaxed))
        thread.schedule(at: 0) { end.perform() }
        thread.shutDown()
    }

    /// Ends a client on its thread.
    // Unchecked because the handle has no other user any more.
    private struct Ending: @unchecked Sendable {
        let handle: OpaquePointer
        let callbacks: KafkaCallbacks
        let hasTransaction: Bool

        func perform() {
            // Readers of committed records would wait for it until it is too old.
            if hasTransaction, let error = rd_kafka_abort_transaction(handle, 3000) { rd_kafka_error_destroy(error) }
            if rd_kafka_type(handle) == RD_KAFKA_PRODUCER {
                // What was not delivered by now is written again from a checkpoint.
                rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
            }
            KafkaHandle.destroy(handle, callbacks)
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
        if isVague, let refusal = callbacks.refusal { return trouble.userError("\(what): \(refusal.message)") }
        return trouble.error(isVague ? events.recentError ?? failure : failure, what)
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

    /// The offsets behind the last records that readers see. Waits so long at most. Errors: `KafkaFailure`, also when
    /// one partition's cannot be told.
    func ends(_ topic: String, _ partitions: [Int32], millis: Int32) throws(KafkaFailure) -> [Int32: Int64] {
        guard let list = rd_kafka_topic_partition_list_new(Int32(clamping: partitions.count)) else { return [:] }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for partition in partitions {
            // In place of a time: the end.
            rd_kafka_topic_partition_list_add(list, topic, partition)?.pointee.offset = Int64(RD_KAFKA_OFFSET_END)
        }
        let code = rd_kafka_offsets_for_times(handle, list, millis)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaFailure(code) }
        var offsets: [Int32: Int64] = [:]
        for index in 0..<Int(list.pointee.cnt) {
            let entry = list.pointee.elems[index]
            if entry.err != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaFailure(entry.err) }
            if entry.offset >= 0 { offsets[entry.partition] = entry.offset }
        }
        return offsets
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
