import CRdKafka
import Glibc
import HostSystem
import Synchronization

/// Asks brokers again and again where the partitions of a source end, on a thread of its own: so it is known what is
/// still to be read, whether reading goes on or waits for room below, and whether brokers answer at all.
final class KafkaWatch: Sendable {
    /// What was found last.
    struct Finding: Sendable {
        /// The number of the finding, from 1.
        var number = 0
        /// Records of each partition that are not read yet.
        var lags: [Int32: Int64] = [:]
    }

    private static let requestMillis: Int32 = 3000
    private static let stepNanos: UInt64 = 20_000_000

    private let intervalNanos: UInt64
    private let found = Mutex(Finding())
    private let isClosed = Atomic<Bool>(false)
    private let thread: ThreadPoolExecutor
    private let clock = SystemMonotonicClock()

    /// How often brokers are asked where a split counts as silent after so long: often enough to know it then.
    static func interval(idleNanos: UInt64?) -> UInt64 {
        min(1_000_000_000, max(stepNanos, (idleNanos ?? .max) / 5))
    }

    /// Errors: `OperationalError` when no thread can be made.
    init(intervalNanos: UInt64) throws {
        self.intervalNanos = intervalNanos
        thread = try ThreadPoolExecutor(threadCount: 1, name: "kafka-watch")
    }

    deinit { thread.shutDown() }

    var finding: Finding { found.withLock { $0 } }

    /// Begins; `onFinding` is told of every answer, on the thread.
    func begin(_ consumer: KafkaConsumer, onFinding: @escaping @Sendable (Finding) -> Void) {
        Task.detached(executorPreference: thread) { [self] in
            while !isClosed.load(ordering: .relaxed) {
                look(consumer, onFinding)
                let next = clock.elapsedNanoseconds() &+ intervalNanos
                while clock.elapsedNanoseconds() < next, !isClosed.load(ordering: .relaxed) {
                    usleep(UInt32(Self.stepNanos / 1000))
                }
            }
        }
    }

    private func look(_ consumer: KafkaConsumer, _ onFinding: (Finding) -> Void) {
        let partitions = consumer.partitions
        if partitions.isEmpty { return }
        // What is read meanwhile is not missing.
        let ends: [Int32: Int64]
        do throws(KafkaFailure) {
            ends = try consumer.client.ends(consumer.topicName, partitions, millis: Self.requestMillis)
        } catch {
            if !isClosed.load(ordering: .relaxed) { consumer.client.events.note(error) }
            return
        }
        var lags: [Int32: Int64] = [:]
        for (partition, end) in ends {
            if let position = consumer.position(partition) { lags[partition] = max(0, end - position) }
        }
        let finding = found.withLock { found in
            found = Finding(number: found.number + 1, lags: lags)
            return found
        }
        onFinding(finding)
    }

    /// Asks no more. What is being asked may still come to its end.
    func close() { isClosed.store(true, ordering: .relaxed) }
}
