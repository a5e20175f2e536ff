import Columnar
import Connectors
import Dataflow
import HostSystem
import TestKit
import Testing

@Suite struct NexmarkTests {
    static let schema: Schema = {
        let traits = try? NexmarkConnector().traits(options: [:], schema: .empty)
        return traits?.fixedSchema ?? .empty
    }()

    static func events(
        _ count: Int64, seed: Int64 = 1, schema: Schema = schema, projection: [Int]? = nil, subtask: Int = 0,
        of parallelism: Int = 1, rowLimit: Int = 1000
    ) async throws -> [RecordBatch] {
        try await readAll(
            NexmarkConnector(),
            ["events_num": .int(count), "seed": .int(seed), "event_time_interval": .int(1000)], schema,
            projection: projection, context: context(subtask: subtask, of: parallelism), rowLimit: rowLimit)
    }

    /// Made once for all tests that look at distributions.
    static let hundredThousand = Task { try await events(100_000, rowLimit: 8192) }

    /// The values of a member of a struct column, where the struct is present.
    static func member(_ batches: [RecordBatch], _ column: String, _ member: String) -> [ScalarValue] {
        batches.flatMap { batch -> [ScalarValue] in
            guard let index = batch.schema.index(of: column), let fields = batch.schema[index].type.structureFields,
                let place = fields.firstIndex(where: { $0.name == member })
            else { return [] }
            let outer = batch.columns[index]
            return (0..<batch.rowCount).filter { !outer.isNull($0) }.map { outer.children[place].scalar(at: $0) }
        }
    }

    static func numbers(_ batches: [RecordBatch], _ column: String, _ member: String) -> [Int64] {
        Self.member(batches, column, member).compactMap { value in
            if case .int(let number) = value.storage { number } else { nil }
        }
    }

    static func texts(_ batches: [RecordBatch], _ column: String, _ member: String) -> [String] {
        Self.member(batches, column, member).map { BatchBuilder.text($0) }
    }

    static func share(_ values: [Int64], _ test: (Int64) -> Bool) -> Double {
        Double(values.count { test($0) }) / Double(max(values.count, 1))
    }

    static func average(_ texts: [String]) -> Double {
        Double(texts.reduce(0) { $0 + $1.utf8.count }) / Double(max(texts.count, 1))
    }

    @Test func `events are one person, three auctions and 46 bids in turn, a step of time apart`() async throws {
        let batches = try await Self.events(1000)
        var row = 0
        for batch in batches {
            for index in 0..<batch.rowCount {
                let kind = row % 50 == 0 ? 0 : row % 50 < 4 ? 1 : 2
                #expect((0..<3).map { batch.columns[$0].isNull(index) } == (0..<3).map { $0 != kind }, "row \(row)")
                // 2026-01-15T00:00:00Z and a millisecond an event.
                let time = 1_768_435_200_000_000_000 + Int64(row) * 1_000_000
                #expect(batch.columns[3].scalar(at: index).storage == .int(time))
                row += 1
            }
        }
        #expect(row == 1000)
        let people = Self.numbers(batches, "person", "id")
        #expect(people == Array(1000..<1020))
        #expect(Self.numbers(batches, "auction", "id") == Array(1000..<1060))
        #expect(Self.numbers(batches, "person", "datetime").first == 1_768_435_200_000_000_000)
    }

    @Test func `equal seeds give equal events and others give others`() async throws {
        let first = lines(try await Self.events(500))
        #expect(first == lines(try await Self.events(500, rowLimit: 7)))
        let other = lines(try await Self.events(500, seed: 2))
        #expect(zip(first, other).count { $0 == $1 } == 0)
    }

    @Test(arguments: [2, 3, 5])
    func `subtasks together give the events of one`(parallelism: Int) async throws {
        let whole = lines(try await Self.events(997))
        var dealt: [String?] = Array(repeating: nil, count: whole.count)
        for subtask in 0..<parallelism {
            let part = lines(try await Self.events(997, subtask: subtask, of: parallelism, rowLimit: 100))
            for (index, line) in part.enumerated() { dealt[subtask + index * parallelism] = line }
        }
        #expect(dealt == whole)
    }

