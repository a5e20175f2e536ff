import Dataflow
import TestKit
import Testing

struct SourceSplitsTests {
    @Test("rows are told by split, whatever the pieces they are asked for in", arguments: 1...20)
    func pieces(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        let splits = SourceSplits()
        for _ in 0..<3 {
            var runs: [SourceSplits.Run] = []
            var expected: [Int64] = []
            for _ in 0..<random.below(8) {
                let split = Int64(random.below(4))
                // A run of no rows is allowed: all its records may have been bad.
                expected += Array(repeating: split, count: random.below(5))
                runs.append(.init(split: split, end: expected.count))
            }
            splits.note(runs)
            var found: [Int64] = []
            while found.count < expected.count {
                let count = 1 + random.below(expected.count - found.count)
                let start = found.count
                splits.take(count) { split, rows in
                    #expect(found.count == start + rows.lowerBound && rows.upperBound <= count)
                    found += Array(repeating: split, count: rows.count)
                }
                #expect(found.count == start + count)
            }
            #expect(found == expected)
        }
    }

    @Test("rows nobody has told of are passed over")
    func untold() {
        let splits = SourceSplits()
        splits.take(5) { _, _ in Issue.record("no runs") }
        splits.note([.init(split: 1, end: 2)])
        var rows = 0
        splits.take(5) { rows += $1.count }
        #expect(rows == 2)
    }
}
