import Columnar
import Dataflow
import Expressions
import Synchronization
import TestKit
import Testing

@testable import Operators

/// Interval joins equal nested loops over all rows, whatever the order, the watermarks and the restarts.
@Suite struct IntervalJoinTests {
    static let left = Schema([Field("k", .int64), Field("a", .int64), Field("_timestamp", .timestamp)])
    static let right = Schema([Field("k", .int64), Field("b", .int64), Field("_timestamp", .timestamp)])
    static let kinds: [JoinKind] = [.inner, .left, .right, .full, .leftSemi, .leftAnti]

    static func spec(_ kind: JoinKind, _ bounds: ClosedRange<Int64>, isKeyed: Bool = true) -> IntervalJoinSpec {
        let both = left.appending(right.fields)
        let b = BoundExpression.column(.init(index: 4, name: "b", type: .int64))
        let schema = kind == .leftSemi || kind == .leftAnti ? left : both
        let join = HashJoinSpec(
            kind: kind, leftKeys: isKeyed ? [column(left, "k")] : [], rightKeys: isKeyed ? [column(right, "k")] : [],
            residual: .comparison(.notEqual, column(left, "a"), b), schema: schema)
        return IntervalJoinSpec(
            join: join, sides: [left.fields, right.fields], eventTimes: [2, 2], lower: bounds.lowerBound,
            upper: bounds.upperBound)
    }

    /// What a join is, row by row.
    static func nestedLoops(_ spec: IntervalJoinSpec, _ rows: [[[ScalarValue]]]) -> [String] {
        var result: [[ScalarValue]] = []
        var matchedRight: Set<Int> = []
        let nulls = left.fields.map { ScalarValue.null($0.type) }
        for a in rows[0] {
            var isMatched = false
            for (index, b) in rows[1].enumerated() {
                let isKeyEqual = spec.join.leftKeys.isEmpty || (!a[0].isNull && a[0] == b[0])
                let distance = (b[2].intValue ?? 0) - (a[2].intValue ?? 0)
                guard isKeyEqual, distance >= spec.lower, distance <= spec.upper, a[1] != b[1] else { continue }
                isMatched = true
                matchedRight.insert(index)
                if ![.leftSemi, .leftAnti].contains(spec.join.kind) { result.append(a + b) }
            }
            switch spec.join.kind {
            case .leftSemi: if isMatched { result.append(a) }
            case .leftAnti: if !isMatched { result.append(a) }
            case .left, .full: if !isMatched { result.append(a + nulls) }
            default: break
            }
        }
        if spec.join.kind == .right || spec.join.kind == .full {
            for index in rows[1].indices where !matchedRight.contains(index) { result.append(nulls + rows[1][index]) }
        }
        return lines(result).sorted()
    }

    /// The event time of every row given so far: the later one of its sides'.
    static func times(_ harness: OperatorHarness, from first: Int) -> [Int64] {
        harness.collector.batches.flatMap { batch in
            (0..<batch.rowCount).map { row in
                [2, 5].compactMap { $0 < batch.columns.count ? batch.row(row)[$0].intValue : nil }.max() ?? .min
            }
        }.dropFirst(first).map { $0 }
    }

    @Test("every kind equals nested loops", arguments: kinds, 1...12)
    func randomRounds(kind: JoinKind, seed: Int) throws {
        var random = SeededRandom(UInt64(seed) &* 7919)
        let lower = Int64(random.below(14)) - 7
        let spec = Self.spec(kind, lower...(lower + Int64(random.below(9))), isKeyed: seed % 4 != 0)
        var harness = try OperatorHarness(.intervalJoin(spec), batchSize: 1 + random.below(20))
        var rows: [[[ScalarValue]]] = [[], []]
        var clock: Int64 = 0
        var passed = Int64.min
        for _ in 0..<20 {
            if random.chance(0.2) { try random.chance(0.6) ? harness.restart() : harness.checkpoint() }
            let first = harness.collector.rows.count
            for input in [0, 1] {
                let round = WindowedOperatorTests.round(clock, using: &random)
                rows[input] += round
                let schema = input == 0 ? Self.left : Self.right
                try WindowedOperatorTests.feed(harness, round, schema, input: input, using: &random)
            }
            clock += Int64(random.below(8))
            let given = try #require(try harness.target.onWatermark(clock, into: harness.collector))
            // What came out before the watermark is not late for those who come next.
            #expect(Self.times(harness, from: first).allSatisfy { $0 >= passed }, "seed \(seed)")
            passed = max(passed, given)
        }
        #expect(try harness.target.onWatermark(.max, into: harness.collector) == .max)
        let target = try #require(harness.target as? IntervalJoinOperator)
        #expect(target.stateRowCount == 0, "nothing is kept behind the end of time")
        #expect(harness.sortedLines == Self.nestedLoops(spec, rows), "seed \(seed)")
        #expect(harness.context.metrics.lateRows.load(ordering: .relaxed) == 0)
    }

    @Test("rows go when the watermark says that nothing can match them; an outer row comes out then")
    func forgetting() throws {
        let harness = try OperatorHarness(.intervalJoin(Self.spec(.left, -5...10)))
        let target = try #require(harness.target as? IntervalJoinOperator)
        let leftRows = (0..<3000).map { "1 | 1 | \($0 * 10)" }.joined(separator: "\n")
        let rightRows = (0..<3000).map { "2 | 2 | \($0 * 10)" }.joined(separator: "\n")
        try harness.feed([BatchBuilder.batch("k int64 | a int64 | _timestamp timestamp\n" + leftRows)])
        try harness.feed([BatchBuilder.batch("k int64 | b int64 | _timestamp timestamp\n" + rightRows)], input: 1)
        #expect(target.stateRowCount == 6000)
        let before = target.stateByteCount
        // A left row may be matched by right rows up to 10 later, a right one by left rows up to 5 later.
        #expect(try target.onWatermark(20_000, into: harness.collector) == 19_990)
        #expect(harness.lines.count == 1999, "the rows before 19 990")
        #expect(target.stateRowCount == 1001 + 1000)
        #expect(target.stateByteCount < before / 2)
        #expect(try target.onWatermark(29_000, into: harness.collector) == 28_990)
        #expect(target.stateRowCount == 101 + 100)
    }

    @Test("late rows are dropped and counted")
    func lateRows() throws {
        let harness = try OperatorHarness(.intervalJoin(Self.spec(.inner, -5...5)))
        _ = try harness.target.onWatermark(100, into: harness.collector)
        try harness.feed([BatchBuilder.batch("k int64 | a int64 | _timestamp timestamp\n1 | 1 | 99\n1 | 2 | 100")])
        try harness.feed(
            [BatchBuilder.batch("k int64 | b int64 | _timestamp timestamp\n1 | 3 | 97\n1 | 4 | 101")], input: 1)
        #expect(harness.lines == ["1|2|100|1|4|101"])
        #expect(harness.context.metrics.lateRows.load(ordering: .relaxed) == 2)
    }
}
