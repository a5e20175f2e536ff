import TestKit
import Testing

@testable import Columnar

/// A snapshot of arrays stays what it was, whatever their owner writes, and little is copied for it.
@Suite struct ArraySnapshotTests {
    /// Two arrays of different widths by the same groups.
    private struct Arrays: ~Copyable {
        var wide = GroupArray<Int64>(initial: -1)
        var narrow = GroupArray<UInt8>(initial: 7)
        var live = LiveSnapshots()

        mutating func resize(_ count: Int) {
            wide.resize(count)
            narrow.resize(count)
        }

        mutating func write(_ groups: [UInt32], _ value: Int64) {
            live.willWrite(groups, count: groups.count)
            for group in groups {
                wide[Int(group)] = value &+ Int64(group)
                narrow[Int(group)] = UInt8(truncatingIfNeeded: value)
            }
        }

        mutating func take() -> ArraySnapshot { live.take([wide.view, narrow.view], count: wide.count) }

        var copy: [[Int64]] { [(0..<wide.count).map { wide[$0] }, (0..<narrow.count).map { Int64(narrow[$0]) }] }
    }

    private static func read(_ snapshot: ArraySnapshot, _ range: Range<Int>) -> [[Int64]] {
        let wide = snapshot.values(0, range, as: Int64.self)
        let narrow = snapshot.values(1, range, as: UInt8.self)
        return [
            range.indices.map { wide.assuming(Int64.self)[$0 - range.lowerBound] },
            range.indices.map { Int64(narrow.assuming(UInt8.self)[$0 - range.lowerBound]) },
        ]
    }

    @Test("several snapshots at a time stay as they were, while groups are written and added", arguments: 1...5)
    func unchanged(seed: UInt64) {
        var random = SeededRandom(seed)
        var arrays = Arrays()
        arrays.resize(random.below(3000))
        var held: [(snapshot: ArraySnapshot, copy: [[Int64]])] = []
        for step in 0..<120 {
            if random.chance(0.2) { arrays.resize(arrays.wide.count + random.below(400)) }
            if random.chance(0.1) { arrays.wide.detach() }
            if random.chance(0.15) { held.append((arrays.take(), arrays.copy)) }
            if random.chance(0.1), !held.isEmpty { held.remove(at: random.below(held.count)) }
            let count = arrays.wide.count
            if count > 0 {
                let groups = (0..<random.below(60)).map { _ in UInt32(random.below(count)) }
                arrays.write(groups, Int64(step) * 1000)
            }
            for (snapshot, copy) in held {
                let first = random.below(copy[0].count + 1)
                let range = first..<first + random.below(copy[0].count - first + 1)
                #expect(Self.read(snapshot, range) == copy.map { Array($0[range]) }, "seed \(seed), step \(step)")
            }
        }
        for (snapshot, copy) in held { #expect(Self.read(snapshot, 0..<copy[0].count) == copy) }
    }

    @Test("what is kept is as much as is written to, each chunk once")
    func keptBytes() {
        var arrays = Arrays()
        arrays.resize(100_000)
        let snapshot = arrays.take()
        #expect(snapshot.keptByteCount == 0)
        for _ in 0..<3 { arrays.write([5, 6, 70_000], 9) }
        #expect(snapshot.keptByteCount == 2 * 64 * 9)
        // Groups that came later belong to nobody's snapshot.
        arrays.resize(100_500)
        arrays.write([100_400], 1)
        #expect(snapshot.keptByteCount == 2 * 64 * 9)
        #expect(Self.read(snapshot, 5..<7) == [[-1, -1], [7, 7]])
    }

    @Test("arrays that have moved on are not watched any more")
    func frozen() {
        var arrays = Arrays()
        arrays.resize(1000)
        let snapshot = arrays.take()
        arrays.resize(1_000_000)
        arrays.write(Array(0..<1000), 3)
        #expect(snapshot.keptByteCount == 0)
        #expect(!arrays.live.mayBeRead)
        #expect(Self.read(snapshot, 998..<1000) == [[-1, -1], [7, 7]])
    }

    @Test("nothing is kept for a snapshot that is gone")
    func released() {
        var arrays = Arrays()
        arrays.resize(1000)
        do { _ = arrays.take() }
        #expect(arrays.live.mayBeRead)
        arrays.write([1], 1)
        #expect(!arrays.live.mayBeRead)
    }

    @Test("a reader on another thread sees what was, while the owner writes", arguments: 1...3)
    func concurrent(seed: UInt64) async {
        var random = SeededRandom(seed)
        var arrays = Arrays()
        arrays.resize(20_000)
        arrays.write((0..<20_000).map { UInt32($0) }, 77)
        let copy = arrays.copy
        let snapshot = arrays.take()
        let reader = Task.detached {
            (0..<20).allSatisfy { _ in Self.read(snapshot, 0..<20_000) == copy }
        }
        for step in 0..<400 {
            arrays.write((0..<50).map { _ in UInt32(random.below(20_000)) }, Int64(step))
        }
        #expect(await reader.value)
        #expect(arrays.copy != copy)
    }

    @Test(
        "the keys of a table stay as they were, also when it is emptied",
        arguments: [
            [DataType.int64], [.int32, .boolean], [.utf8], [.utf8, .int64], [],
        ])
    func keys(types: [DataType]) {
        var random = SeededRandom(3)
        let table = GroupTable(keyTypes: types)
        func add(_ count: Int) {
            let columns = types.map { RandomData.column($0, count, isSmall: false, using: &random) }
            let ids = Buffer(byteCount: count * 4)
            table.intern(columns, rowCount: count, into: ids.assuming(UInt32.self))
        }
        func text(_ columns: [Column]) -> [[ScalarValue]] {
            columns.map { column in (0..<column.count).map { column.scalar(at: $0) } }
        }
        add(300)
        let snapshot = table.snapshot()
        let copy = text(table.keys())
        for round in 0..<4 {
            if round == 2 { table.removeAll() }
            add(2000)
            #expect(text(snapshot.keys(0..<snapshot.count)) == copy, "round \(round)")
            let some = Selection((0..<snapshot.count).filter { $0 % 3 == 1 })
            #expect(text(snapshot.keys(of: some)) == copy.map { c in c.indices.filter { $0 % 3 == 1 }.map { c[$0] } })
        }
    }
}
