import HostSystem
import Testing

@testable import ControlPlane

struct RestartPolicyTests {
    @Test("waits double from half a second to a minute, and jitter takes at most half away")
    func backOff() {
        let policy = RestartPolicy()
        var random = SplitMix64(seed: 7)
        for failures in 1...40 {
            let full = min(60_000_000_000, 500_000_000 * (UInt64(1) << UInt64(min(failures - 1, 20))))
            var seen: Set<UInt64> = []
            for _ in 0..<50 {
                let nanos = policy.backOffNanos(failures: failures, random: random.next())
                #expect(nanos >= full / 2 && nanos <= full, "failure \(failures)")
                seen.insert(nanos)
            }
            #expect(seen.count > 40, "jobs that failed together would come back together")
        }
        #expect(policy.backOffNanos(failures: 1, random: 0) == 250_000_000)
        #expect(policy.backOffNanos(failures: 1, random: 250_000_000) == 500_000_000)
    }

    @Test("twenty failures in a row are allowed, or none, or any number")
    func budget() {
        #expect(RestartPolicy().allows(failures: 20) && !RestartPolicy().allows(failures: 21))
        #expect(!RestartPolicy(allowedRestarts: 0).allows(failures: 1))
        #expect(RestartPolicy(allowedRestarts: -1).allows(failures: 1_000_000))
    }
}
