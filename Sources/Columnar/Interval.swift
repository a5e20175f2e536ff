/// A span of calendar time: months, days and nanoseconds are kept apart, as their lengths depend on the date.
/// Laid out as Arrow's month-day-nano interval.
@frozen
public struct Interval: BitwiseCopyable, Hashable, Sendable, Codable {
    public var months: Int32
    public var days: Int32
    public var nanoseconds: Int64

    @inlinable
    public init(months: Int32 = 0, days: Int32 = 0, nanoseconds: Int64 = 0) {
        self.months = months
        self.days = days
        self.nanoseconds = nanoseconds
    }

    /// The length when there are no months, taking a day as 24 hours; nil with months or on overflow.
    @inlinable
    public var fixedNanoseconds: Int64? {
        guard months == 0 else { return nil }
        let (dayNanos, overflow) = Int64(days).multipliedReportingOverflow(by: 86_400_000_000_000)
        let (total, overflow2) = dayNanos.addingReportingOverflow(nanoseconds)
        return overflow || overflow2 ? nil : total
    }
}
