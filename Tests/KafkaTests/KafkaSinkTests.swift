import Columnar
import Connectors
import Dataflow
import Foundation
import State
import TestKit
import Testing

/// Both sinks over a real broker, checked by an independent reader of committed records.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"))
struct KafkaSinkTests {
    static let exactly = ["sink.commit_mode": "exactly_once"]

    func values(_ broker: KafkaBroker, _ topic: String) throws -> [String] {
        try broker.records(topic).map { $0.value ?? "null" }.sorted()
    }

    func json(_ numbers: [Int]) -> [String] { numbers.map { #"{"id":\#($0)}"# }.sorted() }

    @Test("keys and times come of columns; equal keys go to one partition, where a Java client looks for them")
    func keys() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(4)
        let schema = Schema([Field("id", .int64), Field("name", .utf8), Field("at", .timestamp)])
        let sink = try makeSink(
            broker, topic, ["sink.key_field": "name", "sink.timestamp_field": "at"], schema: schema)
        let now = Int64(Date().timeIntervalSince1970) * 1_000_000_000
        let columns = [
            Column.of(.int64, [.int64(1), .int64(2), .int64(3)]),
            Column.of(.utf8, [.utf8("a"), .utf8("a"), .null(.utf8)]),
            Column.of(.timestamp, [.timestamp(now), .timestamp(now + 1_000_000), .timestamp(now + 2_999_999)]),
        ]
        try await sink.onStart()
        try await sink.write(RecordBatch(schema: schema, columns: columns, rowCount: 3))
        _ = try await sink.prepare(epoch: 1)
        let found = try broker.records(topic)
        #expect(found.count == 3)
        let same = found.filter { $0.key == "a" }
        #expect(
            same.count == 2 && Set(same.map(\.partition)).count == 1
                && same.map(\.millis) == [
                    Int(now / 1_000_000), Int(now / 1_000_000) + 1,
                ])
        #expect(found.contains { $0.key == nil && $0.millis == Int(now / 1_000_000) + 2 })
    }

    @Test("headers, key and time come of metadata columns, which are no part of the value", arguments: [false, true])
    func metadata(isExactlyOnce: Bool) async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        let schema = Schema([
            Field("h", .json), Field("id", .int64), Field("k", .utf8), Field("at", .timestamp),
        ])
        let metadata = [0: "headers", 2: "key", 3: "timestamp"]
        let more = (isExactlyOnce ? Self.exactly : [:]).merging(["sink.compression": "zstd"]) { $1 }
        var sink = try makeSink(broker, topic, more, schema: schema, metadata: metadata)
        let now = Int64(Date().timeIntervalSince1970) * 1000
        func batch(_ headers: [ScalarValue]) -> RecordBatch {
            let count = headers.count
            let columns = [
                Column.of(.utf8, headers).reinterpreted(as: .json),
                Column.of(.int64, (0..<count).map { .int64(Int64($0)) }),
                Column.of(.utf8, (0..<count).map { .utf8("k\($0)") }),
                Column.of(.timestamp, (0..<count).map { _ in .timestamp(now * 1_000_000) }),
            ]
            return RecordBatch(schema: schema, columns: columns, rowCount: count)
        }
        let headers = [
            #"{"a":"1","b":null,"c":{"d":[2]},"e":""}"#, "{}", #"{"many":["x","y"],"\u00e9":"\u00fc"}"#,
        ]
        try await sink.onStart()
        try await sink.write(batch(headers.map { .utf8($0) } + [.null(.utf8)]))
        if isExactlyOnce {
            // What a checkpoint holds has them too.
            let tables = try await sink.prepare(epoch: 1).tables
            sink = try makeSink(broker, topic, more, schema: schema, metadata: metadata)
            try sink.restore(RestoredState(tables))
            try await sink.onStart()
            try await sink.commit(epoch: 1)
        } else {
            try await sink.onEnd()
        }
        let found = try broker.records(topic)
        #expect(
            found.map(\.headers) == [
                [["a", "1"], ["b", nil], ["c", #"{"d":[2]}"#], ["e", ""]], [],
                [["many", "x"], ["many", "y"], ["é", "ü"]], [],
            ])
        #expect(found.map(\.value) == (0..<4).map { #"{"id":\#($0)}"# })
        #expect(found.map(\.key) == (0..<4).map { "k\($0)" } && found.allSatisfy { $0.millis == Int(now) })
        let text = await message { try await sink.write(batch([.utf8("[1]")])) }
        #expect(text.contains("column h") && text.contains("expected a JSON object, found an array"), "\(text)")
    }

