import CRdKafka
import Synchronization

/// Records as the library gives them, none of them an error. Given back to it with the last reference.
// Unchecked because nothing changes after the making.
final class KafkaMessages: @unchecked Sendable {
    typealias Pointer = UnsafeMutablePointer<rd_kafka_message_t>

    let count: Int
    /// Of keys and values.
    let byteCount: Int
    private let pointers: UnsafeMutablePointer<Pointer>

    /// Takes the messages over.
    init(taking messages: [Pointer]) {
        count = messages.count
        pointers = .allocate(capacity: max(1, messages.count))
        pointers.initialize(from: messages, count: messages.count)
        byteCount = messages.reduce(0) { $0 + $1.pointee.len + $1.pointee.key_len }
    }

    deinit {
        for index in 0..<count { rd_kafka_message_destroy(pointers[index]) }
        pointers.deallocate()
    }

    /// A record; valid while the batch is alive.
    @inline(__always)
    subscript(index: Int) -> Pointer { pointers[index] }

    /// The value's bytes; nil for a tombstone.
    func payload(_ index: Int) -> UnsafeRawBufferPointer? {
        let message = pointers[index].pointee
        return message.payload.map { UnsafeRawBufferPointer(start: $0, count: message.len) }
    }

    /// The record's time in milliseconds since 1970; nil when it has none.
    func millis(_ index: Int) -> Int64? {
        var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let millis = rd_kafka_message_timestamp(pointers[index], &type)
        return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || millis < 0 ? nil : millis
    }
}

/// Hands batches from the polling thread to the reading task; bounded, so that memory does not grow with the topic.
final class KafkaHandover: Sendable {
    private struct State {
        var batches: [KafkaMessages] = []
        var byteCount = 0
        var failure: KafkaFailure?
        var isClosed = false
    }

    private static let batchesMax = 4
    private static let bytesMax = 32 << 20
    private let state = Mutex(State())

    /// Whether the next batch has to wait.
    var isFull: Bool { state.withLock { $0.batches.count >= Self.batchesMax || $0.byteCount >= Self.bytesMax } }

    /// Whether the reader has gone.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func put(_ batch: KafkaMessages) {
        state.withLock {
            $0.batches.append(batch)
            $0.byteCount += batch.byteCount
        }
    }

    /// Tells the reader what went wrong, once it has read what came before.
    func fail(_ failure: KafkaFailure) { state.withLock { if $0.failure == nil { $0.failure = failure } } }

    func close() { state.withLock { $0.isClosed = true } }

    /// The next batch; nil when there is none for now. Errors: `KafkaFailure` behind the last batch.
    func take() throws(KafkaFailure) -> KafkaMessages? {
        let (batch, failure) = state.withLock { state -> (KafkaMessages?, KafkaFailure?) in
            if state.batches.isEmpty { return (nil, state.failure) }
            let batch = state.batches.removeFirst()
            state.byteCount -= batch.byteCount
            return (batch, nil)
        }
        if let failure { throw failure }
        return batch
    }
}
