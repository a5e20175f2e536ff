import Dataflow

/// Brings the barriers of many channels together: a channel that has given its barrier waits for the others, so that
/// the snapshot holds exactly what came before the cut on every channel.
struct BarrierAlignerStateMachine: Sendable {
    private var arrived: [Bool]
    private var ended: [Bool]
    private var current: Barrier?

    init(channelCount: Int) {
        arrived = Array(repeating: false, count: channelCount)
        ended = Array(repeating: false, count: channelCount)
    }

    /// Whether what comes on a channel must wait.
    func isBlocked(_ channel: Int) -> Bool { arrived[channel] }

    /// A barrier came; gives it back when it was the last one missing, and all channels are free again.
    mutating func barrier(_ barrier: Barrier, on channel: Int) -> Barrier? {
        arrived[channel] = true
        current = barrier
        return aligned()
    }

    /// A channel has ended, which stands for all its later barriers.
    mutating func end(of channel: Int) -> Barrier? {
        ended[channel] = true
        return aligned()
    }

    private mutating func aligned() -> Barrier? {
        guard let barrier = current, zip(arrived, ended).allSatisfy({ $0 || $1 }) else { return nil }
        arrived = Array(repeating: false, count: arrived.count)
        current = nil
        return barrier
    }
}
