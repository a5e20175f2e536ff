import Columnar
import Dataflow
import Expressions
import Synchronization
import TestKit
import Testing

@testable import Operators

/// Windowed aggregates equal a direct computation, whatever the order and the batches.
@Suite struct WindowTests {
    static let input = Schema([
        Field("k", .utf8), Field("v", .int64), Field(HiddenColumn.eventTime, .timestamp, isNullable: false),
    ])

    static func spec(_ window: WindowKind, keyed: Bool) -> WindowAggregateSpec {
        let value = column(input, "v")
        let keys = keyed ? [column(input, "k")] : []
        var fields = keyed ? [Field("k", .utf8)] : []
        fields += [Field("n", .int64), Field("total", .int64), Field("greatest", .int64)]
        if window != .instant {
            fields.append(Field("window", .structure([Field("start", .timestamp), Field("end", .timestamp)])))
        }
        fields.append(Field(HiddenColumn.eventTime, .timestamp, isNullable: false))
        return WindowAggregateSpec(
            window: window, eventTime: 2, keys: keys,
            aggregates: [
                AggregateCall(name: "count", arguments: [], type: .int64),
                AggregateCall(name: "sum", arguments: [value], type: .int64),
                AggregateCall(name: "max", arguments: [value], type: .int64),
            ], schema: Schema(fields))
    }

    /// All windows over rows none of which is late.
    static func reference(_ rows: [[ScalarValue]], _ window: WindowKind, keyed: Bool) -> [String] {
        var (slide, width): (Int64, Int64) = (1, 1)
        switch window {
        case .tumble(let length): (slide, width) = (length, length)
        case .hop(let step, let length): (slide, width) = (step, length)
        case .instant: break
        case .cumulate(let step, let length): return cumulated(rows, step, length, keyed: keyed)
        case .session(let gap): return sessions(rows, gap, keyed: keyed)
        }
        var groups: [String: [Int64: [ScalarValue]]] = [:]
        for row in rows {
            let time = row[2].intValue ?? 0
            var start = Int64((Double(time) / Double(slide)).rounded(.down)) * slide
            while start + width > time {
                groups[keyed ? BatchBuilder.text(row[0]) + "|" : "", default: [:]][start, default: []].append(row[1])
                start -= slide
            }
        }
        return groups.flatMap { key, windows in
            windows.map { start, values in
                line(key, values, start, start + width, showsBounds: window != .instant)
            }
        }.sorted()
    }

    static func line(
        _ key: String, _ values: [ScalarValue], _ start: Int64, _ end: Int64, showsBounds: Bool = true
    ) -> String {
        let present = values.compactMap(\.intValue)
        let total = present.isEmpty ? "NULL" : "\(present.reduce(0, +))"
        let bounds = showsBounds ? "|[\(start), \(end)]" : ""
        let greatest = present.max().map(String.init) ?? "NULL"
        return "\(key)\(values.count)|\(total)|\(greatest)\(bounds)|\(end - 1)"
    }

    static func byKey(_ rows: [[ScalarValue]], keyed: Bool) -> [String: [(time: Int64, value: ScalarValue)]] {
        Dictionary(grouping: rows) { keyed ? BatchBuilder.text($0[0]) + "|" : "" }.mapValues { rows in
            rows.map { ($0[2].intValue ?? 0, $0[1]) }.sorted { $0.0 < $1.0 }
        }
    }

    static func cumulated(_ rows: [[ScalarValue]], _ step: Int64, _ width: Int64, keyed: Bool) -> [String] {
        byKey(rows, keyed: keyed).flatMap { key, rows -> [String] in
            Set(rows.map { WindowTimes.floor($0.time, width) }).flatMap { start in
                stride(from: start + step, through: start + width, by: Int(step)).compactMap { end in
                    let inside = rows.filter { $0.time >= start && $0.time < end }.map(\.value)
                    return inside.isEmpty ? nil : line(key, inside, start, end)
                }
            }
        }.sorted()
    }

    static func sessions(_ rows: [[ScalarValue]], _ gap: Int64, keyed: Bool) -> [String] {
        byKey(rows, keyed: keyed).flatMap { key, rows -> [String] in
            var found: [String] = []
            var session: [(time: Int64, value: ScalarValue)] = []
            func close() {
                guard let first = session.first, let last = session.last else { return }
                found.append(line(key, session.map(\.value), first.time, last.time + gap))
                session = []
            }
            for row in rows {
                if let last = session.last, row.time - last.time >= gap { close() }
                session.append(row)
            }
            close()
            return found
        }.sorted()
    }

    static let windows: [WindowKind] = [
        .tumble(width: 10), .tumble(width: 1), .hop(slide: 5, width: 10), .hop(slide: 3, width: 7),
        .hop(slide: 10, width: 4), .hop(slide: 4, width: 40), .instant,
        .hop(slide: 1, width: 24), .hop(slide: 2, width: 31), .cumulate(step: 1, width: 20),
        .cumulate(step: 2, width: 10), .cumulate(step: 5, width: 20), .session(gap: 1), .session(gap: 3),
        .session(gap: 12),
    ]

