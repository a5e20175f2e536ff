import Columnar
import Dataflow
import Expressions
import State
import TestKit
import Testing

@testable import Operators

/// What operators give out at a second checkpoint is as much as has changed since the first, and together with it all
/// there is.
@Suite struct IncrementTests {
    struct Case: CustomTestStringConvertible {
        var name: String
        var spec: OperatorSpec
        /// The schema of each input: a key, a number, the event time.
        var inputs: [Schema]
        var testDescription: String { name }
    }

    static let over = Schema([Field("k", .int64), Field("a", .int64), Field("_timestamp", .timestamp)])

    static func cases() throws -> [Case] {
        let joined = [IntervalJoinTests.left, IntervalJoinTests.right]
        return [
            Case(
                name: "session windows",
                spec: .windowAggregate(WindowTests.spec(.session(gap: 40), keyed: true)), inputs: [WindowTests.input]),
            Case(
                name: "tumbling windows",
                spec: .windowAggregate(WindowTests.spec(.tumble(width: 1000), keyed: true)),
                inputs: [WindowTests.input]),
            Case(name: "interval join", spec: .intervalJoin(IntervalJoinTests.spec(.left, -50...50)), inputs: joined),
            Case(
                name: "interval semi join", spec: .intervalJoin(IntervalJoinTests.spec(.leftSemi, -50...50)),
                inputs: joined),
            Case(name: "temporal join", spec: .temporalJoin(TemporalJoinTests.spec(.left)), inputs: joined),
            Case(
                name: "window functions over rows",
                spec: .eventTimeOver(try EventTimeOverTests.spec(5, isPartitioned: true)), inputs: [over]),
            Case(
                name: "window functions that remember",
                spec: .eventTimeOver(try EventTimeOverTests.spec(1, isPartitioned: true)), inputs: [over]),
        ]
    }

    /// Rows of keys and times.
    static func batch(_ schema: Schema, _ rows: [(key: Int, time: Int)]) -> RecordBatch {
        BatchBuilder.batch(
            schema,
            rows.map { row in
                let key: ScalarValue = schema[0].type == .utf8 ? .utf8("key \(row.key)") : .int64(Int64(row.key))
                // Numbers that do not compress.
                let number = (UInt64(row.key &* 31 &+ row.time) &* 0x9E37_79B9_7F4A_7C15) >> 24
                return [key, .int64(Int64(number)), .timestamp(Int64(row.time))]
            })
    }

    static func make(_ spec: OperatorSpec) throws -> any Operator {
        var context = OperatorContext.testing(now: 0)
        context.isCheckpointed = true
        let target = try OperatorCatalog.make(spec, context: context)
        try target.onStart()
        return target
    }

    static func bytes(_ tables: [StateTable]) throws -> Int {
        try StateFile.encode([NodeState(node: 0, subtask: 0, tables: tables)]).count
    }

    /// The rows of all tables in an order of their own.
    static func rows(_ tables: [StateTable]) -> [String] {
        tables.flatMap { table in
            let batch = table.batch
            return (0..<batch.rowCount).map { row in
                table.name + " " + batch.row(row).map { BatchBuilder.text($0) }.joined(separator: "|")
            }
        }.sorted()
    }

    @Test("a second checkpoint after few changes holds little", arguments: try cases())
    func proportion(of example: Case) throws {
        let target = try Self.make(example.spec)
        let collector = RecordingCollector()
        // A row every nanosecond; all but the last thousand are behind the watermark.
        for schema in example.inputs.indices.reversed() {
            let rows = (0..<8000).map { (key: $0 % 5000, time: $0 / 80) }
            try target.process(Self.batch(example.inputs[schema], rows), input: schema, into: collector)
        }
        _ = try target.onWatermark(20, into: collector)
        let whole = try target.snapshot().tables
        var few: [Int] = []
        for round in 1...3 {
            for (input, schema) in example.inputs.enumerated() {
                let rows = (0..<10).map { (key: $0 * 31, time: 100 + round) }
                try target.process(Self.batch(schema, rows), input: input, into: collector)
            }
            few.append(try Self.bytes(try target.increment().tables))
        }
        let all = try Self.bytes(whole)
        #expect(all > 20_000)
        #expect(few.allSatisfy { $0 < all / 10 }, "\(few) of \(all) bytes")
    }

    @Test(
        "checkpoint and increments, merged, are the state itself, also when most of it has gone",
        arguments: try cases())
    func merging(of example: Case) throws {
        var random = SeededRandom(4711)
        var target = try Self.make(example.spec)
        let collector = RecordingCollector()
        var history: [[StateTable]] = []
        var time = 0
        for round in 0..<24 {
            for (input, schema) in example.inputs.enumerated() {
                let rows = (0..<150).map { _ in (key: random.below(120), time: time + random.below(60)) }
                try target.process(Self.batch(schema, rows), input: input, into: collector)
            }
            // From time to time event time leaps, and most of the state goes.
            time += round % 7 == 6 ? 500 : random.below(30)
            _ = try target.onWatermark(Int64(time), into: collector)
            if round % 3 != 1 { continue }
            history.append((history.isEmpty ? try target.snapshot() : try target.increment()).tables)
            let merged = StateMerge.merge(history)
            let fresh = try Self.make(example.spec)
            try fresh.restore(RestoredState(merged))
            #expect(Self.rows(try fresh.snapshot().tables) == Self.rows(merged))
            let expected = Self.rows(try target.snapshot().tables)
            #expect(Self.rows(merged) == expected, "round \(round)")
            if round % 2 == 0 { target = fresh }
            history = [merged]
        }
    }
}
