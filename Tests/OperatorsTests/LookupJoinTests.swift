import Columnar
import Dataflow
import Expressions
import HostSystem
import Synchronization
import TestKit
import Testing

@testable import Operators

/// Lookup joins equal a join with the whole table, whatever is cached; they ask a batch at a time.
@Suite struct LookupJoinTests {
    static let input = Schema([Field("k", .int64), Field("a", .int64)])
    static let table = Schema([Field("id", .int64), Field("text", .utf8)])

    /// What was asked, by all sources of a test.
    final class Log: Sendable {
        let questions = Mutex<[Int]>([])
        let isClosed = Atomic<Bool>(false)
        var wasClosed: Bool { isClosed.load(ordering: .relaxed) }
    }

    /// Keys divisible by 3 have no row, those divisible by 4 have two; answers after having waited.
    final class Source: LookupSource {
        let log: Log
        var version = 0

        init(_ log: Log) { self.log = log }

        static func rows(_ key: Int64, _ version: Int) -> [String] {
            key % 3 == 0 ? [] : key % 4 == 0 ? ["first of \(key)", "second of \(key)"] : ["\(key) v\(version)"]
        }

        func lookUp(_ keys: [Column], count: Int) async throws -> LookupResult {
            await Task.yield()
            log.questions.withLock { $0.append(count) }
            let ids = ColumnBuilder(.int64)
            let texts = ColumnBuilder(.utf8)
            var numbers: [Int32] = []
            for key in 0..<count {
                let id = keys[0].pointer(Int64.self)[key]
                for text in Self.rows(id, version) {
                    ids.append(.int64(id))
                    texts.append(.utf8(text))
                    numbers.append(Int32(key))
                }
            }
            return LookupResult(columns: [ids.finish(), texts.finish()], keys: numbers)
        }

        func onClose() async { log.isClosed.store(true, ordering: .relaxed) }
    }

    static func spec(keepsUnmatched: Bool, _ options: [String: OptionValue], residual: Bool = false) -> LookupJoinSpec {
        let schema = input.appending(table.fields)
        return LookupJoinSpec(
            table: ConnectorSpec(connector: "fake", table: "t", options: options, schema: table), tableKeys: [0],
            keys: [column(input, "k")], keepsUnmatched: keepsUnmatched,
            residual: residual
                ? .comparison(.notEqual, column(schema, "text"), .literal(.utf8("second of 4"))) : nil, schema: schema)
    }

    static func make(
        _ spec: LookupJoinSpec, _ log: Log, clock: (any WallClock)? = nil, batchSize: Int = 8192
    ) throws -> (target: any Operator, context: OperatorContext) {
        var context = OperatorContext.testing(batchSize: batchSize)
        if let clock { context.clock = clock }
        context.makeLookup = { _, _, _ in Source(log) }
        return (try OperatorCatalog.make(.lookupJoin(spec), context: context), context)
    }

    @Test("every row meets the rows of its key", arguments: [0, 600, 5000, 1 << 20], [true, false])
    func randomKeys(cacheBytes: Int64, keepsUnmatched: Bool) async throws {
        var random = SeededRandom(UInt64(cacheBytes) &+ (keepsUnmatched ? 1 : 2))
        let log = Log()
        let spec = Self.spec(
            keepsUnmatched: keepsUnmatched, ["lookup.cache.max_bytes": .int(cacheBytes)], residual: true)
        let (target, context) = try Self.make(spec, log, batchSize: 7)
        let collector = RecordingCollector()
        var wanted: [String] = []
        var distinct = 0
        for round in 0..<60 {
            let rows = (0..<(1 + random.below(12))).map { _ -> [ScalarValue] in
                let isNull = random.chance(0.1)
                return [isNull ? .null(.int64) : .int64(Int64(random.below(40))), .int64(Int64(round))]
            }
            distinct += Set(rows.compactMap { $0[0].intValue }).count
            for row in rows {
                let texts = row[0].intValue.map { Source.rows($0, 0) } ?? []
                let kept = texts.filter { $0 != "second of 4" }
                wanted += lines(kept.map { row + [row[0], .utf8($0)] })
                if kept.isEmpty && keepsUnmatched { wanted += lines([row + [.null(.int64), .null(.utf8)]]) }
            }
            try target.process(BatchBuilder.batch(Self.input, rows), input: 0, into: collector)
            if random.chance(0.7), target.isUnsettled { _ = try await target.settle(into: collector) }
        }
        if target.isUnsettled { _ = try await target.settle(into: collector) }
        #expect(collector.lines == wanted, "in the order of the rows")
        let hits = context.metrics.lookupHits.load(ordering: .relaxed)
        let misses = context.metrics.lookupMisses.load(ordering: .relaxed)
        #expect(hits + misses == distinct)
        #expect(misses == log.questions.withLock { $0.reduce(0, +) })
        #expect(target.stateByteCount <= Int(cacheBytes) + 4096, "the cache stays within its room")
        if cacheBytes == 0 { #expect(hits == 0) }
        if cacheBytes == 1 << 20 { #expect(misses <= 40, "each key is asked for once") }
        await target.onClose()
        #expect(log.wasClosed)
    }

    @Test("what comes behind a batch that waits, waits too; a watermark does not overtake it")
    func order() async throws {
        let log = Log()
        let (target, _) = try Self.make(Self.spec(keepsUnmatched: false, [:]), log)
        let collector = RecordingCollector()
        func batch(_ key: Int, _ number: Int) -> RecordBatch {
            BatchBuilder.batch("k int64 | a int64\n\(key) | \(number)")
        }
        #expect(try target.onWatermark(1, into: collector) == 1)
        try target.process(batch(1, 1), input: 0, into: collector)
        #expect(target.isUnsettled && collector.lines.isEmpty)
        #expect(try target.onWatermark(5, into: collector) == nil)
        try target.process(batch(1, 2), input: 0, into: collector)
        #expect(try target.onWatermark(7, into: collector) == nil)
        #expect(try await target.settle(into: collector) == 7)
        #expect(collector.lines == ["1|1|1|1 v0", "1|2|1|1 v0"])
        #expect(log.questions.withLock { $0 } == [1], "the second batch found its key in the cache")
        try target.process(batch(1, 3), input: 0, into: collector)
        #expect(!target.isUnsettled, "what is known goes through at once")
        #expect(collector.lines.count == 3)
    }

    @Test("a row is believed for its time to live, also that there is none")
    func timeToLive() async throws {
        let log = Log()
        let clock = ManualClock()
        let spec = Self.spec(keepsUnmatched: true, ["lookup.cache.ttl": .string("10 seconds")])
        let (target, _) = try Self.make(spec, log, clock: clock)
        let collector = RecordingCollector()
        let rows = BatchBuilder.batch("k int64 | a int64\n1 | 1\n3 | 1")
        for (wait, asked) in [(0, 1), (9_000, 1), (1_000, 2), (9_999, 2), (1, 3)] {
            clock.advance(millis: Int64(wait))
            try target.process(rows, input: 0, into: collector)
            if target.isUnsettled { _ = try await target.settle(into: collector) }
            #expect(log.questions.withLock { $0.count } == asked, "after \(wait) ms")
        }
        #expect(collector.lines.count == 10)
    }
}
