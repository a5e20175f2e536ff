import Dataflow
import Synchronization

/// What one channel of an inbox has brought so far. Times are nanoseconds since the start of the pipeline.
public struct ChannelSnapshot: Sendable, Hashable {
    /// The task whose inbox it is, and its head.
    public var taskID: Int
    public var nodeID: Int
    public var subtask: Int
    /// Where the channel comes from.
    public var fromNode: Int
    public var fromSubtask: Int
    /// Nanoseconds; nil before the first.
    public var watermark: Int64?
    /// When the watermark last moved; nil: never.
    public var since: UInt64?
    public var isIdle = false
    public var hasEnded = false

    public init(taskID: Int, nodeID: Int, subtask: Int, fromNode: Int, fromSubtask: Int) {
        self.taskID = taskID
        self.nodeID = nodeID
        self.subtask = subtask
        self.fromNode = fromNode
        self.fromSubtask = fromSubtask
    }

    /// Whether the channel keeps event time from going on.
    public var holdsTime: Bool { !isIdle && !hasEnded && watermark != .max }
}

/// The watermarks of the channels of one inbox, written by its task when one changes and read by anyone.
final class ChannelGauges: Sendable {
    struct Origin: Sendable {
        var node: Int
        var subtask: Int
    }

    private struct Channel {
        var watermark = Int64.min
        var time: UInt64 = 0
        var isIdle = false
        var hasEnded = false
    }

    /// Where each channel comes from.
    let origins: [Origin]
    private let channels: Mutex<[Channel]>

    init(_ origins: [Origin]) {
        self.origins = origins
        channels = Mutex(Array(repeating: Channel(), count: origins.count))
    }

    /// Notes what the aligner knows of a channel at `time`, nanoseconds of the engine's clock.
    func note(_ aligner: WatermarkAlignerStateMachine, channel: Int, at time: UInt64) {
        let (watermark, isIdle, hasEnded) = aligner.state(of: channel)
        channels.withLock { channels in
            if channels[channel].watermark != watermark { channels[channel].time = time }
            channels[channel].watermark = watermark
            channels[channel].isIdle = isIdle
            channels[channel].hasEnded = hasEnded
        }
    }

    /// The channels of the inbox of `plan`; `start` is when the pipeline began.
    func snapshots(of plan: TaskPlan, start: UInt64) -> [ChannelSnapshot] {
        zip(origins, channels.withLock { $0 }).map { origin, channel in
            var snapshot = ChannelSnapshot(
                taskID: plan.taskID, nodeID: plan.nodes[0].id, subtask: plan.subtask, fromNode: origin.node,
                fromSubtask: origin.subtask)
            snapshot.watermark = channel.watermark == .min ? nil : channel.watermark
            snapshot.since = channel.time == 0 ? nil : channel.time &- start
            snapshot.isIdle = channel.isIdle
            snapshot.hasEnded = channel.hasEnded
            return snapshot
        }
    }
}
