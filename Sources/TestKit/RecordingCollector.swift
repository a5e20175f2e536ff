import Columnar
import Dataflow
import HostSystem
import Synchronization

/// Remembers the batches an operator gives out.
public final class RecordingCollector: Collector {
    /// In the order they came, empty ones left out.
    public private(set) var batches: [RecordBatch] = []

    public init() {}

    public func emit(_ batch: RecordBatch) {
        if batch.rowCount > 0 { batches.append(batch) }
    }

    /// All rows in order.
    public var rows: [[ScalarValue]] { batches.flatMap { batch in (0..<batch.rowCount).map { batch.row($0) } } }

    /// All rows as text, in order; see `BatchBuilder.text`.
    public var lines: [String] { batches.flatMap { BatchBuilder.lines($0) } }

    /// Forgets everything.
    public func clear() { batches.removeAll() }
}

/// A clock that stands still.
public struct FixedClock: WallClock {
    private let now: Int64

    public init(_ now: Int64 = 0) { self.now = now }

    public func nowNanoseconds() -> Int64 { now }
}

/// A clock that a test moves on.
public final class ManualClock: WallClock {
    private let now: Atomic<Int64>

    public init(_ now: Int64 = 0) { self.now = Atomic(now) }

    public func nowNanoseconds() -> Int64 { now.load(ordering: .relaxed) }
    public func advance(millis: Int64) { now.wrappingAdd(millis * 1_000_000, ordering: .relaxed) }
}

extension OperatorContext {
    /// The context of the only subtask of an operator under test.
    public static func testing(now: Int64 = 0, batchSize: Int = 8192) -> OperatorContext {
        OperatorContext(
            nodeID: 1, subtask: 0, parallelism: 1, clock: FixedClock(now), metrics: OperatorMetrics(),
            batchSize: batchSize)
    }
}
