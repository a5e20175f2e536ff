import Columnar
import Connectors
import Dataflow
import Foundation
import HostSystem
import State
import Synchronization
import TestKit
import Testing

/// Records of a schema registry, written and read by fastavro, Google's protobuf and Python over a real broker.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"))
struct KafkaFormatTests {
    static func options(_ registry: RegistryProcess, _ format: String, _ more: [String: String] = [:]) -> [String:
        String]
    {
        [
            "source.offset": "earliest", "format": format, "\(format).confluent_schema_registry": "true",
            "schema_registry.endpoint": registry.endpoint, "bad_data": "drop",
        ].merging(more) { $1 }
    }

    /// The options that a source without columns takes over from the registry.
    static func definition(
        _ broker: KafkaBroker, _ topic: String, _ given: [String: String]
    ) async throws -> [String: String] {
        let all = KafkaTests.options(broker, topic, given)
        return given.merging(try await KafkaConnector().definition(options: all).mapValues(\.text)) { $1 }
    }

    static let orders = Schema([
        Field("id", .int64), Field("name", .utf8), Field("note", .utf8), Field("at", .timestamp), Field("o", .int64),
    ])

    /// Where record `number` lies in a topic in which a bad record follows every tenth.
    static func offset(_ number: Int) -> Int { number + (number + 9) / 10 }

    @Test("Avro of two writers' schemas: each record by its own, missing fields NULL or the newest schema's default")
    func avroSource() async throws {
        let (broker, registry) = (try KafkaBroker(), try RegistryProcess())
        let topic = try broker.makeTopic(1)
        try registry.tool(broker, "write-avro", topic)
        for usesReader in [false, true] {
            var options = Self.options(registry, "avro")
            if usesReader { options = try await Self.definition(broker, topic, options) }
            #expect(options["avro.reader_schema"]?.contains("note") == (usesReader ? true : nil))
            let metrics = OperatorMetrics()
            let source = try makeSource(
                broker, topic, options, schema: Self.orders, metadata: [4: "offset_id"],
                context: context(metrics: metrics))
            let found = try await readOnce(source, 100)
            let wanted = (0..<100).map { number in
                let isNew = number % 2 == 1
                let note = isNew ? "x\(number)" : usesReader ? "none" : "NULL"
                let at = isNew ? "\(number * 1_000_000_000)" : usesReader ? "0" : "NULL"
                return "\(number)|n\(number)|\(note)|\(at)|\(Self.offset(number))"
            }
            #expect(found == wanted)
            #expect(metrics.badRecords.load(ordering: .relaxed) == 8)
        }
    }

    @Test("a record of an unknown schema ends the job with its place in the registry's words, where that is wanted")
    func strictAvro() async throws {
        let (broker, registry) = (try KafkaBroker(), try RegistryProcess(login: "key:very-secret"))
        let topic = try broker.makeTopic(1)
        try registry.tool(broker, "write-avro", topic)
        let login = ["schema_registry.api_key": "key", "schema_registry.api_secret": "very-secret", "bad_data": "fail"]
        let strict = try makeSource(broker, topic, Self.options(registry, "avro", login), schema: Self.orders)
        let text = await message { _ = try await readOnce(strict, 100, seconds: 5) }
        #expect(text.contains("partition 0, offset 1: bad avro record: "), "\(text)")
        let wrong = login.merging(["schema_registry.api_secret": "guessed"]) { $1 }
        let locked = try makeSource(broker, topic, Self.options(registry, "avro", wrong), schema: Self.orders)
        let refusal = await message { _ = try await readOnce(locked, 1, seconds: 5) }
        #expect(refusal.contains("refused the key: Unauthorized") && !refusal.contains("guessed"), "\(refusal)")
    }

    @Test("Avro as unstructured JSON")
    func avroJSON() async throws {
        let (broker, registry) = (try KafkaBroker(), try RegistryProcess())
        let topic = try broker.makeTopic(1)
        try registry.tool(broker, "write-avro", topic)
        let options = Self.options(registry, "avro", ["avro.into_unstructured_json": "true"])
        let source = try makeSource(broker, topic, options, schema: Schema([Field("value", .json)]))
        let found = try await readOnce(source, 100)
        #expect(found.count == 100 && found[0] == #"{"id":0,"name":"n0"}"#, "\(found.prefix(2))")
        #expect(found[1].contains(#""note":"x1""#) && found[1].contains(#""tags":["a","1"]"#), "\(found[1])")
    }

