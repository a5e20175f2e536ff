import HostSystem
import Synchronization

/// Where the ids of a hub's events begin, so that an id says which hub gave it, also after the server has begun again.
enum OutputIDs {
    /// The greatest id this process has given, or might be about to give.
    private static let highest = Atomic<Int>(0)

    /// A first id for a new hub: the nanoseconds since 1970, and behind every id that this process has given. Rows are
    /// fewer than nanoseconds, so a hub of a later process begins behind this one's ids, unless the clock was set back.
    static func first(_ clock: any WallClock) -> Int {
        let now = Int(clamping: max(0, clock.nowNanoseconds()))
        // Each hub its own, also within a nanosecond.
        let behind = highest.add(1, ordering: .relaxed).newValue
        if now > behind { note(now) }
        return max(now, behind)
    }

    /// An event of that id is given out.
    static func note(_ id: Int) { highest.max(id, ordering: .relaxed) }
}
