import Columnar
import Connectors
import Dataflow
import Foundation
import TestKit
import Testing

/// Definitions of the tables' own, in parts and compiled: registered with what they use, written by, and read back.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"))
struct KafkaDefinitionTests {
    static let unit = "syntax = \"proto3\"; package shop; enum Unit { EUR = 0; SEK = 1; }"
    static let money = """
        syntax = "proto3"; package shop; import "shop/unit.proto";
        message Money { int64 amount = 1; Unit unit = 2; }
        """
    /// The records are the second message within the second one of the file.
    static let order = """
        syntax = "proto3"; package shop; import "shop/money.proto"; import "google/protobuf/timestamp.proto";
        message Other { string a = 1; }
        message Outer {
          message Inner { int32 n = 1; }
          message Order { int64 id = 1; Money price = 2; google.protobuf.Timestamp at = 3; repeated Inner inner = 4; }
        }
        """

    static let avroMoney = """
        {"type": "record", "name": "Money", "namespace": "shop", "fields": [
         {"name": "amount", "type": ["null", "long"]}, {"name": "unit", "type": ["null", "string"]}]}
        """
    static let avroOrder = """
        {"type": "record", "name": "Order", "namespace": "shop", "fields": [{"name": "id", "type": "long"},
         {"name": "price", "type": "Money"},
         {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}]}
        """

    static let schema = Schema([
        Field("id", .int64, isNullable: false),
        Field("price", .structure([Field("amount", .int64), Field("unit", .utf8)]), isNullable: false),
        Field("at", .timestamp, isNullable: false),
    ])

    static func rows(_ count: Int) -> RecordBatch {
        let prices = (0..<count).map { number in
            ScalarValue(
                type: schema.fields[1].type,
                storage: .nested([.int64(Int64(number * 10)), .utf8(number % 2 == 0 ? "SEK" : "EUR")]))
        }
        return RecordBatch(
            schema: schema,
            columns: [
                Column.of(.int64, (0..<count).map { .int64(Int64($0)) }), Column.of(schema.fields[1].type, prices),
                Column.of(.timestamp, (0..<count).map { .timestamp(Int64($0) * 1_000_000_000) }),
            ], rowCount: count)
    }

    /// The options of a sink's definition. `form`: `text`, `compiled` or `avro`.
    static func definition(
        _ form: String, _ broker: KafkaBroker, _ registry: RegistryProcess, money: String = money
    ) throws -> [String: String] {
        switch form {
        case "avro":
            return KafkaFormatTests.options(
                registry, "avro", ["avro.schema": avroOrder, "avro.references.0": avroMoney])
        case "text":
            return KafkaFormatTests.options(
                registry, "protobuf",
                [
                    "protobuf.schema": order, "protobuf.message_name": "Order",
                    "protobuf.dependencies.shop/money.proto": money, "protobuf.dependencies.shop/unit.proto": unit,
                    "protobuf.dependencies.unused.proto": "syntax = \"proto3\"; message Unused {}",
                ])
        default:
            let files = ["shop/unit.proto": unit, "shop/money.proto": money, "shop/order.proto": order]
            let text = String(decoding: try JSONEncoder().encode(files), as: UTF8.self)
            let set = try registry.tool(broker, "compile", "shop/order.proto", input: text)
            return KafkaFormatTests.options(
                registry, "protobuf",
                [
                    "protobuf.compiled_schema": set.trimmingCharacters(in: .whitespacesAndNewlines),
                    "protobuf.message_name": "shop.Outer.Order",
                ])
        }
    }

    /// The names of all subjects, in their order.
    static func subjects(_ registry: RegistryProcess, _ broker: KafkaBroker) throws -> [String] {
        try JSONDecoder().decode([String].self, from: Data(registry.tool(broker, "subjects", "-").utf8))
    }

    static func spec(_ broker: KafkaBroker, _ topic: String, _ given: [String: String]) -> ConnectorSpec {
        let own = given.filter { $0.key != "bad_data" && !$0.key.hasPrefix("source.") }
        return ConnectorSpec(
            connector: "kafka", table: "t", options: KafkaTests.options(broker, topic, own), schema: schema)
    }

