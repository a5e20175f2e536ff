import Columnar
import Dataflow
import Expressions
import Synchronization
import TestKit
import Testing

@testable import Operators

/// Window functions by event time equal those over all rows at once, whatever the order, the watermarks and restarts.
@Suite struct EventTimeOverTests {
    typealias Frame = OverCall.Frame

    static let input = Schema([Field("k", .int64), Field("a", .int64), Field("_timestamp", .timestamp)])

    static func rows(_ count: Int64) -> ScalarValue { .int64(count) }
    static func nanos(_ count: Int64) -> ScalarValue { .interval(Interval(nanoseconds: count)) }

    static func call(_ name: String, _ frame: Frame? = nil, _ more: [ScalarValue] = [], distinct: Bool = false)
        -> OverCall
    {
        let takesNone = ["row_number", "rank", "dense_rank"].contains(name)
        let type: DataType = name == "avg" ? .float64 : name == "array_agg" ? .list(.int64) : .int64
        return OverCall(
            call: AggregateCall(
                name: name, arguments: takesNone ? [] : [column(input, "a")] + more.map { .literal($0) },
                isDistinct: distinct, type: type), frame: frame)
    }

    /// Calls that share an operator.
    static let groups: [(calls: [OverCall], keys: [String])] = [
        ([call("row_number"), call("rank"), call("dense_rank")], ["_timestamp"]),
        ([call("row_number"), call("rank"), call("dense_rank"), call("sum")], ["_timestamp", "a"]),
        ([call("sum"), call("count"), call("max"), call("first_value"), call("last_value")], ["_timestamp"]),
        ([call("lag"), call("lag", nil, [rows(3)]), call("lag", nil, [rows(2), .int64(-1)])], ["_timestamp"]),
        ([call("lead"), call("lag"), call("row_number")], ["_timestamp"]),
        (
            [
                call("lead", nil, [rows(2)]),
                call("sum", Frame(unit: .rows, start: .preceding(rows(4)), end: .currentRow)),
            ],
            ["_timestamp", "a"]
        ),
        (
            [
                call("sum", Frame(unit: .rows, start: .preceding(rows(3)), end: .preceding(rows(1)))),
                call("min", Frame(unit: .rows, start: .preceding(rows(1)), end: .following(rows(2)))),
            ], ["_timestamp"]
        ),
        (
            [
                call("sum", Frame(unit: .range, start: .preceding(nanos(5)), end: .currentRow)),
                call("count", Frame(unit: .range, start: .preceding(nanos(9)), end: .preceding(nanos(3)))),
            ],
            ["_timestamp"]
        ),
        (
            [
                call("sum", Frame(unit: .range, start: .preceding(nanos(2)), end: .following(nanos(4)))),
                call("array_agg", Frame(unit: .range, start: .following(nanos(1)), end: .following(nanos(3)))),
            ],
            ["_timestamp"]
        ),
        (
            [
                call("sum", Frame(unit: .groups, start: .preceding(rows(2)), end: .currentRow)),
                call("max", Frame(unit: .groups, start: .currentRow, end: .following(rows(1)))),
            ], ["_timestamp"]
        ),
        (
            [
                call("sum", Frame(unit: .rows, start: .unboundedPreceding, end: .preceding(rows(2)))),
                call("nth_value", Frame(unit: .rows, start: .unboundedPreceding, end: .currentRow), [rows(3)]),
                call("array_agg", Frame(unit: .rows, start: .unboundedPreceding, end: .following(rows(1)))),
            ],
            ["_timestamp"]
        ),
        (
            [
                call("sum", Frame(unit: .range, start: .unboundedPreceding, end: .following(nanos(3)))),
                call("count", Frame(unit: .groups, start: .unboundedPreceding, end: .preceding(rows(1)))),
                call("last_value", Frame(unit: .rows, start: .preceding(rows(2)), end: .preceding(rows(1)))),
            ],
            ["_timestamp"]
        ),
        ([call("count", nil, [], distinct: true), call("avg"), call("array_agg")], ["_timestamp"]),
        (
            [
                call("first_value", Frame(unit: .rows, start: .currentRow, end: .following(rows(2)))),
                call("sum", Frame(unit: .range, start: .currentRow, end: .currentRow)),
            ], ["_timestamp"]
        ),
    ]

    static func spec(_ group: Int, isPartitioned: Bool) throws -> EventTimeOverSpec {
        let (calls, keys) = groups[group]
        let over = OverWindowSpec(
            partitionBy: isPartitioned ? [column(input, "k")] : [],
            orderBy: keys.map { SortKey(expression: column(input, $0), isDescending: false, nullsFirst: false) },
            calls: calls,
            schema: input.appending(calls.enumerated().map { Field("c\($0)", $1.call.type) }))
        return EventTimeOverSpec(over: over, eventTime: 2, reach: try OverReach(calls, keyCount: keys.count))
    }

