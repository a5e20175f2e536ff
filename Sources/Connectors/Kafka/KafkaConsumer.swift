import CRdKafka
import Glibc
import HostSystem
import Synchronization

/// Reads partitions of a topic on a thread of its own and hands whole batches of records over.
///
/// The partitions are assigned by hand, as they belong to checkpoints: partition p to subtask p mod n. Those that the
/// topic gets later are found while running and read from their beginning.
// Unchecked because the library's handles may be used from any thread, and the partitions stand under a lock.
final class KafkaConsumer: @unchecked Sendable {
    private static let batchMax = 8192
    /// How long records wait for a fuller batch.
    private static let batchMillis: Int32 = 10

    let client: KafkaClient
    let handover = KafkaHandover()
    let topicName: String
    private let topic: OpaquePointer
    private let queue: OpaquePointer
    private let owns: @Sendable (Int32) -> Bool
    private let started = Mutex<Set<Int32>>([])
    private let progress = Mutex(Progress())
    /// The offsets behind the last records that the source has given out.
    private let given = Mutex<[Int32: Int64]>([:])
    private let discoveryNanos: UInt64
    private let clock = SystemMonotonicClock()
    private var polling: Task<Void, Never>?

    /// How far partitions have been handed over, and where they ended. The last record of a transaction is followed by
    /// a mark that nobody reads, which must not count as one that is missing.
    struct Progress {
        /// The offset behind the last record.
        var delivered: [Int32: Int64] = [:]
        private var ends: [Int32: (behind: Int64, end: Int64)] = [:]

        /// Everything up to `end` is there; `behind`: the offset behind the last record of the batch under way.
        mutating func noteEnd(_ partition: Int32, at end: Int64, behind: Int64?) {
            ends[partition] = (behind ?? delivered[partition] ?? 0, end)
        }

        /// Where a reader stands that has come to `offset`.
        func position(_ partition: Int32, behind offset: Int64) -> Int64 {
            guard let found = ends[partition], offset >= found.behind else { return offset }
            return max(offset, found.end)
        }
    }

    /// `owns` says which partitions are read here. Errors: `OperationalError` about settings.
    init(_ client: KafkaClient, topic name: String, discoveryMillis: Int, owns: @escaping @Sendable (Int32) -> Bool)
        throws
    {
        self.client = client
        self.owns = owns
        topicName = name
        discoveryNanos = UInt64(max(100, discoveryMillis)) * 1_000_000
        guard let topic = rd_kafka_topic_new(client.handle, name, nil),
            let queue = rd_kafka_queue_new(client.handle)
        else { throw client.trouble.userError("cannot make a Kafka client of the topic") }
        self.topic = topic
        self.queue = queue
    }

    /// The partitions that are this subtask's. Errors: `OperationalError`.
    func ownPartitions() async throws -> [Int32] {
        do {
            return try await client.waiting { [self] _ in try client.partitions(of: topic).filter(owns) }
        } catch let failure as KafkaFailure {
            throw client.error(failure, "cannot read its partitions")
        }
    }

    /// Begins to read from these offsets. Errors: `OperationalError`.
    func start(_ offsets: [Int32: Int64]) async throws {
        do {
            given.withLock { $0.merge(offsets) { $1 } }
            try await client.waiting { [self] _ in
                for (partition, offset) in offsets.sorted(by: { $0.key < $1.key }) { try start(partition, offset) }
            }
        } catch let failure as KafkaFailure {
            throw client.error(failure, "cannot read it")
        }
        polling = client.begin { [self] in poll() }
    }

    private func start(_ partition: Int32, _ offset: Int64) throws(KafkaFailure) {
        guard started.withLock({ $0.insert(partition).inserted }) else { return }
        if rd_kafka_consume_start_queue(topic, partition, offset, queue) != 0 {
            throw KafkaFailure(rd_kafka_last_error())
        }
    }

    /// Ends reading; waits until the polling thread is done.
    func close() async {
        handover.close()
        await polling?.value
        polling = nil
        handover.drop()
        _ = try? await client.waiting { [self] _ in
            for partition in started.withLock({ $0 }).sorted() { rd_kafka_consume_stop(topic, partition) }
            rd_kafka_queue_destroy(queue)
            rd_kafka_topic_destroy(topic)
        }
    }

