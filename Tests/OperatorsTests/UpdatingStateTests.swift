import Columnar
import Dataflow
import Expressions
import TestKit
import Testing

@testable import Operators

/// State of updating operators goes when its time to live is over, and changes come out as few and as paired as said.
@Suite struct UpdatingStateTests {
    static let schema = Schema([Field("k", .int64), Field("a", .int64)])
    static let retraction = Field(HiddenColumn.retraction, .boolean, isNullable: false)

    static func aggregate(ttlMillis: Int64?) -> UpdatingAggregateSpec {
        UpdatingAggregateSpec(
            keys: [column(schema, "k")],
            aggregates: [AggregateCall(name: "count", arguments: [], type: .int64)], retraction: nil,
            emitsChanges: true, ttlMillis: ttlMillis,
            schema: Schema([Field("k", .int64), Field("n", .int64), retraction]))
    }

    @Test("a flush gives each changed key once, the old row before the new, and nothing for the others")
    func flushes() throws {
        let harness = try OperatorHarness(.updatingAggregate(Self.aggregate(ttlMillis: nil)))
        try harness.feed([BatchBuilder.batch("k int64 | a int64\n1 | 1\n2 | 1\n1 | 1\n1 | 1")])
        #expect(harness.lines.isEmpty && harness.target.hasUnflushedChanges)
        try harness.target.flush(into: harness.collector)
        #expect(harness.lines == ["1|3|false", "2|1|false"])
        #expect(!harness.target.hasUnflushedChanges)
        harness.collector.clear()
        try harness.feed([BatchBuilder.batch("k int64 | a int64\n2 | 1\n3 | 1")])
        try harness.target.flush(into: harness.collector)
        #expect(harness.lines == ["2|1|true", "2|2|false", "3|1|false"])
    }

    @Test("keys without rows for the time to live are taken back and forgotten")
    func expiry() throws {
        let clock = ManualClock(1_000_000_000)
        let harness = try OperatorHarness(.updatingAggregate(Self.aggregate(ttlMillis: 1000)), clock: clock)
        try harness.feed([BatchBuilder.batch("k int64 | a int64\n1 | 1\n2 | 1")])
        try harness.target.flush(into: harness.collector)
        clock.advance(millis: 800)
        try harness.feed([BatchBuilder.batch("k int64 | a int64\n2 | 1")])
        try harness.target.flush(into: harness.collector)
        clock.advance(millis: 400)
        harness.collector.clear()
        try harness.target.flush(into: harness.collector)
        #expect(harness.lines == ["1|1|true"])
        harness.collector.clear()
        try harness.feed([BatchBuilder.batch("k int64 | a int64\n1 | 1\n2 | 1")])
        try harness.target.flush(into: harness.collector)
        #expect(harness.lines.sorted() == ["1|1|false", "2|2|true", "2|3|false"])
    }

    @Test("a row taken back of a group that was forgotten, or that never was, counts for nothing")
    func lateRetraction() throws {
        let clock = ManualClock(1_000_000_000)
        var spec = Self.aggregate(ttlMillis: 1000)
        spec.retraction = 2
        spec.aggregates.append(AggregateCall(name: "sum", arguments: [column(Self.schema, "a")], type: .int64))
        spec.aggregates.append(AggregateCall(name: "min", arguments: [column(Self.schema, "a")], type: .int64))
        spec.schema = Schema([
            Field("k", .int64), Field("n", .int64), Field("s", .int64), Field("m", .int64), Self.retraction,
        ])
        var harness = try OperatorHarness(.updatingAggregate(spec), clock: clock)
        func feed(_ rows: String) throws {
            try harness.feed([BatchBuilder.batch("k int64 | a int64 | _retraction boolean\n" + rows)])
            try harness.target.flush(into: harness.collector)
        }
        try feed("1 | 5 | false\n1 | 6 | false\n3 | 9 | true")
        clock.advance(millis: 1500)
        try harness.target.flush(into: harness.collector)
        #expect(harness.lines == ["1|2|11|5|false", "1|2|11|5|true"])
        harness.collector.clear()
        // Both in one batch, and with rows of other groups between.
        try feed("1 | 5 | true\n2 | 3 | false\n1 | 6 | true\n2 | 3 | true\n2 | 3 | true\n2 | 4 | false")
        #expect(harness.lines == ["2|1|4|4|false"])
        try harness.restart()
        harness.collector.clear()
        try feed("1 | 7 | false\n3 | 1 | false")
        #expect(harness.lines == ["1|1|7|7|false", "3|1|1|1|false"])
    }

