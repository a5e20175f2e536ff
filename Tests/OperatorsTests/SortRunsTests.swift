import Columnar
import Dataflow
import Expressions
import HostSystem
import State
import TestKit
import Testing

@testable import Operators

/// Sorting in runs that lie in files gives what sorting in memory gives, equal keys in the order they came.
@Suite struct SortRunsTests {
    static let schema = Schema([Field("a", .int64), Field("s", .utf8), Field("n", .int64)])

    /// An operator with a folder of its own for what does not fit.
    static func make(
        _ spec: SortSpec, _ files: SimulatedFileSystem, _ budget: MemoryBudget, folder: String
    ) throws -> SortOperator {
        var context = OperatorContext.testing(now: 0, batchSize: 7)
        try files.makeDirectory(folder)
        context.spillSpace = SpillSpace(budget: budget, fileSystem: files, directory: folder, partCount: 1)
        return SortOperator(spec, context: context, leastRunByteCount: 800)
    }

    @Test("random rows with many equal keys, limits, and restarts on the way", arguments: 1...16)
    func equalsMemory(seed: Int) throws {
        var random = SeededRandom(UInt64(seed) &* 6151)
        let rows = (0..<(200 + random.below(1500))).map { number -> [ScalarValue] in
            [
                random.chance(0.1) ? .null(.int64) : .int64(Int64(random.below(12))),
                .utf8(random.chance(0.5) ? "x" : "a text too long for a view \(random.below(3))"),
                .int64(Int64(number)),
            ]
        }
        let keys = ["a", "s"].map {
            SortKey(expression: column(Self.schema, $0), isDescending: seed % 2 == 0, nullsFirst: seed % 3 == 0)
        }
        let spec = SortSpec(
            keys: keys, offset: seed % 5 == 0 ? 13 : 0, limit: seed % 4 == 0 ? random.below(700) : nil)
        let pieces = RandomData.pieces(BatchBuilder.batch(Self.schema, rows), longest: 60, using: &random)
        let expected = RecordingCollector()
        let inMemory = SortOperator(spec, context: .testing(now: 0, batchSize: 7))
        for piece in pieces { try inMemory.process(piece, input: 0, into: expected) }
        try inMemory.onEnd(into: expected)

        let files = SimulatedFileSystem()
        let budget = MemoryBudget(limit: 4 * (1000 + random.below(20_000)))
        let collector = RecordingCollector()
        var fileCount = 0
        var folders = ["spill-0"]
        do {
            var target = try Self.make(spec, files, budget, folder: "spill-0")
            for piece in pieces {
                try target.process(piece, input: 0, into: collector)
                fileCount = max(fileCount, try files.list(folders[folders.count - 1]).count)
                #expect(budget.usedBytes <= budget.limit)
                guard random.chance(0.1) else { continue }
                let snapshot = try target.snapshot()
                let restored = snapshot.pieces.map { piece in
                    RestoredPiece(part: piece.part) {
                        try StateFile.decode(try files.readAll(piece.file.path)).flatMap(\.tables)
                    }
                }
                folders.append("spill-\(folders.count)")
                let fresh = try Self.make(spec, files, budget, folder: folders[folders.count - 1])
                try fresh.restore(RestoredState(snapshot.tables, pieces: Array(restored.reversed())))
                target = fresh
            }
            try target.onEnd(into: collector)
        }
        if spec.limit == nil { #expect(fileCount > 1, "rows went to files") }
        #expect(collector.lines == expected.lines, "seed \(seed)")
        #expect(try folders.allSatisfy { try files.list($0).isEmpty }, "no file is left")
        #expect(budget.usedBytes == 0)
    }
}
