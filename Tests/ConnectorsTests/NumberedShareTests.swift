import Columnar
import Dataflow
import HostSystem
import State
import TestKit
import Testing

@testable import Connectors

struct NumberedShareTests {
    static func context(_ subtask: Int, of parallelism: Int) -> OperatorContext {
        OperatorContext(
            nodeID: 0, subtask: subtask, parallelism: parallelism, clock: SystemWallClock(), metrics: OperatorMetrics())
    }

    @Test("across any changes of parallelism every row comes once, and in order within a subtask")
    func rescaling() {
        for seed in 0..<300 {
            var random = SeededRandom(UInt64(seed))
            let total = Int64(random.below(400))
            var width = 1 + random.below(4)
            var shares = (0..<width).map { NumberedShare(total: total, context: Self.context($0, of: width)) }
            var seen: [Int64] = []
            for _ in 0..<4 {
                for index in shares.indices {
                    var last: Int64 = -1
                    for _ in 0..<random.below(6) {
                        guard let part = shares[index].take(limit: 1 + random.below(30)) else { break }
                        for row in 0..<Int64(part.count) {
                            let number = part.first + row * part.stride
                            #expect(number > last, "seed \(seed)")
                            last = number
                            seen.append(number)
                        }
                    }
                }
                let states = shares.map { $0.snapshot().tables[0].batch }
                let next = 1 + random.below(4)
                shares = (0..<next).map { subtask in
                    var share = NumberedShare(total: total, context: Self.context(subtask, of: next))
                    share.restore(RestoredState(["share": next == width ? [states[subtask]] : states]))
                    return share
                }
                width = next
            }
            for index in shares.indices {
                while let part = shares[index].take(limit: 50) {
                    seen += (0..<Int64(part.count)).map { part.first + $0 * part.stride }
                }
            }
            #expect(seen.sorted() == Array(0..<total), "seed \(seed)")
        }
    }
}
