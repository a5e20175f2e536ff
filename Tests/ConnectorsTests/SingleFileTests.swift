import Codecs
import Columnar
import Connectors
import Dataflow
import Formats
import HostSystem
import Synchronization
import TestKit
import Testing

@Suite struct SingleFileTests {
    static let schema = Schema([
        Field("id", .int64), Field("name", .utf8), Field("price", .float64), Field("good", .boolean),
    ])

    static func options(_ path: String, _ more: [String: OptionValue] = [:]) -> [String: OptionValue] {
        more.merging(["path": .string(path)]) { given, _ in given }
    }

    static func batches(_ seed: UInt64, _ counts: [Int]) -> [RecordBatch] {
        var random = SeededRandom(seed)
        return counts.map { RandomData.batch(schema, $0, using: &random) }
    }

    @Test(
        "what is written is read again",
        arguments: ["json", "csv", "avro", "protobuf"], [".txt", ".gz", ".zst", ".lz4"])
    func roundTrip(format: String, ending: String) async throws {
        let folder = Folder()
        let options = Self.options(folder.file("data" + ending), ["format": .string(format)])
        // An empty text and no text are the same in a CSV file unless nulls have a word of their own.
        let more: [String: OptionValue] =
            switch format {
            case "csv": ["csv.null": .string("<null>")]
            case "protobuf":
                [
                    "protobuf.length_delimited": .string("true"),
                    "protobuf.schema": .string(try ProtobufText.text(for: Self.schema)),
                ]
            default: [:]
            }
        let all = options.merging(more) { given, _ in given }
        let seed: UInt64 = 4711
        let batches = Self.batches(seed, [1, 700, 0, 6000])
        try await writeAll(SingleFileConnector(), all, batches, Self.schema)
        let back = try await readAll(SingleFileConnector(), all, Self.schema)
        #expect(lines(back) == lines(batches), "seed \(seed)")
        #expect(back.dropLast().allSatisfy { $0.rowCount <= 1000 })
    }

    @Test(arguments: ["", ".gz", ".zst"])
    func `raw lines go there and back`(ending: String) async throws {
        let folder = Folder()
        let schema = Schema([Field("value", .utf8)])
        let options = Self.options(folder.file("lines" + ending), ["format": .string("raw_string")])
        let batch = BatchBuilder.batch("value utf8\nfirst line\n{}\nlast")
        try await writeAll(SingleFileConnector(), options, [batch], schema)
        let back = try await readAll(SingleFileConnector(), options, schema)
        #expect(lines(back) == ["first line", "{}", "last"])
    }

    @Test func `the compression option goes before the name's ending`() async throws {
        let folder = Folder()
        let path = folder.file("data.bin")
        let batches = Self.batches(7, [50])
        let options = Self.options(path, ["compression": .string("gzip")])
        try await writeAll(SingleFileConnector(), options, batches, Self.schema)
        #expect(try PosixFileSystem().readAll(path).prefix(2) == [0x1F, 0x8B])
        #expect(lines(try await readAll(SingleFileConnector(), options, Self.schema)) == lines(batches))
    }

