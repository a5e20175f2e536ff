import Columnar
import State
import TestKit
import Testing

@testable import Operators

/// Rows by key that come and go and grow old: what the table says has changed, added up, is the table itself.
@Suite struct KeyedRowTableTests {
    private static func table(shares: Bool) -> KeyedRowTable {
        KeyedRowTable(
            keyTypes: [.int64], rowTypes: [.int64, .int64], sharesEntries: shares, nullsMatch: false,
            isCheckpointed: true)
    }

    private static func numbers(_ values: [Int64]) -> Column {
        Column(type: .int64, count: values.count, values: .copying(values))
    }

    /// Keys, values, how many, partners: what matters of each row.
    private static func lines(_ table: KeyedRowTable) -> [String] {
        guard let batch = table.snapshot("t")?.batch else { return [] }
        return (0..<batch.rowCount).map { row in
            batch.columns.prefix(5).map { BatchBuilder.text($0.scalar(at: row)) }.joined(separator: "|")
        }.sorted()
    }

    @Test("increments add up, also when entries are numbered anew", arguments: [false, true], 0..<40)
    func increments(shares: Bool, seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        var table = Self.table(shares: shares)
        var live: [[Int64]] = []
        var history: [[StateTable]] = []
        for time in 0..<Int64(60) {
            for _ in 0..<random.below(6) {
                let isRemoval = shares && !live.isEmpty && random.chance(0.4)
                let row =
                    isRemoval
                    ? live.remove(at: random.below(live.count))
                    : [Int64(random.below(5)), Int64(random.below(4)), Int64(random.below(3))]
                if !isRemoval { live.append(row) }
                let entries = table.change(
                    [Self.numbers([row[0]])], [Self.numbers([row[1]]), Self.numbers([row[2]])], rowCount: 1,
                    retractions: Bitmap([isRemoval]), at: time)
                if entries[0] >= 0, random.chance(0.3) {
                    table.setPartners(Int32(random.below(5)), of: Int(entries[0]))
                }
            }
            if random.chance(0.2) {
                table.expire(before: time - 6, byKey: false)
                // What is left is what the table says.
                live = []
                if shares { continue }
            }
            if random.chance(0.4) {
                let next = history.isEmpty ? table.snapshot("t") : table.increment("t")
                history.append([next].compactMap { $0 })
                if history.count > 4 { history = history.dropLast(2) + [StateMerge.merge(Array(history.suffix(2)))] }
                let restored = Self.table(shares: shares)
                restored.restore(RestoredState(StateMerge.merge(history)), "t")
                let copy = Self.table(shares: shares)
                copy.restore(RestoredState(StateMerge.merge(history)), "t")
                let found = Self.lines(restored)
                // A look at all of the table itself would make it forget what has changed: a fresh one goes on.
                #expect(found == Self.lines(table), "seed \(seed), time \(time)")
                table = copy
            }
        }
    }
}