    static let messages = Schema([
        Field("id", .int64), Field("name", .utf8), Field("counts", .list(.int32)), Field("at", .timestamp),
        Field("left", .utf8), Field("right", .int32), Field("state", .utf8), Field("o", .int64),
    ])

    @Test("Protobuf messages inside others: by the writer's schema, and by a definition of the table's own")
    func protobufSource() async throws {
        let (broker, registry) = (try KafkaBroker(), try RegistryProcess())
        let topic = try broker.makeTopic(1)
        try registry.tool(broker, "write-protobuf", topic)
        for usesOwn in [false, true] {
            var options = Self.options(registry, "protobuf")
            if usesOwn {
                options["protobuf.message_name"] = "shop.Outer.Order"
                options = try await Self.definition(broker, topic, options)
                #expect(options["protobuf.schema"]?.contains("message Outer") == true)
            }
            let metrics = OperatorMetrics()
            let source = try makeSource(
                broker, topic, options, schema: Self.messages, metadata: [7: "offset_id"],
                context: context(metrics: metrics))
            let found = try await readOnce(source, 50)
            let wanted = (0..<50).map { number in
                let time = number * 1_000_000_000
                let kind = number % 3 == 0 ? "l\(number)|NULL" : number % 3 == 1 ? "NULL|\(number)" : "NULL|NULL"
                let state = number % 2 == 0 ? "NEW" : "DONE"
                return "\(number)|n\(number)|[\(number), \(-number)]|\(time)|\(kind)|\(state)|\(Self.offset(number))"
            }
            #expect(found == wanted, "own definition: \(usesOwn)")
            #expect(metrics.badRecords.load(ordering: .relaxed) == 5)
        }
    }

    @Test("JSON behind the ids of a registered JSON Schema")
    func jsonSource() async throws {
        let (broker, registry) = (try KafkaBroker(), try RegistryProcess())
        let topic = try broker.makeTopic(1)
        try registry.tool(broker, "write-json", topic)
        let options = try await Self.definition(broker, topic, Self.options(registry, "json"))
        #expect(options["json.schema"]?.contains("score") == true)
        let metrics = OperatorMetrics()
        let schema = Schema([Field("id", .int64), Field("score", .float64), Field("o", .int64)])
        let source = try makeSource(
            broker, topic, options, schema: schema, metadata: [2: "offset_id"], context: context(metrics: metrics))
        let wanted = (0..<30).map { "\($0)|\(Double($0) / 2)|\(Self.offset($0))" }
        #expect(try await readOnce(source, 30) == wanted)
        #expect(metrics.badRecords.load(ordering: .relaxed) == 3)
    }

    static let written = Schema([
        Field("id", .int64, isNullable: false), Field("name", .utf8), Field("at", .timestamp, isNullable: false),
        Field("tags", .list(.utf8)),
    ])

    static func rows(_ numbers: [Int64]) -> RecordBatch {
        let tags = numbers.map { ScalarValue(type: .list(.utf8), storage: .nested([.utf8("t\($0)")])) }
        return RecordBatch(
            schema: written,
            columns: [
                Column.of(.int64, numbers.map { .int64($0) }),
                Column.of(.utf8, numbers.map { $0 % 2 == 0 ? .null(.utf8) : .utf8("n\($0)") }),
                Column.of(.timestamp, numbers.map { .timestamp($0 * 1_000_000_000) }),
                Column.of(.list(.utf8), tags),
            ], rowCount: numbers.count)
    }

