import HostSystem

/// Holds a generating source to a rate: how many rows may have been given out by now.
struct Pacing {
    /// Rows per second of one subtask; nil: no limit.
    let rate: Double?
    private let clock: any WallClock
    private var start: Int64?

    init(rate: Double?, clock: any WallClock) {
        self.rate = rate
        self.clock = clock
    }

    /// How many of `wanted` further rows may go out now after `given` rows; when none, how long to wait.
    ///
    /// Rows go out in groups worth five milliseconds, so that a fast source does not make batches of one row.
    mutating func allowance(given: Int64, wanted: Int) -> (rows: Int, waitMillis: Int) {
        guard let rate else { return (wanted, 0) }
        let now = clock.nowNanoseconds()
        let begin = start ?? now
        start = begin
        let elapsed = Double(max(0, now &- begin)) / 1e9
        let due = (elapsed * rate).rounded(.down) + 1 - Double(given)
        let group = max(1, min(Double(wanted), (rate * 0.005).rounded(.down)))
        if due >= group { return (Int(min(due, Double(wanted))), 0) }
        let wait = ((Double(given) + group - 1) / rate - elapsed) * 1000
        return (0, Int(max(1, min(100, wait.rounded(.up)))))
    }
}
