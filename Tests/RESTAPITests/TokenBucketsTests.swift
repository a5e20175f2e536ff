import Testing
import TestKit

@testable import RESTAPI

/// The rate limit, with time as a number.
struct TokenBucketsTests {
    private static let second: UInt64 = 1_000_000_000

    @Test("a bucket empties at once and fills steadily")
    func bucketsFill() {
        var buckets = TokenBuckets(perSecond: 10, burst: 2, clientsMax: 10)
        #expect(buckets.take("a", at: 0) == nil)
        #expect(buckets.take("a", at: 0) == nil)
        #expect(buckets.take("a", at: 0) == 1)
        #expect(buckets.take("b", at: 0) == nil, "clients do not share a bucket")
        #expect(buckets.take("a", at: Self.second / 20) == 1)
        #expect(buckets.take("a", at: Self.second / 5) == nil)
    }

    @Test("time that steps back takes nothing away and traps nothing")
    func timeMayStepBack() {
        var buckets = TokenBuckets(perSecond: 1, burst: 1, clientsMax: 1)
        #expect(buckets.take("a", at: 5 * Self.second) == nil)
        #expect(buckets.take("a", at: 0) == 1)
        #expect(buckets.take("a", at: 6 * Self.second) == nil)
    }

    @Test("clients beyond the bound share a bucket until others have been forgotten")
    func clientsAreBounded() {
        var buckets = TokenBuckets(perSecond: 1, burst: 1, clientsMax: 2)
        #expect(buckets.take("a", at: Self.second) == nil)
        #expect(buckets.take("b", at: Self.second) == nil)
        #expect(buckets.take("c", at: Self.second) == nil)
        #expect(buckets.take("d", at: Self.second) == 1)
        #expect(buckets.take("d", at: 5 * Self.second) == nil)
        #expect(buckets.take("e", at: 5 * Self.second) == nil)
    }

    @Test("over a long time no client gets more than its rate and one burst")
    func ratesHold() {
        var random = SeededRandom(7)
        var buckets = TokenBuckets(perSecond: 50, burst: 20, clientsMax: 3)
        var now: UInt64 = 0
        var taken: [String: Int] = [:]
        for _ in 0..<20_000 {
            now += UInt64.random(in: 0...5_000_000, using: &random)
            let client = "c\(Int.random(in: 0..<3, using: &random))"
            if buckets.take(client, at: now) == nil { taken[client, default: 0] += 1 }
        }
        let bound = Int(Double(now) / 1e9 * 50) + 21
        #expect(taken.values.allSatisfy { $0 <= bound && $0 > bound * 9 / 10 }, "\(taken), at most \(bound)")
    }
}
