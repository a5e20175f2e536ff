import Columnar
import Dataflow
import State
import TestKit
import Testing

@testable import Operators

/// Watermarks of a source whose splits lie apart in time.
struct SplitWatermarkTests {
    static let second: UInt64 = 1_000_000_000

    @Test("the least of the splits that are not silent counts, as a list of all rows says", arguments: 1...60)
    func least(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        let idle: UInt64? = seed % 5 == 0 ? nil : 10
        var splits = SplitWatermarks(idleNanos: idle)
        var rows: [(split: Int64, watermark: Int64?, time: UInt64)] = []
        var known: [Int64: UInt64] = [:]
        var time: UInt64 = 0
        for _ in 0..<200 {
            time += UInt64(random.below(4))
            let split = Int64(random.below(4))
            switch random.below(3) {
            case 0:
                let assigned = Set(known.keys).union([split])
                splits.assign(assigned, at: time)
                for one in assigned where known[one] == nil { known[one] = time }
            case 1:
                let watermark = random.below(5) == 0 ? nil : Int64(random.below(1000))
                splits.note(split, watermark, at: time)
                if known[split] == nil { known[split] = time }
                rows.append((split, watermark, time))
            default:
                var watermarks: [Int64?] = []
                for (split, since) in known {
                    let own = rows.filter { $0.split == split }
                    if let idle, time - max(since, own.last?.time ?? 0) >= idle { continue }
                    watermarks.append(own.compactMap(\.watermark).max())
                }
                let expected = watermarks.contains(nil) ? nil : watermarks.compactMap { $0 }.min()
                #expect(splits.least(at: time) == expected)
            }
        }
    }

    @Test("a split that is known by its rows alone does not hide one that is assigned") func notedFirst() {
        var splits = SplitWatermarks(idleNanos: nil)
        splits.note(7, 100, at: 0)
        splits.assign([3], at: 0)
        #expect(splits.least(at: 0) == nil, "split 3 has no rows yet")
        splits.note(3, 20, at: 0)
        #expect(splits.least(at: 0) == 20)
    }

    static let schema = Schema([Field("ts", .timestamp)])

    struct Stream {
        var target: WatermarkOperator
        let splits: SourceSplits
        let collector = RecordingCollector()

        init(_ splits: [Int64], idleMillis: Int64? = 30_000, restoring tables: [StateTable]? = nil) throws {
            let spec = WatermarkSpec(
                eventTime: 0, watermark: column(SplitWatermarkTests.schema, "ts"), idleMillis: idleMillis)
            target = WatermarkOperator(spec, context: .testing())
            self.splits = SourceSplits()
            target.follow(self.splits)
            if let tables { try target.restore(RestoredState(tables)) }
            for split in splits { self.splits.assign(split) }
        }

        /// Rows of `(split, time)`, in their order.
        func feed(_ rows: [(Int64, Int64)]) throws {
            splits.note(rows.enumerated().map { .init(split: $1.0, end: $0 + 1) })
            let column = Column(type: .timestamp, count: rows.count, values: .copying(rows.map(\.1)))
            try target.process(
                RecordBatch(schema: SplitWatermarkTests.schema, columns: [column], rowCount: rows.count), input: 0,
                into: collector)
        }
    }

    @Test("a slow split holds the watermark back, one without rows too, until it is silent for the idle time")
    func slow() throws {
        let stream = try Stream([0, 1, 2])
        try stream.feed([(0, 100), (1, 10), (0, 200)])
        #expect(stream.target.currentWatermark == nil, "split 2 has no rows yet")
        try stream.feed([(2, 50)])
        #expect(stream.target.currentWatermark == 10)
        try stream.feed([(1, 20), (2, 60), (1, 15)])
        #expect(stream.target.currentWatermark == 20)
        #expect(stream.target.hasUnflushedChanges)
        stream.splits.watched(nanoseconds: 29 * Self.second)
        try stream.feed([(0, 300), (2, 70)])
        #expect(stream.target.currentWatermark == 20)
        stream.splits.watched(nanoseconds: Self.second)
        // Time alone does it: no row comes.
        try stream.target.flush(into: stream.collector)
        #expect(stream.target.currentWatermark == 70)
        try stream.feed([(1, 25)])
        #expect(stream.target.currentWatermark == 70, "it never goes back")
        try stream.feed([(0, 400), (2, 400)])
        #expect(stream.target.currentWatermark == 70, "what is awake again counts")
    }

    @Test("a split that may have rows which are not read is not silent, however long none came")
    func unread() throws {
        let stream = try Stream([0, 1], idleMillis: 10_000)
        stream.splits.tellEnds(lasting: 3 * Self.second)
        func after(_ seconds: UInt64) throws -> Int64? {
            stream.splits.watched(nanoseconds: seconds * Self.second)
            try stream.target.flush(into: stream.collector)
            return stream.target.currentWatermark
        }
        try stream.feed([(0, 100), (1, 10)])
        #expect(try after(60) == 10, "nobody could say whether there is more")
        #expect(stream.target.hasUnflushedChanges && !stream.splits.areRead)
        try stream.feed([(0, 200)])
        stream.splits.foundEnd(of: 1)
        #expect(try after(1) == 200, "the second has nothing left to read")
        #expect(try after(3) == 200 && stream.splits.mayHaveRows(1))
        try stream.feed([(0, 300)])
        #expect(stream.target.currentWatermark == 200, "what was found is old: the second may have rows again")
        stream.splits.foundEnd(of: 0)
        stream.splits.foundEnd(of: 1)
        #expect(try after(0) == 300 && stream.splits.areRead)
    }

