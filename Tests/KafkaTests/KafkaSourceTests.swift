import Columnar
import Connectors
import Dataflow
import Foundation
import State
import Synchronization
import TestKit
import Testing

/// The source over a real broker that an independent producer has filled.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"))
struct KafkaSourceTests {
    @Test("rows come with the metadata of their records, whatever is read of the value")
    func metadata() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(2)
        try broker.tool("produce", topic, "0", "6", "2")
        let schema = Schema([
            Field("offset", .int64), Field("id", .int64), Field("part", .int32), Field("topic", .utf8),
            Field("key", .utf8), Field("raw", .binary), Field("h", .json),
        ])
        let keys = [0: "offset_id", 2: "partition", 3: "topic", 4: "key", 5: "key", 6: "headers"]
        let source = try makeSource(broker, topic, schema: schema, metadata: keys)
        let found = try await readOnce(source, 6).sorted()
        let wanted = (0..<6).map { id in
            #"\#(id / 2)|\#(id)|\#(id % 2)|\#(topic)|\#(id)|\#(id)|{"h":"v\#(id)"}"#
        }
        #expect(found == wanted.sorted())
    }

    @Test("latest begins behind what is there, also when the first run read nothing")
    func latest() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        try broker.tool("produce", topic, "0", "5", "1")
        let source = try makeSource(broker, topic, [:])
        try await source.onStart()
        let state = try source.snapshot()
        await source.onClose()
        try broker.tool("produce", topic, "5", "3", "1")
        let next = try makeSource(broker, topic, [:])
        try next.restore(RestoredState(state.tables))
        #expect(try await readOnce(next, 3) == ["5", "6", "7"])
    }

    @Test("1, 4 and 2 subtasks read 8 partitions on from one another's checkpoints, nothing lost or twice")
    func rescale() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(8)
        var tables: [StateTable] = []
        var former = 0
        var found: [String] = []
        for (step, parallelism) in [1, 4, 2].enumerated() {
            try broker.tool("produce", topic, "\(step * 400)", "400", "8")
            var next: [StateTable] = []
            for subtask in 0..<parallelism {
                let source = try makeSource(broker, topic, context: context(subtask, of: parallelism))
                if former > 0 { try source.restore(RestoredState(tables)) }
                try await source.onStart()
                found += try await rows(source, 400 / parallelism)
                next += try source.snapshot().tables
                await source.onClose()
            }
            tables = next
            former = parallelism
        }
        #expect(found.compactMap { Int($0) }.sorted() == Array(0..<1200))
    }

    @Test("partitions that come while reading are read from their beginning")
    func newPartitions() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        let source = try makeSource(
            broker, topic, ["client_configs": "topic.metadata.refresh.interval.ms=200"])
        try await source.onStart()
        #expect(try await rows(source, 0, seconds: 1) == [])
        try broker.tool("grow", topic, "3")
        try broker.tool("produce", topic, "0", "9", "3")
        let found = try await rows(source, 9)
        await source.onClose()
        #expect(found.compactMap { Int($0) }.sorted() == Array(0..<9))
    }

    @Test("a group is told after a checkpoint, and one may begin where it stands")
    func group() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(2)
        try broker.tool("produce", topic, "0", "10", "2")
        let names = ["source.offset": "earliest", "source.group_id": "g", "source.group_id_prefix": "p-"]
        let source = try makeSource(broker, topic, names)
        try await source.onStart()
        #expect(try await rows(source, 10).count == 10)
        _ = try source.snapshot()
        try await source.onCheckpointStands()
        // The group is told behind the source's back.
        for _ in 0..<100 where try !broker.tool("group", "p-g", topic, "2").contains("[5, 5]") { usleep(100_000) }
        await source.onClose()
        #expect(try broker.tool("group", "p-g", topic, "2").contains("[5, 5]"))
        try broker.tool("produce", topic, "10", "2", "2")
        let next = try makeSource(broker, topic, ["source.offset": "group", "source.group_id": "p-g"])
        #expect(try await readOnce(next, 2).sorted() == ["10", "11"])
    }

    @Test("a broker that goes away and comes back is read on, without a restart of the source")
    func brokerRestart() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(2)
        try broker.tool("produce", topic, "0", "100", "2")
        let metrics = OperatorMetrics()
        let source = try makeSource(broker, topic, context: context(metrics: metrics))
        try await source.onStart()
        var found = try await rows(source, 100)
        broker.stop()
        _ = try await rows(source, 1, seconds: 1)
        try broker.start()
        try broker.tool("produce", topic, "100", "100", "2")
        found += try await rows(source, 100, seconds: 30)
        // Lags are asked for once a second.
        for _ in 0..<60 where metrics.partitionLags.withLock({ $0.count < 2 || $0.contains { $0.records > 0 } }) {
            usleep(500_000)
            _ = try await source.read(rowLimit: 1)
        }
        await source.onClose()
        #expect(found.compactMap { Int($0) }.sorted() == Array(0..<200))
        #expect(metrics.externalErrors.load(ordering: .relaxed) > 0)
        let lags = metrics.partitionLags.withLock { $0 }
        #expect(lags.count == 2 && lags.allSatisfy { $0.records == 0 && $0.topic == topic })
    }

    static let badValues = [
        #"{"id":1}"#, #"{"id":"#, #"{"id":"x"}"#, #"{"id":2}"#, "", "   ", "{\"id\":\n3}", "[1]",
        "{\"id\":4,\"s\":\"\u{ff}\"}", #"{"id":5} {"id":6}"#, #"{"id":7,"id":8}"#, #"{"id":9}"#,
    ]

    @Test(
        "a bad record is dropped and counted, or ends the job with its offset; the one behind it is never lost",
        arguments: [false, true])
    func badRecords(tracksRecords: Bool) async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        let lines = try Self.badValues.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) } + ["null"]
        try broker.tool("lines", topic, input: lines.joined(separator: "\n") + "\n")
        let schema = tracksRecords ? Schema([Field("id", .int64), Field("o", .int64)]) : idSchema
        let metadata = tracksRecords ? [1: "offset_id"] : [:]
        let metrics = OperatorMetrics()
        let source = try makeSource(
            broker, topic, ["source.offset": "earliest", "bad_data": "drop"], schema: schema, metadata: metadata,
            context: context(metrics: metrics))
        let found = try await readOnce(source, 6)
        // Fields that nobody reads are not looked at.
        let offsets = ["1": "0", "2": "3", "3": "6", "4": "8", "8": "10", "9": "11"]
        #expect(found == ["1", "2", "3", "4", "8", "9"].map { tracksRecords ? "\($0)|\(offsets[$0] ?? "")" : $0 })
        if tracksRecords { #expect(metrics.badRecords.load(ordering: .relaxed) == 6) }
        let strict = try makeSource(broker, topic, schema: schema, metadata: metadata)
        let text = await message { _ = try await readOnce(strict, 5, seconds: 5) }
        #expect(text.contains("partition 0, offset 1: bad json record") || text.contains("offset 4"), "\(text)")
    }

    @Test("raw values keep line ends, and a tombstone is NULL")
    func raw() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        try broker.tool("lines", topic, input: "\"a\\nb\"\nnull\n\"\"\n")
        let source = try makeSource(
            broker, topic, ["source.offset": "earliest", "format": "raw_string"],
            schema: Schema([Field("value", .utf8)]))
        #expect(try await readOnce(source, 3).count == 3)
    }

    @Test("what cannot be reached or does not exist is told with a hint, without secrets")
    func troubles() async throws {
        let broker = try KafkaBroker()
        let missing = await message { _ = try await readOnce(makeSource(broker, "no-such-topic"), 1) }
        #expect(missing.contains("topic 'no-such-topic'") && missing.contains("create the topic"), "\(missing)")
        let topic = try broker.makeTopic(1)
        broker.stop()
        let login = [
            "auth.type": "sasl", "auth.mechanism": "PLAIN", "auth.username": "me", "auth.password": "hunter2hunter2",
            "auth.protocol": "SASL_PLAINTEXT",
        ]
        let gone = await message { _ = try await readOnce(makeSource(broker, topic, login), 1) }
        #expect(gone.contains("check that a broker answers") && !gone.contains("hunter2"), "\(gone)")
    }
}