    @Test(arguments: ["json", "gz", "zst"])
    func `a flush makes the rows written so far readable`(ending: String) async throws {
        let folder = Folder()
        let path = folder.file("data." + ending)
        let schema = Schema([Field("id", .int64)])
        let spec = ConnectorSpec(
            connector: "single_file", table: "t", options: Self.options(path), schema: schema)
        let sink = try SingleFileConnector().makeSink(spec, context: context())
        try await sink.onStart()
        try await sink.write(BatchBuilder.batch("id int64\n1\n2"))
        #expect(try PosixFileSystem().status(path)?.byteCount == 0)
        try await sink.flush()
        let flushed = try PosixFileSystem().readAll(path)
        #expect(!flushed.isEmpty)
        if ending == "json" { #expect(String(decoding: flushed, as: UTF8.self) == "{\"id\":1}\n{\"id\":2}\n") }
        try await sink.write(BatchBuilder.batch("id int64\n3"))
        try await sink.onEnd()
        #expect(lines(try await readAll(SingleFileConnector(), Self.options(path), schema)) == ["1", "2", "3"])
    }

    @Test func `a sink empties the file it finds`() async throws {
        let folder = Folder()
        let path = try folder.write("old.json", String(repeating: "old\n", count: 1000))
        try await writeAll(SingleFileConnector(), Self.options(path), [], Self.schema)
        #expect(try PosixFileSystem().readAll(path).isEmpty)
        try await writeAll(
            SingleFileConnector(), Self.options(path), [BatchBuilder.batch("id int64\n7")],
            Schema([Field("id", .int64)]))
        #expect(String(decoding: try PosixFileSystem().readAll(path), as: UTF8.self) == "{\"id\":7}\n")
    }

    @Test(
        "line ends of every kind",
        arguments: [
            ("", []), ("\n\n", []), ("{\"id\":1}", ["1"]), ("{\"id\":1}\n{\"id\":2}", ["1", "2"]),
            ("{\"id\":1}\r\n{\"id\":2}\r\n", ["1", "2"]), ("\n{\"id\":1}\n\n\n{\"id\":2}\n", ["1", "2"]),
        ] as [(String, [String])])
    func lineEnds(text: String, expected: [String]) async throws {
        let folder = Folder()
        let path = try folder.write("data.json", text)
        let back = try await readAll(SingleFileConnector(), Self.options(path), Schema([Field("id", .int64)]))
        #expect(lines(back) == expected)
    }

    @Test func `an empty compressed file has no rows`() async throws {
        let folder = Folder()
        for ending in [".gz", ".zst"] {
            let path = try folder.write("empty" + ending, [])
            let back = try await readAll(SingleFileConnector(), Self.options(path), Self.schema)
            #expect(back.isEmpty)
        }
    }

    @Test func `only the columns asked for come`() async throws {
        let folder = Folder()
        let options = Self.options(folder.file("data.json"))
        let batches = Self.batches(3, [500])
        try await writeAll(SingleFileConnector(), options, batches, Self.schema)
        let back = try await readAll(SingleFileConnector(), options, Self.schema, projection: [0, 3])
        #expect(lines(back) == lines(batches.map { $0.selectingColumns([0, 3]) }))
    }

    @Test func `bad records fail or are dropped and counted`() async throws {
        let folder = Folder()
        let text = "{\"id\":1}\n{\"id\":\"x\"}\nnot json\n{\"id\":4}\n"
        let path = try folder.write("data.json", text)
        let schema = Schema([Field("id", .int64)])
        let failing = OperatorMetrics()
        let error = await message {
            _ = try await readAll(
                SingleFileConnector(), Self.options(path), schema, context: context(metrics: failing))
        }
        #expect(error.contains("table 't'") && error.contains(path) && error.contains("line 2"), "\(error)")
        #expect(error.contains("bad_data = 'drop'"), "\(error)")
        #expect(failing.badRecords.load(ordering: .relaxed) >= 1)
        let metrics = OperatorMetrics()
        let back = try await readAll(
            SingleFileConnector(), Self.options(path, ["bad_data": .string("drop")]), schema,
            context: context(metrics: metrics))
        #expect(lines(back) == ["1", "4"])
        #expect(metrics.badRecords.load(ordering: .relaxed) == 2)
        #expect(metrics.bytesReceived.load(ordering: .relaxed) == text.utf8.count)
    }

    @Test func `a file of bad records only is read without end of patience`() async throws {
        let folder = Folder()
        let path = try folder.write("data.json", String(repeating: "?\n", count: 3_000_000))
        let metrics = OperatorMetrics()
        let back = try await readAll(
            SingleFileConnector(), Self.options(path, ["bad_data": .string("drop")]), Schema([Field("id", .int64)]),
            context: context(metrics: metrics))
        #expect(back.isEmpty)
        #expect(metrics.badRecords.load(ordering: .relaxed) == 3_000_000)
    }

    @Test func `only the first of several subtasks reads`() async throws {
        let folder = Folder()
        let path = try folder.write("data.json", "{\"id\":1}\n")
        let schema = Schema([Field("id", .int64)])
        for subtask in 0..<2 {
            let back = try await readAll(
                SingleFileConnector(), Self.options(path), schema, context: context(subtask: subtask, of: 2))
            #expect(lines(back) == (subtask == 0 ? ["1"] : []))
        }
    }
}