    @Test("rows that stand for bad records say nothing of the time, whatever is in them", arguments: 1...40)
    func timeless(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let schema = Schema([Field("ts", .timestamp), Field("error", .utf8)])
        let spec = WatermarkSpec(eventTime: 0, watermark: nil, idleMillis: nil, timeless: 1)
        let target = WatermarkOperator(spec, context: .testing())
        let splits = SourceSplits()
        if seed % 3 > 0 { target.follow(splits) }
        for split in 0..<3 { splits.assign(Int64(split)) }
        let collector = RecordingCollector()
        var greatest: [Int64: Int64] = [:]
        for _ in 0..<20 {
            let rows = (0..<Int.random(in: 1...8, using: &random)).map { _ in
                (split: Int64(random.below(3)), isBad: random.below(3) == 0, time: Int64(random.below(1000)) << 32)
            }
            let times = Self.times(rows.map { $0.isBad && random.below(2) == 0 ? nil : $0.time })
            var errors = ViewBuilder(capacity: rows.count)
            for row in rows { if row.isBad { errors.append("wrong") } else { errors.appendNull() } }
            splits.note(rows.enumerated().map { .init(split: $1.split, end: $0 + 1) })
            try target.process(
                RecordBatch(schema: schema, columns: [times, errors.finish(.utf8)], rowCount: rows.count), input: 0,
                into: collector)
            for row in rows where !row.isBad { greatest[row.split] = max(greatest[row.split] ?? .min, row.time) }
            let expected =
                seed % 3 > 0 ? (greatest.count == 3 ? greatest.values.min() : nil) : greatest.values.max()
            #expect(target.currentWatermark == expected.map { $0 - WatermarkOperator.defaultDelay })
        }
    }

    /// Timestamps, some of them NULL.
    private static func times(_ values: [Int64?]) -> Column {
        var builder = FixedWidthBuilder<Int64>(capacity: values.count)
        for value in values { if let value { builder.append(value) } else { builder.appendNull(-5) } }
        return builder.finish(.timestamp)
    }

    @Test("without an idle time a silent split holds the watermark for ever")
    func neverIdle() throws {
        let stream = try Stream([0, 1], idleMillis: nil)
        try stream.feed([(0, 100)])
        stream.splits.watched(nanoseconds: 1_000_000 * Self.second)
        try stream.feed([(0, 200)])
        #expect(stream.target.currentWatermark == nil && !stream.target.hasUnflushedChanges)
    }

    @Test("splits have their watermarks again after a restart, with whichever subtask reads them")
    func restored() throws {
        let stream = try Stream([0, 1, 2, 3])
        try stream.feed([(0, 100), (1, 10), (2, 50), (3, 40)])
        let state = try stream.target.snapshot()
        for (splits, expected) in [([Int64(0), 2], Int64(50)), ([1, 3], 40)] {
            let next = try Stream(splits, restoring: state.tables)
            #expect(next.target.currentWatermark == 10)
            // Also a checkpoint before the first row holds what was known.
            let again = try Stream(splits, restoring: try next.target.snapshot().tables)
            try again.feed([(splits[0], 60)])
            #expect(again.target.currentWatermark == expected)
        }
        let two = try [[Int64(0), 2], [1, 3]].map { try Stream($0, restoring: state.tables) }
        try two[0].feed([(0, 200), (2, 90)])
        try two[1].feed([(1, 30), (3, 45)])
        let tables = try two.flatMap { try $0.target.snapshot().tables }
        let one = try Stream([0, 1, 2, 3], restoring: tables)
        #expect(one.target.currentWatermark == 30)
        try one.feed([(1, 300)])
        #expect(one.target.currentWatermark == 45)
    }

    @Test("a split that nobody reads at a checkpoint keeps its watermark until somebody does")
    func unassigned() throws {
        let stream = try Stream([0, 1, 2])
        try stream.feed([(0, 100), (1, 10), (2, 50)])
        var tables = try stream.target.snapshot().tables
        // Two subtasks, one of which was stopped before it was given its split; twice.
        for round in 0..<2 {
            let first = try Stream([0], restoring: tables)
            let second = try Stream([], restoring: tables)
            try first.feed([(0, 200 + Int64(round))])
            tables = try [second, first].flatMap { try $0.target.snapshot().tables }
        }
        let one = try Stream([0, 1, 2], restoring: tables)
        try one.feed([(1, 300)])
        #expect(one.target.currentWatermark == 50, "split 2 is where it was")
        try one.feed([(2, 400)])
        #expect(one.target.currentWatermark == 201, "and split 0 where its reader left it")
    }
}
