import Columnar
import State
import TestKit
import Testing

@testable import Connectors

/// Which records are in a transaction and which in a checkpoint, against a plain model.
struct StagedRecordsTests {
    static func records(_ number: Int64) -> KafkaRecords {
        KafkaRecords(
            keys: .nulls(.binary, count: 1), values: text(number),
            millis: .of(.int64, [.int64(number)]))
    }

    private static func text(_ number: Int64) -> Column {
        var builder = ViewBuilder(capacity: 1)
        builder.append("\(number)")
        return builder.finish(.binary)
    }

    static func numbers(_ records: some Sequence<KafkaRecords>) -> [Int64] {
        records.map { $0.millis.pointer(Int64.self)[0] }
    }

    @Test("a transaction holds a beginning of what waits, and a commit exactly what was prepared", arguments: 0..<200)
    func model(seed: UInt64) {
        var random = SeededRandom(seed)
        var staged = StagedRecords()
        staged.writesEarly = random.below(2) == 0
        // The model: rows in order, how many of them are prepared, what the open transaction holds, what was committed.
        var rows: [Int64] = []
        var prepared = 0
        var open: [Int64]?
        var committed: [Int64] = []
        var next: Int64 = 0
        var epoch = 0
        func write(_ batches: ArraySlice<KafkaRecords>) {
            for batch in batches {
                if staged.written == nil {
                    staged.noteBegin()
                    open = []
                }
                open?.append(Self.numbers([batch])[0])
                staged.noteWritten()
            }
        }
        for _ in 0..<120 {
            switch random.below(5) {
            case 0, 1:
                staged.add(Self.records(next))
                rows.append(next)
                next += 1
                write(staged.early)
            case 2:
                epoch += 1
                staged.prepare(epoch: epoch)
                prepared = rows.count
                let table = staged.table(subtask: 3)
                let held = table.map { StagedRecords.restored(RestoredState([$0])) } ?? []
                #expect(held.flatMap { Array(Self.all($0.records)) } == Array(rows[..<prepared]))
                #expect(held.allSatisfy { $0.subtask == 3 && $0.epoch == epoch })
            case 3:
                guard let missing = staged.missing else {
                    #expect(prepared == 0)
                    continue
                }
                write(missing)
                #expect(open == Array(rows[..<prepared]), "seed \(seed)")
                committed += open ?? []
                staged.noteCommit()
                open = nil
                rows.removeFirst(prepared)
                prepared = 0
                write(staged.early)
            default:
                staged.noteAbort()
                open = nil
            }
            #expect(open.map { rows.starts(with: $0) } ?? true, "seed \(seed)")
            #expect(staged.byteCount == rows.reduce(0) { $0 + "\($1)".utf8.count }, "seed \(seed)")
        }
        #expect(committed == Array(0..<Int64(committed.count)), "seed \(seed)")
    }

    private static func all(_ records: KafkaRecords) -> [Int64] {
        (0..<records.count).map { records.millis.pointer(Int64.self)[$0] }
    }
}