    @Test(
        "what sinks write, other implementations read by the schema that was registered",
        arguments: ["avro", "protobuf", "json"], ["at_least_once", "exactly_once"])
    func sinks(format: String, mode: String) async throws {
        let (broker, registry) = (try KafkaBroker(), try RegistryProcess())
        let topic = try broker.makeTopic(1)
        let options = Self.options(registry, format, ["sink.commit_mode": mode]).filter { $0.key != "bad_data" }
        let sink = try makeSink(
            broker, topic, options.filter { !$0.key.hasPrefix("source.") }, schema: Self.written)
        try await sink.onStart()
        try await sink.write(Self.rows(Array(0..<300)))
        _ = try await sink.prepare(epoch: 1)
        if mode == "exactly_once" { try await sink.commit(epoch: 1) }
        let found = try registry.dump(broker, topic)
        #expect(found.count == 300)
        let row = try #require(found.count > 7 ? found[7] : nil)
        #expect(row.contains(#""name": "n7""#) && row.contains(#""tags": ["t7"]"#), "\(row)")
        let expectedTime = format == "avro" ? "1970-01-01 00:00:07" : "1970-01-01T00:00:07"
        #expect(row.contains(expectedTime), "\(row)")
        #expect(row.contains(format == "protobuf" ? #""id": "7""# : #""id": 7"#), "\(row)")
        #expect(!found[6].contains("n6"))
    }

    @Test("a subject's newest schema is used where it can hold the rows; else the registry's refusal is shown")
    func compatibility() async throws {
        let (broker, registry) = (try KafkaBroker(), try RegistryProcess())
        let topic = try broker.makeTopic(1)
        let text = """
            {"type": "record", "name": "Order", "namespace": "shop", "fields": [
             {"name": "id", "type": ["null", "long"]},
             {"name": "more", "type": ["null", "string"], "default": null}]}
            """
        let id = try registry.tool(broker, "register", topic + "-value", "AVRO", input: text)
        let options = Self.options(registry, "avro").filter { $0.key == "format" || $0.key.contains("registry") }
        func spec(_ fields: [Field]) -> ConnectorSpec {
            ConnectorSpec(
                connector: "kafka", table: "t", options: KafkaTests.options(broker, topic, options),
                schema: Schema(fields))
        }
        let sink = try makeSink(broker, topic, options)
        try await sink.onStart()
        try await sink.write(ids([1, 2]))
        _ = try await sink.prepare(epoch: 1)
        let number = id.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(try registry.dump(broker, topic).first == #"{"row": {"id": 1, "more": null}, "schema": \#(number)}"#)
        // Another column makes a new version, under the name that readers know.
        let more = spec([Field("id", .int64), Field("extra", .float64)])
        try await KafkaConnector().prepareSink(more, isTrial: true)
        #expect(try registry.tool(broker, "subject", topic + "-value").contains(#""version": 1"#))
        try await KafkaConnector().prepareSink(more, isTrial: false)
        let newest = try registry.tool(broker, "subject", topic + "-value")
        #expect(newest.contains(#""version": 2"#) && newest.contains("shop.Order"), "\(newest)")
        let refused = await message {
            try await KafkaConnector().prepareSink(spec([Field("id", .utf8), Field("other", .int64)]), isTrial: false)
        }
        #expect(
            refused.contains("is not compatible with the newest one: ") && refused.contains("reader union misses"),
            "\(refused)")
        #expect(refused.contains("subject '\(topic)-value'"), "\(refused)")
    }

    @Test(
        "messages without a registry: bare values, single objects, bare and length-delimited messages, there and back")
    func plainMessages() async throws {
        let broker = try KafkaBroker()
        let avro = #"{"type":"record","name":"R","fields":[{"name":"id","type":["null","long"]}]}"#
        let proto = #"syntax = "proto3"; message R { optional int64 id = 1; }"#
        for options in [
            ["format": "avro", "avro.raw_datums": "true", "avro.schema": avro],
            ["format": "avro", "avro.schema": avro], ["format": "protobuf", "protobuf.schema": proto],
            ["format": "protobuf", "protobuf.schema": proto, "protobuf.length_delimited": "true"],
            ["format": "json", "json.include_schema": "true"],
        ] {
            let topic = try broker.makeTopic(1)
            let sink = try makeSink(broker, topic, options)
            try await sink.onStart()
            try await sink.write(ids(Array(0..<1000)))
            _ = try await sink.prepare(epoch: 1)
            let source = try makeSource(broker, topic, options.merging(["source.offset": "earliest"]) { $1 })
            #expect(try await readOnce(source, 1000) == (0..<1000).map(String.init), "\(options)")
        }
    }

