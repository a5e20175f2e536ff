import Columnar
import Dataflow
import Expressions
import State
import TestKit
import Testing

@testable import Operators

/// The first rows of each key: which rows may be forgotten, and for how long what was given is remembered.
@Suite struct UpdatingLimitTests {
    static let schema = UpdatingStateTests.schema
    static let a = column(schema, "a")
    typealias Frame = OverCall.Frame

    /// A call beside ROW_NUMBER, and whether it looks at nothing behind the row it is of.
    struct Beside: Sendable, CustomTestStringConvertible {
        var name: String
        var arguments: [BoundExpression] = []
        var type = DataType.int64
        var frame: Frame?
        var looksBack: Bool

        var testDescription: String { "\(name)\(arguments.count) \(frame.map { "\($0)" } ?? "")" }
    }

    static func frame(_ unit: Frame.Unit, _ start: Frame.Bound, _ end: Frame.Bound) -> Frame {
        Frame(unit: unit, start: start, end: end)
    }

    static let calls: [Beside] = [
        Beside(name: "rank", looksBack: true), Beside(name: "dense_rank", looksBack: true),
        Beside(name: "percent_rank", type: .float64, looksBack: false),
        Beside(name: "cume_dist", type: .float64, looksBack: false),
        Beside(name: "ntile", arguments: [.literal(.int64(2))], looksBack: false),
        Beside(name: "lead", arguments: [a], looksBack: false), Beside(name: "lag", arguments: [a], looksBack: true),
        Beside(name: "lag", arguments: [a, .literal(.int64(2))], looksBack: true),
        Beside(name: "lag", arguments: [a, .literal(.int64(-1))], looksBack: false),
        Beside(name: "lag", arguments: [a, a], looksBack: false),
        Beside(name: "first_value", arguments: [a], looksBack: true),
        Beside(name: "last_value", arguments: [a], looksBack: false),
        Beside(
            name: "first_value", arguments: [a], frame: frame(.rows, .currentRow, .unboundedFollowing),
            looksBack: false),
        Beside(name: "sum", arguments: [a], looksBack: false),
        Beside(name: "sum", arguments: [a], frame: frame(.range, .unboundedPreceding, .currentRow), looksBack: false),
        Beside(name: "sum", arguments: [a], frame: frame(.groups, .unboundedPreceding, .currentRow), looksBack: false),
        Beside(name: "sum", arguments: [a], frame: frame(.rows, .unboundedPreceding, .currentRow), looksBack: true),
        Beside(
            name: "sum", arguments: [a], frame: frame(.rows, .preceding(.int64(2)), .preceding(.int64(1))),
            looksBack: true),
        Beside(
            name: "sum", arguments: [a], frame: frame(.rows, .currentRow, .following(.int64(1))), looksBack: false),
        Beside(
            name: "last_value", arguments: [a], frame: frame(.rows, .unboundedPreceding, .currentRow),
            looksBack: true),
    ]

    static func spec(_ beside: Beside?, count: Int64, ttlMillis: Int64? = nil) -> UpdatingOverWindowSpec {
        var calls = [OverCall(call: AggregateCall(name: "row_number", arguments: [], type: .int64), frame: nil)]
        var fields = [Field("r", .int64)]
        if let beside {
            calls.append(
                OverCall(
                    call: AggregateCall(name: beside.name, arguments: beside.arguments, type: beside.type),
                    frame: beside.frame))
            fields.append(Field("x", beside.type))
        }
        let over = OverWindowSpec(
            partitionBy: [column(schema, "k")],
            orderBy: [SortKey(expression: a, isDescending: false, nullsFirst: false)], calls: calls,
            schema: schema.appending(fields))
        return UpdatingOverWindowSpec(
            over: over, retraction: nil, limit: .init(call: 0, count: count), ttlMillis: ttlMillis,
            schema: over.schema.appending([UpdatingStateTests.retraction]))
    }

    @Test("whatever else is computed of the first rows is what it is over all rows", arguments: calls, 1...4)
    func besides(beside: Beside, seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let spec = Self.spec(beside, count: Int64(1 + seed % 3))
        let harness = try OperatorHarness(.updatingOverWindow(spec), batchSize: 5)
        let all = try OperatorHarness(.overWindow(spec.over))
        var rowCount = 0
        for _ in 0..<20 {
            let rows = (0..<1 + random.below(6)).map { _ in
                [ScalarValue.int64(Int64(random.below(2))), .int64(Int64(random.below(8)))]
            }
            rowCount += rows.count
            let batch = BatchBuilder.batch(Self.schema, rows)
            try harness.feed([batch])
            try all.feed([batch])
            if random.chance(0.6) { try harness.target.flush(into: harness.collector) }
        }
        try harness.end()
        try all.target.onEnd(into: all.collector)
        let wanted = all.lines.filter { line in
            (Int64(line.split(separator: "|")[2]) ?? 0) <= spec.limit?.count ?? 0
        }
        #expect(UpdatingOperatorTests.folded(harness.lines, hasRetraction: true) == wanted.sorted())
        // What looks back only keeps no more than it gives.
        let kept = try harness.target.snapshot().tables.reduce(0) { $0 + $1.batch.rowCount }
        #expect(beside.looksBack ? kept == 2 * wanted.count : kept == rowCount + wanted.count, "\(kept) of \(rowCount)")
    }

    @Test("a partition that gets rows lives on: what was given of it is not given again", arguments: [false, true])
    func liveFirstRow(restarts: Bool) throws {
        let clock = ManualClock(1_000_000_000)
        var harness = try OperatorHarness(
            .updatingOverWindow(Self.spec(nil, count: 1, ttlMillis: 1000)), clock: clock)
        for round in 0..<12 {
            try harness.feed([BatchBuilder.batch("k int64 | a int64\n1 | \(round)")])
            try harness.target.flush(into: harness.collector)
            if restarts && round % 3 == 2 { try harness.restart() }
            clock.advance(millis: 300)
        }
        #expect(harness.lines == ["1|0|1|false"])
        // Without rows it is forgotten, whole: the next row is a first one.
        for _ in 0..<2 {
            clock.advance(millis: 1200)
            try harness.target.flush(into: harness.collector)
        }
        #expect(harness.target.stateRowCount == 0)
        try harness.feed([BatchBuilder.batch("k int64 | a int64\n1 | 99")])
        try harness.target.flush(into: harness.collector)
        #expect(harness.lines == ["1|0|1|false", "1|99|1|false"])
    }
}