    @Test("an aggregate without keys is never forgotten, and takes rows back however late")
    func lasting() throws {
        let clock = ManualClock(1_000_000_000)
        var spec = Self.aggregate(ttlMillis: 1000)
        spec.keys = []
        spec.retraction = 2
        spec.schema = Schema([Field("n", .int64), Self.retraction])
        let harness = try OperatorHarness(.updatingAggregate(spec), clock: clock)
        let head = "k int64 | a int64 | _retraction boolean\n"
        try harness.feed([BatchBuilder.batch(head + "1 | 5 | false\n1 | 6 | false")])
        try harness.target.flush(into: harness.collector)
        for _ in 0..<3 {
            clock.advance(millis: 1500)
            try harness.target.flush(into: harness.collector)
        }
        try harness.feed([BatchBuilder.batch(head + "1 | 5 | true")])
        try harness.target.flush(into: harness.collector)
        #expect(harness.lines == ["2|false", "2|true", "1|false"])
    }

    @Test("rows of a join are forgotten after the time to live, and the memory is given back")
    func joinExpiry() throws {
        let clock = ManualClock(1_000_000_000)
        let both = Self.schema.appending([Field("k", .int64), Field("b", .int64)])
        let spec = UpdatingJoinSpec(
            join: HashJoinSpec(
                kind: .inner, leftKeys: [column(Self.schema, "k")], rightKeys: [column(Self.schema, "k")],
                residual: nil, schema: both),
            sides: [Self.schema.fields, [Field("k", .int64), Field("b", .int64)]], retractions: [nil, nil],
            emitsChanges: false, ttlMillis: 1000)
        let harness = try OperatorHarness(.updatingJoin(spec), clock: clock)
        let many = (0..<5000).map { "\($0) | 1" }.joined(separator: "\n")
        try harness.feed([BatchBuilder.batch("k int64 | a int64\n" + many)])
        try harness.target.flush(into: harness.collector)
        let full = harness.target.stateByteCount
        clock.advance(millis: 2000)
        try harness.target.flush(into: harness.collector)
        #expect(harness.target.stateByteCount < full / 10)
        try harness.feed([BatchBuilder.batch("k int64 | b int64\n7 | 2")], input: 1)
        #expect(harness.lines.isEmpty)
        try harness.feed([BatchBuilder.batch("k int64 | a int64\n7 | 3")])
        #expect(harness.lines == ["7|3|7|2"])
    }

    @Test("the first rows of each key are all that is kept of rows that stay")
    func limitedState() throws {
        let over = OverWindowSpec(
            partitionBy: [column(Self.schema, "k")],
            orderBy: [SortKey(expression: column(Self.schema, "a"), isDescending: false, nullsFirst: false)],
            calls: [OverCall(call: AggregateCall(name: "row_number", arguments: [], type: .int64), frame: nil)],
            schema: Self.schema.appending([Field("r", .int64)]))
        let spec = UpdatingOverWindowSpec(
            over: over, retraction: nil, limit: .init(call: 0, count: 2), ttlMillis: nil,
            schema: over.schema.appending([Self.retraction]))
        let harness = try OperatorHarness(.updatingOverWindow(spec))
        var sizes: [Int] = []
        for round in 0..<40 {
            let rows = (0..<1000).map { "\($0 % 3) | \((round * 7919 + $0 * 31) % 100_000)" }
            try harness.feed([BatchBuilder.batch("k int64 | a int64\n" + rows.joined(separator: "\n"))])
            try harness.target.flush(into: harness.collector)
            sizes.append(harness.target.stateByteCount)
        }
        #expect((sizes.last ?? 0) < 400_000, "\(sizes)")
    }
}
