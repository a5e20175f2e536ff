import TestKit
import Testing

@testable import Checkpointing

struct ChainPolicyTests {
    @Test("chains of random increments stay short, and little is written twice") func amortised() {
        var random = SeededRandom(5)
        for base in [1, 1_000_000] {
            var chain = [base]
            var added = 0
            var written = 0
            for _ in 0..<3000 {
                let size = 1 + Int(random.next() % 1000)
                added += size
                let merged = ChainPolicy.mergedCount(chain)
                let file = chain.suffix(merged).reduce(size, +)
                chain.removeLast(merged)
                chain.append(file)
                written += file
                #expect(chain.count <= 24)
            }
            #expect(written < 12 * (added + base))
        }
    }

    @Test("a great file is left alone until there is as much behind it")
    func sizes() {
        #expect(ChainPolicy.mergedCount([]) == 0)
        #expect(ChainPolicy.mergedCount([100, 1, 1, 1]) == 0)
        #expect(ChainPolicy.mergedCount([100, 1, 1, 1, 1]) == 4)
        #expect(ChainPolicy.mergedCount([100, 30, 12, 8]) == 4)
    }
}
