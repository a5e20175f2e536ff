import Columnar
import State

/// State that is dealt out to parts a slice at a time, by way of files, so that never much of it is in memory.
///
/// It may come from several files of a chain, each of which adds to those before: rows of one identity have the same
/// keys, so a part's share can be merged by itself.
final class DealtState {
    /// What one file of the chain gave.
    private struct Generation {
        /// One of each table: without rows if these are dealt out by keys, else with those that every part gets.
        var tables: [StateTable] = []
        /// The files that hold the rows of each part.
        var segments: [[SegmentFile.Segment]]
    }

    private let keys: SpillKeys
    private let write: Write
    /// Bytes that may wait in memory.
    private let byteLimit: Int
    private var generations: [Generation] = []
    private var waiting: [[StateTable]]
    private var waitingBytes = 0 {
        didSet { tell(waitingBytes) }
    }
    private let tell: (Int) -> Void

    /// Writes a file of so many pieces.
    typealias Write = (Int, (Int) throws -> [StateTable]) throws -> [SegmentFile.Segment]

    /// `tell` is told how many bytes wait in memory.
    init(_ keys: SpillKeys, byteLimit: Int, tell: @escaping (Int) -> Void, write: @escaping Write) {
        self.tell = tell
        self.keys = keys
        self.byteLimit = byteLimit
        self.write = write
        waiting = Array(repeating: [], count: keys.partCount)
    }

    /// What comes from here on adds to what has come before.
    func begin() throws {
        try flush()
        generations.append(Generation(segments: Array(repeating: [], count: keys.partCount)))
    }

    /// Takes all rows of a table.
    func add(all table: StateTable) throws {
        try table.forEachSlice(.init(byteCount: max(1 << 16, byteLimit / 4))) { rows in
            var slice = table
            slice.batch = rows
            try add(slice)
        }
    }

    /// Takes rows of a table.
    func add(_ slice: StateTable) throws {
        let last = generations.count - 1
        let isKnown = generations[last].tables.contains { $0.name == slice.name }
        guard case .keyed(let keyCount) = slice.distribution else {
            generations[last].tables.append(slice)
            return
        }
        if !isKnown {
            var empty = slice
            empty.batch = slice.batch.slice(0, 0).compacted()
            generations[last].tables.append(empty)
        }
        var byteCount = 0
        for (part, rows) in keys.split(slice, keyCount: keyCount) {
            var share = slice
            share.batch = rows
            waiting[part].append(share)
            byteCount += SpillPart.memory(of: rows)
        }
        waitingBytes += byteCount
        if waitingBytes > byteLimit { try flush() }
    }

    private func flush() throws {
        let parts = waiting.indices.filter { !waiting[$0].isEmpty }
        if parts.isEmpty { return }
        let segments = try write(parts.count) { StateTable.joining(waiting[parts[$0]]) }
        let last = generations.count - 1
        for (part, segment) in zip(parts, segments) {
            generations[last].segments[part].append(segment)
            waiting[part] = []
        }
        waitingBytes = 0
    }

    /// To be called when all has come.
    func finish() throws { try flush() }

    /// Whether there are rows of a part.
    func hasRows(part: Int) -> Bool { generations.contains { !$0.segments[part].isEmpty } }

    /// What every part gets. Cost: none.
    func common() -> [StateTable] {
        StateMerge.merge(
            generations.map { StateTable.joining($0.tables.filter { $0.distribution == .everywhere }) })
    }

    /// All tables of a part. Errors: those of `SegmentFile.Segment.read`.
    func tables(part: Int) throws -> [StateTable] {
        StateMerge.merge(
            try generations.map { generation in
                let rows = try generation.segments[part].flatMap { try $0.read() }
                return StateTable.joining(generation.tables + rows)
            })
    }
}
