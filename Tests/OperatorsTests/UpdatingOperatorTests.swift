import Columnar
import Dataflow
import Expressions
import TestKit
import Testing

@testable import Operators

/// Updating operators over random changes, with flushes and restarts at random moments: what is left of all they gave
/// is what an operator for bounded input makes of the rows that are left.
@Suite struct UpdatingOperatorTests {
    static let left = Schema([Field("k", .int64), Field("a", .int64)])
    static let right = Schema([Field("k", .int64), Field("b", .utf8)])
    static let retraction = Field(HiddenColumn.retraction, .boolean, isNullable: false)

    /// Random inserts and, when rows may go, deletes; and the rows that are left.
    struct Changes {
        var batches: [RecordBatch] = []
        var left: [[ScalarValue]] = []

        init(_ schema: Schema, rounds: Int, takesBack: Bool, using random: inout SeededRandom) {
            for _ in 0..<rounds {
                var rows: [[ScalarValue]] = []
                for _ in 0..<random.below(12) {
                    if takesBack, !left.isEmpty, random.chance(0.45) {
                        rows.append(left.remove(at: random.below(left.count)) + [.boolean(true)])
                    } else {
                        let row = schema.fields.map {
                            RandomData.scalar($0.type, nullRate: 0.15, using: &random)
                        }
                        left.append(row)
                        rows.append(row + [.boolean(false)])
                    }
                }
                let all = BatchBuilder.batch(schema.appending([UpdatingOperatorTests.retraction]), rows)
                batches.append(takesBack ? all : all.selectingColumns(Array(schema.fields.indices)))
            }
        }
    }

    /// The rows left of what an operator gave, as sorted lines. A row taken back that is not there is a failure.
    static func folded(_ lines: [String], hasRetraction: Bool) -> [String] {
        guard hasRetraction else { return lines.sorted() }
        var counts: [String: Int] = [:]
        for line in lines {
            let cut = line.lastIndex(of: "|") ?? line.startIndex
            let row = String(line[..<cut])
            counts[row, default: 0] += line[cut...] == "|true" ? -1 : 1
            #expect(counts[row, default: 0] >= 0, "taken back before it was given: \(row)")
        }
        return counts.flatMap { Array(repeating: $0, count: $1) }.sorted()
    }

    /// Runs the inputs' batches in turn, with flushes and restarts.
    static func run(
        _ spec: OperatorSpec, _ inputs: [[RecordBatch]], hasRetraction: Bool, using random: inout SeededRandom
    ) throws -> [String] {
        var harness = try OperatorHarness(spec, batchSize: 5)
        for round in inputs[0].indices {
            for (input, batches) in inputs.enumerated() where batches[round].rowCount > 0 {
                try harness.feed([batches[round]], input: input)
            }
            if random.chance(0.3) { try harness.target.flush(into: harness.collector) }
            if random.chance(0.3) {
                try harness.target.flush(into: harness.collector)
                try harness.checkpoint()
            }
            if random.chance(0.15) {
                try harness.target.flush(into: harness.collector)
                try harness.restart()
            }
        }
        try harness.end(inputs: inputs.count)
        return folded(harness.lines, hasRetraction: hasRetraction)
    }

    static func bounded(_ spec: OperatorSpec, _ inputs: [(schema: Schema, rows: [[ScalarValue]])]) throws -> [String] {
        let harness = try OperatorHarness(spec)
        for (input, rows) in inputs.enumerated().reversed() {
            try harness.feed([BatchBuilder.batch(rows.schema, rows.rows)], input: input)
            try harness.target.onInputEnd(input, into: harness.collector)
        }
        try harness.target.onEnd(into: harness.collector)
        return harness.sortedLines
    }

    static let calls: [AggregateCall] = [
        AggregateCall(name: "count", arguments: [], type: .int64),
        AggregateCall(name: "sum", arguments: [column(left, "a")], type: .int64),
        AggregateCall(name: "min", arguments: [column(left, "a")], type: .int64),
        AggregateCall(name: "max", arguments: [column(left, "a")], type: .int64),
        AggregateCall(name: "count", arguments: [column(left, "a")], isDistinct: true, type: .int64),
        AggregateCall(
            name: "array_agg", arguments: [column(left, "a")],
            ordering: [.init(expression: column(left, "a"), isDescending: true, nullsFirst: false)],
            type: .list(.int64)),
    ]

    @Test("aggregates", arguments: 1...12)
    func aggregates(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let takesBack = seed % 2 == 0
        let keys = seed % 3 == 0 ? [] : [column(Self.left, "k")]
        let changes = Changes(Self.left, rounds: 60, takesBack: takesBack, using: &random)
        let schema = Schema(
            keys.map { Field("k", $0.type) }
                + Self.calls.enumerated().map { Field("c\($0)", $1.type) })
        let spec = UpdatingAggregateSpec(
            keys: keys, aggregates: Self.calls, retraction: takesBack ? 2 : nil, emitsChanges: true, ttlMillis: nil,
            schema: schema.appending([Self.retraction]))
        let found = try Self.run(.updatingAggregate(spec), [changes.batches], hasRetraction: true, using: &random)
        let wanted = try Self.bounded(
            .aggregate(.init(keys: keys, aggregates: Self.calls, schema: schema)), [(Self.left, changes.left)])
        #expect(found == wanted, "seed \(seed)")
    }

    static let kinds: [JoinKind] = [.inner, .left, .right, .full, .leftSemi, .leftAnti]

