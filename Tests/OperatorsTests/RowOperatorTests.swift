import Columnar
import Dataflow
import Expressions
import TestKit
import Testing

/// Operators without a clock: filter, projection, unnest, limit, sort, aggregate, watermark.
@Suite struct RowOperatorTests {
    static let schema = Schema([Field("a", .int64), Field("s", .utf8), Field("f", .float64)])

    @Test("a filter keeps the rows whose condition is true", arguments: 1...5)
    func filter(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let input = randomInput(Self.schema, count: 300, using: &random)
        let condition = BoundExpression.comparison(.greater, column(Self.schema, "a"), .literal(.int64(1)))
        let harness = try OperatorHarness(.filter(FilterSpec(predicate: condition)))
        try harness.feed(input.pieces)
        #expect(harness.lines == lines(input.rows.filter { $0[0].intValue.map { $0 > 1 } ?? false }))
    }

    @Test("an error names the operator, the expression and the row")
    func failingRow() throws {
        let divided = BoundExpression.arithmetic(.divide, .literal(.int64(1)), column(Self.schema, "a"), type: .int64)
        let spec = ProjectionSpec(expressions: [divided], schema: Schema([Field("x", .int64)]))
        let harness = try OperatorHarness(.projection(spec))
        do {
            try harness.feed([BatchBuilder.batch("a int64 | s utf8 | f float64\n1 | p | 1\n0 | q | 2")])
            Issue.record("no error")
        } catch let error as OperatorError {
            #expect(error.operatorName == "Projection")
            #expect(error.message.contains("division by zero"))
            #expect(error.expression?.contains("a") == true)
            #expect(error.row?.contains("s = q") == true)
        }
    }

    @Test("a limit skips and stops, whatever the batches", arguments: [(0, 5), (3, 4), (10, 0), (100, 7)], [1, 3, 50])
    func limit(bounds: (Int, Int), batchLength: Int) throws {
        let rows = (0..<40).map { ["\($0)"] }
        let harness = try OperatorHarness(.limit(LimitSpec(offset: bounds.0, limit: bounds.1)))
        for start in stride(from: 0, to: 40, by: batchLength) where !harness.target.isSatisfied {
            let part = rows[start..<min(40, start + batchLength)].map { $0[0] }.joined(separator: "\n")
            try harness.feed([BatchBuilder.batch("n int64\n\(part)")])
        }
        #expect(harness.lines == rows.map { $0[0] }.dropFirst(bounds.0).prefix(bounds.1).map { $0 })
        if bounds.0 + bounds.1 <= 40 { #expect(harness.target.isSatisfied) }
    }

    @Test("sorting equals a stable sort, with and without a limit", arguments: 1...12)
    func sort(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let input = randomInput(Self.schema, count: random.below(400), using: &random)
        let isDescending = seed % 2 == 0
        let nullsFirst = seed % 3 == 0
        let limit = seed % 4 == 0 ? nil : random.below(30)
        let offset = seed % 5 == 0 ? 3 : 0
        let keys = ["a", "s"].map {
            SortKey(expression: column(Self.schema, $0), isDescending: isDescending, nullsFirst: nullsFirst)
        }
        let harness = try OperatorHarness(
            .sort(SortSpec(keys: keys, offset: offset, limit: limit)), batchSize: 1 + random.below(10))
        try harness.feed(input.pieces)
        try harness.end()
        func precedes(_ left: ScalarValue, _ right: ScalarValue) -> Bool? {
            if left.isNull || right.isNull { return left.isNull == right.isNull ? nil : left.isNull == nullsFirst }
            if left == right { return nil }
            let isLess =
                left.type == .int64
                ? (left.intValue ?? 0) < (right.intValue ?? 0)
                : Array((left.stringValue ?? "").utf8).lexicographicallyPrecedes(Array((right.stringValue ?? "").utf8))
            return isLess != isDescending
        }
        let sorted = input.rows.enumerated().sorted { left, right in
            for index in 0..<2 {
                if let decided = precedes(left.element[index], right.element[index]) { return decided }
            }
            return left.offset < right.offset
        }.map(\.element)
        let wanted = sorted.dropFirst(offset).prefix(limit ?? .max)
        #expect(harness.lines == lines(Array(wanted)), "seed \(seed)")
    }

    @Test("an aggregate without keys has one row, also of nothing")
    func emptyAggregate() throws {
        let calls = [
            AggregateCall(name: "count", arguments: [], type: .int64),
            AggregateCall(name: "max", arguments: [column(Self.schema, "a")], type: .int64),
        ]
        let output = Schema([Field("n", .int64), Field("m", .int64)])
        let harness = try OperatorHarness(.aggregate(AggregateSpec(keys: [], aggregates: calls, schema: output)))
        try harness.end()
        #expect(harness.lines == ["0|NULL"])
    }

    @Test("grouping equals a dictionary", arguments: 1...8)
    func groups(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let input = randomInput(Self.schema, count: random.below(500), using: &random)
        let keyNames = [["a"], ["s"], ["a", "s"], ["f"]][seed % 4]
        let keys = keyNames.map { column(Self.schema, $0) }
        let fields = keys.map { Field("k", $0.type) } + [Field("n", .int64)]
        let spec = AggregateSpec(
            keys: keys, aggregates: [AggregateCall(name: "count", arguments: [], type: .int64)], schema: Schema(fields))
        let harness = try OperatorHarness(.aggregate(spec), batchSize: 1 + random.below(20))
        try harness.feed(input.pieces)
        try harness.end()
        let indices = keyNames.compactMap { Self.schema.index(of: $0) }
        let counts = Dictionary(grouping: input.rows) { row in indices.map { row[$0] } }.mapValues(\.count)
        let wanted = counts.map { key, count in lines([key + [.int64(Int64(count))]])[0] }
        #expect(harness.sortedLines == wanted.sorted(), "seed \(seed)")
    }

    @Test("unnesting gives a row per element", arguments: [true, false])
    func unnest(keepsEmpty: Bool) throws {
        let input = BatchBuilder.batch("n int64 | xs int64[]\n1 | [7,8]\n2 | []\n3 | NULL\n4 | [9]")
        let output = Schema(input.schema.fields + [Field("x", .int64), Field("place", .int64)])
        let spec = UnnestSpec(
            list: column(input.schema, "xs"), withOrdinality: true, keepsEmpty: keepsEmpty, schema: output)
        let harness = try OperatorHarness(.unnest(spec), batchSize: 2)
        try harness.feed([input])
        let kept = keepsEmpty ? ["2|[]|NULL|NULL", "3|NULL|NULL|NULL"] : []
        #expect(harness.lines == ["1|[7, 8]|7|1", "1|[7, 8]|8|2"] + kept + ["4|[9]|9|1"])
    }

    @Test("watermarks follow the greatest value and never go back")
    func watermark() throws {
        let harness = try OperatorHarness(.watermark(WatermarkSpec(eventTime: 0, watermark: nil, idleMillis: nil)))
        #expect(harness.target.currentWatermark == nil)
        try harness.feed([BatchBuilder.batch("at timestamp\n5000000000\n3000000000")])
        #expect(harness.target.currentWatermark == 4_000_000_000)
        try harness.feed([BatchBuilder.batch("at timestamp\n1000000000")])
        #expect(harness.target.currentWatermark == 4_000_000_000)
        #expect(harness.lines == ["5000000000|5000000000", "3000000000|3000000000", "1000000000|1000000000"])
        #expect(throws: OperatorError.self) { try harness.feed([BatchBuilder.batch("at timestamp\nNULL")]) }
    }
}
