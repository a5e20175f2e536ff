import Columnar
import TestKit
import Testing

@testable import Expressions

/// What accumulators give out by reference stays what it was while rows go on coming, for every aggregate.
@Suite struct AggregateSnapshotTests {
    enum Form: CaseIterable { case plain, distinct, ordered, retractable }

    private static func plan(_ test: AggregateCase, _ form: Form) throws -> AggregatePlan {
        let function = try #require(FunctionRegistry.builtin.aggregate(test.name))
        let arguments = test.types.enumerated().map { index, type in
            BoundExpression.column(.init(index: index, name: "c\(index)", type: type, isNullable: true))
        }
        let order = BoundExpression.column(
            .init(index: test.types.count, name: "o", type: .int64, isNullable: true))
        return try AggregatePlan(
            keys: [],
            calls: [
                AggregateCall(
                    name: test.name, arguments: arguments, isDistinct: form == .distinct,
                    ordering: form == .ordered
                        ? [.init(expression: order, isDescending: true, nullsFirst: false)] : [],
                    type: try function.resolve(test.types).returnType)
            ])
    }

    private static func scalars(_ columns: [Column]) -> [[ScalarValue]] {
        columns.map { column in (0..<column.count).map { column.scalar(at: $0) } }
    }

    @Test("a snapshot is what it was, and some groups are those of all", arguments: aggregateCases, Form.allCases)
    func unchanged(_ test: AggregateCase, _ form: Form) throws {
        if form == .distinct && (test.types.isEmpty || test.types[0] == .float32) { return }
        var random = SeededRandom(UInt64(test.name.utf8.count) &+ 17)
        let set = try Self.plan(test, form).makeAccumulators(isRetractable: form == .retractable)
        var held: [(snapshot: GroupsSnapshot, copy: [[ScalarValue]])] = []
        var fed: [(columns: [Column], groups: [UInt32])] = []
        var groupCount = 90
        for step in 0..<7 {
            let count = 1 + random.below(60)
            groupCount += random.below(40)
            let columns =
                test.types.enumerated().map { index, type in
                    if index == test.types.count - 1, let constant = test.constant {
                        return Column.repeating(constant, count: count)
                    }
                    return RandomData.column(type, count, using: &random)
                } + [RandomData.column(.int64, count, using: &random)]
            let groups = (0..<count).map { _ in UInt32(random.below(groupCount - 5)) }
            try set.update(columns, groups: groups, rowCount: count, groupCount: groupCount)
            fed.append((columns, groups))
            if form == .retractable && step % 3 == 2 {
                let gone = fed.remove(at: random.below(fed.count))
                try set.update(
                    gone.columns, retractions: Bitmap(Array(repeating: true, count: gone.groups.count)),
                    groups: gone.groups, rowCount: gone.groups.count, groupCount: groupCount)
            }
            for (snapshot, copy) in held {
                let read = snapshot.makeReader()
                let first = random.below(snapshot.groupCount)
                let range = first..<first + 1 + random.below(snapshot.groupCount - first)
                #expect(Self.scalars(read(range)) == copy.map { Array($0[range]) }, "step \(step)")
            }
            if step % 3 == 1 {
                held.append((set.snapshot(), Self.scalars(set.states().flatMap { $0 })))
                if held.count > 2 { held.removeFirst() }
            }
            try picking(set, using: &random)
        }
        for (snapshot, copy) in held {
            #expect(Self.scalars(snapshot.makeReader()(0..<snapshot.groupCount)) == copy)
        }
        #expect(held.count == 2)
    }

    /// States and results of some groups are those that all have.
    private func picking(_ set: AccumulatorSet, using random: inout SeededRandom) throws {
        let some = (0..<set.groupCount).filter { _ in random.chance(0.3) }.shuffled(using: &random)
        let selection = Selection(some)
        let states = Self.scalars(set.states().flatMap { $0 })
        let results = Self.scalars(try set.finish())
        #expect(Self.scalars(set.states(selection)) == states.map { column in some.map { column[$0] } })
        #expect(Self.scalars(try set.finish(selection)) == results.map { column in some.map { column[$0] } })
    }
}
