import Testing

@testable import Columnar

/// Group tables, join tables, hashes and sorting against dictionaries and plain sorts.
@Suite struct GroupingTests {
    /// One to three key columns of random types, nulls and equal values common.
    static func keys(_ count: Int, using random: inout Seeded) -> [Column] {
        // Scalars compare floats by IEEE rules and intervals by parts, which keys do not.
        let types: [DataType] = sampleTypes.filter { type in
            if case .map = type { return false }
            return type != .null && type != .interval && !type.isFloat
        }
        return (0..<(1 + random.below(3))).map { _ in
            let type = types[random.below(types.count)]
            let pool = (0..<6).map { _ in randomScalar(type, nullRate: 0.2, using: &random) }
            let values = (0..<(count + 5)).map { _ in pool[random.below(pool.count)] }
            return Column.of(type, values).slice(3, count)
        }
    }

    static func row(_ columns: [Column], _ row: Int) -> [ScalarValue] { columns.map { $0.scalar(at: row) } }

    @Test("equal keys get one id, numbered as they come; keys come back", arguments: 1...30)
    func groups(seed: UInt64) {
        var random = Seeded(seed)
        let columns = Self.keys(300, using: &random)
        let table = GroupTable(keyTypes: columns.map(\.type))
        var expected: [[ScalarValue]: UInt32] = [:]
        var order: [[ScalarValue]] = []
        var start = 0
        while start < 300 {
            let length = min(300 - start, 1 + random.below(90))
            let part = columns.map { $0.slice(start, length) }
            var ids = [UInt32](repeating: 0, count: length)
            table.intern(part, rowCount: length, into: &ids)
            for index in 0..<length {
                let key = Self.row(part, index)
                if expected[key] == nil {
                    expected[key] = UInt32(order.count)
                    order.append(key)
                }
                #expect(ids[index] == expected[key], "seed \(seed), row \(start + index)")
            }
            start += length
        }
        #expect(table.groupCount == order.count)
        let keys = table.keys()
        for (index, key) in order.enumerated() { #expect(Self.row(keys, index) == key, "seed \(seed)") }
        let tail = table.keys(from: order.count / 2)
        #expect(tail.allSatisfy { $0.count == order.count - order.count / 2 })
        var found = [Int32](repeating: 0, count: 300)
        table.find(columns, rowCount: 300, into: &found)
        for index in 0..<300 { #expect(UInt32(found[index]) == expected[Self.row(columns, index)]) }
    }

    @Test("a table grows from nothing to many thousand keys", arguments: [DataType.int64, .utf8])
    func manyKeys(type: DataType) {
        let count = 50_000
        let values = (0..<count).map { number in
            type == .int64 ? ScalarValue.int64(Int64(number) &* 7919) : .utf8("key number \(number)")
        }
        let column = Column.of(type, values)
        let table = GroupTable(keyTypes: [type])
        var ids = [UInt32](repeating: 0, count: count)
        table.intern([column], rowCount: count, into: &ids)
        #expect(ids == (0..<UInt32(count)).map { $0 })
        table.intern([column], rowCount: count, into: &ids)
        #expect(ids == (0..<UInt32(count)).map { $0 })
        #expect(table.groupCount == count)
    }

    @Test("a join table gives every pair, nulls by the rule", arguments: 1...20, [true, false])
    func joins(seed: UInt64, nullsEqual: Bool) {
        var random = Seeded(seed &* 17)
        let both = Self.keys(120, using: &random)
        let build = both.map { $0.slice(0, 70) }
        let probe = both.map { $0.slice(70, 50) }
        let table = JoinTable(keyTypes: both.map(\.type), nullsEqual: nullsEqual)
        table.insert(build.map { $0.slice(0, 30) }, rowCount: 30)
        table.insert(build.map { $0.slice(30, 40) }, rowCount: 40)
        var wanted: [[Int]] = []
        for row in 0..<50 {
            let key = Self.row(probe, row)
            if !nullsEqual && key.contains(where: \.isNull) { continue }
            for other in 0..<70 where Self.row(build, other) == key { wanted.append([row, other]) }
        }
        let pairs = table.probe(probe, rowCount: 50)
        let found = (0..<pairs.probeRows.count).map { [pairs.probeRows[$0], pairs.buildRows[$0]] }
        #expect(found == wanted, "seed \(seed)")
        // In pieces it is the same.
        var position = table.startProbe(probe, rowCount: 50)
        var pieces: [[Int]] = []
        while !position.isAtEnd {
            let part = table.probe(&position, limit: 1 + random.below(7))
            pieces += (0..<part.probeRows.count).map { [part.probeRows[$0], part.buildRows[$0]] }
        }
        #expect(pieces == wanted, "seed \(seed)")
        let matched = table.matches(probe, rowCount: 50)
        #expect((0..<50).allSatisfy { row in matched[row] == wanted.contains { $0[0] == row } })
    }

    @Test("equal values have equal hashes, whatever column they lie in", arguments: 1...20)
    func hashes(seed: UInt64) {
        var random = Seeded(seed &* 23)
        let columns = Self.keys(200, using: &random)
        let buffer = Hashing.hash(columns, rowCount: 200)
        let hashes = (0..<200).map { buffer.assuming(UInt64.self)[$0] }
        var known: [[ScalarValue]: UInt64] = [:]
        for row in 0..<200 {
            let key = Self.row(columns, row)
            #expect(known[key].map { $0 == hashes[row] } ?? true, "seed \(seed)")
            known[key] = hashes[row]
            let alone = columns.map { Column.of($0.type, [$0.scalar(at: row)]) }
            let single = Hashing.hash(alone, rowCount: 1)
            let hash = withExtendedLifetime(single) { single.assuming(UInt64.self)[0] }
            #expect(hash == hashes[row])
        }
        #expect(Set(known.values).count == known.count)
    }

    @Test("sorting equals a stable sort by value order", arguments: 1...40)
    func sorting(seed: UInt64) {
        var random = Seeded(seed &* 29)
        let types: [DataType] = sampleTypes.filter { type in if case .map = type { false } else { true } }
        let count = random.below(150)
        let columns = (0..<(1 + random.below(3))).map { _ in
            let type = types[random.below(types.count)]
            let values = (0..<(count + 4)).map { _ in randomScalar(type, nullRate: 0.2, using: &random) }
            return Column.of(type, values).slice(2, count)
        }
        let orders = columns.map { _ in
            SortOrder(isDescending: random.below(2) == 0, nullsFirst: random.below(2) == 0)
        }
        let limit = random.below(3) == 0 ? random.below(20) : nil
        let sorted = Sorting.sortedIndices(columns, orders: orders, rowCount: count, limit: limit)
        func precedes(_ left: Int, _ right: Int) -> Bool {
            for (column, order) in zip(columns, orders) {
                let (a, b) = (column.isNull(left), column.isNull(right))
                if a || b {
                    if a == b { continue }
                    return a == order.nullsFirst
                }
                let comparison = ValueOrder.compare(column, left, column, right)
                if comparison != 0 { return (comparison < 0) != order.isDescending }
            }
            return left < right
        }
        let wanted = (0..<count).sorted(by: precedes).prefix(limit ?? count)
        #expect((0..<sorted.count).map { sorted[$0] } == Array(wanted), "seed \(seed), \(columns.map(\.type.sqlName))")
    }
}