    @Test("joins", arguments: kinds, 1...8)
    func joins(kind: JoinKind, seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let takesBack = [seed % 2 == 0, seed % 4 > 1]
        let isHalf = kind == .leftSemi || kind == .leftAnti
        let stays = !takesBack[0] && !takesBack[1] && (kind == .inner || kind == .leftSemi)
        let schema = isHalf ? Self.left : Self.left.appending(Self.right.fields)
        let both = Self.left.appending(Self.right.fields)
        let residual: BoundExpression? =
            seed % 3 == 0 ? .comparison(.less, column(both, "a"), .literal(.int64(3))) : nil
        var join = HashJoinSpec(
            kind: kind, leftKeys: [column(Self.left, "k")], rightKeys: [column(Self.right, "k")], residual: residual,
            schema: schema)
        let lefts = Changes(Self.left, rounds: 40, takesBack: takesBack[0], using: &random)
        let rights = Changes(Self.right, rounds: 40, takesBack: takesBack[1], using: &random)
        let wanted = try Self.bounded(.hashJoin(join), [(Self.left, lefts.left), (Self.right, rights.left)])
        if !stays { join.schema = schema.appending([Self.retraction]) }
        let spec = UpdatingJoinSpec(
            join: join, sides: [Self.left.fields, Self.right.fields], retractions: takesBack.map { $0 ? 2 : nil },
            emitsChanges: !stays, ttlMillis: nil)
        let found = try Self.run(
            .updatingJoin(spec), [lefts.batches, rights.batches], hasRetraction: !stays, using: &random)
        #expect(found == wanted, "seed \(seed)")
        #expect(!wanted.isEmpty)
    }

    @Test("joins whose rows are forgotten take back only what they gave, and keep nothing", arguments: kinds, 1...8)
    func forgettingJoins(kind: JoinKind, seed: Int) throws {
        var random = SeededRandom(UInt64(seed) &* 7)
        let takesBack = [seed % 2 == 0, seed % 4 > 1]
        let isHalf = kind == .leftSemi || kind == .leftAnti
        let schema = isHalf ? Self.left : Self.left.appending(Self.right.fields)
        let join = HashJoinSpec(
            kind: kind, leftKeys: [column(Self.left, "k")], rightKeys: [column(Self.right, "k")], residual: nil,
            schema: schema.appending([Self.retraction]))
        let spec = UpdatingJoinSpec(
            join: join, sides: [Self.left.fields, Self.right.fields], retractions: takesBack.map { $0 ? 2 : nil },
            emitsChanges: true, ttlMillis: 1000)
        let clock = ManualClock(1_000_000_000)
        var harness = try OperatorHarness(.updatingJoin(spec), batchSize: 5, clock: clock)
        let sides = [
            Changes(Self.left, rounds: 40, takesBack: takesBack[0], using: &random),
            Changes(Self.right, rounds: 40, takesBack: takesBack[1], using: &random),
        ]
        var most = 0
        for round in 0..<40 {
            for (input, side) in sides.enumerated() where side.batches[round].rowCount > 0 {
                try harness.feed([side.batches[round]], input: input)
            }
            clock.advance(millis: Int64(random.below(300)))
            try harness.target.flush(into: harness.collector)
            most = max(most, harness.target.stateRowCount)
            if random.chance(0.15) { try harness.restart() }
        }
        // One that has just begun looks at the clock for the first time.
        for _ in 0..<2 {
            clock.advance(millis: 3000)
            try harness.target.flush(into: harness.collector)
        }
        #expect(harness.target.stateRowCount == 0 && most > 10, "\(harness.target.stateRowCount) of \(most)")
        #expect(!Self.folded(harness.lines, hasRetraction: true).isEmpty)
    }

    @Test("window functions, whole and cut to the first rows", arguments: 1...12)
    func windowFunctions(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let takesBack = seed % 2 == 0
        let limit = seed % 3 == 0 ? nil : UpdatingOverWindowSpec.Limit(call: 0, count: Int64(seed % 3))
        let changes = Changes(Self.left, rounds: 50, takesBack: takesBack, using: &random)
        let calls = [
            AggregateCall(name: "row_number", arguments: [], type: .int64),
            AggregateCall(name: "rank", arguments: [], type: .int64),
        ]
        let over = OverWindowSpec(
            partitionBy: [column(Self.left, "k")],
            orderBy: [SortKey(expression: column(Self.left, "a"), isDescending: true, nullsFirst: false)],
            calls: calls.map { OverCall(call: $0, frame: nil) },
            schema: Self.left.appending([Field("row_number", .int64), Field("rank", .int64)]))
        let spec = UpdatingOverWindowSpec(
            over: over, retraction: takesBack ? 2 : nil, limit: limit, ttlMillis: nil,
            schema: over.schema.appending([Self.retraction]))
        let found = try Self.run(
            .updatingOverWindow(spec), [changes.batches], hasRetraction: true, using: &random)
        let all = try Self.bounded(.overWindow(over), [(Self.left, changes.left)])
        let wanted = all.filter { line in
            guard let limit else { return true }
            return (Int64(line.split(separator: "|")[2]) ?? 0) <= limit.count
        }
        #expect(found == wanted, "seed \(seed)")
    }

    @Test("the rows left of a bounded stream of changes", arguments: 1...4)
    func finalRows(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let changes = Changes(Self.right, rounds: 30, takesBack: true, using: &random)
        let found = try Self.run(
            .finalRows(.init(retraction: 2, schema: Self.right)), [changes.batches], hasRetraction: false,
            using: &random)
        #expect(found == lines(changes.left).sorted())
    }
}
