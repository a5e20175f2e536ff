import Columnar
import State
import TestKit
import Testing

struct StateMergeTests {
    private static func table(
        _ rows: [(key: Int64, time: Int64, value: Int64, isGone: Bool)], increment: StateTable.Increment?
    ) -> StateTable {
        func numbers(_ values: [Int64]) -> Column {
            Column(type: .int64, count: values.count, values: .copying(values))
        }
        var columns = [numbers(rows.map(\.key)), numbers(rows.map(\.time)), numbers(rows.map(\.value))]
        if increment?.marksRemovals == true {
            let builder = ColumnBuilder(.boolean)
            for row in rows { builder.append(.boolean(row.isGone)) }
            columns.append(builder.finish())
        }
        return StateTable("rows", .keyed(columnCount: 1), columns, rowCount: rows.count, increment: increment)
    }

    private static func rows(_ table: StateTable) -> [[Int64]] {
        (0..<table.batch.rowCount).map { row in
            table.batch.columns.prefix(3).map { $0.pointer(Int64.self)[row] }
        }
    }

    @Test("random changes, merged in random parts, give what a dictionary gives") func random() throws {
        for seed in 0..<300 {
            var random = SeededRandom(UInt64(seed))
            var truth: [Int64: [Int64]] = [:]
            var bound = Int64.min
            var tables: [StateTable] = []
            for step in 0..<(1 + Int(random.next() % 8)) {
                let isWhole = step == 0 || random.next() % 6 == 0
                var changes: [Int64: (time: Int64, value: Int64, isGone: Bool)] = [:]
                if !isWhole, random.next() % 3 == 0 { bound = max(bound, Int64(random.next() % 20)) }
                for _ in 0..<(random.next() % 12) {
                    let key = Int64(random.next() % 10)
                    let isGone = random.next() % 4 == 0 && truth[key] != nil
                    changes[key] = (Int64(random.next() % 30), Int64(random.next() % 1000), isGone)
                }
                for (key, change) in changes { truth[key] = change.isGone ? nil : [key, change.time, change.value] }
                truth = truth.filter { $0.value[1] >= bound }
                if isWhole {
                    tables.append(Self.table(truth.map { ($0, $1[1], $1[2], false) }, increment: nil))
                } else {
                    let expiry = bound == .min ? nil : StateTable.Expiry(column: 1, bound: bound)
                    tables.append(
                        Self.table(
                            changes.map { ($0, $1.time, $1.value, $1.isGone) },
                            increment: .init(identity: [0], marksRemovals: true, expiry: expiry)))
                }
            }
            while tables.count > 1 {
                let count = 2 + Int(random.next() % UInt64(tables.count - 1))
                let first = Int(random.next() % UInt64(tables.count - count + 1))
                let merged = try #require(StateMerge.merge(Array(tables[first..<(first + count)])))
                tables.replaceSubrange(first..<(first + count), with: [merged])
            }
            #expect(tables[0].increment == nil)
            #expect(Self.rows(tables[0]).sorted { $0[0] < $1[0] } == truth.values.sorted { $0[0] < $1[0] }, "\(seed)")
        }
    }

    @Test("rows that are only added keep their order, and go by time") func appended() throws {
        let added = StateTable.Increment(identity: [], expiry: .init(column: 1, bound: 3))
        let tables = [
            Self.table([(1, 1, 1, false), (1, 5, 2, false)], increment: nil),
            Self.table([(1, 4, 3, false), (1, 5, 2, false)], increment: added),
        ]
        let merged = try #require(StateMerge.merge(tables))
        #expect(Self.rows(merged) == [[1, 5, 2], [1, 4, 3], [1, 5, 2]])
    }

    @Test("a table that a snapshot leaves out has no rows, before and after") func absent() throws {
        let change = StateTable.Increment(identity: [0], marksRemovals: true)
        let whole = Self.table([(1, 1, 1, false)], increment: nil)
        let later = Self.table([(2, 2, 2, false)], increment: change)
        #expect(StateMerge.merge([[whole], []]).isEmpty)
        let merged = StateMerge.merge([[whole], [], [later]])
        #expect(merged.count == 1 && merged[0].increment == nil)
        #expect(Self.rows(merged[0]) == [[2, 2, 2]])
        // Without a beginning it stays an increment.
        #expect(StateMerge.merge([[later], [later]])[0].increment == change)
    }
}
