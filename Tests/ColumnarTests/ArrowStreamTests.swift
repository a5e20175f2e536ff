import Testing

@testable import Columnar

/// A batch with a column of every sample type.
func everyTypeBatch(_ count: Int, nullRate: Double, _ random: inout Seeded) -> RecordBatch {
    let schema = Schema(sampleTypes.enumerated().map { Field("c\($0)", $1) })
    let columns = sampleTypes.map { randomColumn($0, count, nullRate: nullRate, using: &random) }
    return RecordBatch(schema: schema, columns: columns, rowCount: count)
}

@Suite struct ArrowStreamTests {
    @Test(arguments: [false, true]) func `A stream gives back what was written`(textAsOffsets: Bool) throws {
        var random = Seeded(51)
        let batches = [(7, 0.0), (0, 0.0), (65, 0.3), (130, 1.0)].map { everyTypeBatch($0, nullRate: $1, &random) }
        let bytes = try ArrowStreamWriter.stream(batches, schema: batches[0].schema, textAsOffsets: textAsOffsets)
        let (schema, read) = try ArrowStreamReader.read(bytes)
        #expect(schema == batches[0].schema)
        #expect(read.count == batches.count)
        for (batch, other) in zip(batches, read) {
            for (column, copy) in zip(batch.columns, other.columns) {
                #expect(same(copy, column.scalars), "\(column.type.sqlName)")
            }
        }
    }

    @Test func `A stream may come in pieces of any size`() throws {
        var random = Seeded(52)
        let batches = (0..<3).map { _ in everyTypeBatch(11, nullRate: 0.2, &random) }
        let bytes = try ArrowStreamWriter.stream(batches, schema: batches[0].schema)
        var reader = ArrowStreamReader()
        var read: [RecordBatch] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + 1 + random.below(700))
            bytes[start..<end].withUnsafeBytes { reader.push($0) }
            while let batch = try reader.next() { read.append(batch) }
            start = end
        }
        try reader.end()
        #expect(reader.isFinished)
        #expect(read.map(\.rowCount) == [11, 11, 11])
        for (batch, other) in zip(batches, read) {
            #expect(zip(batch.columns, other.columns).allSatisfy { same($1, $0.scalars) })
        }
    }

    @Test func `Metadata travels with the schema`() throws {
        let writer = ArrowStreamWriter(schema: Schema([]), metadata: [("epoch", "7"), ("", "empty key")])
        var bytes: [UInt8] = []
        writer.writeSchema(to: &bytes)
        writer.writeEnd(to: &bytes)
        var reader = ArrowStreamReader()
        bytes.withUnsafeBytes { reader.push($0) }
        #expect(try reader.next() == nil)
        #expect(reader.metadata.map(\.key) == ["epoch", ""])
        #expect(reader.metadata.map(\.value) == ["7", "empty key"])
    }

    @Test func `A slice of a large text column is written without the bytes it does not use`() throws {
        let long = (0..<5000).map { ScalarValue.utf8("a value that is longer than a view: \($0)") }
        let column = Column.of(.utf8, long).slice(100, 3)
        let batch = RecordBatch(schema: Schema([Field("t", .utf8)]), columns: [column], rowCount: 3)
        let bytes = try ArrowStreamWriter.stream([batch], schema: batch.schema)
        #expect(bytes.count < 2000)
        #expect(same(try ArrowStreamReader.read(bytes).batches[0].columns[0], Array(long[100..<103])))
    }

    @Test func `A cut stream is an error, not a crash`() throws {
        var random = Seeded(53)
        let batch = everyTypeBatch(5, nullRate: 0.2, &random)
        let bytes = try ArrowStreamWriter.stream([batch], schema: batch.schema)
        let bodyEnd = bytes.count - 8
        for length in stride(from: 1, to: bodyEnd, by: 7) {
            #expect(throws: ArrowError.self) { try ArrowStreamReader.read(Array(bytes[..<length])) }
        }
        #expect(try ArrowStreamReader.read(Array(bytes[..<bodyEnd])).batches.count == 1)
    }

    @Test(arguments: [false, true]) func `No damaged bytes crash the reader`(textAsOffsets: Bool) throws {
        var random = Seeded(54)
        let batches = (0..<2).map { _ in everyTypeBatch(9, nullRate: 0.3, &random) }
        let bytes = try ArrowStreamWriter.stream(batches, schema: batches[0].schema, textAsOffsets: textAsOffsets)
        var readCount = 0
        for _ in 0..<1500 {
            var damaged = bytes
            for _ in 0...random.below(6) {
                let index = random.below(3) == 0 ? random.below(bytes.count) : random.below(min(4000, bytes.count))
                let flipped = damaged[index] ^ (1 << random.below(8))
                damaged[index] = random.below(2) == 0 ? UInt8(random.below(256)) : flipped
            }
            guard let read = try? ArrowStreamReader.read(damaged) else { continue }
            readCount += 1
            // What was read can be looked at.
            for batch in read.batches where batch.rowCount < 1000 {
                for column in batch.columns { #expect(column.scalars.count == batch.rowCount) }
            }
        }
        #expect(readCount > 0)
    }

    @Test func `Noise is an error`() {
        var random = Seeded(55)
        for round in 0..<300 {
            var noise = (0..<random.below(400)).map { _ in UInt8(random.below(256)) }
            if round % 2 == 0 { noise = [0xFF, 0xFF, 0xFF, 0xFF, UInt8(random.below(200) + 1), 0, 0, 0] + noise }
            if let read = try? ArrowStreamReader.read(noise) { #expect(read.batches.isEmpty) }
        }
    }

    @Test func `Text that is not UTF-8 is refused`() throws {
        let column = Column.of(.binary, [ScalarValue(type: .binary, storage: .bytes([0x61, 0xFF]))])
        let batch = RecordBatch(
            schema: Schema([Field("t", .utf8)]), columns: [column.reinterpreted(as: .utf8)], rowCount: 1)
        let bytes = try ArrowStreamWriter.stream([batch], schema: batch.schema)
        #expect(throws: ArrowError("a value of Arrow column 't' is not UTF-8: row 0")) {
            try ArrowStreamReader.read(bytes)
        }
    }

    @Test(
        arguments: [
            ([0x24], true), ([0xC3, 0xA9], true), ([0xE2, 0x82, 0xAC], true), ([0xF0, 0x9F, 0x98, 0x80], true),
            ([0xC0, 0x80], false), ([0xE0, 0x80, 0x80], false), ([0xED, 0xA0, 0x80], false),
            ([0xF5, 0x80, 0x80, 0x80], false),
            ([0xF4, 0x90, 0x80, 0x80], false), ([0xE2, 0x82], false), ([0x80], false), ([0xC3, 0x28], false),
            ([], true),
        ] as [([UInt8], Bool)])
    func `UTF-8 is checked by the table of the standard`(bytes: [UInt8], isValid: Bool) {
        #expect(bytes.withUnsafeBytes { UTF8Check.isValid($0) } == isValid)
        let padded = Array("0123456789".utf8) + bytes + Array("0123456789".utf8)
        #expect(padded.withUnsafeBytes { UTF8Check.isValid($0) } == isValid)
    }
}
