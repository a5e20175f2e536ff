import Columnar

/// What travels on an edge.
public enum Message: Sendable {
    case batch(RecordBatch)
    case watermark(Watermark)
    /// Everything before it on this channel belongs to the checkpoint, nothing behind it does.
    case barrier(Barrier)
    /// No more messages on this channel. Comes after a final `.watermark(.end)`.
    case endOfData
}

/// A promise about event time on one channel.
public enum Watermark: Hashable, Sendable {
    /// No row with an event time below this many nanoseconds comes any more (late ones excepted).
    case time(Int64)
    /// The channel has no rows for now and must not hold others back.
    case idle

    /// The watermark at the end of data: everything closes.
    public static let end = Watermark.time(.max)
}

/// The cut that a checkpoint makes through a channel.
public struct Barrier: Hashable, Sendable {
    public var epoch: Int
    /// Sources end after this checkpoint.
    public var stops: Bool
    /// Operators give all of their state, not only what has changed.
    public var isWhole: Bool

    public init(epoch: Int, stops: Bool = false, isWhole: Bool = true) {
        self.epoch = epoch
        self.stops = stops
        self.isWhole = isWhole
    }
}
