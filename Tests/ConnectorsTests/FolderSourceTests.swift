import Codecs
import Columnar
import Connectors
import Dataflow
import HostSystem
import State
import TestKit
import Testing

/// What the `filesystem` source reads, and that it goes on where it was.
@Suite struct FolderSourceTests {
    static let schema = Schema([Field("id", .int64), Field("part", .utf8)])

    static func source(
        _ files: any FileSystem, _ more: [String: OptionValue] = [:], subtask: Int = 0, of parallelism: Int = 1
    ) throws -> any SourceOperator {
        let options = more.merging(["path": .string("in"), "type": .string("source")]) { given, _ in given }
        let spec = ConnectorSpec(connector: "filesystem", table: "t", options: options, schema: schema)
        return try FilesystemConnector(fileSystem: files).makeSource(
            spec, context: context(subtask: subtask, of: parallelism))
    }

    static func put(_ files: SimulatedFileSystem, _ path: String, _ bytes: [UInt8]) throws {
        let full = "in/" + path
        try files.makeDirectory(String(full[..<(full.lastIndex(of: "/") ?? full.startIndex)]))
        let file = try files.openForWriting(full, .createNew)
        try file.write(bytes)
    }

    static func json(_ ids: ClosedRange<Int>) -> [UInt8] {
        ids.flatMap { Array("{\"id\":\($0),\"part\":\"x\"}\n".utf8) }
    }

    static func ids(_ batches: [RecordBatch]) -> [Int] {
        batches.flatMap { batch in (0..<batch.rowCount).map { Int(batch.columns[0].pointer(Int64.self)[$0]) } }
    }

    /// Some files in folders, plain and compressed, an empty one, and some that are not to be read: ids 0 to 99.
    static func folder() throws -> SimulatedFileSystem {
        let files = SimulatedFileSystem()
        try put(files, "b/2.json", json(30...49))
        try put(files, "b/1.json.gz", try Codec.gzip.compress(json(10...29)))
        try put(files, "a/deep/x.json.zst", try Codec.zstd.compress(json(0...9)))
        try put(files, "c.json", json(50...98))
        try put(files, "d.json", [])
        try put(files, "e.json", Array("{\"id\":99}".utf8))
        try put(files, ".hidden.json", json(1000...1001))
        try put(files, "b/.f.json.owner.0.inprogress", json(1002...1003))
        return files
    }

    @Test func `files are read in the order of their paths, hidden ones are not`() async throws {
        let batches = try await readAll(Self.source(Self.folder()))
        #expect(Self.ids(batches) == Array(0...99))
    }

    @Test(arguments: [2, 3, 7]) func `subtasks share the files`(parallelism: Int) async throws {
        let files = try Self.folder()
        var all: [Int] = []
        for subtask in 0..<parallelism {
            all += Self.ids(try await readAll(Self.source(files, subtask: subtask, of: parallelism)))
        }
        #expect(all.sorted() == Array(0...99))
    }

    @Test func `a pattern chooses the files`() async throws {
        let files = try Self.folder()
        for (pattern, expected) in [("^b/", Array(10...49)), (#"\.gz$|e\.json"#, Array(10...29) + [99]), ("zzz", [])] {
            for key in ["regex_pattern", "source.regex_pattern"] {
                let batches = try await readAll(Self.source(files, [key: .string(pattern)]))
                #expect(Self.ids(batches) == expected, "\(pattern)")
            }
        }
    }

    @Test func `a source goes on where it was, at any parallelism, without files that came later`() async throws {
        let seed: UInt64 = 77
        var random = SeededRandom(seed)
        for round in 0..<60 {
            let files = try Self.folder()
            var seen: [Int] = []
            var states: [StateSnapshot]?
            for leg in 0..<5 {
                let parallelism = 1 + random.below(3)
                var next: [StateSnapshot] = []
                for subtask in 0..<parallelism {
                    let source = try Self.source(files, subtask: subtask, of: parallelism)
                    if let states {
                        // As the engine deals state out: at the same parallelism each has its own back.
                        let given = states.count == parallelism ? [states[subtask]] : states
                        try source.restore(RestoredState(given.flatMap(\.tables)))
                    }
                    try await source.onStart()
                    reading: for _ in 0..<(leg == 4 ? 1000 : random.below(8)) {
                        switch try await source.read(rowLimit: 1 + random.below(9)) {
                        case .batch(let batch): seen += Self.ids([batch])
                        case .idle: break
                        case .endOfData: break reading
                        }
                    }
                    next.append(try source.snapshot())
                    await source.onClose()
                }
                states = next
                try Self.put(files, "a/late\(leg).json", Self.json(5000...5001))
            }
            #expect(seen.sorted() == Array(0...99), "seed \(seed), round \(round)")
        }
    }

    @Test(
        "what a sink wrote is read again", arguments: ["json", "csv"], ["none", "zstd", "gzip", "lz4"])
    func roundTrip(format: String, compression: String) async throws {
        let files = SimulatedFileSystem()
        let connector = FilesystemConnector(fileSystem: files, random: { SplitMix64(seed: 5) })
        let options: [String: OptionValue] = [
            "path": .string("in"), "format": .string(format), "compression": .string(compression),
            "partitioning.fields": .string("part"),
        ]
        let spec = ConnectorSpec(connector: "filesystem", table: "t", options: options, schema: Self.schema)
        let sink = try connector.makeSink(spec, context: context())
        try await sink.onStart()
        let parts = ["a", "b/c", ""]
        for epoch in 0..<4 {
            let rows: [[ScalarValue]] = (0..<50).map {
                [.int64(Int64(epoch * 50 + $0)), $0 % 7 == 0 ? .null(.utf8) : .utf8(parts[$0 % 3])]
            }
            try await sink.write(BatchBuilder.batch(Self.schema, rows))
            if epoch == 3 { try await sink.onEnd() }
            _ = try await sink.prepare(epoch: epoch)
            try await sink.commit(epoch: epoch)
        }
        let batches = try await readAll(Self.source(files, ["format": .string(format)]))
        #expect(Self.ids(batches).sorted() == Array(0..<200))
        for batch in batches {
            for row in 0..<batch.rowCount where Self.ids([batch])[row] % 50 % 7 != 0 {
                let part = parts[Self.ids([batch])[row] % 50 % 3]
                #expect(batch.columns[1].scalar(at: row).text == part)
            }
        }
    }

    @Test func `what is wrong is said`() async throws {
        let missing = await message { _ = try await readAll(Self.source(SimulatedFileSystem())) }
        #expect(missing.hasPrefix("table 't': cannot list 'in': no such file or directory"), "\(missing)")
        let files = SimulatedFileSystem()
        try files.openForWriting("in", .createNew).close()
        let file = await message { _ = try await readAll(Self.source(files)) }
        #expect(file.hasPrefix("table 't': 'in' is a file: expected a folder"), "\(file)")
        let bad = try Self.folder()
        try Self.put(bad, "b/3.json", Array("{\"id\":\"x\"}\n".utf8))
        let record = await message { _ = try await readAll(Self.source(bad)) }
        #expect(record.contains("table 't', file 'in/b/3.json'"), "\(record)")
        let dropped = try await readAll(Self.source(bad, ["bad_data": .string("drop")]))
        #expect(Self.ids(dropped) == Array(0...99))
    }
}
