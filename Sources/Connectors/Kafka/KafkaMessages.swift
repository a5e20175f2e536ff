import CRdKafka
import Synchronization

/// Records as the library gives them, none of them an error. Given back to it with the last reference.
// Unchecked because nothing changes after the making.
final class KafkaMessages: @unchecked Sendable {
    typealias Pointer = UnsafeMutablePointer<rd_kafka_message_t>

    /// Neighbours of one partition: from the end of the run before to `end`.
    struct Run {
        var partition: Int32
        var end: Int
    }

    let count: Int
    /// Of keys and values.
    let byteCount: Int
    let runs: [Run]
    private let pointers: UnsafeMutablePointer<Pointer>

    /// Takes the messages over, and the room they lie in.
    init(taking messages: UnsafeMutablePointer<Pointer>, count: Int) {
        self.count = count
        pointers = messages
        var byteCount = 0
        var runs: [Run] = []
        var partition: Int32?
        for index in 0..<count {
            let message = messages[index]
            byteCount += message.pointee.len + message.pointee.key_len
            if message.pointee.partition == partition { continue }
            if let partition { runs.append(Run(partition: partition, end: index)) }
            partition = message.pointee.partition
        }
        if let partition { runs.append(Run(partition: partition, end: count)) }
        self.byteCount = byteCount
        self.runs = runs
    }

    /// The parts of the runs that lie in a range, in order.
    func runs(in range: Range<Int>) -> [Run] {
        var start = 0
        var found: [Run] = []
        for run in runs {
            let part = range.clamped(to: start..<run.end)
            if !part.isEmpty { found.append(Run(partition: run.partition, end: part.upperBound)) }
            start = run.end
        }
        return found
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

    /// The same in nanoseconds; nil too when it lies beyond the year 2262, which a TIMESTAMP does not hold.
    func nanoseconds(_ index: Int) -> Int64? { millis(index).flatMap(KafkaTime.nanoseconds(ofMillis:)) }
}

/// Times of records.
package enum KafkaTime {
    /// Milliseconds since 1970 in nanoseconds; nil where a TIMESTAMP does not hold them.
    package static func nanoseconds(ofMillis millis: Int64) -> Int64? {
        let (nanoseconds, overflow) = millis.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? nil : nanoseconds
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

    /// Lets go of what nobody has taken: the library's messages must not outlive their client.
    func drop() {
        let batches = state.withLock { state in
            defer { (state.batches, state.byteCount) = ([], 0) }
            return state.batches
        }
        withExtendedLifetime(batches) {}
    }

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
