import Dataflow
import Foundation
import TestKit
import Testing

/// Texts over a real broker, run by the program: changes, upserts, and the end of a pipeline that was begun before.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"), .timeLimit(.minutes(5)))
struct KafkaSQLTests {
    static func table(
        _ name: String, _ columns: String, _ broker: any KafkaAddress, _ topic: String, _ more: String
    ) -> String {
        "CREATE TABLE \(name) (\(columns)) WITH (connector = 'kafka', bootstrap_servers = '\(broker.servers)', "
            + "topic = '\(topic)', \(more));\n"
    }

    static let earliest = "type = 'source', source.offset = 'earliest', format = 'json'"

    /// Runs until a topic has what is wanted, and gives the last it had.
    func run(
        _ sql: String, _ folder: TemporaryFolder, until isDone: () throws -> Bool
    ) throws -> String {
        try KafkaFormatTests().run(sql, stateDirectory: folder.path, parallelism: 1, until: isDone)
    }

    @Test("the rows of a restored pipeline that comes to its end come out, also when their commit fails")
    func end() throws {
        let broker = try KafkaBroker()
        let proxy = try KafkaProxy(broker)
        let folder = try TemporaryFolder()
        let (input, output) = (try broker.makeTopic(1), try broker.makeTopic(1))
        let sql =
            Self.table("i", "id BIGINT", broker, input, Self.earliest)
            + Self.table(
                "o", "id BIGINT", proxy, output, "type = 'sink', sink.commit_mode = 'exactly_once', format = 'json'")
            + "INSERT INTO o SELECT id FROM i LIMIT 20"
        func found() throws -> [Int] {
            try broker.records(output).compactMap { record in
                (record.value?.split(separator: ":").last?.dropLast()).flatMap { Int($0) }
            }.sorted()
        }
        var log = ""
        // Several epochs are committed before.
        for part in 0..<2 {
            try KafkaRecordTests.put(broker, input, (0..<5).map { #"{"id":\#(part * 5 + $0)}"# })
            log = try run(sql, folder) { try found().count == 5 * (part + 1) }
        }
        #expect(try found() == Array(0..<10), "\(log)")
        try KafkaRecordTests.put(broker, input, (10..<20).map { #"{"id":\#($0)}"# })
        try proxy.rule(.endTransaction, "fail&code=90&asks=0&times=2")
        log = try run(sql, folder) { try found().count >= 20 }
        #expect(try found() == Array(0..<20), "\(log)")
    }

    @Test("counts by key as upserts and as changes; both are read again")
    func changes() throws {
        let broker = try KafkaBroker()
        let folder = try TemporaryFolder()
        let (input, upserts, changes) = (
            try broker.makeTopic(1), try broker.makeTopic(1), try broker.makeTopic(1)
        )
        let values = (0..<60).map { #"{"k":"\#(["a", "b", "c"][$0 % 3])","n":\#($0)}"# }
        try KafkaRecordTests.put(broker, input, values)
        let columns = "k TEXT PRIMARY KEY, n BIGINT"
        let sql =
            Self.table("i", "k TEXT, n BIGINT", broker, input, Self.earliest)
            + Self.table(
                "u", columns, broker, upserts, "type = 'sink', sink.upsert = 'true', format = 'json'")
            + Self.table("c", columns, broker, changes, "type = 'sink', format = 'debezium_json'")
            + "INSERT INTO u SELECT k, count(*) FROM i GROUP BY k;\n"
            + "INSERT INTO c SELECT k, count(*) FROM i GROUP BY k"
        /// The newest value of each key.
        func newest(_ topic: String) throws -> [String: String] {
            Dictionary(
                try broker.records(topic).map { ($0.key ?? "", $0.value ?? "gone") }, uniquingKeysWith: { $1 })
        }
        let log = try run(sql, folder) {
            let (one, two) = (try newest(upserts), try newest(changes))
            return one.count == 3 && two.count == 3 && one.values.allSatisfy { $0.contains("20") }
                && two.values.allSatisfy { $0.contains("20") }
        }
        let found = try newest(upserts)
        #expect(found == ["a": #"{"k":"a","n":20}"#, "b": #"{"k":"b","n":20}"#, "c": #"{"k":"c","n":20}"#], "\(log)")
        // The changes summed up are one row a key again.
        let again = try TemporaryFolder()
        let output = try broker.makeTopic(1)
        let back =
            Self.table(
                "c", columns, broker, changes,
                "type = 'source', source.offset = 'earliest', format = 'debezium_json'")
            + Self.table(
                "o", "rows BIGINT PRIMARY KEY, total BIGINT", broker, output,
                "type = 'sink', sink.upsert = 'true', format = 'json'")
            + "INSERT INTO o SELECT 1, CAST(sum(n) AS BIGINT) FROM c"
        let second = try run(back, again) { try newest(output)["1"] == #"{"rows":1,"total":60}"# }
        #expect(try newest(output)["1"] == #"{"rows":1,"total":60}"#, "\(second)")
    }

    @Test("changes with bad records among them: these go to a table, the others change rows")
    func badChanges() throws {
        let broker = try KafkaBroker()
        let folder = try TemporaryFolder()
        let (changes, good, bad) = (try broker.makeTopic(1), try broker.makeTopic(1), try broker.makeTopic(1))
        var values: [String] = []
        for id in 0..<20 {
            values.append(#"{"before":null,"after":{"k":\#(id),"n":1},"op":"c"}"#)
            values.append("no change \(id)")
            values.append(#"{"before":{"k":\#(id),"n":1},"after":{"k":\#(id),"n":5},"op":"u"}"#)
            if id % 4 == 0 { values.append(#"{"before":{"k":\#(id),"n":5},"after":null,"op":"d"}"#) }
        }
        try KafkaRecordTests.put(broker, changes, values)
        let sql =
            Self.table(
                "c", "k BIGINT PRIMARY KEY, n BIGINT", broker, changes,
                Self.earliest.replacingOccurrences(of: "format = 'json'", with: "format = 'debezium_json'")
                    + ", bad_data = 'table:bad'")
            + Self.table(
                "o", "one BIGINT PRIMARY KEY, rows BIGINT, total BIGINT", broker, good,
                "type = 'sink', sink.upsert = 'true', format = 'json'")
            + Self.table("bad", "\"offset\" BIGINT, record TEXT", broker, bad, "type = 'sink', format = 'json'")
            + "INSERT INTO o SELECT 1, count(*), CAST(sum(n) AS BIGINT) FROM c"
        let expected = #"{"one":1,"rows":15,"total":75}"#
        func found() throws -> String? { try broker.records(good).last?.value }
        let log = try run(sql, folder) { try found() == expected && broker.records(bad).count >= 20 }
        #expect(try found() == expected, "\(log)")
        let told = try broker.records(bad).compactMap(\.value)
        let wanted = values.enumerated().filter { $1.hasPrefix("no change") }.map {
            #"{"offset":\#($0),"record":"\#($1)"}"#
        }
        #expect(told == wanted, "\(log)")
    }
}
