import Codecs
import Columnar
import Connectors
import Dataflow
import HostSystem
import State
import TestKit
import Testing

/// What the `filesystem` sink writes where, and when readers see it.
@Suite struct FolderSinkTests {
    static let schema = Schema([
        Field("id", .int64), Field("name", .utf8), Field("day", .date), Field("ts", .timestamp), Field("ok", .boolean),
    ])

    /// A sink over a disk in memory with a clock moved by hand.
    struct Bench {
        let files = SimulatedFileSystem()
        let clock = ManualClock(1_700_000_000_000_000_000)
        let sink: any SinkOperator

        init(
            _ options: [String: OptionValue], _ schema: Schema = FolderSinkTests.schema, isCheckpointed: Bool = true,
            seed: UInt64 = 1
        ) throws {
            let connector = FilesystemConnector(fileSystem: files, random: { SplitMix64(seed: seed) })
            let spec = ConnectorSpec(
                connector: "filesystem", table: "t",
                options: options.merging(["path": .string("out")]) { given, _ in given }, schema: schema)
            sink = try connector.makeSink(
                spec,
                context: OperatorContext(
                    nodeID: 1, subtask: 0, parallelism: 1, clock: clock, metrics: OperatorMetrics(),
                    isCheckpointed: isCheckpointed))
        }

        func write(_ rows: String) async throws {
            try await sink.write(
                BatchBuilder.batch("id int64 | name utf8 | day date | ts timestamp | ok boolean\n" + rows))
        }

        /// A checkpoint from barrier to commit.
        func checkpoint(_ epoch: Int) async throws {
            _ = try await sink.prepare(epoch: epoch)
            try await sink.commit(epoch: epoch)
        }

        func end(_ epoch: Int) async throws {
            try await sink.onEnd()
            try await checkpoint(epoch)
        }

        /// Paths below the folder, in order; hidden files only if asked.
        func paths(hidden: Bool = false, _ folder: String = "out") throws -> [String] {
            try files.list(folder).flatMap { name -> [String] in
                let path = folder + "/" + name
                if try files.status(path)?.kind == .directory { return try paths(hidden: hidden, path) }
                return name.hasPrefix(".") == hidden ? [String(path.dropFirst(4))] : []
            }
        }

        /// The folders that hold visible files.
        func folders() throws -> [String] {
            try paths().map { path in path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "" }
        }

        func text(_ path: String, _ codec: Codec = .none) throws -> String {
            String(decoding: try codec.decompress(files.readAll("out/" + path)), as: UTF8.self)
        }
    }

    /// 2026-03-05 07:08:09 and its date.
    static let time = 1_772_694_489_000_000_000
    static let day = 20517

