import Columnar
import Testing
import TestKit

@testable import Expressions

/// A function with the argument types it is tried with; a second or third argument may be a constant.
struct AggregateCase: CustomTestStringConvertible, Sendable {
    var name: String
    var types: [DataType]
    var constant: ScalarValue?

    var testDescription: String { "\(name)(\(types.map(\.sqlName).joined(separator: ", ")))" }
}

private let numbers: [DataType] = [
    .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float64, .decimal(precision: 12, scale: 2),
]
private let anything: [DataType] = [
    .boolean, .int32, .int64, .float32, .utf8, .date, .timestamp, .interval, .list(.int64),
    .structure([Field("a", .int64), Field("b", .utf8)]),
]

let aggregateCases: [AggregateCase] =
    (numbers + [.utf8]).map { AggregateCase(name: "count", types: [$0]) }
    + [AggregateCase(name: "count", types: []), AggregateCase(name: "count", types: [.int64, .utf8])]
    + numbers.flatMap { [AggregateCase(name: "sum", types: [$0]), AggregateCase(name: "avg", types: [$0])] }
    + (numbers + anything).flatMap { type in
        ["min", "max", "first_value", "last_value", "any_value", "array_agg", "mode"].map {
            AggregateCase(name: $0, types: [type])
        }
    }
    + ["bit_and", "bit_or", "bit_xor"].flatMap { name in
        [DataType.int8, .int64, .uint16].map { AggregateCase(name: name, types: [$0]) }
    }
    + ["bool_and", "bool_or"].map { AggregateCase(name: $0, types: [.boolean]) }
    + ["var", "var_pop", "stddev", "stddev_pop", "median", "approx_median"].map {
        AggregateCase(name: $0, types: [.float64])
    }
    + [
        "corr", "covar", "covar_pop", "regr_slope", "regr_intercept", "regr_count", "regr_r2", "regr_avgx",
        "regr_avgy", "regr_sxx", "regr_syy", "regr_sxy",
    ].map { AggregateCase(name: $0, types: [.float64, .float64]) }
    + ["percentile_cont", "approx_percentile_cont"].map {
        AggregateCase(name: $0, types: [.float64, .float64], constant: .float64(0.25))
    }
    + [DataType.int64, .utf8].flatMap { type in
        [
            AggregateCase(name: "min_by", types: [type, .float64]),
            AggregateCase(name: "max_by", types: [type, .utf8]),
            AggregateCase(name: "approx_distinct", types: [type]),
            AggregateCase(name: "nth_value", types: [type, .int64], constant: .int64(2)),
        ]
    }
    + [AggregateCase(name: "string_agg", types: [.utf8, .utf8], constant: .utf8(", "))]

@Suite struct AggregateTests {
    private static let groupCount = 7

    /// Random rows with their groups and a filter.
    private struct Sample {
        var columns: [Column]
        var groups: [UInt32]
        var filter: [Bool]

        init(_ test: AggregateCase, rows: Int, random: inout SeededRandom) {
            columns = test.types.enumerated().map { index, type in
                if index == test.types.count - 1, let constant = test.constant {
                    return .repeating(constant, count: rows)
                }
                return RandomData.column(type, rows, using: &random)
            }
            // The last group stays empty.
            groups = (0..<rows).map { _ in UInt32(random.below(AggregateTests.groupCount - 1)) }
            filter = (0..<rows).map { _ in random.chance(0.7) }
        }

        func expected(_ name: String, _ type: DataType, isDistinct: Bool) -> [ScalarValue] {
            (0..<AggregateTests.groupCount).map { group in
                var rows: [[ScalarValue]] = []
                for row in groups.indices where groups[row] == group && filter[row] {
                    let values = columns.map { $0.scalar(at: row) }
                    if !isDistinct || !rows.contains(values) { rows.append(values) }
                }
                return AggregateReference.value(name, rows, type)
            }
        }
    }

    private static func feed(
        _ accumulator: any GroupsAccumulator, _ sample: Sample, _ range: Range<Int>, longest: Int,
        random: inout SeededRandom
    ) throws {
        var start = range.lowerBound
        while start < range.upperBound {
            let count = min(range.upperBound - start, 1 + random.below(longest))
            let filter = Array(sample.filter[start..<(start + count)])
            let groups = Array(sample.groups[start..<(start + count)])
            try accumulator.update(
                sample.columns.map { $0.slice(start, count) }, groups: groups, rowCount: count,
                filter: filter.allSatisfy { $0 } ? nil : Bitmap(filter))
            start += count
        }
    }

    @Test(arguments: aggregateCases)
    func everyAggregateAgreesWithANaiveReference(_ test: AggregateCase) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            try check(test, isDistinct: false, seed: seed)
        }
    }

    @Test(arguments: aggregateCases.filter { !$0.types.isEmpty && $0.types[0] != .float32 })
    func distinctAggregatesSeeEachRowOnce(_ test: AggregateCase) throws {
        try check(test, isDistinct: true, seed: 11)
    }

    private func check(_ test: AggregateCase, isDistinct: Bool, seed: UInt64) throws {
        var random = SeededRandom(seed)
        let function = try #require(FunctionRegistry.builtin.aggregate(test.name))
        let signature = try function.resolve(test.types)
        #expect(signature.argumentTypes == test.types)
        func make() -> any GroupsAccumulator {
            let inner = function.makeAccumulator(signature.argumentTypes, signature.returnType)
            return isDistinct ? DistinctAccumulator(types: test.types, inner: inner) : inner
        }
        let rows = 120
        let sample = Sample(test, rows: rows, random: &random)
        let expected = sample.expected(test.name, signature.returnType, isDistinct: isDistinct)

        for longest in [1, 3, 100] {
            let whole = make()
            whole.resize(groupCount: Self.groupCount)
            try Self.feed(whole, sample, 0..<rows, longest: longest, random: &random)
            let result = try whole.finish()
            #expect(result.type == signature.returnType)
            compare(result, expected, "\(test.testDescription) whole, seed \(seed), batches to \(longest)")

            // Two halves, merged in order into a third whose groups stand in reverse.
            let cut = random.below(rows)
            let halves = [0..<cut, cut..<rows]
            let merged = make()
            merged.resize(groupCount: Self.groupCount)
            let reversed = (0..<Self.groupCount).map { UInt32(Self.groupCount - 1 - $0) }
            for half in halves {
                let part = make()
                part.resize(groupCount: Self.groupCount)
                try Self.feed(part, sample, half, longest: longest, random: &random)
                try merged.merge(part.states(), groups: reversed, rowCount: Self.groupCount)
            }
            let label = "\(test.testDescription) merged at \(cut), seed \(seed), batches to \(longest)"
            compare(try merged.finish(), expected.reversed(), label)
        }
    }

    private func compare(_ result: Column, _ expected: [ScalarValue], _ label: String) {
        #expect(result.count == expected.count)
        for (group, value) in expected.enumerated() {
            let found = result.scalar(at: group)
            if !AggregateReference.matches(found, value) {
                Issue.record("\(label): group \(group): expected \(value.storage), found \(found.storage)")
            }
        }
    }
}
