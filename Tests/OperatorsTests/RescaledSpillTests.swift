import Columnar
import Dataflow
import HostSystem
import State
import TestKit
import Testing

@testable import Operators

/// State of several subtasks, of which only some had been divided into parts, read by others in another number.
@Suite(.serialized) struct RescaledSpillTests {
    private typealias Budget = SpillingBudgetTests

    private static let keyCount = 900
    private static let rowCount = 1500

    /// The rows whose keys belong to a subtask.
    private static func share(_ batch: RecordBatch, keyCount: Int, _ subtask: Int, of count: Int) -> RecordBatch {
        let words = Hashing.hash(Array(batch.columns.prefix(keyCount)), rowCount: batch.rowCount)
        let hashes = words.assuming(UInt64.self)
        let own = withExtendedLifetime(words) {
            (0..<batch.rowCount).filter { Int((hashes[$0] >> 20) % UInt64(count)) == subtask }
        }
        return batch.taking(Selection(own))
    }

    private static func share(_ table: StateTable, _ subtask: Int, of count: Int) -> StateTable {
        guard case .keyed(let keyCount) = table.distribution else { return table }
        var part = table
        part.batch = share(table.batch, keyCount: keyCount, subtask, of: count)
        return part
    }

    /// What a subtask had been given, and its state as a checkpoint holds it.
    private static func former(_ subtask: Int, of count: Int, _ space: SpillSpace?) throws -> any Operator {
        let made = try OperatorCatalog.make(Budget.spec, context: Budget.context(space))
        try made.onStart()
        for first in stride(from: 0, to: rowCount, by: 25) {
            let rows = share(Budget.batch(first, 25, keyCount: keyCount), keyCount: 1, subtask, of: count)
            try made.process(rows, input: 0, into: RecordingCollector())
        }
        return made
    }

    private static func bytes(_ node: Int, _ tables: [StateTable]) throws -> [UInt8] {
        try StateFile.encode([NodeState(node: node, subtask: 0, tables: tables)])
    }

    @Test("a divided and a whole subtask go on in another number, with all their rows", arguments: [1, 2, 3])
    func mixed(targets: Int) throws {
        let free = try Self.former(0, of: 1, nil)
        let expected = try Budget.end(free, RecordingCollector())
        try Budget.withSpace(limit: 1 << 20) { space in
            let divided = try Self.former(0, of: 2, space)
            // As before every checkpoint.
            try divided.flushEverything(into: RecordingCollector())
            let snapshot = try divided.snapshot()
            #expect(snapshot.pieces.count > 4, "it has been divided")
            let whole = try Self.former(1, of: 2, nil)
            let stored = try Self.bytes(1, try whole.snapshot().tables)
            var found: [String] = []
            for target in 0..<targets {
                let next = try OperatorCatalog.make(Budget.spec, context: Budget.context(space))
                let pieces = snapshot.pieces.map { piece in
                    RestoredPiece(part: piece.part) {
                        let bytes = try PosixFileSystem().readAll(piece.file.path, byteCountMax: .max)
                        return try StateFile.decode(bytes).flatMap(\.tables).map { Self.share($0, target, of: targets) }
                    }
                }
                let unread = StoredState(
                    byteCount: stored.count,
                    files: [
                        { body in
                            for table in try StateFile.decode(stored).flatMap(\.tables) {
                                try body(Self.share(table, target, of: targets))
                            }
                        }
                    ])
                try next.restore(RestoredState(snapshot.tables, pieces: pieces, stored: [unread]))
                try next.onStart()
                found += try Budget.end(next, RecordingCollector())
            }
            #expect(found.sorted() == expected, "\(found.count) of \(expected.count) rows")
        }
    }
}
