import Columnar
import Dataflow
import State
import TestKit
import Testing

@testable import Operators

/// Rows that wait for the watermark: what they hold is what still waits, with checkpoints and without.
@Suite struct WaitingRowsTests {
    static let schema = Schema([Field("k", .int64), Field("_timestamp", .timestamp)])

    static func rows(_ isCheckpointed: Bool) -> WaitingRows {
        var context = OperatorContext.testing(now: 0)
        context.isCheckpointed = isCheckpointed
        return WaitingRows(timeColumn: 1, keys: [column(schema, "k")], operatorName: "Test", context: context)
    }

    static func batch(_ times: Range<Int64>) -> RecordBatch {
        let columns = [
            Column(type: .int64, count: times.count, values: .copying(times.map { $0 % 7 })),
            Column(type: .timestamp, count: times.count, values: .copying(Array(times))),
        ]
        return RecordBatch(schema: schema, columns: columns, rowCount: times.count)
    }

    @Test("rows that have gone are not held on to, however long no checkpoint is taken")
    func released() throws {
        var waiting = Self.rows(true)
        weak var first: Buffer?
        for round in Int64(0)..<50 {
            let batch = Self.batch(round * 100..<round * 100 + 100)
            if round == 0 { first = batch.columns[1].values }
            _ = waiting.append(batch, watermark: .min)
            _ = waiting.takeClosed(before: round * 100 + 50)
        }
        #expect(waiting.rowCount == 50)
        #expect(first == nil, "the first batch went long ago")
        #expect(waiting.byteCount < 4096)
    }

    @Test("an increment has what came since the one before and still waits", arguments: 1...20)
    func increments(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        var waiting = Self.rows(true)
        var fresh: [Int64] = []
        var (clock, all) = (Int64(0), 0)
        func times(_ table: StateTable?) -> [Int64] {
            guard let column = table?.batch.columns[2] else { return [] }
            return (0..<column.count).map { column.pointer(Int64.self)[$0] }.sorted()
        }
        if seed % 2 == 0 {
            _ = waiting.append(Self.batch(5..<9), watermark: .min)
            let table = try #require(try waiting.snapshot("rows"))
            waiting = Self.rows(true)
            waiting.restore(RestoredState([table]), "rows")
        }
        for _ in 0..<60 {
            switch random.below(3) {
            case 0:
                let from = clock + Int64(random.below(10))
                let batch = Self.batch(from..<from + Int64(random.below(20)))
                _ = waiting.append(batch, watermark: clock)
                fresh += from..<from + Int64(batch.rowCount)
            case 1:
                clock += Int64(random.below(12))
                _ = waiting.takeClosed(before: clock)
                fresh = fresh.filter { $0 >= clock }
            default:
                all += fresh.count
                #expect(times(try waiting.increment("rows", watermark: clock)) == fresh.sorted())
                fresh = []
            }
        }
        #expect(all > 0)
    }
}
