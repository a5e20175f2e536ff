import Dataflow

/// Turns the watermarks of many channels into one: the minimum over the channels that are active.
///
/// A channel is held back by none of these: an idle one, one that reached the end of event time. Time never goes back.
/// The end of event time is not told as an advance but by `Outcome.isFinished`, once every channel has ended.
struct WatermarkAlignerStateMachine: Sendable {
    /// What an event changes.
    struct Outcome: Equatable, Sendable {
        /// The new minimum, greater than all before.
        var advance: Int64?
        /// All channels that have not ended are idle now.
        var becameIdle = false
        /// A channel is active again after all were idle.
        var becameActive = false
        /// The input whose last channel ended with this event.
        var endedInput: Int?
        /// All channels have ended.
        var isFinished = false
    }

    private struct Channel {
        var input: Int
        var watermark = Int64.min
        var isIdle = false
        var hasEnded = false
    }

    private var channels: [Channel]
    private var openPerInput: [Int]
    private var openCount: Int
    private var isIdle = false
    /// The minimum told last; `Int64.min` before the first.
    private(set) var current = Int64.min

    /// `inputs[c]` is the input that channel `c` belongs to.
    init(inputs: [Int]) {
        channels = inputs.map { Channel(input: $0) }
        openPerInput = Array(repeating: 0, count: (inputs.max() ?? -1) + 1)
        for input in inputs { openPerInput[input] += 1 }
        openCount = inputs.count
    }

    /// Whether every channel came to the end of event time: nothing was cut off by a stop.
    var reachedEndOfTime: Bool { channels.allSatisfy { $0.watermark == .max } }

    /// Whether the channels of one input came to the end of event time.
    func hasReachedEndOfTime(input: Int) -> Bool {
        channels.allSatisfy { $0.input != input || $0.watermark == .max }
    }

    func input(of channel: Int) -> Int { channels[channel].input }

    /// What a channel has brought, for those who look on.
    func state(of channel: Int) -> (watermark: Int64, isIdle: Bool, hasEnded: Bool) {
        (channels[channel].watermark, channels[channel].isIdle, channels[channel].hasEnded)
    }

    /// Rows came on a channel.
    mutating func rows(on channel: Int) -> Outcome {
        guard channels[channel].isIdle else { return Outcome() }
        channels[channel].isIdle = false
        return evaluate()
    }

    /// A watermark came on a channel; one that goes back counts only as a sign of life.
    mutating func watermark(_ watermark: Watermark, on channel: Int) -> Outcome {
        if channels[channel].hasEnded { return Outcome() }
        switch watermark {
        case .idle:
            if channels[channel].isIdle { return Outcome() }
            channels[channel].isIdle = true
        case .time(let time):
            if !channels[channel].isIdle && time <= channels[channel].watermark { return Outcome() }
            channels[channel].isIdle = false
            channels[channel].watermark = max(time, channels[channel].watermark)
        }
        return evaluate()
    }

    /// A channel has ended; a second end of the same channel is ignored.
    mutating func end(of channel: Int) -> Outcome {
        if channels[channel].hasEnded { return Outcome() }
        channels[channel].hasEnded = true
        channels[channel].isIdle = false
        openCount -= 1
        let input = channels[channel].input
        openPerInput[input] -= 1
        let endedInput = openPerInput[input] == 0 ? input : nil
        if openCount == 0 { return Outcome(endedInput: endedInput, isFinished: true) }
        var outcome = evaluate()
        outcome.endedInput = endedInput
        return outcome
    }

    private mutating func evaluate() -> Outcome {
        var outcome = Outcome()
        var minimum = Int64.max
        var idleCount = 0
        var holderCount = 0
        for channel in channels {
            if channel.isIdle {
                idleCount += 1
            } else if channel.watermark < .max {
                holderCount += 1
                minimum = min(minimum, channel.watermark)
            }
        }
        let nowIdle = holderCount == 0 && idleCount > 0
        outcome.becameIdle = nowIdle && !isIdle
        outcome.becameActive = !nowIdle && isIdle
        isIdle = nowIdle
        if holderCount > 0 && minimum > current {
            current = minimum
            outcome.advance = minimum
        }
        return outcome
    }
}