    @Test("an upsert writes the newest row of each key, and a tombstone for one that is gone")
    func upserts() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        let schema = Schema([
            Field("id", .int64), Field("n", .int64), Field(HiddenColumn.retraction, .boolean, isNullable: false),
        ])
        let sink = try makeSink(broker, topic, ["sink.upsert": "true"], schema: schema, key: [0])
        try await sink.onStart()
        func write(_ rows: [(Int64, Int64, Bool)]) async throws {
            try await sink.write(
                RecordBatch(
                    schema: schema,
                    columns: [
                        Column.of(.int64, rows.map { .int64($0.0) }), Column.of(.int64, rows.map { .int64($0.1) }),
                        .booleans(Bitmap(rows.map(\.2)), validity: nil),
                    ], rowCount: rows.count))
        }
        try await write([(1, 10, false), (2, 20, false)])
        try await write([(1, 10, true), (1, 11, false), (2, 20, true)])
        try await sink.onEnd()
        let found = try broker.records(topic).map { "\($0.key ?? "-") \($0.value ?? "null")" }
        #expect(found == [#"1 {"id":1,"n":10}"#, #"2 {"id":2,"n":20}"#, #"1 {"id":1,"n":11}"#, "2 null"])
    }

    @Test("readers see an epoch's rows once it is committed, and not before")
    func visibility() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(2)
        let sink = try makeSink(broker, topic, Self.exactly)
        try await sink.onStart()
        try await sink.write(ids([1, 2]))
        _ = try await sink.prepare(epoch: 1)
        try await sink.write(ids([3]))
        #expect(try values(broker, topic) == [])
        try await sink.commit(epoch: 1)
        #expect(try values(broker, topic) == json([1, 2]))
        _ = try await sink.prepare(epoch: 2)
        // The checkpoint failed: its rows go with the next one.
        try await sink.write(ids([4]))
        _ = try await sink.prepare(epoch: 3)
        try await sink.commit(epoch: 3)
        #expect(try values(broker, topic) == json([1, 2, 3, 4]))
    }

    @Test(
        "a sink that goes on commits what its checkpoint holds, once, whether its former self had or not",
        arguments: [false, true], [1, 2])
    func recovery(wasCommitted: Bool, parallelism: Int) async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(2)
        var tables: [StateTable] = []
        var formers: [any SinkOperator] = []
        for subtask in 0..<2 {
            let sink = try makeSink(broker, topic, Self.exactly, context: context(subtask, of: 2))
            try await sink.onStart()
            try await sink.write(ids([Int64(subtask)]))
            _ = try await sink.prepare(epoch: 1)
            try await sink.commit(epoch: 1)
            // These go into an open transaction at once.
            try await sink.write(ids([Int64(10 + subtask)]))
            let state = try await sink.prepare(epoch: 2)
            tables += state.tables
            if wasCommitted { try await sink.commit(epoch: 2) }
            try await sink.write(ids([99]))
            formers.append(sink)
        }
        for subtask in 0..<parallelism {
            let sink = try makeSink(broker, topic, Self.exactly, context: context(subtask, of: parallelism))
            let own = parallelism == 2 ? Array(tables.filter { isOf($0, subtask) }) : tables
            try sink.restore(RestoredState(own))
            try await sink.onStart()
            try await sink.commit(epoch: 2)
            // Asked again it does nothing.
            try await sink.commit(epoch: 2)
            try await sink.write(ids([Int64(20 + subtask)]))
            _ = try await sink.prepare(epoch: 3)
            try await sink.commit(epoch: 3)
        }
        #expect(try values(broker, topic) == json([0, 1, 10, 11] + (0..<parallelism).map { 20 + $0 }))
        // Their ids were taken over.
        for former in formers {
            let text = await message {
                _ = try await former.prepare(epoch: 3)
                try await former.commit(epoch: 3)
            }
            #expect(text.contains("another process has gone on"), "\(text)")
        }
        #expect(try values(broker, topic).count == 4 + parallelism)
    }

    /// Whether a table was given out by a subtask.
    private func isOf(_ table: StateTable, _ subtask: Int) -> Bool {
        let column = table.name == "records" ? 0 : 1
        return table.batch.columns[column].pointer(Int64.self)[0] == Int64(subtask)
    }

    @Test("wrong options are told before anything is written")
    func mistakes() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        let cases = [
            (["sink.key_field": "nothing"], "there is no column nothing"),
            (["sink.timestamp_field": "id"], "expected a TIMESTAMP"), (["sink.upsert": "true"], "needs a PRIMARY KEY"),
            (["client_configs": "no.such.setting=1"], "cannot be set: it is not among"),
            (["format": "avro", "avro.confluent_schema_registry": "true"], "needs schema_registry.endpoint"),
            (["client_configs": "transactional.id=mine"], "cannot be set"),
        ]
        for (more, words) in cases {
            let text = await message { try await makeSink(broker, topic, more).onStart() }
            #expect(text.contains(words), "\(text)")
        }
    }
}
