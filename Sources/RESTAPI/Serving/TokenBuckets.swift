/// How many requests each client may still make: a bucket of tokens that fills steadily.
///
/// Knows no clock: callers say what time it is. Memory is bounded; clients beyond the bound share one bucket.
struct TokenBuckets: Sendable {
    private struct Bucket {
        var tokens: Double
        var filledAt: UInt64
    }

    private let perNanosecond: Double
    private let burst: Double
    private let clientsMax: Int
    private var buckets: [String: Bucket] = [:]
    private var sweptAt: UInt64 = 0
    /// The key of those who are too many to be told apart; no address looks like it.
    private static let others = "*"
    private static let sweepNanos: UInt64 = 1_000_000_000

    init(perSecond: Int, burst: Int, clientsMax: Int) {
        perNanosecond = Double(max(1, perSecond)) / 1e9
        self.burst = Double(max(1, burst))
        self.clientsMax = max(1, clientsMax)
    }

    /// Takes a token of a client; nil when it has one, otherwise after how many seconds it will.
    mutating func take(_ client: String, at now: UInt64) -> Int? {
        let key = place(for: client, at: now)
        var bucket = buckets[key] ?? Bucket(tokens: burst, filledAt: now)
        bucket.tokens = min(burst, bucket.tokens + Double(now &- min(now, bucket.filledAt)) * perNanosecond)
        bucket.filledAt = max(now, bucket.filledAt)
        defer { buckets[key] = bucket }
        if bucket.tokens >= 1 {
            bucket.tokens -= 1
            return nil
        }
        return max(1, Int(((1 - bucket.tokens) / perNanosecond / 1e9).rounded(.up)))
    }

    private mutating func place(for client: String, at now: UInt64) -> String {
        if buckets[client] != nil || buckets.count < clientsMax { return client }
        if now &- sweptAt >= TokenBuckets.sweepNanos {
            sweptAt = now
            // A bucket that is full again says nothing of its client.
            buckets = buckets.filter { _, bucket in
                bucket.tokens + Double(now &- min(now, bucket.filledAt)) * perNanosecond < burst
            }
        }
        return buckets.count < clientsMax ? client : TokenBuckets.others
    }
}
