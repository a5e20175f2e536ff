import Columnar
import Dataflow
import Foundation
import HostSystem
import State
import TestKit
import Testing

@testable import Operators

/// What operators say they hold stays within the budget, however much state there is, and the results are the same.
@Suite(.serialized) struct SpillingBudgetTests {
    static let spec = OperatorSpec.windowAggregate(WindowTests.spec(.tumble(width: 1 << 40), keyed: true))

    /// Rows of `keyCount` texts, 8000 bytes long, from row `first` on.
    static func batch(_ first: Int, _ count: Int, keyCount: Int) -> RecordBatch {
        let keys = ColumnBuilder(.utf8)
        for row in first..<first + count {
            let number = "\(row &* 7919 % keyCount)"
            keys.append(.utf8(number + String(repeating: "k", count: 8000 - number.utf8.count)))
        }
        let values = (first..<first + count).map { Int64($0) }
        let columns = [
            keys.finish(), Column(type: .int64, count: count, values: .copying(values)),
            Column(type: .timestamp, count: count, values: .copying(values)),
        ]
        return RecordBatch(schema: WindowTests.input, columns: columns, rowCount: count)
    }

    static func context(_ space: SpillSpace?) -> OperatorContext {
        var context = OperatorContext.testing(now: 0)
        context.isCheckpointed = true
        context.spillSpace = space
        return context
    }

    static func withSpace(limit: Int, _ body: (SpillSpace) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "laminar-budget-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(
            SpillSpace(
                budget: MemoryBudget(limit: limit), fileSystem: PosixFileSystem(), directory: folder, partCount: 16))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [], "files were left behind")
    }

    /// Results as rows in an order of their own.
    static func end(_ target: any Operator, _ collector: RecordingCollector) throws -> [String] {
        try target.onInputEnd(0, into: collector)
        _ = try target.onWatermark(.max, into: collector)
        try target.onEnd(into: collector)
        return collector.batches.flatMap { batch in
            let keys = batch.columns[0].viewReader
            let numbers = (1..<4).map { batch.columns[$0] }
            return (0..<batch.rowCount).map { row in
                "\(keys[row].prefix(8).map { $0 }) \(numbers.map { $0.pointer(Int64.self)[row] })"
            }
        }.sorted()
    }

    static func run(
        _ target: any Operator, rows: Range<Int>, keyCount: Int, _ collector: RecordingCollector,
        _ look: () -> Void = {}
    ) throws {
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: 25) {
            try target.process(
                batch(first, min(25, rows.upperBound - first), keyCount: keyCount), input: 0, into: collector)
            look()
        }
    }

    @Test("state of sixteen times the budget, and rows that wait for it, are within the budget")
    func sixteenfold() throws {
        let limit = 2 << 20
        let (rows, keyCount) = (4800, 4400)
        let free = try OperatorCatalog.make(Self.spec, context: Self.context(nil))
        try free.onStart()
        let wanted = RecordingCollector()
        try Self.run(free, rows: 0..<rows, keyCount: keyCount, wanted)
        #expect(free.stateByteCount > 16 * limit, "\(free.stateByteCount >> 20) MB are too few to show anything")
        let expected = try Self.end(free, wanted)
        try Self.withSpace(limit: limit) { space in
            let target = try OperatorCatalog.make(Self.spec, context: Self.context(space))
            try target.onStart()
            let collector = RecordingCollector()
            var (most, files) = (0, 0)
            try Self.run(target, rows: 0..<rows, keyCount: keyCount, collector) {
                most = max(most, space.budget.usedBytes)
                files = max(files, (try? FileManager.default.contentsOfDirectory(atPath: space.directory).count) ?? 0)
            }
            #expect(files > 16, "\(files) files")
            #expect(try Self.end(target, collector) == expected)
            #expect(most > limit / 8 && space.budget.mostUsedBytes <= limit, "\(space.budget.mostUsedBytes) bytes")
            print("budget \(limit), most used \(space.budget.mostUsedBytes), state \(free.stateByteCount)")
        }
    }

    @Test("a checkpoint that was written without a budget is dealt out as it is read, within the budget")
    func undivided() throws {
        let limit = 4 << 20
        let (rows, keyCount) = (3000, 2600)
        let free = try OperatorCatalog.make(Self.spec, context: Self.context(nil))
        try free.onStart()
        let wanted = RecordingCollector()
        var files: [[UInt8]] = []
        func checkpoint(_ state: StateSnapshot) throws {
            // A second node's tables lie in the same files.
            files.append(
                try StateFile.encode([
                    NodeState(node: 1, subtask: 0, tables: state.tables),
                    NodeState(node: 2, subtask: 0, tables: [StateTable("panes", numbers: [1])]),
                ]))
        }
        try Self.run(free, rows: 0..<2000, keyCount: keyCount, wanted)
        try checkpoint(try free.snapshot())
        _ = try free.onWatermark(50, into: wanted)
        for part in 4..<6 {
            try Self.run(free, rows: part * 500..<(part + 1) * 500, keyCount: keyCount, wanted)
            try checkpoint(try free.increment())
        }
        let stored = StoredState(
            byteCount: 100 << 20,
            files: files.map { bytes in
                { body in
                    var position = 0
                    var reader = try StateFileReader { room in
                        let count = min(room.count, bytes.count - position)
                        bytes.withUnsafeBytes {
                            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<position + count]))
                        }
                        position += count
                        return count
                    }
                    try reader.forEachSlice(where: { node, _ in node == 1 }) { try body($2) }
                }
            })
        try Self.run(free, rows: 3000..<rows + 400, keyCount: keyCount, wanted)
        let expected = try Self.end(free, wanted)
        try Self.withSpace(limit: limit) { space in
            let target = try OperatorCatalog.make(Self.spec, context: Self.context(space))
            try target.restore(RestoredState([], stored: [stored]))
            #expect(space.budget.mostUsedBytes > 100_000 && space.budget.mostUsedBytes <= limit / 2)
            try target.onStart()
            // The first checkpoint is as good as the one that was read.
            let pieces = try target.increment().pieces
            #expect(pieces.count > 8)
            let collector = RecordingCollector()
            try Self.run(target, rows: 3000..<rows + 400, keyCount: keyCount, collector)
            #expect(try Self.end(target, collector) == expected)
            #expect(space.budget.mostUsedBytes <= limit, "\(space.budget.mostUsedBytes) bytes")
            print("undivided: most used \(space.budget.mostUsedBytes) of \(limit)")
        }
    }
}
