import Columnar
import Testing
import TestKit

@testable import Expressions

@Suite struct AggregateEdgeTests {
    private func run(_ name: String, _ columns: [Column]) throws -> ScalarValue {
        let function = try #require(FunctionRegistry.builtin.aggregate(name))
        let signature = try function.resolve(columns.map(\.type))
        let accumulator = function.makeAccumulator(signature.argumentTypes, signature.returnType)
        accumulator.resize(groupCount: 1)
        let count = columns.first?.count ?? 0
        try accumulator.update(columns, groups: Array(repeating: 0, count: count), rowCount: count, filter: nil)
        return try accumulator.finish().scalar(at: 0)
    }

    @Test func sumsOutOfRangeAreErrorsAndIntermediateOnesAreNot() throws {
        let over = Column.of(.int64, [.int64(.max), .int64(1)])
        #expect(throws: KernelError.self) { try run("sum", [over]) }
        let back = Column.of(.int64, [.int64(.max), .int64(1), .int64(-1)])
        #expect(try run("sum", [back]) == .int64(.max))
        do {
            _ = try run("sum", [over])
        } catch let error as KernelError {
            #expect(error.message.hasPrefix("BIGINT out of range in sum"))
        }
    }

    @Test func decimalSumsAreCheckedAgainst38Digits() throws {
        let type = DataType.decimal(precision: 38, scale: 0)
        var big: Int128 = 1
        for _ in 0..<37 { big *= 10 }
        let values = (0..<11).map { _ in ScalarValue(type: type, storage: .decimal(big)) }
        #expect(throws: KernelError.self) { try run("sum", [Column.of(type, values)]) }
        #expect(try run("sum", [Column.of(type, Array(values.prefix(9)))]).storage == .decimal(big * 9))
    }

    @Test func floatSumsHardlyDependOnTheOrder() throws {
        let values = [1e16, 1, -1e16, 1].map { ScalarValue.float64($0) }
        #expect(try run("sum", [Column.of(.float64, values)]) == .float64(2))
        let infinite = [Double.infinity, 1].map { ScalarValue.float64($0) }
        #expect(try run("sum", [Column.of(.float64, infinite)]) == .float64(.infinity))
    }

    @Test func notANumberIsTheGreatestNumber() throws {
        let values = Column.of(.float64, [.float64(.nan), .float64(1), .float64(.infinity)])
        #expect(try run("max", [values]).floatValue?.isNaN == true)
        #expect(try run("min", [values]) == .float64(1))
    }

    @Test func approximateCountsStayNearTheTruth() throws {
        for count in [100, 3000, 40_000] {
            let column = Column.of(.int64, (0..<count).map { .int64(Int64($0) * 7) })
            let estimate = Double(try run("approx_distinct", [column]).intValue ?? 0)
            #expect(abs(estimate - Double(count)) <= 0.06 * Double(count), "\(count): \(estimate)")
        }
    }

    @Test func approximatePercentilesStayNearTheTruth() throws {
        var random = SeededRandom(5)
        let values = (0..<10_000).map { _ in Double.random(in: 0..<1000, using: &random) }
        let column = Column.of(.float64, values.map { .float64($0) })
        for fraction in [0.0, 0.01, 0.5, 0.9, 0.999, 1.0] {
            let found = try run(
                "approx_percentile_cont", [column, .repeating(.float64(fraction), count: values.count)])
            #expect(abs((found.floatValue ?? -1) - fraction * 1000) < 12, "\(fraction): \(found)")
        }
    }

    @Test func weightsCountAsManyValues() throws {
        let values = Column.of(.float64, [.float64(1), .float64(2), .float64(3)])
        let weights = Column.of(.float64, [.float64(1), .float64(1), .float64(98)])
        let found = try run(
            "approx_percentile_cont_with_weight", [values, weights, .repeating(.float64(0.5), count: 3)])
        #expect((found.floatValue ?? 0) > 2.5)
    }

    @Test func badConstantsAreErrors() {
        let values = Column.of(.float64, [.float64(1)])
        #expect(throws: KernelError.self) { try run("percentile_cont", [values, .repeating(.float64(2), count: 1)]) }
        #expect(throws: KernelError.self) {
            try run("nth_value", [values, .repeating(.int64(0), count: 1)])
        }
    }

    @Test func wrongTypesAreRefusedWithASentence() {
        for name in ["sum", "avg", "stddev", "bit_and", "bool_or", "string_agg"] {
            let function = FunctionRegistry.builtin.aggregate(name)
            #expect(throws: SignatureError.self) { try function?.resolve([.list(.int64)]) }
        }
    }

    @Test func plansOrderFilterAndDeduplicate() throws {
        let batch = BatchBuilder.batch(
            """
            g int64 | x int64 | keep boolean
            1 | 3 | true
            1 | 1 | true
            1 | 3 | true
            1 | 9 | false
            2 | NULL | NULL
            """)
        func column(_ index: Int) -> BoundExpression {
            .column(.init(index: index, name: batch.schema[index].name, type: batch.schema[index].type))
        }
        let ordering = [AggregateCall.Ordering(expression: column(1), isDescending: true, nullsFirst: false)]
        let plan = try AggregatePlan(
            keys: [column(0)],
            calls: [
                AggregateCall(name: "count", arguments: [], type: .int64),
                AggregateCall(
                    name: "array_agg", arguments: [column(1)], isDistinct: true, filter: column(2), ordering: ordering,
                    type: .list(.int64)),
                AggregateCall(name: "sum", arguments: [column(1)], isDistinct: true, type: .int64),
            ])
        #expect(plan.expressions.count == 3)
        let set = plan.makeAccumulators()
        try set.update(batch.columns, groups: [0, 0, 0, 0, 1], rowCount: 5, groupCount: 2)
        let results = try set.finish()
        #expect(results[0].scalars == [.int64(4), .int64(1)])
        #expect(BatchBuilder.text(results[1].scalar(at: 0)) == "[3, 1]")
        #expect(results[1].isNull(1))
        #expect(results[2].scalars == [.int64(13), .null(.int64)])
    }
}