    @Test func `files are hidden until their checkpoint is committed`() async throws {
        let bench = try Bench([:])
        try await bench.sink.onStart()
        try await bench.write("1 | a | 0 | 0 | true")
        #expect(try bench.paths() == [])
        _ = try await bench.sink.prepare(epoch: 1)
        #expect(try bench.paths() == [])
        #expect(try bench.paths(hidden: true).count == 1)
        // What comes behind the barrier belongs to the next checkpoint.
        try await bench.write("2 | b | 0 | 0 | true")
        try await bench.sink.commit(epoch: 1)
        #expect(
            try bench.paths().map { try bench.text($0) } == [
                #"{"id":1,"name":"a","day":"1970-01-01","ts":"1970-01-01T00:00:00","ok":true}"# + "\n"
            ])
        try await bench.end(2)
        #expect(try bench.paths().count == 2)
        #expect(try bench.paths(hidden: true) == [])
        // Committing once more changes nothing.
        try await bench.sink.commit(epoch: 2)
        #expect(try bench.paths().count == 2)
    }

    @Test func `files that readers took away are not asked for once they were committed`() async throws {
        for isCommitted in [true, false] {
            let bench = try Bench([:])
            try await bench.sink.onStart()
            try await bench.write("1 | a | 19723 | 1704067200000000000 | true")
            let snapshot = try await bench.sink.prepare(epoch: 1)
            try await bench.sink.commit(epoch: 1)
            for path in try bench.paths() { try bench.files.remove("out/" + path) }
            let connector = FilesystemConnector(fileSystem: bench.files, random: { SplitMix64(seed: 2) })
            let again = try connector.makeSink(
                ConnectorSpec(
                    connector: "filesystem", table: "t", options: ["path": .string("out")], schema: Self.schema),
                context: OperatorContext(
                    nodeID: 1, subtask: 0, parallelism: 1, clock: bench.clock, metrics: OperatorMetrics(),
                    isCheckpointed: true))
            var state = RestoredState(snapshot.tables)
            state.isCommitted = isCommitted
            try again.restore(state)
            try await again.onStart()
            if isCommitted {
                _ = try await again.prepare(epoch: 2)
            } else {
                await #expect(throws: (any Error).self) { try await again.commit(epoch: 1) }
            }
        }
    }

    @Test func `a checkpoint that was given up is shown by the next one`() async throws {
        let bench = try Bench([:])
        try await bench.sink.onStart()
        try await bench.write("1 | a | 0 | 0 | true")
        _ = try await bench.sink.prepare(epoch: 1)
        try await bench.write("2 | b | 0 | 0 | true")
        _ = try await bench.sink.prepare(epoch: 2)
        try await bench.sink.commit(epoch: 2)
        #expect(try bench.paths().count == 2)
    }

    @Test func `without checkpoints all comes at the end, and nothing for no rows`() async throws {
        let bench = try Bench([:], isCheckpointed: false)
        try await bench.sink.onStart()
        try await bench.write("1 | a | 0 | 0 | true")
        try await bench.sink.flush()
        #expect(try bench.paths() == [])
        try await bench.end(1)
        #expect(try bench.paths().count == 1)
        let empty = try Bench(["format": .string("csv")])
        try await empty.sink.onStart()
        try await empty.end(1)
        #expect(try empty.paths() == [] && empty.paths(hidden: true) == [])
    }

    @Test(
        "rows go to the folders of their values",
        arguments: [
            (["partitioning.fields": .list(["name"])], ["name=__HIVE_DEFAULT_PARTITION__", "name=a%2Fb"]),
            (["partitioning.fields": .string("ok, id")], ["ok=false/id=2", "ok=true/id=1"]),
            (["partitioning.fields": .string("day")], ["day=2026-03-05", "day=__HIVE_DEFAULT_PARTITION__"]),
            (
                ["partitioning.fields": .string("ts")],
                ["ts=2026-03-05T07%3A08%3A09", "ts=__HIVE_DEFAULT_PARTITION__"]
            ),
            (
                ["partitioning.time_pattern": .string("%Y-%m-%d/%H")],
                ["2026-03-05/07", "__HIVE_DEFAULT_PARTITION__"]
            ),
            (
                [
                    "partitioning.time_pattern": .string("year=%Y"), "event_time_field": .string("ts"),
                    "partitioning.fields": .string("id"),
                ], ["__HIVE_DEFAULT_PARTITION__/id=2", "year=2026/id=1"]
            ),
        ] as [([String: OptionValue], [String])])
    func partitions(options: [String: OptionValue], expected: [String]) async throws {
        let bench = try Bench(options)
        try await bench.sink.onStart()
        try await bench.write("1 | a/b | \(Self.day) | \(Self.time) | true\n2 | NULL | NULL | NULL | false")
        try await bench.end(1)
        #expect(try bench.folders() == expected)
    }

    @Test func `texts that could be taken for others are escaped`() async throws {
        let bench = try Bench(["partitioning.fields": .string("name")])
        try await bench.sink.onStart()
        let batch = BatchBuilder.batch(
            Self.schema,
            ["", "..", "__HIVE_DEFAULT_PARTITION__", "a=b%", "ü"].map {
                [.int64(1), .utf8($0), .null(.date), .null(.timestamp), .null(.boolean)]
            })
        try await bench.sink.write(batch)
        try await bench.end(1)
        #expect(
            try bench.folders() == [
                "name=", "name=%5F_HIVE_DEFAULT_PARTITION__", "name=%C3%BC", "name=..", "name=a%3Db%25",
            ])
    }

    @Test func `random rows are dealt out as one at a time would be`() async throws {
        let seed: UInt64 = 31
        var random = SeededRandom(seed)
        let bench = try Bench([
            "partitioning.fields": .list(["ok"]), "partitioning.time_pattern": .string("%H%M%S"),
            "format": .string("csv"), "csv.header": .boolean(false),
        ])
        try await bench.sink.onStart()
        var expected: [String: [String]] = [:]
        for id in 0..<400 {
            let seconds = Int64(random.below(5)) - 2
            let ok = random.below(2) == 0
            let time = seconds * 1_000_000_000 + Int64(random.below(1_000_000_000))
            let folder = ["235958", "235959", "000000", "000001", "000002"][Int(seconds + 2)] + "/ok=\(ok)"
            expected[folder, default: []].append("\(id)")
            try await bench.sink.write(
                BatchBuilder.batch(
                    Self.schema,
                    [
                        [
                            .int64(Int64(id)), .utf8("x"), .null(.date), .init(type: .timestamp, storage: .int(time)),
                            .boolean(ok),
                        ]
                    ]))
            if id % 90 == 89 { try await bench.checkpoint(id) }
        }
        try await bench.end(1000)
        var found: [String: [String]] = [:]
        for path in try bench.paths() {
            let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
            found[folder, default: []] += try bench.text(path).split(separator: "\n").map {
                String($0.prefix { $0 != "," })
            }
        }
        #expect(found == expected, "seed \(seed)")
    }

    @Test(
        "names say what the user says",
        arguments: [
            ([:], #"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.json"#),
            (
                ["filename.strategy": .string("uuid"), "filename.prefix": .string("log")],
                #"log-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.json"#
            ),
            (["file_naming.strategy": .string("ulid"), "format": .string("csv")], #"[0-9a-hjkmnp-tv-z]{26}\.csv"#),
            (
                ["filename.strategy": .string("serial"), "compression": .string("zstd")],
                #"[0-9a-hjkmnp-tv-z]{10}-000-00000[0-2]\.json\.zst"#
            ),
            (["filename.suffix": .string(".log"), "compression_format": .string("gzip")], #".{36}\.log"#),
            (["filename.suffix": .string("")], #".{36}"#),
        ] as [([String: OptionValue], String)])
    func names(options: [String: OptionValue], pattern: String) async throws {
        let bench = try Bench(options)
        try await bench.sink.onStart()
        for epoch in 1...3 {
            try await bench.write("\(epoch) | a | 0 | 0 | true")
            try await bench.checkpoint(epoch)
        }
        let paths = try bench.paths()
        #expect(paths.count == 3)
        let regex = try Regex(pattern)
        for path in paths { #expect(path.wholeMatch(of: regex) != nil, "\(path)") }
        // All but random names sort by the order of their files.
        if options["filename.strategy"]?.text != "uuid" {
            let codec: Codec =
                options["compression"] != nil ? .zstd : options["compression_format"] != nil ? .gzip : .none
            let texts = try paths.map { try bench.text($0, codec) }
            #expect(texts.enumerated().allSatisfy { $1.contains("\($0 + 1)") }, "\(texts)")
        }
    }

    @Test(
        "files are closed by size, age and inactivity",
        arguments: [
            // Bytes of a row: 65. Each step: seconds that pass, rows that come; then how many files are closed.
            (["rolling_policy.file_size": .string("0.125 kB")], [(0, 1, 0), (0, 1, 1), (0, 1, 1), (0, 2, 2)]),
            (["rolling_policy.file_size_bytes": .int(66)], [(0, 1, 0), (0, 1, 1)]),
            (["rolling_policy.interval": .string("10 seconds")], [(0, 1, 0), (9, 1, 0), (1, 0, 1), (1, 1, 1)]),
            (["rolling_policy.interval_seconds": .int(10)], [(0, 1, 0), (9, 1, 0), (1, 1, 1)]),
            (
                ["rolling_policy.inactivity_interval": .interval(Interval(nanoseconds: 5_000_000_000))],
                [(0, 1, 0), (4, 1, 0), (4, 1, 0), (5, 0, 1)]
            ),
            (["rolling_policy.inactivity_seconds": .int(5)], [(0, 1, 0), (4, 0, 0), (1, 0, 1), (-60, 1, 1)]),
        ] as [([String: OptionValue], [(Int, Int, Int)])])
    func rolling(options: [String: OptionValue], steps: [(Int, Int, Int)]) async throws {
        let bench = try Bench(options.merging(["format": .string("csv"), "csv.header": .boolean(false)]) { $1 })
        try await bench.sink.onStart()
        for (number, step) in steps.enumerated() {
            bench.clock.advance(millis: Int64(step.0) * 1000)
            if step.1 == 0 {
                try await bench.sink.flush()
            } else {
                let row = "1 | \(String(repeating: "x", count: 26)) | 0 | 0 | true"
                try await bench.write(Array(repeating: row, count: step.1).joined(separator: "\n"))
            }
            try await bench.checkpoint(number + 1)
            #expect(try bench.paths().count == step.2, "after step \(number)")
        }
        let closed = try bench.paths().count
        let isOpen = try bench.paths(hidden: true).count
        try await bench.end(100)
        #expect(try bench.paths().count == closed + isOpen)
    }

    @Test(
        "every format and compression, over files that stay open across checkpoints",
        arguments: ["json", "csv", "debezium_json"], ["none", "zstd", "gzip", "lz4"])
    func encodings(format: String, compression: String) async throws {
        let folder = Folder()
        let options: [String: OptionValue] = [
            "path": .string("file://" + folder.file("out") + "/"), "format": .string(format),
            "compression": .string(compression), "rolling_policy.interval": .string("1 hour"),
        ]
        let seed: UInt64 = 99
        let batches = SingleFileTests.batches(seed, [900, 1, 3000])
        let spec = ConnectorSpec(
            connector: "filesystem", table: "t", options: options, schema: SingleFileTests.schema)
        let sink = try FilesystemConnector().makeSink(spec, context: context())
        try await sink.onStart()
        for (number, batch) in batches.enumerated() {
            try await sink.write(batch)
            _ = try await sink.prepare(epoch: number + 1)
            try await sink.commit(epoch: number + 1)
        }
        try await sink.onEnd()
        _ = try await sink.prepare(epoch: 9)
        try await sink.commit(epoch: 9)
        let name = try #require(try PosixFileSystem().list(folder.file("out")).first)
        let path = folder.file("out/" + name)
        let expected = folder.file("expected")
        try await writeAll(
            SingleFileConnector(), ["path": .string(expected), "format": .string(format)], batches,
            SingleFileTests.schema)
        let codec = try #require(Codec(rawValue: compression))
        let found = try codec.decompress(PosixFileSystem().readAll(path))
        #expect(try found == PosixFileSystem().readAll(expected), "seed \(seed)")
        try PosixFileSystem().remove(path)
    }

    @Test func `raw lines, and changes by one subtask`() async throws {
        let bench = try Bench(["format": .string("raw_string")], Schema([Field("value", .utf8)]))
        try await bench.sink.onStart()
        try await bench.sink.write(BatchBuilder.batch("value utf8\nfirst line\nlast"))
        try await bench.end(1)
        #expect(try bench.paths().map { try bench.text($0) } == ["first line\nlast\n"])
        #expect(try bench.paths()[0].hasSuffix(".txt"))
        let connector = FilesystemConnector()
        let changes = try connector.traits(
            options: ["path": .string("x"), "format": .string("debezium_json")], schema: Self.schema)
        #expect(changes.maximumParallelism == 1 && changes.takesChanges)
        let rows = try connector.traits(options: ["path": .string("x")], schema: Self.schema)
        #expect(rows.maximumParallelism == nil && !rows.takesChanges && rows.location == nil)
    }

    @Test func `more folders than files may be open are written all the same`() async throws {
        let bench = try Bench(["partitioning.fields": .string("id"), "rolling_policy.interval": .string("1 day")])
        try await bench.sink.onStart()
        for start in [0, 150, 300] {
            bench.clock.advance(millis: 1)
            let rows = (start..<(start + 150)).map { "\($0) | a | 0 | 0 | true" }.joined(separator: "\n")
            try await bench.write(rows)
        }
        _ = try await bench.sink.prepare(epoch: 1)
        try await bench.sink.commit(epoch: 1)
        #expect(try bench.paths().count == 450 - 256)
        try await bench.end(2)
        #expect(try bench.folders() == (0..<450).map { "id=\($0)" }.sorted())
    }
}
