import Columnar
import Connectors
import Dataflow
import Foundation
import HostSystem
import State
import Synchronization
import TestKit
import Testing

/// What records are like: codecs, sizes, times, partitions, lines, and what of them is seen.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"), .timeLimit(.minutes(5)))
struct KafkaRecordTests {
    static let earliest = ["source.offset": "earliest"]

    @Test("each codec", arguments: ["none", "gzip", "snappy", "lz4", "zstd"])
    func compression(codec: String) async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        let sink = try makeSink(broker, topic, ["sink.compression": codec])
        try await sink.onStart()
        try await sink.write(ids(Array(0..<1000)))
        try await sink.onEnd()
        #expect(try broker.records(topic).compactMap(\.value) == (0..<1000).map { #"{"id":\#($0)}"# })
        #expect(try await readOnce(makeSource(broker, topic), 1000) == (0..<1000).map { "\($0)" })
    }

    /// Puts values into a topic.
    static func put(_ broker: KafkaBroker, _ topic: String, _ values: [String]) throws {
        let lines = values.map { value in
            "\"" + value.utf16.map { String(format: "\\u%04x", $0) }.joined() + "\""
        }
        try broker.tool("lines", topic, input: lines.joined(separator: "\n") + "\n")
    }

    @Test("a blank value is bad, and counted, wherever it stands")
    func blanks() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        try Self.put(broker, topic, [#"{"id":1}"#, "   ", #"{"id":2}"#, #"{"id":3}"#, "   "])
        for policy in ["drop", "fail"] {
            let metrics = OperatorMetrics()
            let source = try makeSource(
                broker, topic, Self.earliest.merging(["bad_data": policy]) { $1 },
                context: context(metrics: metrics))
            if policy == "drop" {
                #expect(try await readOnce(source, 3) == ["1", "2", "3"])
                #expect(metrics.badRecords.load(ordering: .relaxed) == 2)
            } else {
                let text = await message { _ = try await readOnce(source, 3, seconds: 5) }
                #expect(text.contains("partition 0, offset 1: bad json record: "), "\(text)")
            }
        }
    }

    @Test("records of a topic have no header line")
    func header() async throws {
        let text = await message {
            _ = try KafkaConnector().makeSource(
                ConnectorSpec(
                    connector: "kafka", table: "t",
                    options: ["bootstrap_servers": "h:1", "topic": "t", "format": "csv", "csv.header": "true"],
                    schema: idSchema), context: context())
        }
        #expect(text.contains("the records of a topic have no header before them"), "\(text)")
    }

    @Test("several lines in one value")
    func framing() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        try Self.put(broker, topic, ["{\"id\":1}\n{\"id\":2}\n\n{\"id\":3}", "{\"id\":4}", "nonsense\n{\"id\":5}"])
        let metrics = OperatorMetrics()
        let source = try makeSource(
            broker, topic, Self.earliest.merging(["framing": "newline", "bad_data": "drop"]) { $1 },
            context: context(metrics: metrics))
        #expect(try await readOnce(source, 5) == ["1", "2", "3", "4", "5"])
        #expect(metrics.badRecords.load(ordering: .relaxed) == 1)
    }

    @Test("a record that is too large is told with what to raise, before a checkpoint could hold it")
    func size() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        let schema = Schema([Field("s", .utf8)])
        for more in [[:], ["sink.commit_mode": "exactly_once"]] {
            let sink = try makeSink(broker, topic, more, schema: schema)
            try await sink.onStart()
            let text = String(repeating: "x", count: 1_000_000)
            let large = RecordBatch(schema: schema, columns: [Column.of(.utf8, [.utf8(text)])], rowCount: 1)
            let said = await message { try await sink.write(large) }
            #expect(said.contains("message.max.bytes of the client allows 1000000"), "\(said)")
        }
        let sink = try makeSink(broker, topic, ["client_configs.message.max.bytes": "1020000"], schema: schema)
        try await sink.onStart()
        let text = String(repeating: "x", count: 1_010_000)
        try await sink.write(RecordBatch(schema: schema, columns: [Column.of(.utf8, [.utf8(text)])], rowCount: 1))
        try await sink.onEnd()
        #expect(try broker.records(topic).map { $0.value?.count } == [text.count + 8])
    }

    @Test("without a time of its own a record has the event time; none is before 1970")
    func times() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        let schema = Schema([Field("id", .int64), Field("_timestamp", .timestamp, isNullable: false)])
        var spec = ConnectorSpec(connector: "kafka", table: "t", options: options(broker, topic, [:]), schema: schema)
        spec.eventTime = 1
        let sink = try KafkaConnector().makeSink(spec, context: context())
        try await sink.onStart()
        let now = Int64(Date().timeIntervalSince1970) * 1_000_000_000
        let columns = [
            Column.of(.int64, [.int64(1), .int64(2)]),
            Column.of(.timestamp, [.timestamp(now), .timestamp(-5_000_000_000)]),
        ]
        try await sink.write(RecordBatch(schema: schema, columns: columns, rowCount: 2))
        try await sink.onEnd()
        let found = try broker.records(topic)
        #expect(found.map(\.value) == [#"{"id":1}"#, #"{"id":2}"#])
        #expect(found.map(\.millis) == [Int(now / 1_000_000), 1])
        // The source gives them as the event time again, and as metadata.
        let read = Schema([Field("id", .int64), Field("ms", .int64), Field("_timestamp", .timestamp)])
        let source = try makeSource(broker, topic, schema: read, metadata: [1: "timestamp", 2: "_timestamp"])
        #expect(try await readOnce(source, 2) == ["1|\(now / 1_000_000)|\(now)", "2|1|1000000"])
    }

    @Test("keys go to the partitions that Java's clients put them in")
    func partitions() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(7)
        // Hashes of Apache Kafka's own UtilsTest.
        let hashes: [(key: String, hash: Int32)] = [
            ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
        ]
        let schema = Schema([Field("k", .utf8)])
        let sink = try makeSink(broker, topic, ["sink.key_field": "k"], schema: schema)
        try await sink.onStart()
        let column = Column.of(.utf8, hashes.map { .utf8($0.key) })
        try await sink.write(RecordBatch(schema: schema, columns: [column], rowCount: hashes.count))
        try await sink.onEnd()
        let found = Dictionary(
            uniqueKeysWithValues: try broker.records(topic).map { ($0.key ?? "", $0.partition) })
        for (key, hash) in hashes { #expect(found[key] == Int(hash & 0x7FFF_FFFF) % 7, "\(key)") }
    }

    @Test("read_committed waits for open transactions and passes aborted ones over; read_uncommitted sees all")
    func isolation() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        var sink: (any SinkOperator)? = try makeSink(broker, topic, ["sink.commit_mode": "exactly_once"])
        try await sink?.onStart()
        try await sink?.write(ids([1, 2]))
        _ = try await sink?.prepare(epoch: 1)
        try await sink?.commit(epoch: 1)
        // Goes into an open transaction at once.
        try await sink?.write(ids([3]))
        func read(_ mode: String, _ count: Int) async throws -> [String] {
            try await readOnce(
                makeSource(broker, topic, Self.earliest.merging(["source.read_mode": mode]) { $1 }), count)
        }
        #expect(try await read("read_uncommitted", 3) == ["1", "2", "3"])
        #expect(try await read("read_committed", 2) == ["1", "2"])
        // A sink that goes away gives the transaction up.
        try await sink?.onEnd()
        sink = nil
        let next = try makeSink(broker, topic)
        try await next.onStart()
        try await next.write(ids([4]))
        try await next.onEnd()
        #expect(try await read("read_committed", 3) == ["1", "2", "4"])
    }

    @Test("an epoch is never prepared behind a later one, nor behind itself")
    func epochs() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        let exactly = ["sink.commit_mode": "exactly_once"]
        let sink = try makeSink(broker, topic, exactly)
        try await sink.onStart()
        try await sink.write(ids([1]))
        let tables = try await sink.prepare(epoch: 57).tables
        let again = await message { _ = try await sink.prepare(epoch: 57) }
        #expect(again.contains("epoch 57 is prepared behind epoch 57"), "\(again)")
        let restored = try makeSink(broker, topic, exactly)
        try restored.restore(RestoredState(tables))
        try await restored.onStart()
        try await restored.commit(epoch: 57)
        let early = await message { _ = try await restored.prepare(epoch: 1) }
        #expect(early.contains("epoch 1 is prepared behind epoch 57"), "\(early)")
        _ = try await restored.prepare(epoch: 58)
    }

    @Test("a transaction longer than brokers allow is refused at the start, with what to set")
    func timeout() async throws {
        let broker = try KafkaBroker()
        let proxy = try KafkaProxy(broker)
        let topic = try broker.makeTopic(1)
        try proxy.rule(.initProducer, "fail&code=50&asks=0&times=9")
        let sink = try makeSink(proxy, topic, ["sink.commit_mode": "exactly_once"])
        let text = await message { try await sink.onStart() }
        #expect(text.contains("the brokers allow no transaction of that length"), "\(text)")
    }

    @Test("a transaction that waits too long for its checkpoint is given up although no rows come")
    func age() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        let sink = try makeSink(
            broker, topic,
            ["sink.commit_mode": "exactly_once", "client_configs.transaction.timeout.ms": "2000"])
        try await sink.onStart()
        #expect(!sink.wantsFlush)
        try await sink.write(ids([1]))
        _ = try await sink.prepare(epoch: 1)
        try await sink.commit(epoch: 1)
        try await sink.write(ids([2]))
        #expect(sink.wantsFlush)
        try await Task.sleep(for: .milliseconds(1200))
        try await sink.flush()
        #expect(!sink.wantsFlush)
        _ = try await sink.prepare(epoch: 2)
        try await sink.commit(epoch: 2)
        #expect(try broker.records(topic).compactMap(\.value) == [#"{"id":1}"#, #"{"id":2}"#])
    }
}