    @Test("a window that opens before the others after a checkpoint is there after a restart")
    func earlierWindow() throws {
        var harness = try OperatorHarness(.windowAggregate(Self.spec(.tumble(width: 10), keyed: true)))
        func feed(_ time: Int64) throws {
            try harness.feed([BatchBuilder.batch(Self.input, [[.utf8("a"), .int64(time), .timestamp(time)]])])
            _ = try harness.target.onWatermark(0, into: harness.collector)
            try harness.checkpoint()
        }
        try feed(25)
        try feed(26)
        try feed(5)
        try harness.restart()
        try harness.end()
        #expect(harness.sortedLines.count == 2 && harness.sortedLines.allSatisfy { $0.hasPrefix("a|") })
    }

    @Test("windows equal a direct computation", arguments: windows, 1...10)
    func random(window: WindowKind, seed: Int) throws {
        var random = SeededRandom(UInt64(seed) &* 101)
        let keyed = seed % 2 == 0
        var rows: [[ScalarValue]] = []
        var harness = try OperatorHarness(
            .windowAggregate(Self.spec(window, keyed: keyed)), batchSize: 1 + random.below(9))
        var clock: Int64 = -30
        for _ in 0..<12 {
            if random.chance(0.5) { try harness.checkpoint() }
            if random.chance(0.2) { try random.chance(0.6) ? harness.restart() : harness.checkpoint() }
            // Rows up to nine behind the newest; the watermark keeps ten behind.
            let count = random.below(30)
            var batch: [[ScalarValue]] = []
            for _ in 0..<count {
                clock += Int64(random.below(4))
                batch.append([
                    RandomData.scalar(.utf8, nullRate: 0.1, using: &random),
                    RandomData.scalar(.int64, nullRate: 0.2, using: &random),
                    .timestamp(clock - Int64(random.below(10))),
                ])
            }
            rows += batch
            if count > 0 { try harness.feed([BatchBuilder.batch(Self.input, batch)]) }
            #expect(try harness.target.onWatermark(clock - 10, into: harness.collector) == clock - 10)
        }
        try harness.end()
        #expect(harness.sortedLines == Self.reference(rows, window, keyed: keyed), "seed \(seed)")
        #expect(harness.context.metrics.lateRows.load(ordering: .relaxed) == 0)
    }

    @Test("windows come out in order, once, when the watermark passes their end; late rows are counted and dropped")
    func order() throws {
        let harness = try OperatorHarness(.windowAggregate(Self.spec(.tumble(width: 10), keyed: false)))
        func feed(_ times: Int...) throws {
            let rows = times.map { "a | 1 | \($0)" }.joined(separator: "\n")
            try harness.feed([BatchBuilder.batch("k utf8 | v int64 | _timestamp timestamp\n\(rows)")])
        }
        try feed(25, 3, 12)
        _ = try harness.target.onWatermark(9, into: harness.collector)
        #expect(harness.lines.isEmpty)
        _ = try harness.target.onWatermark(20, into: harness.collector)
        #expect(harness.lines == ["1|1|1|[0, 10]|9", "1|1|1|[10, 20]|19"])
        try feed(19, 20, 5)
        #expect(harness.context.metrics.lateRows.load(ordering: .relaxed) == 2)
        try harness.end()
        #expect(harness.lines.last == "2|2|1|[20, 30]|29")
    }

    @Test("a hopping window takes a row as long as one of its windows is open")
    func lateForSome() throws {
        let harness = try OperatorHarness(.windowAggregate(Self.spec(.hop(slide: 5, width: 10), keyed: false)))
        _ = try harness.target.onWatermark(12, into: harness.collector)
        // [0, 10) has closed, [5, 15) has not.
        try harness.feed([BatchBuilder.batch("k utf8 | v int64 | _timestamp timestamp\na | 1 | 7\na | 1 | 1")])
        try harness.end()
        #expect(harness.lines == ["1|1|1|[5, 15]|14"])
        #expect(harness.context.metrics.lateRows.load(ordering: .relaxed) == 1)
    }

    @Test("times at the ends of the range are an error, not a trap", arguments: [Int64.min, .max, .min + 1, .max - 1])
    func extremeTimes(time: Int64) throws {
        let harness = try OperatorHarness(.windowAggregate(Self.spec(.hop(slide: 7, width: 1 << 40), keyed: true)))
        #expect(throws: OperatorError.self) {
            try harness.feed([BatchBuilder.batch("k utf8 | v int64 | _timestamp timestamp\na | 1 | \(time)")])
        }
    }

    @Test("a row between two sessions brings them together, with their states") func mergingSessions() throws {
        let harness = try OperatorHarness(.windowAggregate(Self.spec(.session(gap: 10), keyed: true)))
        let head = "k utf8 | v int64 | _timestamp timestamp\n"
        try harness.feed([BatchBuilder.batch(head + "a | 1 | 0\na | 5 | 16\nb | 7 | 16\na | 2 | 40")])
        try harness.feed([BatchBuilder.batch(head + "a | 3 | 8\na | 4 | 25")])
        _ = try harness.target.onWatermark(34, into: harness.collector)
        #expect(harness.lines == ["b|1|7|7|[16, 26]|25"])
        _ = try harness.target.onWatermark(35, into: harness.collector)
        #expect(harness.lines.last == "a|4|13|5|[0, 35]|34")
        // At 39 − 10 a session would be over; with one that is open the row is still in time.
        try harness.feed([BatchBuilder.batch(head + "a | 9 | 20\na | 8 | 31")])
        #expect(harness.context.metrics.lateRows.load(ordering: .relaxed) == 1)
        try harness.end()
        #expect(harness.lines.last == "a|2|10|8|[31, 50]|49")
        #expect(harness.lines.count == 3)
    }
}