    @Test func `every member made alone has the values it has among all`() async throws {
        let whole = try await Self.events(600)
        for (position, column) in Self.schema.fields.enumerated().prefix(3) {
            for field in column.type.structureFields ?? [] {
                var fields = Self.schema.fields
                fields[position].type = .structure([field])
                let alone = try await Self.events(600, schema: Schema(fields), projection: [position])
                #expect(
                    Self.member(alone, column.name, field.name) == Self.member(whole, column.name, field.name),
                    "\(column.name).\(field.name)")
                #expect(alone.allSatisfy { $0.columns.count == 1 && $0.columns[0].children.count == 1 })
            }
        }
    }

    @Test func `bids are distributed as the benchmark says`() async throws {
        let batches = try await Self.hundredThousand.value
        let auctions = Self.numbers(batches, "bid", "auction")
        #expect(auctions.count == 92_000)
        // Half go to the hot auction, the rest to one of the last hundred or so.
        #expect(abs(Self.share(auctions) { $0 % 100 == 0 } - 0.505) < 0.01)
        let bidders = Self.numbers(batches, "bid", "bidder")
        #expect(abs(Self.share(bidders) { $0 % 100 == 1 } - 0.7525) < 0.01)
        #expect(bidders.allSatisfy { (1000...3010).contains($0) })
        let prices = Self.numbers(batches, "bid", "price")
        #expect(prices.allSatisfy { (100...100_000_000).contains($0) })
        // Uniform on a logarithmic scale: a sixth in each decade.
        for decade in [100, 1000, 10_000, 100_000, 1_000_000, 10_000_000] as [Int64] {
            #expect(abs(Self.share(prices) { $0 >= decade && $0 < decade * 10 } - 1.0 / 6) < 0.01, "\(decade)")
        }
        let channels = Self.texts(batches, "bid", "channel")
        let hot = Double(channels.count { !$0.hasPrefix("channel-") }) / Double(channels.count)
        #expect(abs(hot - 0.5) < 0.01)
        #expect(Set(channels.filter { !$0.hasPrefix("channel-") }) == ["Google", "Facebook", "Baidu", "Apple"])
        let urls = Self.texts(batches, "bid", "url")
        #expect(urls.allSatisfy { $0.hasPrefix("https://www.nexmark.com/") })
        let named = Double(urls.count { $0.contains("channel_id=") }) / Double(urls.count)
        #expect(abs(named - 0.45) < 0.02)
        #expect(abs(Self.average(Self.texts(batches, "bid", "extra")) - 68) < 2)
    }

    @Test func `auctions and people are distributed as the benchmark says`() async throws {
        let batches = try await Self.hundredThousand.value
        let categories = Self.numbers(batches, "auction", "category")
        #expect(categories.count == 6000)
        for category in 10...14 as ClosedRange<Int64> {
            #expect(abs(Self.share(categories) { $0 == category } - 0.2) < 0.03)
        }
        #expect(abs(Self.share(Self.numbers(batches, "auction", "seller")) { $0 % 100 == 0 } - 0.7525) < 0.03)
        let bids = Self.numbers(batches, "auction", "initial_bid")
        let reserves = Self.numbers(batches, "auction", "reserve")
        #expect(zip(bids, reserves).allSatisfy { $0 < $1 })
        let begins = Self.numbers(batches, "auction", "datetime")
        let ends = Self.numbers(batches, "auction", "expires")
        let lasting = zip(begins, ends).map { ($1 - $0) / 1_000_000 }
        #expect(lasting.allSatisfy { (1...3332).contains($0) })
        #expect(abs(lasting.reduce(0, +) / Int64(lasting.count) - 1666) < 60)
        #expect(abs(Self.average(Self.texts(batches, "auction", "description")) - 51) < 2)
        #expect(abs(Self.average(Self.texts(batches, "auction", "extra")) - 390) < 5)
        let people = Self.texts(batches, "person", "credit_card")
        #expect(people.count == 2000)
        #expect(people.allSatisfy { $0.utf8.count == 19 })
        #expect(Set(Self.texts(batches, "person", "state")) == ["AZ", "CA", "ID", "OR", "WA", "WY"])
        #expect(Set(Self.texts(batches, "person", "city")).count == 10)
        #expect(Set(Self.texts(batches, "person", "name")).count == 99)
        #expect(Self.texts(batches, "person", "email_address").allSatisfy { $0.hasSuffix(".com") && $0.contains("@") })
        #expect(abs(Self.average(Self.texts(batches, "person", "extra")) - 139) < 4)
    }

    @Test func `the sample of the official generator has the same proportions`() async throws {
        let schema = Schema([
            Field("person", .structure([Field("state", .utf8)])),
            Field("auction", .structure([Field("category", .int64), Field("seller", .int64), Field("extra", .utf8)])),
            Field("bid", .structure([Field("auction", .int64), Field("channel", .utf8), Field("extra", .utf8)])),
            Field("ts", .timestamp),
        ])
        let sample = try await readAll(
            SingleFileConnector(), ["path": .string(fixture("nexmark-100k.jsonl.zst"))], schema, rowLimit: 8192)
        let ours = try await Self.hundredThousand.value
        #expect(sample.reduce(0) { $0 + $1.rowCount } == 100_000)
        for (column, member) in [("person", "state"), ("auction", "category"), ("bid", "auction")] {
            #expect(
                Self.member(sample, column, member).count == Self.member(ours, column, member).count, "\(column)")
        }
        for (column, member) in [("bid", "extra"), ("auction", "extra")] {
            let theirs = Self.average(Self.texts(sample, column, member))
            #expect(abs(theirs - Self.average(Self.texts(ours, column, member))) < theirs * 0.02, "\(column)")
        }
        let hot = { (batches: [RecordBatch]) in Self.share(Self.numbers(batches, "bid", "auction")) { $0 % 100 == 0 } }
        #expect(abs(hot(sample) - hot(ours)) < 0.01)
        // Its last event is a hundred seconds after the first one of ours, which is number 0.
        #expect(
            sample.last?.columns[3].scalar(at: (sample.last?.rowCount ?? 1) - 1).storage
                == .int(1_768_435_300_000_000_000))
    }

    @Test func `the source ends by count or by time and keeps its rate`() async throws {
        #expect(
            lines(
                try await readAll(
                    NexmarkConnector(), ["runtime": .float(0.5), "event_rate": .int(10_000)],
                    Self.schema, context: context(clock: AdvancingClock()))
            ).count == 5000)
        #expect(try await Self.events(0).isEmpty)
    }
}

/// A clock on which a millisecond passes at every look.
final class AdvancingClock: WallClock {
    private let clock = ManualClock()

    func nowNanoseconds() -> Int64 {
        clock.advance(millis: 1)
        return clock.nowNanoseconds()
    }
}