    static let program = KafkaBroker.laminar

    /// Runs a text until `isDone`, then stops it; gives what it printed to its error output.
    func run(
        _ sql: String, stateDirectory: String, parallelism: Int, until isDone: () throws -> Bool
    ) throws -> String {
        let state = ["--state-dir", stateDirectory, "--checkpoint-interval", "200", "-p", "\(parallelism)"]
        // The threads of tests block signals, and a child would inherit that.
        let unblock =
            "import os, signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, []); "
            + "os.execv(sys.argv[1], sys.argv[1:])"
        let running = try #require(
            ChildProcess.start([KafkaBroker.python, "-c", unblock, Self.program, "run", "-e", sql] + state))
        var isOver = false
        for _ in 0..<60 where !isOver {
            usleep(500_000)
            isOver = try isDone() || kill(running.process, 0) != 0
        }
        running.send(SIGINT)
        return running.finish().errorOutput
    }

    @Test("SQL: columns of the registry, another format out, bad records in a table of their own, exactly once")
    func sql() throws {
        let (broker, registry) = (try KafkaBroker(), try RegistryProcess())
        let (input, output, errors) = (try broker.makeTopic(1), try broker.makeTopic(1), try broker.makeTopic(1))
        try registry.tool(broker, "write-avro", input)
        let access = "bootstrap_servers = '\(broker.servers)', schema_registry.endpoint = '\(registry.endpoint)'"
        let sql = """
            CREATE TABLE orders (place BIGINT METADATA FROM 'offset_id') WITH (connector = 'kafka', \(access),
                topic = '\(input)', type = 'source', source.offset = 'earliest', bad_data = 'table:errors',
                format = 'avro', avro.confluent_schema_registry = 'true');
            CREATE TABLE large WITH (connector = 'kafka', \(access), topic = '\(output)', type = 'sink',
                sink.commit_mode = 'exactly_once', format = 'protobuf', protobuf.confluent_schema_registry = 'true');
            CREATE TABLE errors (source TEXT, record TEXT, error TEXT, partition INT, "offset" BIGINT, time TIMESTAMP)
                WITH (connector = 'kafka', bootstrap_servers = '\(broker.servers)', topic = '\(errors)', type = 'sink',
                sink.commit_mode = 'exactly_once', format = 'json');
            INSERT INTO large SELECT id, note, tags, place FROM orders WHERE id >= 10;
            """
        let folder = FileManager.default.temporaryDirectory.appending(path: "laminar-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for round in 1...2 {
            // The second run goes on where the first one stopped, at another parallelism, and gives nothing twice.
            if round == 2 { try registry.tool(broker, "write-avro", input) }
            let said = try run(sql, stateDirectory: folder, parallelism: round) {
                try broker.records(errors).count >= 8 * round && registry.dump(broker, output).count >= 90 * round
            }
            #expect(!said.contains("error"), "\(said)")
        }
        let rows = try registry.dump(broker, output)
        #expect(rows.count == 180, "\(rows.count)")
        #expect(rows.first?.contains(#""note": "none""#) == true, "\(rows.first ?? "")")
        #expect(rows.first?.contains(#""id": "10""#) == true && rows.first?.contains(#""place": "11""#) == true)
        let bad = try broker.records(errors).compactMap(\.value)
        #expect(bad.count == 16, "\(bad)")
        let offsets = bad.compactMap { $0.firstMatch(of: /"offset":([0-9]+)/).flatMap { Int($0.1) } }
        let wanted = [1, 12, 23, 34, 56, 67, 78, 89]
        #expect(offsets.sorted() == wanted + wanted.map { $0 + 110 })
        #expect(bad.allSatisfy { $0.hasPrefix(#"{"source":"orders","record":"#) && $0.contains(#""partition":0"#) })
        #expect(bad.contains { $0.contains("schema 999999 cannot be had: Schema 999999 not found") }, "\(bad)")
    }
}
