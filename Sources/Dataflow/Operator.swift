import Columnar
import Expressions
import HostSystem
import State

/// Takes what an operator gives out. Valid only during the call it was passed to.
public protocol Collector: AnyObject {
    /// Passes a batch on; batches without rows are swallowed.
    func emit(_ batch: RecordBatch) throws
}

/// A running operator of one subtask. Calls come one at a time, never concurrently, from one task.
///
/// All hooks but `process` have defaults. Watermarks given to an operator are already the minimum over its inputs.
public protocol Operator: AnyObject {
    /// Called once before any other hook.
    func onStart() throws

    /// Takes a batch from input `input`.
    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws

    /// Event time has come to `watermark` (nanoseconds). Gives the watermark to pass on, nil for none.
    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64?

    /// Input `input` has ended; others may go on.
    func onInputEnd(_ input: Int, into collector: any Collector) throws

    /// All inputs have ended, after the last watermark (`Int64.max`); what is left comes out now.
    func onEnd(into collector: any Collector) throws

    /// For an operator that makes watermarks: the greatest so far, nil before the first. Read after each `process` and
    /// sent on behind the batches it gave out; upstream watermarks do not pass such an operator but for the last.
    var currentWatermark: Int64? { get }

    /// Whether every row that comes goes out again, one for one and in order.
    var passesEveryRow: Bool { get }

    /// The source of the operator's task tells which of its splits rows come of, in these; rows of the source reach the
    /// operator one for one, in their order. Called once, before `restore`.
    func follow(_ splits: SourceSplits)

    /// The watermark (nanoseconds) that lets the next results out, of those whose rows are here; `Int64.max` when
    /// nothing waits for event time, nil when that is not known. Read often, so it must be cheap.
    var nextDueTime: Int64? { get }

    /// Whether results have changed that `flush` would give out.
    var hasUnflushedChanges: Bool { get }

    /// Gives out what has changed since the last call, every flush interval; may leave it for a later call.
    func flush(into collector: any Collector) throws

    /// Gives out all that has changed, before each snapshot.
    func flushEverything(into collector: any Collector) throws

    /// Whether rows wait in the operator for something outside; the task then calls `settle` before any other hook.
    var isUnsettled: Bool { get }

    /// Waits for what is outside and gives out what waited for it. Gives the watermark held back meanwhile, nil for
    /// none.
    func settle(into collector: any Collector) async throws -> Int64?

    /// Called once at the end, also after an error.
    func onClose() async

    /// True once the operator wants no more rows (LIMIT is full); sources above may stop.
    var isSatisfied: Bool { get }

    /// The memory held as state, in bytes.
    var stateByteCount: Int { get }

    /// Whether it counts its state in the memory budget itself, as it can put state aside.
    var tellsBudget: Bool { get }

    /// The rows, groups or sessions held as state.
    var stateRowCount: Int { get }

    /// Everything that must come back after a crash, as of now. The tables must not change with what comes later.
    func snapshot() throws -> StateSnapshot

    /// What has changed since the last `snapshot` or `increment`, or since `restore`, where that is less than
    /// everything: some of the tables may be increments.
    func increment() throws -> StateSnapshot

    /// Whether `restore` can do with pieces that it loads itself; otherwise they come as tables.
    var readsPieces: Bool { get }

    /// Takes back what `snapshot` gave, maybe dealt out anew. Called before `onStart`, on a fresh operator.
    func restore(_ state: RestoredState) throws
}

extension Operator {
    public func onStart() throws {}
    public func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? { watermark }
    public func onInputEnd(_ input: Int, into collector: any Collector) throws {}
    public func onEnd(into collector: any Collector) throws {}
    public var currentWatermark: Int64? { nil }
    public var passesEveryRow: Bool { false }
    public func follow(_ splits: SourceSplits) {}
    public var nextDueTime: Int64? { nil }
    public var hasUnflushedChanges: Bool { false }
    public func flush(into collector: any Collector) throws {}
    public func flushEverything(into collector: any Collector) throws { try flush(into: collector) }
    public var isUnsettled: Bool { false }
    public func settle(into collector: any Collector) async throws -> Int64? { nil }
    public func onClose() async {}
    public var isSatisfied: Bool { false }
    public var stateByteCount: Int { 0 }
    public var tellsBudget: Bool { false }
    public var stateRowCount: Int { 0 }
    public func snapshot() throws -> StateSnapshot { StateSnapshot() }
    public func increment() throws -> StateSnapshot { try snapshot() }
    public var readsPieces: Bool { false }
    public func restore(_ state: RestoredState) throws {}
}

/// What a source read.
public enum SourceEvent: Sendable {
    case batch(RecordBatch)
    /// Nothing for now; ask again after this many milliseconds.
    case idle(millis: Int)
    /// The input is bounded and read to its end.
    case endOfData
}

