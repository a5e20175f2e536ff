import Codecs
import Columnar
import TestKit
import Testing

@testable import State

/// Reading a file front to back gives what reading it at once gives, for sound and for damaged ones.
struct StateFileReaderTests {
    static func read(_ bytes: [UInt8], pieceLimit: Int = .max) throws -> StateFileReader {
        var position = 0
        return try StateFileReader { room in
            let count = min(room.count, bytes.count - position, pieceLimit)
            for index in 0..<count { room[index] = bytes[position + index] }
            position += count
            return count
        }
    }

    static func states(_ bytes: [UInt8], pieceLimit: Int = .max) throws -> [String] {
        var reader = try read(bytes, pieceLimit: pieceLimit)
        var rows: [String] = []
        try reader.forEachSlice(where: { _, _ in true }) { node, subtask, slice in
            rows += StateFileTests.rows([NodeState(node: node, subtask: subtask, tables: [slice])])
        }
        #expect(reader.byteCount == bytes.count)
        #expect(reader.checksum == (try StateFile.checksum(bytes)))
        return rows
    }

    @Test("the same rows in the same order", arguments: [Codec.none, .zstd, .lz4], [1, 7, 1000])
    func sameRows(codec: Codec, pieceLimit: Int) throws {
        var states = try StateFileTests.states()
        states[0].tables[0].increment = .init(
            identity: [0, 1], marksRemovals: false, expiry: .init(column: 1, bound: 9))
        let bytes = try StateFile.encode(states, codec: codec)
        #expect(try Self.states(bytes, pieceLimit: pieceLimit) == StateFileTests.rows(states))
        var reader = try Self.read(bytes)
        var found: [StateTable.Increment?] = []
        try reader.forEachSlice(where: { node, _ in node == 3 }) { found.append($2.increment) }
        #expect(found == states[0].tables.map(\.increment))
    }

    @Test("a table of many blocks comes in slices, and only that of the node asked for")
    func slices() throws {
        let count = 70_000
        var random = SeededRandom(5)
        let numbers = Column(
            type: .int64, count: count, values: .copying((0..<count).map { _ in Int64(bitPattern: random.next()) }))
        let big = StateTable("big", .keyed(columnCount: 1), [numbers, numbers, numbers], rowCount: count)
        let bytes = try StateFile.encode([
            NodeState(node: 1, subtask: 0, tables: [big]), NodeState(node: 2, subtask: 0, tables: [big]),
        ])
        var reader = try Self.read(bytes)
        var (rows, most, values): (Int, Int, [Int64]) = (0, 0, [])
        try reader.forEachSlice(where: { node, _ in node == 2 }) { node, _, slice in
            #expect(node == 2)
            rows += slice.rowCount
            most = max(most, slice.rowCount)
            values.append(slice.batch.columns[0].pointer(Int64.self)[0])
        }
        #expect(rows == count && most <= 1 << 14)
        #expect(values == stride(from: 0, to: count, by: 1 << 14).map { numbers.pointer(Int64.self)[$0] })
        #expect(reader.plainByteCount > 2 * count * 24)
    }

    @Test("every flipped bit and every cut is noticed", arguments: [Codec.none, .zstd])
    func damage(codec: Codec) throws {
        let bytes = try StateFile.encode(try StateFileTests.states(), codec: codec)
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= 1 << UInt8(position % 8)
            #expect(throws: StateFileError.self) { _ = try Self.states(damaged) }
        }
        for length in 0..<bytes.count {
            #expect(throws: StateFileError.self) { _ = try Self.states(Array(bytes[..<length])) }
        }
        #expect(throws: StateFileError.self) { _ = try Self.states(bytes + [0]) }
    }
}
