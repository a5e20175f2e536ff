import Synchronization

/// Counters of one subtask, written by its task and read by anyone. All only grow, but the gauges.
public final class OperatorMetrics: Sendable {
    public let rowsReceived = Atomic<Int>(0)
    public let rowsSent = Atomic<Int>(0)
    public let batchesReceived = Atomic<Int>(0)
    public let batchesSent = Atomic<Int>(0)
    public let bytesReceived = Atomic<Int>(0)
    /// Records that could not be decoded and were dropped.
    public let badRecords = Atomic<Int>(0)
    /// Rows older than the watermark that a window no longer takes.
    public let lateRows = Atomic<Int>(0)
    /// Keys that a lookup join found in its cache, and those it had to ask for.
    public let lookupHits = Atomic<Int>(0)
    public let lookupMisses = Atomic<Int>(0)
    /// The last watermark, nanoseconds; `Int64.min` before the first.
    public let watermark = Atomic<Int64>(.min)
    /// Gauge: bytes of state.
    public let stateBytes = Atomic<Int>(0)
    /// Gauge: rows, groups or sessions of state.
    public let stateRows = Atomic<Int>(0)
    /// Gauge: the watermark that lets the next results out, nanoseconds; `Int64.max`: none wait.
    public let nextDue = Atomic<Int64>(.max)
    /// When rows last went out, for a sink when they were last written, and when the watermark last moved: nanoseconds
    /// of the engine's clock; 0: never.
    public let lastSentNanos = Atomic<UInt64>(0)
    public let watermarkNanos = Atomic<UInt64>(0)

    /// Gauge: what a source has not read yet of each partition of a broker; empty where there are none.
    public let partitionLags = Mutex<[PartitionLag]>([])
    /// Troubles with an outside system that went away by themselves or are being mended.
    public let externalErrors = Atomic<Int>(0)
    /// Gauge: how long the last commit of a sink took, nanoseconds; 0 before the first.
    public let commitNanos = Atomic<Int>(0)
    /// How long rows took from the source until they left the operator, for a sink until it had taken them.
    public let latencies = Mutex(LatencyHistogram())

    /// How many records of a partition a source has not read yet.
    public struct PartitionLag: Hashable, Sendable {
        public var topic: String
        public var partition: Int
        public var records: Int64

        public init(topic: String, partition: Int, records: Int64) {
            self.topic = topic
            self.partition = partition
            self.records = records
        }
    }

    public init() {}
}
