import Columnar
import Dataflow
import Expressions
import Synchronization
import TestKit
import Testing

@testable import Operators

/// Joins and window functions by event time equal the same over all rows at once, whatever the order and the restarts.
@Suite struct WindowedOperatorTests {
    static let left = Schema([Field("k", .int64), Field("a", .int64), Field("_timestamp", .timestamp)])
    static let right = Schema([Field("k", .int64), Field("b", .int64), Field("_timestamp", .timestamp)])
    static let kinds: [JoinKind] = [.inner, .left, .right, .full, .leftSemi, .leftAnti, .mark]

    static func join(_ kind: JoinKind) -> HashJoinSpec {
        let schema =
            switch kind {
            case .leftSemi, .leftAnti, .nullAwareAnti: left
            case .mark: left.appending([Field("mark", .boolean)])
            default: left.appending(right.fields)
            }
        return HashJoinSpec(
            kind: kind, leftKeys: [column(left, "_timestamp"), column(left, "k")],
            rightKeys: [column(right, "_timestamp"), column(right, "k")], residual: nil, schema: schema)
    }

    static func ranking() -> OverWindowSpec {
        let call = AggregateCall(name: "row_number", arguments: [], type: .int64)
        let total = AggregateCall(name: "sum", arguments: [column(left, "k")], type: .int64)
        return OverWindowSpec(
            partitionBy: [column(left, "_timestamp")],
            orderBy: ["k", "a"].map { SortKey(expression: column(left, $0), isDescending: false, nullsFirst: false) },
            calls: [OverCall(call: call, frame: nil), OverCall(call: total, frame: nil)],
            schema: left.appending([Field("row_number", .int64), Field("sum", .int64)]))
    }

    /// Rows of one input in rounds: those of a round are not older than the watermark before it.
    static func round(_ clock: Int64, using random: inout SeededRandom) -> [[ScalarValue]] {
        (0..<random.below(25)).map { _ in
            let key: ScalarValue = random.chance(0.1) ? .null(.int64) : .int64(Int64(random.below(3)))
            return [key, .int64(Int64(random.below(1000))), .timestamp(clock + Int64(random.below(6)))]
        }
    }

    static func feed(
        _ harness: OperatorHarness, _ rows: [[ScalarValue]], _ schema: Schema, input: Int,
        using random: inout SeededRandom
    ) throws {
        if rows.isEmpty { return }
        let batch = BatchBuilder.batch(schema, rows)
        try harness.feed(RandomData.pieces(batch, longest: 1 + random.below(9), using: &random), input: input)
    }

    static func run(_ body: WindowedSpec.Body, inputs: [Schema], seed: Int) throws -> (
        found: [String], wanted: [String]
    ) {
        var random = SeededRandom(UInt64(seed) &* 977)
        let spec = WindowedSpec(body, eventTimes: inputs.map { _ in 2 })
        let size = 1 + random.below(20)
        var harness = try OperatorHarness(.windowed(spec), batchSize: size)
        var all: [[[ScalarValue]]] = inputs.map { _ in [] }
        var clock: Int64 = 0
        for _ in 0..<15 {
            if random.chance(0.5) { try harness.checkpoint() }
            if random.chance(0.2) { try random.chance(0.6) ? harness.restart() : harness.checkpoint() }
            for input in inputs.indices {
                let rows = round(clock, using: &random)
                all[input] += rows
                try feed(harness, rows, inputs[input], input: input, using: &random)
            }
            clock += Int64(random.below(8))
            #expect(try harness.target.onWatermark(clock, into: harness.collector) == clock)
        }
        _ = try harness.target.onWatermark(.max, into: harness.collector)
        #expect(harness.target.stateByteCount == 0, "state is dropped with its windows")
        try harness.target.onEnd(into: harness.collector)

        let reference = try OperatorHarness(spec.bounded)
        for input in inputs.indices.reversed() {
            try feed(reference, all[input], inputs[input], input: input, using: &random)
            try reference.target.onInputEnd(input, into: reference.collector)
        }
        try reference.target.onEnd(into: reference.collector)
        return (harness.sortedLines, reference.sortedLines)
    }

    @Test("every kind of join by windows equals the join of all rows", arguments: kinds, 1...8)
    func joins(kind: JoinKind, seed: Int) throws {
        let (found, wanted) = try Self.run(.hashJoin(Self.join(kind)), inputs: [Self.left, Self.right], seed: seed)
        #expect(found == wanted, "seed \(seed)")
        #expect(!wanted.isEmpty)
    }

    @Test("window functions by windows equal those over all rows", arguments: 1...8)
    func ranking(seed: Int) throws {
        let (found, wanted) = try Self.run(.overWindow(Self.ranking()), inputs: [Self.left], seed: seed)
        #expect(found == wanted, "seed \(seed)")
    }

    @Test("rows come out before the watermark that passes them; late rows are dropped and counted")
    func lateRows() throws {
        let head = "k int64 | a int64 | _timestamp timestamp\n"
        let other = "k int64 | b int64 | _timestamp timestamp\n"
        let harness = try OperatorHarness(.windowed(WindowedSpec(.hashJoin(Self.join(.left)), eventTimes: [2, 2])))
        try harness.feed([BatchBuilder.batch(head + "1 | 10 | 5\n1 | 11 | 6\n1 | 12 | 9")])
        try harness.feed([BatchBuilder.batch(other + "1 | 20 | 5\n1 | 21 | 9")], input: 1)
        _ = try harness.target.onWatermark(5, into: harness.collector)
        #expect(harness.lines.isEmpty, "time 5 may still come at watermark 5")
        _ = try harness.target.onWatermark(7, into: harness.collector)
        #expect(harness.sortedLines == ["1|10|5|1|20|5", "1|11|6|NULL|NULL|NULL"])
        try harness.feed([BatchBuilder.batch(other + "1 | 22 | 6\n1 | 23 | 8")], input: 1)
        #expect(harness.context.metrics.lateRows.load(ordering: .relaxed) == 1)
    }
}
