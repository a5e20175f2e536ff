import Testing

@testable import Columnar

@Suite struct SelectingTests {
    static let counts = [0, 1, 7, 64, 65, 150]

    @Test(arguments: sampleTypes) func `Taking gives the rows at the positions`(type: DataType) {
        var random = Seeded(11)
        for count in Self.counts {
            for nullRate in [0, 0.3] {
                let column = randomColumn(type, count, nullRate: nullRate, using: &random)
                let scalars = column.scalars
                let positions = count == 0 ? [] : (0..<random.below(140)).map { _ in random.below(count) }
                #expect(same(column.taking(Selection(positions)), positions.map { scalars[$0] }))
                let sparse = (0..<random.below(140)).map { _ in random.below(count + 1) - 1 }
                #expect(
                    same(
                        column.takingOrNull(Selection(sparse)), sparse.map { $0 < 0 ? .null(type) : scalars[$0] }))
            }
        }
    }

    @Test(arguments: sampleTypes) func `Filtering keeps the rows whose bit is set`(type: DataType) {
        var random = Seeded(12)
        for count in Self.counts {
            let column = randomColumn(type, count, using: &random)
            for percent in [0, 40, 100] {
                let bits = (0..<count + 5).map { _ in random.below(100) < percent }
                let mask = Bitmap(bits).slice(5, count)
                let kept = (0..<count).filter { bits[$0 + 5] }
                let scalars = column.scalars
                #expect(same(column.filtered(by: mask), kept.map { scalars[$0] }))
            }
        }
    }

    @Test(arguments: sampleTypes) func `Concatenating appends rows and merges data buffers`(type: DataType) {
        var random = Seeded(13)
        for _ in 0..<6 {
            let whole = randomColumn(type, 100, using: &random)
            var parts = (0..<random.below(5) + 1).map { _ in
                randomColumn(type, random.below(80), nullRate: Double(random.below(2)) / 5, using: &random)
            }
            parts.append(whole.slice(3, 40))
            parts.append(whole.slice(50, 17))
            let joined = Column.concatenating(parts)
            #expect(same(joined, parts.flatMap(\.scalars)))
            #expect(Set(joined.dataBuffers.map(ObjectIdentifier.init)).count == joined.dataBuffers.count)
        }
    }

    @Test(arguments: sampleTypes) func `Compacting keeps the rows and lets go of foreign bytes`(type: DataType) {
        var random = Seeded(14)
        let column = randomColumn(type, 2000, using: &random)
        let slice = column.slice(1000, 30)
        let compact = slice.compacted()
        #expect(same(compact, slice.scalars))
        #expect(compact.byteCount <= 30 * 400)
        #expect(same(compact.compacted(), slice.scalars))
        let exact = column.compacted()
        #expect(same(exact, column.scalars))
    }

    @Test(arguments: sampleTypes) func `Selecting by a mask blends two columns`(type: DataType) {
        var random = Seeded(15)
        for count in Self.counts {
            for nullRate in [0, 0.3] {
                let left = randomColumn(type, count, nullRate: nullRate, using: &random)
                let right = randomColumn(type, count, nullRate: 0.1, using: &random)
                let bits = (0..<count + 3).map { _ in random.below(2) == 0 }
                let blended = Column.selecting(mask: Bitmap(bits).slice(3, count), left, right)
                let expected = (0..<count).map { (bits[$0 + 3] ? left : right).scalar(at: $0) }
                #expect(same(blended, expected))
            }
        }
    }

    @Test(arguments: sampleTypes) func `Scattering places the rows of every part`(type: DataType) {
        var random = Seeded(16)
        for count in Self.counts {
            for coverage in [60, 100] {
                var rows: [[Int]] = [[], [], []]
                for row in (0..<count).shuffled(using: &random) where random.below(100) < coverage {
                    rows[random.below(3)].append(row)
                }
                let parts = rows.map { positions in
                    (column: randomColumn(type, positions.count, using: &random), positions: Selection(positions))
                }
                var expected = [ScalarValue](repeating: .null(type), count: count)
                for (part, positions) in zip(parts, rows) {
                    for (index, row) in positions.enumerated() { expected[row] = part.column.scalar(at: index) }
                }
                #expect(same(Column.scattering(parts, count: count, type: type), expected))
            }
        }
    }

    @Test func `Views inline every short length and reference every longer one`() {
        var builder = ViewBuilder(capacity: 1, arenaSize: 16)
        let texts = (0..<40).map { String("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG".prefix($0)) }
        for text in texts { builder.append(text) }
        builder.appendNull()
        let column = builder.finish()
        #expect(column.scalars.dropLast().map(\.stringValue) == texts)
        #expect(column.isNull(40))
        let views = column.pointer(StringView.self)
        for length in 0...12 {
            let padded = withUnsafeBytes(of: views[length]) { Array($0) }
            #expect(padded[(4 + length)...].allSatisfy { $0 == 0 })
        }
    }

    @Test func `Bitmaps append in bulk as they do bit by bit`() {
        var random = Seeded(17)
        var bulk = BitmapBuilder()
        var reference: [Bool] = []
        for _ in 0..<200 {
            let length = random.below(150)
            if random.below(2) == 0 {
                let bit = random.below(2) == 0
                bulk.append(repeating: bit, count: length)
                reference += Array(repeating: bit, count: length)
            } else {
                let bits = (0..<length + 9).map { _ in random.below(2) == 0 }
                bulk.append(contentsOf: Bitmap(bits).slice(9, length))
                reference += bits.dropFirst(9)
            }
        }
        let bitmap = bulk.finish()
        #expect(bitmap.count == reference.count)
        #expect(reference.indices.allSatisfy { bitmap[$0] == reference[$0] })
    }

    @Test func `Fixed-width builders remember nulls among values`() {
        var builder = FixedWidthBuilder<Int64>(capacity: 2)
        let values: [Int64?] = (0..<300).map { $0 % 7 == 3 ? nil : Int64($0) }
        for value in values {
            if let value { builder.append(value) } else { builder.appendNull(0) }
        }
        let column = builder.finish(.int64)
        #expect(column.scalars.map(\.intValue) == values)
    }
}