    @Test(
        "a definition in parts is registered with them, once; others read what is written by it, and so do we",
        arguments: ["text", "compiled", "avro"])
    func parts(form: String) async throws {
        let (broker, registry) = (try KafkaBroker(), try RegistryProcess())
        let topic = try broker.makeTopic(1)
        let given = try Self.definition(form, broker, registry)
        let spec = Self.spec(broker, topic, given)
        try await KafkaConnector().prepareSink(spec, isTrial: true)
        #expect(try Self.subjects(registry, broker) == [])
        try await KafkaConnector().prepareSink(spec, isTrial: false)
        let first = try registry.tool(broker, "subject", topic + "-value")
        let part = form == "avro" ? "shop.Money" : "shop/money.proto"
        #expect(
            first.contains(#""references": [{"name": "\#(part)", "subject": "\#(part)", "version": 1}]"#), "\(first)")
        if form != "avro" {
            let money = try registry.tool(broker, "subject", part)
            #expect(money.contains(#""name": "shop/unit.proto", "subject": "shop/unit.proto""#), "\(money)")
        }
        let parts = form == "avro" ? ["shop.Money"] : ["shop/money.proto", "shop/unit.proto"]
        #expect(try Self.subjects(registry, broker) == parts + [topic + "-value"])
        // Again it is the same one, and the sink that starts finds it.
        for isTrial in [true, false] { try await KafkaConnector().prepareSink(spec, isTrial: isTrial) }
        let sink = try KafkaConnector().makeSink(spec, context: context())
        try await sink.onStart()
        try await sink.write(Self.rows(100))
        _ = try await sink.prepare(epoch: 1)
        #expect(try registry.tool(broker, "subject", topic + "-value") == first)
        let found = try registry.dump(broker, topic)
        #expect(found.count == 100)
        let row = try #require(found.count > 6 ? found[6] : nil)
        #expect(row.contains("\"SEK\"") && row.contains("1970-01-01") && row.contains(":00:06"), "\(row)")
        // By the writer's schema alone, of which the registry has every part.
        let written = KafkaFormatTests.options(registry, form == "avro" ? "avro" : "protobuf")
        let source = try makeSource(broker, topic, written, schema: Self.schema)
        let wanted = BatchBuilder.lines(Self.rows(100))
        #expect(try await readOnce(source, 100) == wanted)
        // And by what a source without columns takes over.
        var adopted = written
        if form != "avro" { adopted["protobuf.message_name"] = "shop.Outer.Order" }
        let reader = try await KafkaFormatTests.definition(broker, topic, adopted)
        #expect(try await readOnce(try makeSource(broker, topic, reader, schema: Self.schema), 100) == wanted)
    }

    @Test("a part that is not compatible is refused under its own subject, and nothing that uses it is registered")
    func refusedPart() async throws {
        let (broker, registry) = (try KafkaBroker(), try RegistryProcess())
        let topic = try broker.makeTopic(1)
        let older = "syntax = \"proto3\"; package shop; message Money { string amount = 1; }"
        try registry.tool(broker, "register", "shop/money.proto", "PROTOBUF", input: older)
        let spec = Self.spec(broker, topic, try Self.definition("text", broker, registry))
        for isTrial in [true, false] {
            let refused = await message { try await KafkaConnector().prepareSink(spec, isTrial: isTrial) }
            // In a trial the part it uses is not there, so that the registry cannot judge.
            #expect(isTrial == (refused == "no error"), "\(refused)")
            #expect(
                isTrial
                    || refused.contains("subject 'shop/money.proto'")
                        && refused.contains(
                            "is not compatible with the newest one: field amount was string and is int64"),
                "\(refused)")
        }
        #expect(try Self.subjects(registry, broker) == ["shop/money.proto", "shop/unit.proto"])
        // The parts are there by now, and a trial says the same.
        let refused = await message { try await KafkaConnector().prepareSink(spec, isTrial: true) }
        #expect(refused.contains("subject 'shop/money.proto'"), "\(refused)")
    }

    @Test("the definition itself is refused under the table's subject, with the registry's words")
    func refusedDefinition() async throws {
        let (broker, registry) = (try KafkaBroker(), try RegistryProcess())
        let topic = try broker.makeTopic(1)
        let older = "syntax = \"proto3\"; message Order { string id = 1; }"
        try registry.tool(broker, "register", topic + "-value", "PROTOBUF", input: older)
        let spec = Self.spec(broker, topic, try Self.definition("text", broker, registry))
        let refused = await message { try await KafkaConnector().prepareSink(spec, isTrial: false) }
        #expect(
            refused.contains("subject '\(topic)-value'") && refused.contains("field id was string and is int64"),
            "\(refused)")
        // An import that is nowhere is the registry's to refuse.
        var given = try Self.definition("text", broker, registry)
        given["protobuf.schema"] = "import \"nowhere.proto\";" + Self.order
        let lost = await message {
            try await KafkaConnector().prepareSink(Self.spec(broker, topic, given), isTrial: false)
        }
        #expect(lost.contains("nowhere.proto is imported and not among the references"), "\(lost)")
    }

    @Test(
        "records with a schema's id read without one, and the other way about, say what to change",
        arguments: ["json", "protobuf", "avro"])
    func prefixes(format: String) async throws {
        let (broker, registry) = (try KafkaBroker(), try RegistryProcess())
        let topic = try broker.makeTopic(1)
        let form = format == "protobuf" ? "text" : "avro"
        var given =
            format == "json"
            ? KafkaFormatTests.options(registry, "json") : try Self.definition(form, broker, registry)
        given["bad_data"] = nil
        let spec = Self.spec(broker, topic, given)
        let sink = try KafkaConnector().makeSink(spec, context: context())
        try await sink.onStart()
        try await sink.write(Self.rows(3))
        _ = try await sink.prepare(epoch: 1)
        var plain = given
        plain["\(format).confluent_schema_registry"] = nil
        if format == "avro" { plain["avro.raw_datums"] = "true" }
        let blind = await message {
            _ = try await readOnce(try makeSource(broker, topic, plain, schema: Self.schema), 1, seconds: 5)
        }
        #expect(
            blind.contains("it begins as records of a schema registry do, with the id ")
                && blind.contains("set \(format).confluent_schema_registry = 'true'"), "\(blind)")
        // And records without it.
        let bare = try broker.makeTopic(1)
        let writer = try KafkaConnector().makeSink(
            Self.spec(broker, bare, plain.filter { !$0.key.hasPrefix("schema_registry") }), context: context())
        try await writer.onStart()
        try await writer.write(Self.rows(3).slice(1, 2))
        _ = try await writer.prepare(epoch: 1)
        let lost = await message {
            _ = try await readOnce(try makeSource(broker, bare, given, schema: Self.schema), 1, seconds: 5)
        }
        #expect(
            lost.contains(
                "it has no id of a schema before it: with \(format).confluent_schema_registry = 'false' it is read as "
                    + "it is"), "\(lost)")
    }
}