/// A running source of one subtask.
public protocol SourceOperator: AnyObject {
    /// Opens what is read.
    func onStart() async throws

    /// Reads the next rows, at most about `rowLimit`. Must return within the linger time.
    func read(rowLimit: Int) async throws -> SourceEvent

    /// Called once at the end, also after an error.
    func onClose() async

    /// The splits the subtask reads, where rows of each have an order of their own; nil: one order for all rows. The
    /// same object at any time.
    var splits: SourceSplits? { get }

    /// Where reading has come to: what was given out so far is never given again by a source restored from this.
    func snapshot() throws -> StateSnapshot

    /// Whether a checkpoint is to be taken soon, before its time: a restart would begin elsewhere without one.
    var wantsCheckpoint: Bool { get }

    /// The checkpoint that took the last snapshot stands. For those who want to know how far reading has come: nothing
    /// may depend on it, as it is not called for the last checkpoint of a run.
    func onCheckpointStands() async throws

    /// Takes back what `snapshot` gave. Called before `onStart`, on a fresh source.
    func restore(_ state: RestoredState) throws
}

extension SourceOperator {
    public var splits: SourceSplits? { nil }
    public func onStart() async throws {}
    public func onClose() async {}
    public func snapshot() throws -> StateSnapshot { StateSnapshot() }
    public var wantsCheckpoint: Bool { false }
    public func onCheckpointStands() async throws {}
    public func restore(_ state: RestoredState) throws {}
}

/// A running sink of one subtask.
public protocol SinkOperator: AnyObject {
    /// Opens what is written.
    func onStart() async throws

    /// Writes the rows of a batch.
    func write(_ batch: RecordBatch) async throws

    /// Makes everything written so far visible to readers.
    func flush() async throws

    /// Whether `flush` is to be called again after a while, although nothing was written since.
    var wantsFlush: Bool { get }

    /// Whether a checkpoint is to be taken soon, before its time: the sink holds much until the next one.
    var wantsCheckpoint: Bool { get }

    /// Whether the rows to come had better wait for the commit of the checkpoint that is under way, if one is.
    var isFull: Bool { get }

    /// Called once after the last row; what was written stands when it returns, in a sink that commits after the
    /// `commit` that follows.
    func onEnd() async throws

    /// Puts everything written so far on the disk, and says what a restored sink has to know to go on from here. The
    /// `commit` of the epoch comes before the next `prepare`, or, when the checkpoint fails, never.
    func prepare(epoch: Int) async throws -> StateSnapshot

    /// Checkpoint `epoch` stands: shows readers what was written before its `prepare`. The outcome is decided, so this
    /// may be asked again after any failure, of a fresh sink too (behind `restore` and `onStart`, with the epoch
    /// restored), and must then do only what is still missing. Called only where `Connector.sinkCommits`.
    func commit(epoch: Int) async throws

    /// Takes back what `prepare` gave. Called before `onStart`, on a fresh sink.
    func restore(_ state: RestoredState) throws
}

extension SinkOperator {
    public func onStart() async throws {}
    public var wantsFlush: Bool { false }
    public var wantsCheckpoint: Bool { false }
    public var isFull: Bool { false }
    public func flush() async throws {}
    public func onEnd() async throws {}
    public func prepare(epoch: Int) async throws -> StateSnapshot {
        try await flush()
        return StateSnapshot()
    }
    public func commit(epoch: Int) async throws {}
    public func restore(_ state: RestoredState) throws {}
}

/// What an operator knows of where it runs.
public struct OperatorContext: Sendable {
    public var nodeID: Int
    public var subtask: Int
    public var parallelism: Int
    public var clock: any WallClock
    public var metrics: OperatorMetrics
    /// Rows a source batch aims at.
    public var batchSize: Int
    /// Whether the pipeline takes checkpoints, so that what ends must be on the disk.
    public var isCheckpointed: Bool
    /// Whether the pipeline goes on from a checkpoint, and so has worked before.
    public var isRestored = false
    /// Where state goes that does not fit into memory; nil: it all must.
    public var spillSpace: SpillSpace?
    /// Makes what lookup joins ask; nil where there are no connectors.
    public var makeLookup: LookupFactory?
    /// What the pipeline gives out beside what it writes.
    public var outlets = PipelineOutlets()

    public init(
        nodeID: Int, subtask: Int, parallelism: Int, clock: any WallClock, metrics: OperatorMetrics,
        batchSize: Int = 8192, isCheckpointed: Bool = false, spillSpace: SpillSpace? = nil
    ) {
        self.spillSpace = spillSpace
        self.nodeID = nodeID
        self.subtask = subtask
        self.parallelism = parallelism
        self.clock = clock
        self.metrics = metrics
        self.batchSize = batchSize
        self.isCheckpointed = isCheckpointed
    }
}