    @Test("equals all rows at once", arguments: groups.indices, 1...8)
    func randomRounds(group: Int, seed: Int) throws {
        var random = SeededRandom(UInt64(seed &* 31 &+ group) &* 15_485_863)
        let spec = try Self.spec(group, isPartitioned: seed % 4 != 0)
        var harness = try OperatorHarness(.eventTimeOver(spec), batchSize: 1 + random.below(20))
        var rows: [[ScalarValue]] = []
        var clock: Int64 = 0
        var passed = Int64.min
        for _ in 0..<25 {
            if random.chance(0.2) { try random.chance(0.6) ? harness.restart() : harness.checkpoint() }
            let first = harness.collector.rows.count
            let round = WindowedOperatorTests.round(clock, using: &random)
            rows += round
            try WindowedOperatorTests.feed(harness, round, Self.input, input: 0, using: &random)
            clock += Int64(random.below(8))
            let given = try #require(try harness.target.onWatermark(clock, into: harness.collector))
            let times = harness.collector.rows.dropFirst(first).map { $0[2].intValue ?? 0 }
            #expect(times.allSatisfy { $0 >= passed }, "no row is late for those who come next")
            passed = max(passed, given)
        }
        #expect(harness.collector.rows.count > 50, "rows come out as the watermark passes")
        _ = try harness.target.onWatermark(.max, into: harness.collector)
        try harness.target.onEnd(into: harness.collector)
        let target = try #require(harness.target as? EventTimeOverOperator)
        #expect(target.partitions.rowCount == 0)

        let reference = try OperatorHarness(.overWindow(spec.over))
        try WindowedOperatorTests.feed(reference, rows, Self.input, input: 0, using: &random)
        try reference.target.onEnd(into: reference.collector)
        #expect(harness.sortedLines == reference.sortedLines, "seed \(seed)")
    }

    @Test(
        "rows go when no later frame needs them, also of partitions that get no more; partitions too",
        arguments: [7, 8])
    func forgetting(group: Int) throws {
        let spec = try Self.spec(group, isPartitioned: true)
        let harness = try OperatorHarness(.eventTimeOver(spec))
        let target = try #require(harness.target as? EventTimeOverOperator)
        let reference = try OperatorHarness(.overWindow(spec.over))
        var random = SeededRandom(5)
        for second in 0..<200 {
            let rows = (0..<50).map { number -> [ScalarValue] in
                let time = second * 10 + random.below(10)
                return [.int64(Int64(second * 50 + number - random.below(40))), .int64(1), .timestamp(Int64(time))]
            }
            let batch = BatchBuilder.batch(Self.input, rows)
            try harness.feed([batch])
            try reference.feed([batch])
            _ = try target.onWatermark(Int64(second * 10 + 10), into: harness.collector)
            #expect(target.partitions.rowCount < 200)
            #expect(target.partitions.count < 4000)
        }
        _ = try target.onWatermark(.max, into: harness.collector)
        try reference.target.onEnd(into: reference.collector)
        #expect(harness.sortedLines == reference.sortedLines)
    }

    @Test("without the start of a frame states are kept, but no rows")
    func running() throws {
        let harness = try OperatorHarness(.eventTimeOver(try Self.spec(2, isPartitioned: true)))
        let target = try #require(harness.target as? EventTimeOverOperator)
        for round in 0..<100 {
            let rows = (0..<100).map { number -> [ScalarValue] in
                [.int64(Int64(number % 7)), .int64(1), .timestamp(Int64(round * 100 + number))]
            }
            try harness.feed([BatchBuilder.batch(Self.input, rows)])
            #expect(
                try target.onWatermark(Int64(round * 100 + 100), into: harness.collector) == Int64(round * 100 + 100))
            #expect(target.partitions.rowCount == 0)
        }
        #expect(harness.collector.rows.count == 10_000)
        #expect(harness.lines.last == "6|1|9997|1400|1400|1|1|1")
    }

    @Test("late rows are dropped and counted")
    func lateRows() throws {
        let harness = try OperatorHarness(.eventTimeOver(try Self.spec(0, isPartitioned: true)))
        _ = try harness.target.onWatermark(100, into: harness.collector)
        try harness.feed([BatchBuilder.batch("k int64 | a int64 | _timestamp timestamp\n1 | 1 | 99\n1 | 2 | 100")])
        _ = try harness.target.onWatermark(101, into: harness.collector)
        #expect(harness.lines == ["1|2|100|1|1|1"])
        #expect(harness.context.metrics.lateRows.load(ordering: .relaxed) == 1)
    }
}
