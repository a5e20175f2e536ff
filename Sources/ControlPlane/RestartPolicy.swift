/// How often, and how soon, a job that failed begins again.
public struct RestartPolicy: Sendable, Hashable {
    /// Failures in a row after which the job stays failed; -1: it never does. (`pipeline.allowed-restarts`)
    public var allowedRestarts: Int
    /// A run this old makes all earlier failures forgotten. (`pipeline.healthy-duration-millis`)
    public var healthyMillis: Int
    public var initialBackOffMillis: Int
    public var backOffMillisMax: Int
    /// How long a run that is to end at once may take, before it is given up.
    public var giveUpMillis: Int

    public init(
        allowedRestarts: Int = 20, healthyMillis: Int = 120_000, initialBackOffMillis: Int = 500,
        backOffMillisMax: Int = 60_000, giveUpMillis: Int = 30_000
    ) {
        self.allowedRestarts = allowedRestarts
        self.healthyMillis = max(0, healthyMillis)
        self.initialBackOffMillis = max(1, initialBackOffMillis)
        self.backOffMillisMax = max(max(1, initialBackOffMillis), backOffMillisMax)
        self.giveUpMillis = max(0, giveUpMillis)
    }

    /// Whether a job may begin again after so many failures in a row.
    public func allows(failures: Int) -> Bool { allowedRestarts < 0 || failures <= allowedRestarts }

    /// How long to wait after the `failures`-th failure in a row, counted from 1: doubled each time up to the limit,
    /// then by `random` made shorter by up to half, so that jobs that failed together do not come back together.
    public func backOffNanos(failures: Int, random: UInt64) -> UInt64 {
        let doublings = max(0, min(failures - 1, 30))
        let millis = min(UInt64(backOffMillisMax), UInt64(initialBackOffMillis) << UInt64(doublings))
        let half = millis * 500_000
        return half + (half == 0 ? 0 : random % (half + 1))
    }
}
