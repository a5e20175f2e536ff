import Columnar
import Dataflow
import Expressions
import Synchronization
import TestKit
import Testing

@testable import Operators

/// Temporal joins give each row the latest version that is not later, whatever the order, watermarks and restarts.
@Suite struct TemporalJoinTests {
    static let left = Schema([Field("k", .int64), Field("a", .int64), Field("_timestamp", .timestamp)])
    static let right = Schema([Field("k", .int64), Field("b", .int64), Field("_timestamp", .timestamp)])

    static func spec(_ kind: JoinKind, changes: Bool = false) -> TemporalJoinSpec {
        let b = BoundExpression.column(.init(index: 4, name: "b", type: .int64))
        let join = HashJoinSpec(
            kind: kind, leftKeys: [column(left, "k")], rightKeys: [column(right, "k")],
            residual: .comparison(.notEqual, column(left, "a"), b), schema: left.appending(right.fields))
        return TemporalJoinSpec(
            join: join, sides: [left.fields, right.fields], eventTimes: [2, 2], retraction: changes ? 3 : nil)
    }

    static func naive(_ kind: JoinKind, _ rows: [[[ScalarValue]]]) -> [String] {
        let nulls = right.fields.map { ScalarValue.null($0.type) }
        var result: [[ScalarValue]] = []
        for a in rows[0] {
            var version: [ScalarValue]?
            for b in rows[1] where !a[0].isNull && a[0] == b[0] {
                let (time, best) = (b[2].intValue ?? 0, version?[2].intValue ?? .min)
                if time <= a[2].intValue ?? 0, time >= best { version = b }
            }
            if let found = version, found[1] == a[1] { version = nil }
            if let version { result.append(a + version) } else if kind == .left { result.append(a + nulls) }
        }
        return lines(result).sorted()
    }

    @Test("the latest version counts", arguments: [JoinKind.inner, .left], 1...12)
    func randomRounds(kind: JoinKind, seed: Int) throws {
        var random = SeededRandom(UInt64(seed) &* 104_729)
        var harness = try OperatorHarness(.temporalJoin(Self.spec(kind)), batchSize: 1 + random.below(20))
        var rows: [[[ScalarValue]]] = [[], []]
        var clock: Int64 = 0
        for _ in 0..<40 {
            if random.chance(0.25) { try random.chance(0.6) ? harness.restart() : harness.checkpoint() }
            for input in [0, 1] {
                let round = WindowedOperatorTests.round(clock, using: &random)
                rows[input] += round
                let schema = input == 0 ? Self.left : Self.right
                try WindowedOperatorTests.feed(harness, round, schema, input: input, using: &random)
            }
            clock += Int64(random.below(8))
            #expect(try harness.target.onWatermark(clock, into: harness.collector) == clock)
        }
        let target = try #require(harness.target as? TemporalJoinOperator)
        #expect(target.versionCount < 160, "versions that nobody can need are dropped")
        #expect(rows[1].count > 300)
        _ = try harness.target.onWatermark(.max, into: harness.collector)
        #expect(target.versionCount == 0)
        #expect(harness.sortedLines == Self.naive(kind, rows), "seed \(seed)")
    }

    private static func changes(_ rows: String) -> RecordBatch {
        BatchBuilder.batch("k int64 | b int64 | _timestamp timestamp | _retraction boolean\n" + rows)
    }

    private static func orders(_ times: [Int]) -> RecordBatch {
        BatchBuilder.batch(
            "k int64 | a int64 | _timestamp timestamp\n" + times.map { "1 | 0 | \($0)" }.joined(separator: "\n"))
    }

    @Test("a version that was replaced is valid until the time of the next; a deleted one no more")
    func changesOfRows() throws {
        var harness = try OperatorHarness(.temporalJoin(Self.spec(.left, changes: true)))
        try harness.feed([Self.changes("1 | 10 | 5 | false\n1 | 10 | 5 | true\n1 | 20 | 15 | false")], input: 1)
        try harness.feed([Self.orders([4, 5, 14, 15, 30])])
        _ = try harness.target.onWatermark(20, into: harness.collector)
        #expect(
            harness.lines == [
                "1|0|4|NULL|NULL|NULL", "1|0|5|1|10|5", "1|0|14|1|10|5", "1|0|15|1|20|15",
            ])
        try harness.restart()
        try harness.feed([Self.changes("1 | 20 | 15 | true")], input: 1)
        _ = try harness.target.onWatermark(31, into: harness.collector)
        #expect(harness.lines.last == "1|0|30|NULL|NULL|NULL")
        // Changed at one time: the row behind counts.
        try harness.feed(
            [Self.changes("1 | 30 | 40 | false\n1 | 30 | 40 | true\n1 | 31 | 40 | false")], input: 1)
        try harness.feed([Self.orders([40, 41])])
        _ = try harness.target.onWatermark(50, into: harness.collector)
        #expect(harness.lines.suffix(2) == ["1|0|40|1|31|40", "1|0|41|1|31|40"])
    }

    @Test("a late version counts for rows to come; a late row is dropped; both are counted")
    func lateRows() throws {
        let harness = try OperatorHarness(.temporalJoin(Self.spec(.inner)))
        _ = try harness.target.onWatermark(100, into: harness.collector)
        try harness.feed([BatchBuilder.batch("k int64 | b int64 | _timestamp timestamp\n1 | 7 | 50")], input: 1)
        try harness.feed([Self.orders([60, 120])])
        _ = try harness.target.onWatermark(200, into: harness.collector)
        #expect(harness.lines == ["1|0|120|1|7|50"])
        #expect(harness.context.metrics.lateRows.load(ordering: .relaxed) == 2)
    }
}
