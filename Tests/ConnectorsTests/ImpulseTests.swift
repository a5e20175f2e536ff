import Columnar
import Connectors
import Dataflow
import HostSystem
import Synchronization
import TestKit
import Testing

@Suite struct ImpulseTests {
    static let schema: Schema = {
        let traits = try? ImpulseConnector().traits(options: [:], schema: .empty)
        return traits?.fixedSchema ?? .empty
    }()

    @Test func `rows are counted and their times are steps apart`() async throws {
        let batches = try await readAll(
            ImpulseConnector(),
            ["message_count": .int(5), "event_time_interval": .int(250), "base_time": .int(1000)], Self.schema,
            rowLimit: 2)
        #expect(
            lines(batches) == (0..<5).map { "\($0)|0|\(1_000_000_000 + $0 * 250_000)" })
        #expect(batches.map(\.rowCount) == [2, 2, 1])
    }

    @Test(arguments: [1, 2, 3, 7], [0, 1, 2, 6, 100])
    func `subtasks share the count`(parallelism: Int, count: Int) async throws {
        var counters: [Int] = []
        for subtask in 0..<parallelism {
            let batches = try await readAll(
                ImpulseConnector(), ["message_count": .int(Int64(count))], Self.schema, projection: [0, 1],
                context: context(subtask: subtask, of: parallelism), rowLimit: 8)
            for line in lines(batches) {
                let cells = line.split(separator: "|").compactMap { Int($0) }
                counters.append(cells[0])
                #expect(cells[1] == subtask)
            }
        }
        #expect(counters.sorted() == Array(0..<count))
    }

    @Test func `without steps rows carry the time they came at`() async throws {
        let batches = try await readAll(
            ImpulseConnector(), ["message_count": .int(2)], Self.schema, projection: [2],
            context: context(clock: ManualClock(77)))
        #expect(lines(batches) == ["77", "77"])
    }

    @Test(arguments: [1.0, 100, 50_000, 10_000_000], [1, 2])
    func `the rate is kept`(rate: Double, parallelism: Int) async throws {
        let clock = ManualClock(5_000_000_000)
        let spec = ConnectorSpec(
            connector: "impulse", table: "t", options: ["event_rate": .float(rate)], schema: Self.schema)
        let source = try ImpulseConnector().makeSource(
            spec, context: context(subtask: 0, of: parallelism, clock: clock))
        var rows = 0
        var reads = 0
        for millis in 0...(rate > 1e6 ? 300 : 3000) {
            reading: while true {
                reads += 1
                switch try await source.read(rowLimit: 8192) {
                case .batch(let batch): rows += batch.rowCount
                case .idle(let wait):
                    #expect((1...100).contains(wait))
                    break reading
                case .endOfData: Issue.record("there is no end")
                }
            }
            let due = Double(millis) * rate / Double(parallelism) / 1000
            #expect(Double(rows) <= due + 1, "after \(millis) ms")
            #expect(Double(rows) >= due - max(1, rate / Double(parallelism) * 0.006), "after \(millis) ms")
            clock.advance(millis: 1)
        }
        #expect(reads < 15_000, "rows must go out in groups")
    }

    @Test func `preview hands batches on in order and blackhole takes all`() async throws {
        let seen = Mutex<[String]>([])
        let preview = PreviewConnector { batch in seen.withLock { $0 += BatchBuilder.lines(batch) } }
        let first = BatchBuilder.batch("id int64 | name utf8\n1 | a\n2 | NULL")
        let second = BatchBuilder.batch("id int64 | name utf8\n3 | c")
        try await writeAll(preview, [:], [first, second], first.schema)
        #expect(seen.withLock { $0 } == ["1|a", "2|NULL", "3|c"])
        try await writeAll(BlackholeConnector(), [:], [first, second], first.schema)
    }

    @Test func `an error of the preview's taker ends the sink`() async throws {
        let preview = PreviewConnector { _ in throw OperationalError("no room", domain: .external) }
        let batch = BatchBuilder.batch("id int64\n1")
        #expect(await message { try await writeAll(preview, [:], [batch], batch.schema) } == "no room")
    }
}
