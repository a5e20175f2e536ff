import Glibc

/// Tells the time of day. The only source of "now" in the engine, so that tests can set the time.
public protocol WallClock: Sendable {
    /// Nanoseconds since the Unix epoch in UTC; may step backwards when the host's clock is set.
    func nowNanoseconds() -> Int64
}

/// Measures elapsed time.
public protocol MonotonicClock: Sendable {
    /// Nanoseconds since an arbitrary start; never decreases.
    func elapsedNanoseconds() -> UInt64
}

/// Calls back when time has passed.
public protocol TimerClock: MonotonicClock {
    /// Calls `action` once, no sooner than after so many nanoseconds, on any thread. The action must be short.
    func schedule(afterNanoseconds nanos: UInt64, _ action: @escaping @Sendable () -> Void)
}

/// The host's own clock.
public struct SystemWallClock: WallClock {
    /// Makes the clock; costs nothing.
    public init() {}

    /// Reads `CLOCK_REALTIME`; about 20 ns.
    public func nowNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

/// The host's own steady clock.
public struct SystemMonotonicClock: MonotonicClock {
    /// Makes the clock; costs nothing.
    public init() {}

    /// Reads `CLOCK_MONOTONIC`; about 20 ns.
    public func elapsedNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(truncatingIfNeeded: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }
}

extension SystemMonotonicClock: TimerClock {
    public func schedule(afterNanoseconds nanos: UInt64, _ action: @escaping @Sendable () -> Void) {
        Task.detached {
            try? await Task.sleep(nanoseconds: nanos)
            action()
        }
    }
}