    /// Notes up to where the records of a partition have been given out.
    func noteGiven(_ partition: Int32, behind offset: Int64) { given.withLock { $0[partition] = offset } }

    /// Where the source stands in a partition, marks of transactions behind the last record included; nil when nothing
    /// is known of it.
    func position(_ partition: Int32) -> Int64? {
        let offset = given.withLock { $0[partition] }
        let position = progress.withLock { $0.position(partition, behind: offset ?? 0) }
        return offset == nil && position == 0 ? nil : position
    }

    /// The partitions that are read, in order.
    var partitions: [Int32] { started.withLock { $0 }.sorted() }

    /// Tells the group how far reading has come, for tools that look at its lag; does not wait.
    func tellGroup(_ offsets: [Int32: Int64]) {
        guard !offsets.isEmpty, let list = rd_kafka_topic_partition_list_new(Int32(clamping: offsets.count)) else {
            return
        }
        for (partition, offset) in offsets {
            rd_kafka_topic_partition_list_add(list, topicName, partition)?.pointee.offset = offset
        }
        rd_kafka_commit(client.handle, list, 1)
        rd_kafka_topic_partition_list_destroy(list)
    }

    // MARK: The polling thread

    private func poll() {
        let room = UnsafeMutablePointer<UnsafeMutablePointer<rd_kafka_message_t>?>.allocate(capacity: Self.batchMax)
        defer { room.deallocate() }
        var discovery = clock.elapsedNanoseconds() &+ discoveryNanos
        while !handover.isClosed {
            rd_kafka_poll(client.handle, 0)
            if handover.isFull {
                usleep(500)
                continue
            }
            let count = rd_kafka_consume_batch_queue(queue, Self.batchMillis, room, Self.batchMax)
            if count > 0 { hand(room, count) }
            if clock.elapsedNanoseconds() >= discovery {
                discover()
                discovery = clock.elapsedNanoseconds() &+ discoveryNanos
            }
        }
    }

    private func hand(_ room: UnsafeMutablePointer<UnsafeMutablePointer<rd_kafka_message_t>?>, _ count: Int) {
        let messages = UnsafeMutablePointer<KafkaMessages.Pointer>.allocate(capacity: count)
        var taken = 0
        var failure: KafkaFailure?
        for index in 0..<count {
            guard let message = room[index] else { continue }
            let code = message.pointee.err
            if code == RD_KAFKA_RESP_ERR_NO_ERROR {
                (messages + taken).initialize(to: message)
                taken += 1
                continue
            }
            if code == RD_KAFKA_RESP_ERR__PARTITION_EOF {
                // Found by going back, as ends are rare and records are many.
                let last = (0..<taken).last { messages[$0].pointee.partition == message.pointee.partition }
                progress.withLock {
                    $0.noteEnd(
                        message.pointee.partition, at: message.pointee.offset,
                        behind: last.map { messages[$0].pointee.offset + 1 })
                }
            } else if !Self.isTransient(code), failure == nil {
                let text = rd_kafka_message_errstr(message).map { String(cString: $0) }
                failure = KafkaFailure(code, "partition \(message.pointee.partition): \(text ?? "")")
            }
            rd_kafka_message_destroy(message)
        }
        let batch = KafkaMessages(taking: messages, count: taken)
        if taken > 0 {
            progress.withLock { progress in
                for run in batch.runs { progress.delivered[run.partition] = batch[run.end - 1].pointee.offset + 1 }
            }
            handover.put(batch)
        }
        if let failure { handover.fail(failure) }
    }

    /// What the library mends by itself.
    private static func isTransient(_ code: rd_kafka_resp_err_t) -> Bool {
        switch code {
        case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__TIMED_OUT,
            RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR__RESOLVE:
            return true
        default: return false
        }
    }

    /// Looks for partitions the topic has got since. A broker that does not answer is asked again later.
    private func discover() {
        guard let found = try? client.partitions(of: topic) else { return }
        for partition in found where owns(partition) {
            do throws(KafkaFailure) {
                try start(partition, Int64(RD_KAFKA_OFFSET_BEGINNING))
            } catch {
                handover.fail(error)
            }
        }
    }
}
