/// How much may be encoded: so many bytes a second, at most a second's share at once. What goes past it is made up
/// for afterwards.
struct OutputAllowance {
    private var bytes = 0.0
    private var time: UInt64?

    /// Whether anything may be encoded at `now`, nanoseconds; `rate` in bytes a second may differ from call to call.
    mutating func has(rate: Int, at now: UInt64) -> Bool {
        let full = Double(max(1, rate))
        if let time {
            bytes = min(full, bytes + full * Double(now &- min(time, now)) / 1e9)
        } else {
            bytes = full
        }
        time = now
        return bytes > 0
    }

    mutating func take(_ count: Int) { bytes -= Double(count) }
}
