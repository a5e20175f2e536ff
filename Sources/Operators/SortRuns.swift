import Columnar
import Dataflow
import State

/// Sorted runs of rows in local files, each in pieces small enough that one of every run fits into memory, and their
/// merging.
///
/// The pieces at hand are sorted together; what lies before the first end of a run that goes on can have no row before
/// it that is still in a file, and comes out. Rows of equal keys come out in the order of their runs.
final class SortRuns {
    /// Bytes that a piece of a run aims at.
    private static let pieceByteCount = 256 << 10

    private let space: SpillSpace
    private let context: OperatorContext
    private let leastByteCount: Int
    private var files: [[SpillFile]] = []
    private var fileNumber = 0
    private(set) var rowCount = 0
    /// Bytes in files.
    private(set) var byteCount = 0
    private var toldBytes = 0
    /// While runs are merged: the rows of each run at hand, and the next of its files.
    private var hands: [RecordBatch?] = []
    private var nextFiles: [Int] = []
    private var pieceRowCount = 1

    /// Runs are at least so long.
    init(_ space: SpillSpace, _ context: OperatorContext, leastByteCount: Int) {
        self.space = space
        self.context = context
        self.leastByteCount = leastByteCount
        space.budget.join()
    }

    deinit { space.budget.leave(holding: toldBytes) }

    /// Tells the budget what is held in memory. True when it is enough for a run: a quarter of what may be held, as
    /// sorting takes as much again.
    func isRunDue(byteCount: Int) -> Bool {
        space.budget.add(byteCount - toldBytes)
        toldBytes = byteCount
        return byteCount >= max(leastByteCount, space.budget.allowance(holding: toldBytes) / 4)
    }

    /// Adds a sorted run. Errors: `OperationalError`.
    func add(_ run: RecordBatch) throws {
        let rowBytes = max(1, run.byteCount / max(1, run.rowCount))
        let pieceRows = max(1, min(Self.pieceByteCount, max(leastByteCount / 4, 1)) / rowBytes)
        pieceRowCount = max(pieceRowCount, pieceRows)
        var pieces: [SpillFile] = []
        for first in stride(from: 0, to: run.rowCount, by: pieceRows) {
            let rows = run.slice(first, min(pieceRows, run.rowCount - first)).compacted()
            fileNumber += 1
            let table = StateTable(name: "rows", distribution: .everywhere, batch: rows)
            let file = try SpillFile.write(
                [table], node: context.nodeID, subtask: context.subtask, version: fileNumber, space)
            pieces.append(file)
            byteCount += file.byteCount
        }
        files.append(pieces)
        rowCount += run.rowCount
        space.budget.add(-toldBytes)
        toldBytes = 0
    }

    /// All files, in the order of their rows' coming.
    var pieces: [StatePiece] {
        files.flatMap { $0 }.enumerated().map { StatePiece(part: $0, version: $1.version, file: $1) }
    }

    /// The next rows in order; nil behind the last. No run may be added any more. Errors: `OperationalError`,
    /// `StateFileError`, those of `keys`.
    func next(keys: (RecordBatch) throws -> [Column], _ orders: [SortOrder]) throws -> RecordBatch? {
        if hands.isEmpty {
            hands = files.map { _ in nil }
            nextFiles = files.map { _ in 0 }
        }
        try fillHands()
        let held = hands.indices.filter { hands[$0] != nil }
        let parts = held.compactMap { hands[$0] }
        if parts.isEmpty { return nil }
        let all = RecordBatch.concatenating(parts)
        let order = Sorting.sortedIndices(try keys(all), orders: orders, rowCount: all.rowCount)
        let starts = parts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.rowCount) }
        // The last row at hand of each run that goes on.
        let ends = Set(held.indices.filter { nextFiles[held[$0]] < files[held[$0]].count }.map { starts[$0 + 1] - 1 })
        let last = ends.isEmpty ? nil : (0..<order.count).first { ends.contains(Int(order[$0])) }
        let count = (last ?? order.count - 1) + 1
        var goneCounts = held.map { _ in 0 }
        for place in 0..<count {
            let row = Int(order[place])
            var part = 0
            while row >= starts[part + 1] { part += 1 }
            goneCounts[part] += 1
        }
        for (index, run) in held.enumerated() {
            let kept = parts[index].rowCount - goneCounts[index]
            hands[run] = kept == 0 ? nil : parts[index].slice(goneCounts[index], kept)
        }
        return all.taking(Selection((0..<count).map { Int(order[$0]) }))
    }

    /// Reads on in every run of which little is at hand.
    private func fillHands() throws {
        for run in hands.indices {
            while nextFiles[run] < files[run].count, (hands[run]?.rowCount ?? 0) * 2 < pieceRowCount {
                let tables = try files[run][nextFiles[run]].read()
                nextFiles[run] += 1
                let rows = ([hands[run]] + tables.map(\.batch)).compactMap { $0 }
                if !rows.isEmpty { hands[run] = RecordBatch.concatenating(rows).compacted() }
            }
        }
    }

    func removeAll() {
        (files, hands, nextFiles) = ([], [], [])
        (rowCount, byteCount) = (0, 0)
    }
}
