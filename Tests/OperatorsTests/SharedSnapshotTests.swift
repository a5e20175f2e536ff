import Columnar
import Dataflow
import Expressions
import State
import TestKit
import Synchronization
import Testing

@testable import Operators

/// What operators give out at a barrier is shared with them, not copied, and stays what it was.
@Suite struct SharedSnapshotTests {
    struct Case: CustomTestStringConvertible {
        var name: String
        var spec: OperatorSpec
        var input: Schema
        var testDescription: String { name }
    }

    static func updating(key: DataType) -> (UpdatingAggregateSpec, Schema) {
        let input = Schema([Field("k", key), Field("v", .int64), Field("_timestamp", .timestamp)])
        let value = column(input, "v")
        let calls = ["count", "sum", "min", "max", "last_value", "var"].map { name in
            let argument = name == "var" ? .cast(value, to: .float64, isTry: false) : value
            return AggregateCall(
                name: name, arguments: name == "count" ? [] : [argument], type: name == "var" ? .float64 : .int64)
        }
        let fields = [Field("k", key)] + calls.map { Field($0.name, $0.type) }
        return (
            UpdatingAggregateSpec(
                keys: [column(input, "k")], aggregates: calls, retraction: nil, emitsChanges: true, ttlMillis: nil,
                schema: Schema(fields + [UpdatingStateTests.retraction])), input
        )
    }

    static func cases() -> [Case] {
        let bounded = AggregateSpec(
            keys: [column(IncrementTests.over, "k")],
            aggregates: [AggregateCall(name: "count", arguments: [], type: .int64)],
            schema: Schema([Field("k", .int64), Field("n", .int64)]))
        let numbers = updating(key: .int64)
        let texts = updating(key: .utf8)
        return [
            Case(name: "updating aggregate", spec: .updatingAggregate(numbers.0), input: numbers.1),
            Case(name: "updating aggregate by text", spec: .updatingAggregate(texts.0), input: texts.1),
            Case(name: "bounded aggregate", spec: .aggregate(bounded), input: IncrementTests.over),
            Case(
                name: "tumbling windows",
                spec: .windowAggregate(WindowTests.spec(.tumble(width: 1000), keyed: true)), input: WindowTests.input),
            Case(
                name: "hopping windows",
                spec: .windowAggregate(WindowTests.spec(.hop(slide: 400, width: 1200), keyed: true)),
                input: WindowTests.input),
            Case(
                name: "session windows", spec: .windowAggregate(WindowTests.spec(.session(gap: 300), keyed: true)),
                input: WindowTests.input),
        ]
    }

    @Test(
        "what was given out at a barrier is the same after any number of rows, watermarks and flushes",
        arguments: cases(), 1...2 as ClosedRange<UInt64>)
    func unchanged(_ example: Case, seed: UInt64) async throws {
        var random = SeededRandom(seed)
        let target = try IncrementTests.make(example.spec)
        let collector = RecordingCollector()
        var held: [(tables: [StateTable], rows: [String])] = []
        var time = 0
        for round in 0..<9 {
            let rows = (0..<200).map { _ in (key: random.below(600), time: time + random.below(900)) }
            // Somebody reads on another thread meanwhile, as the one that writes files does.
            let reading = held.map { before in
                Task.detached { IncrementTests.rows(before.tables) == before.rows }
            }
            for piece in stride(from: 0, to: rows.count, by: 50) {
                try target.process(
                    IncrementTests.batch(example.input, Array(rows[piece..<piece + 50])), input: 0, into: collector)
            }
            if round % 2 == 1 { try target.flush(into: collector) }
            time += round % 4 == 2 ? 2000 : random.below(100)
            _ = try target.onWatermark(Int64(time), into: collector)
            for task in reading { #expect(await task.value, "round \(round)") }
            if round % 3 == 1 {
                let tables = try target.snapshot().tables
                held.append((tables, IncrementTests.rows(tables)))
                if held.count > 2 { held.removeFirst() }
            }
        }
        for (tables, rows) in held { #expect(IncrementTests.rows(tables) == rows) }
        #expect(held.count == 2 && held.allSatisfy { $0.rows.count > 100 })
    }

    #if DEBUG
        @Test("hardly anything is copied at a barrier, and little when the next rows come", arguments: cases())
        func copiedBytes(_ example: Case) throws {
            let target = try IncrementTests.make(example.spec)
            let collector = RecordingCollector()
            let count = 24_000
            let rows = (0..<count).map { (key: $0, time: 100 + $0 % 50) }
            for piece in stride(from: 0, to: count, by: 4000) {
                try target.process(
                    IncrementTests.batch(example.input, Array(rows[piece..<piece + 4000])), input: 0, into: collector)
            }
            try target.flush(into: collector)
            func copied(_ body: () throws -> Void) rethrows -> Int {
                let meter = BufferMeter()
                try BufferMeter.$current.withValue(meter) { try body() }
                return meter.byteCount.load(ordering: .relaxed)
            }
            let state = target.stateByteCount
            var tables: [StateTable] = []
            let atBarrier = try copied { tables = try target.snapshot().tables }
            #expect(tables.contains { $0.rowCount == count })
            #expect(state > 1_000_000 && atBarrier < state / 50, "\(atBarrier) of \(state) bytes at the barrier")
            let few = IncrementTests.batch(example.input, (0..<10).map { (key: $0 * 2399, time: 120) })
            let behind = try copied { try target.process(few, input: 0, into: collector) }
            #expect(behind < state / 4, "\(behind) of \(state) bytes behind it")
            // The meter counts: reading does copy.
            let reading = copied { _ = IncrementTests.rows(tables) }
            #expect(reading > state / 8, "\(reading) of \(state) bytes")
        }
    #endif
}
