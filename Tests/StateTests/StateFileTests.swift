import Codecs
import Columnar
import TestKit
import Testing

@testable import State

struct StateFileTests {
    /// Two nodes' tables with numbers, texts, lists and nulls.
    static func states() throws -> [NodeState] {
        let texts = ColumnBuilder(.utf8)
        for index in 0..<40 { texts.append(index % 7 == 0 ? .null(.utf8) : .utf8("text number \(index)")) }
        let numbers = Column(type: .int64, count: 40, values: .copying((0..<40).map { Int64($0) * 1_000_003 }))
        let lists = Column(
            type: .list(.int64), count: 40, values: .copying((0...40).map { Int32($0) }), children: [numbers])
        let groups = StateTable("groups", .keyed(columnCount: 1), [texts.finish(), numbers, lists], rowCount: 40)
        return [
            NodeState(node: 3, subtask: 1, tables: [groups, StateTable("progress", numbers: [5, .min, .max])]),
            NodeState(node: 4, subtask: 1, tables: []),
        ]
    }

    static func rows(_ states: [NodeState]) -> [String] {
        states.flatMap { state in
            state.tables.flatMap { table in
                (0..<table.batch.rowCount).map {
                    "\(state.node).\(state.subtask) \(table.name) \(table.distribution) \(table.batch.row($0))"
                }
            }
        }
    }

    @Test("each node's part of a file is counted, the large one's over many blocks")
    func parts() throws {
        var random = SeededRandom(7)
        let numbers = (0..<100_000).map { _ in Int64(bitPattern: random.next()) }
        let many = StateTable(
            "n", .everywhere, [Column(type: .int64, count: 100_000, values: .copying(numbers))], rowCount: 100_000)
        let states = [
            NodeState(node: 3, subtask: 0, tables: [StateTable("n", numbers: [1])]),
            NodeState(node: 4, subtask: 0, tables: [many]), NodeState(node: 5, subtask: 0, tables: []),
        ]
        var plain: [UInt8] = []
        var writer = try StateFileWriter(codec: .none) { plain += Array($0) }
        try writer.write(states)
        let counts = writer.plainByteCounts
        #expect(Set(counts.keys) == [3, 4, 5] && counts[5] == 12)
        #expect((800_000..<900_000).contains(counts[4] ?? 0) && (12..<2000).contains(counts[3] ?? 0), "\(counts)")
        // What is left are heads: of the file, of the list of nodes, and of a block each.
        let heads = plain.count - counts.values.reduce(0, +)
        #expect(heads > 0 && heads < 1000, "\(heads)")
    }

    @Test("what was written is read back", arguments: [Codec.none, .zstd, .lz4])
    func roundTrip(codec: Codec) throws {
        let states = try Self.states()
        let read = try StateFile.decode(try StateFile.encode(states, codec: codec))
        #expect(read.map(\.node) == [3, 4])
        #expect(Self.rows(read) == Self.rows(states))
        #expect(Self.rows(read).count == 41)
    }

    @Test("every flipped bit and every cut is noticed", arguments: [Codec.none, .zstd])
    func damage(codec: Codec) throws {
        let bytes = try StateFile.encode(try Self.states(), codec: codec)
        #expect(bytes.count > 200)
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= 1 << UInt8(position % 8)
            #expect(throws: StateFileError.self) { _ = try StateFile.decode(damaged) }
        }
        for length in 0..<bytes.count {
            #expect(throws: StateFileError.self) { _ = try StateFile.decode(Array(bytes[..<length])) }
        }
    }
}
