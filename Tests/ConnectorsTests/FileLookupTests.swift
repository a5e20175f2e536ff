import Columnar
import Connectors
import Dataflow
import HostSystem
import TestKit
import Testing

/// Rows looked up in a file.
@Suite struct FileLookupTests {
    private static let schema = Schema([Field("code", .utf8), Field("name", .utf8), Field("digits", .int64)])

    private static func source(
        _ path: String, _ clock: any WallClock, keys: [Int] = [0], projection: [Int] = [1, 2], subtask: Int = 0
    ) throws -> any LookupSource {
        let options: [String: OptionValue] = [
            "path": .string(path), "format": .string("json"), "type": .string("lookup"),
            "lookup.cache.ttl": .string("5 seconds"),
        ]
        let spec = ConnectorSpec(
            connector: "single_file", table: "t", options: options, schema: schema, projection: projection)
        return try SingleFileConnector().makeLookup(
            spec, keys: keys, context: context(subtask: subtask, of: 2, clock: clock))
    }

    private static func ask(_ source: any LookupSource, _ keys: [String]) async throws -> [String] {
        let builder = ColumnBuilder(.utf8)
        for key in keys { builder.append(.utf8(key)) }
        let result = try await source.lookUp([builder.finish()], count: keys.count)
        return result.keys.enumerated().map { row, key in
            ([keys[Int(key)]] + result.columns.map { BatchBuilder.text($0.scalar(at: row)) }).joined(separator: "|")
        }
    }

    private static func line(_ code: String, _ name: String, _ digits: Int) -> String {
        "{\"code\": \"\(code)\", \"name\": \"\(name)\", \"digits\": \(digits)}\n"
    }

    @Test("every subtask finds the rows of its keys; of several rows of a key the last counts", arguments: [0, 1])
    func rows(subtask: Int) async throws {
        let folder = Folder()
        let text = Self.line("EUR", "ecu", 1) + Self.line("JPY", "yen", 0) + Self.line("EUR", "euro", 2)
        let source = try Self.source(try folder.write("t.json", text), FixedClock(), subtask: subtask)
        try await source.onStart()
        #expect(try await Self.ask(source, ["JPY", "XXX", "EUR"]) == ["JPY|yen|0", "EUR|euro|2"])
        #expect(try await Self.ask(source, ["XXX"]) == [])
        await source.onClose()
    }

    @Test("a changed file is read again, but not before the time to live is over")
    func changes() async throws {
        let folder = Folder()
        let clock = ManualClock()
        let path = try folder.write("t.json", Self.line("EUR", "euro", 2))
        let source = try Self.source(path, clock, projection: [1])
        #expect(try await Self.ask(source, ["EUR", "USD"]) == ["EUR|euro"])
        _ = try folder.write("t.json", Self.line("EUR", "Euro", 2) + Self.line("USD", "dollar", 2))
        clock.advance(millis: 4_999)
        #expect(try await Self.ask(source, ["EUR", "USD"]) == ["EUR|euro"])
        clock.advance(millis: 1)
        #expect(try await Self.ask(source, ["EUR", "USD"]) == ["EUR|Euro", "USD|dollar"])
    }

    @Test("an empty file has no rows; a missing one is an error that names table and file")
    func emptyAndMissing() async throws {
        let folder = Folder()
        let source = try Self.source(try folder.write("t.json", ""), FixedClock())
        #expect(try await Self.ask(source, ["EUR"]) == [])
        let missing = try Self.source(folder.file("none.json"), FixedClock())
        let text = await message { _ = try await Self.ask(missing, ["EUR"]) }
        #expect(text.contains("table 't'") && text.contains("none.json"))
    }
}
