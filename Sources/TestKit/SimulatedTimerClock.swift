import HostSystem
import Synchronization

/// A clock that stands still until a test moves it on, and then calls what has become due, earliest first.
public final class SimulatedTimerClock: TimerClock {
    private struct State {
        var now: UInt64 = 0
        var timers: [(time: UInt64, number: Int, action: @Sendable () -> Void)] = []
        var count = 0
    }

    private let state = Mutex(State())

    public init() {}

    public func elapsedNanoseconds() -> UInt64 { state.withLock { $0.now } }
    /// Timers that have not been called yet.
    public var pendingCount: Int { state.withLock { $0.timers.count } }
    /// When the next timer is due, from now; nil: there is none.
    public var nextDelayNanos: UInt64? {
        state.withLock { state in state.timers.map { $0.time - min($0.time, state.now) }.min() }
    }

    public func schedule(afterNanoseconds nanos: UInt64, _ action: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.count += 1
            state.timers.append((state.now &+ nanos, state.count, action))
        }
    }

    public func advance(millis: Int) {
        let target = state.withLock { $0.now &+ UInt64(max(0, millis)) * 1_000_000 }
        while true {
            let action = state.withLock { state -> (@Sendable () -> Void)? in
                let due = state.timers.indices.filter { state.timers[$0].time <= target }
                guard let first = due.min(by: { before(state.timers[$0], state.timers[$1]) }) else {
                    state.now = target
                    return nil
                }
                let timer = state.timers.remove(at: first)
                state.now = max(state.now, timer.time)
                return timer.action
            }
            guard let action else { return }
            action()
        }
    }

    private func before<Action>(
        _ left: (time: UInt64, number: Int, action: Action), _ right: (time: UInt64, number: Int, action: Action)
    ) -> Bool {
        (left.time, left.number) < (right.time, right.number)
    }
}
