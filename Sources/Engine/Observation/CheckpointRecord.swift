import Checkpointing
import HostSystem
import Synchronization

/// What became of one checkpoint.
public struct CheckpointRecord: Sendable, Hashable {
    public enum Outcome: String, Sendable, Hashable {
        case inProgress, completed, failed
    }

    /// The part of one task; times are nanoseconds since 1970.
    public struct Span: Sendable, Hashable {
        public var taskID: Int
        /// The nodes of the task, in order.
        public var nodes: [Int]
        public var subtask: Int
        /// The first barrier came: other channels are waited for.
        public var alignmentStart: Int64
        /// All barriers were there: the state is given out, and nothing else is done.
        public var syncStart: Int64
        /// The state has been given out; processing goes on.
        public var syncEnd: Int64
        /// The state is on the disk; nil while it is being written, or when that failed.
        public var asyncEnd: Int64?
        /// Its sink has committed what belongs to the checkpoint; nil for a task without such a sink.
        public var committedTime: Int64?
        /// Bytes written of the state of each of `nodes`, in their order.
        public var nodeBytes: [Int]
        /// Bytes written of the task's state.
        public var bytes: Int { nodeBytes.reduce(0, +) }

        public init(
            taskID: Int, nodes: [Int], subtask: Int, alignmentStart: Int64, syncStart: Int64, syncEnd: Int64,
            asyncEnd: Int64? = nil, nodeBytes: [Int] = []
        ) {
            self.asyncEnd = asyncEnd
            self.nodeBytes = nodeBytes
            self.taskID = taskID
            self.nodes = nodes
            self.subtask = subtask
            self.alignmentStart = alignmentStart
            self.syncStart = syncStart
            self.syncEnd = syncEnd
        }
    }

    public var epoch: Int
    /// Nanoseconds since 1970.
    public var startTime: Int64
    /// It stands from here on; what is left is to commit. Nil before, and when it failed.
    public var publishedTime: Int64?
    /// Nil while it is under way.
    public var finishTime: Int64?
    public var outcome = Outcome.inProgress
    /// Whether sources end behind it.
    public var stops: Bool
    /// By task, as they gave their state.
    public var spans: [Span] = []

    public init(epoch: Int, startTime: Int64, stops: Bool = false) {
        self.epoch = epoch
        self.startTime = startTime
        self.stops = stops
    }

    /// Bytes of all state files.
    public var bytes: Int { spans.reduce(0) { $0 + $1.bytes } }
    /// How long it took; nil while it is under way.
    public var durationNanos: Int64? { finishTime.map { max(0, $0 - startTime) } }
}

/// Keeps the records of the last checkpoints. Called from tasks and from the threads that write.
final class CheckpointRecorder: Sendable {
    /// Records kept.
    static let recordCountMax = 20

    private let clock: any WallClock
    private let state = Mutex<[CheckpointRecord]>([])

    init(clock: any WallClock) { self.clock = clock }

    /// The last records, oldest first.
    var records: [CheckpointRecord] { state.withLock { $0 } }

    func now() -> Int64 { clock.nowNanoseconds() }

    /// A checkpoint begins; one that was begun already is not begun again.
    func begin(_ epoch: Int, stops: Bool) {
        let time = now()
        state.withLock { records in
            if records.contains(where: { $0.epoch == epoch }) { return }
            records.append(CheckpointRecord(epoch: epoch, startTime: time, stops: stops))
            if records.count > Self.recordCountMax { records.removeFirst(records.count - Self.recordCountMax) }
        }
    }

    /// A task has given its state out.
    func snapshotted(_ epoch: Int, _ span: CheckpointRecord.Span) {
        change(epoch) { $0.spans.append(span) }
    }

    /// The state of a task is on the disk; `bytes` by node.
    func written(_ epoch: Int, task: Int, _ bytes: [Int: Int]) {
        let time = now()
        change(epoch) { record in
            guard let index = record.spans.firstIndex(where: { $0.taskID == task }) else { return }
            record.spans[index].asyncEnd = time
            record.spans[index].nodeBytes = record.spans[index].nodes.map { bytes[$0] ?? 0 }
        }
    }

    /// The checkpoint stands.
    func published(_ epoch: Int) {
        let time = now()
        change(epoch) { $0.publishedTime = time }
    }

    /// The sink of a task has committed what belongs to it.
    func committed(_ epoch: Int, task: Int) {
        let time = now()
        change(epoch) { record in
            guard let index = record.spans.firstIndex(where: { $0.taskID == task }) else { return }
            record.spans[index].committedTime = time
        }
    }

    func end(_ epoch: Int, _ outcome: CheckpointRecord.Outcome) {
        let time = now()
        change(epoch) { record in
            if record.outcome != .inProgress { return }
            record.outcome = outcome
            record.finishTime = time
        }
    }

    private func change(_ epoch: Int, _ change: (inout CheckpointRecord) -> Void) {
        state.withLock { records in
            guard let index = records.lastIndex(where: { $0.epoch == epoch }) else { return }
            change(&records[index])
        }
    }
}
