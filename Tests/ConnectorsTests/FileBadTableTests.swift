import Codecs
import Columnar
import Dataflow
import Formats
import HostSystem
import State
import Synchronization
import TestKit
import Testing

@testable import Connectors

/// Bad records of files that become rows (`bad_data = 'table:NAME'`): each once, whole, in its place, whatever the
/// format, the damage and the moments at which reading stops and begins again.
@Suite struct FileBadTableTests {
    typealias Trial = DamagedRecords.Trial
    typealias Damage = DamagedRecords.Damage

    static func source(
        _ trial: Trial, _ path: String, _ badData: String = "table:bad", context: OperatorContext = context(),
        blockBytes: Int = Limits.blockBytes.value, files: any FileSystem = PosixFileSystem()
    ) throws -> FileSource {
        let spec = MixedFile.spec(trial, path, badData)
        return try FileSource(spec, FileTableOptions(spec.options), files, context, blockBytes: blockBytes)
    }

    /// Whether the rows of bad records are those of the file.
    static func expect(_ found: MixedRows, are file: MixedFile, path: String, _ note: Comment) {
        #expect(found.good == file.good, note)
        #expect(found.bad.map(\.record) == file.bad.map(\.record), note)
        #expect(found.bad.map(\.line) == file.bad.map(\.line), note)
        #expect(found.bad.map(\.offset) == file.bad.map(\.offset), note)
        #expect(found.bad.map(\.text) == file.bad.map { String(decoding: $0.record, as: UTF8.self) }, note)
        #expect(found.bad.allSatisfy { $0.path == path && $0.error?.isEmpty == false }, note)
    }

    static let pairs = MixedFile.trials.flatMap { trial in Damage.allCases.map { (trial, $0) } }

    @Test("damage stays with its record, under every policy, plain and compressed", arguments: pairs)
    func matrix(trial: Trial, damage: Damage) async throws {
        let folder = Folder()
        var file = MixedFile(trial)
        let good = (1...3).map { DamagedRecords.record(trial, "\($0)", Array("good \($0)".utf8)) }
        let bad = DamagedRecords.damaged(trial, damage)
        for record in [good[0], bad, good[1], bad, bad, good[2]] { try file.add(record) }
        let codecs: [(Codec, String)] = [(.none, ""), (.gzip, ".gz"), (.zstd, ".zst"), (.lz4, ".lz4")]
        for (codec, ending) in codecs {
            let bytes = codec == .none ? file.bytes : try codec.compress(file.bytes)
            let path = try folder.write("data" + ending, bytes)
            for policy in ["drop", "table:bad"] {
                let metrics = OperatorMetrics()
                let source = try Self.source(trial, path, policy, context: context(metrics: metrics))
                var found = MixedRows()
                for batch in try await readAll(source, rowLimit: 2) {
                    #expect(batch.rowCount <= 2)
                    found.add(batch, trial)
                }
                #expect(metrics.badRecords.load(ordering: .relaxed) == file.bad.count)
                if policy == "drop" {
                    #expect(found.good == file.good && found.bad.isEmpty)
                } else {
                    Self.expect(found, are: file, path: path, "\(trial) \(damage) \(ending)")
                }
            }
            let metrics = OperatorMetrics()
            let strict = await message {
                _ = try await readAll(Self.source(trial, path, "fail", context: context(metrics: metrics)))
            }
            #expect((strict == "no error") == file.bad.isEmpty, "\(strict)")
            #expect(metrics.badRecords.load(ordering: .relaxed) == (file.bad.isEmpty ? 0 : 1))
        }
    }

    @Test("stopped and begun again at any moment", arguments: MixedFile.trials, 1...12 as ClosedRange<UInt64>)
    func restarts(trial: Trial, seed: UInt64) async throws {
        var random = SeededRandom(seed)
        let folder = Folder()
        let codec = [Codec.none, .gzip, .zstd][random.below(3)]
        for round in 0..<4 {
            let note: Comment = "\(trial), seed \(seed), round \(round)"
            var file = MixedFile(trial)
            // Also files of nearly nothing but bad records.
            try file.addRandom(
                1 + random.below(900), &random, badShare: [0, 0.05, 0.4, 0.97][random.below(4)])
            let path = try folder.write("data", codec == .none ? file.bytes : try codec.compress(file.bytes))
            let isClean = random.chance(0.5)
            let metrics = OperatorMetrics()
            var found = MixedRows()
            var state: StateSnapshot?
            var isAtEnd = false
            while !isAtEnd {
                // Blocks may be cut otherwise each time, but where the format is read from the beginning.
                let blockBytes = trial == .avro || trial == .protobuf || trial == .csv ? 512 : 64 << random.below(6)
                let source = try Self.source(trial, path, codec, metrics, blockBytes)
                if let state { try source.restore(RestoredState(state.tables)) }
                try await source.onStart()
                // Reads that only pass over what was given before do not count.
                var readsLeft = random.below(30)
                var limitMax = 0
                reading: while readsLeft > 0 {
                    let limit = 1 + random.below(random.chance(0.3) ? 200 : 9)
                    // Rows that were held back under a larger limit come at once.
                    limitMax = max(limitMax, limit)
                    switch try await source.read(rowLimit: limit) {
                    case .batch(let batch):
                        #expect(batch.rowCount <= limitMax, note)
                        found.add(batch, trial)
                        if batch.rowCount > 0 { readsLeft -= 1 }
                    case .idle: break
                    case .endOfData:
                        isAtEnd = true
                        break reading
                    }
                }
                state = try source.snapshot()
                if !isClean && !isAtEnd {
                    // What comes behind the checkpoint is lost.
                    for _ in 0..<random.below(10) { _ = try await source.read(rowLimit: 1 + random.below(20)) }
                }
                await source.onClose()
            }
            Self.expect(found, are: file, path: path, note)
            if isClean { #expect(metrics.badRecords.load(ordering: .relaxed) == file.bad.count, note) }
        }
    }

    private static func source(
        _ trial: Trial, _ path: String, _ codec: Codec, _ metrics: OperatorMetrics, _ blockBytes: Int
    ) throws -> FileSource {
        var spec = MixedFile.spec(trial, path, "table:bad")
        spec.options["compression"] = .string(codec.rawValue)
        return try FileSource(
            spec, FileTableOptions(spec.options), PosixFileSystem(), context(metrics: metrics), blockBytes: blockBytes)
    }

    @Test("what is dropped is counted once, and told with its line and byte", arguments: [Trial.json, .rawString])
    func dropped(trial: Trial) async throws {
        let folder = Folder()
        var random = SeededRandom(5)
        var file = MixedFile(trial)
        for number in 0..<3000 {
            let isBad = number > 0 && random.chance(0.005)
            try file.add(
                isBad
                    ? DamagedRecords.damaged(trial, .badUTF8)
                    : DamagedRecords.record(trial, "\(number)", Array("number \(number)".utf8)))
        }
        let path = try folder.write("data", file.bytes)
        let reports = Mutex<[BadRecordReport]>([])
        let metrics = OperatorMetrics()
        var state: StateSnapshot?
        var found = MixedRows()
        var isAtEnd = false
        while !isAtEnd {
            // Each run is a second later, so that nothing goes untold.
            let clock = ManualClock(Int64(reports.withLock { $0.count }) * 2_000_000_000)
            var own = context(clock: clock, metrics: metrics)
            own.outlets.badRecord = { report in reports.withLock { $0.append(report) } }
            let source = try Self.source(trial, path, "drop", context: own, blockBytes: 256)
            if let state { try source.restore(RestoredState(state.tables)) }
            try await source.onStart()
            reading: for _ in 0..<40 {
                switch try await source.read(rowLimit: 7) {
                case .batch(let batch): found.add(batch, trial)
                case .idle: break
                case .endOfData:
                    isAtEnd = true
                    break reading
                }
                clock.advance(millis: 1500)
            }
            state = try source.snapshot()
            await source.onClose()
        }
        #expect(found.good == file.good)
        #expect(metrics.badRecords.load(ordering: .relaxed) == file.bad.count)
        let told = reports.withLock { $0 }
        #expect(file.bad.count > 3 && told.count == file.bad.count)
        #expect(told.map(\.line) == file.bad.map { $0.line ?? 0 })
        for (report, bad) in zip(told, file.bad) {
            let start = bad.offset ?? 0
            #expect((start...start + bad.record.count).contains(report.offset))
            #expect(report.excerpt == bad.record)
        }
    }

    @Test func `state of an earlier version is gone on from`() async throws {
        let folder = Folder()
        var random = SeededRandom(8)
        var file = MixedFile(.json)
        try file.addRandom(500, &random, badShare: 0.1)
        let path = try folder.write("data", file.bytes)
        let source = try Self.source(.json, path, "drop", blockBytes: 256)
        try await source.onStart()
        var found = MixedRows()
        for _ in 0..<60 {
            if case .batch(let batch) = try await source.read(rowLimit: 5) { found.add(batch, .json) }
        }
        let now = try #require(try source.snapshot().tables.first?.batch.columns)
        let numbers = now.map { $0.pointer(Int64.self)[0] }
        #expect(numbers.count == 4 && numbers[0] > 0 && numbers[1] >= 0)
        let metrics = OperatorMetrics()
        let next = try Self.source(.json, path, "drop", context: context(metrics: metrics), blockBytes: 256)
        try next.restore(RestoredState([StateTable(FileSource.positionName, numbers: Array(numbers[..<2]))]))
        for batch in try await readAll(next) { found.add(batch, .json) }
        #expect(found.good == file.good)
        #expect(FilePosition([7, 3]) == FilePosition([7, 3, 0, -1]) && FilePosition([7, 3]).lines == nil)
        #expect(FilePosition([0, 3]).lines == 0)
    }

    @Test func `standard input and a pipe give bad records as they come`() async throws {
        let folder = Folder()
        var file = MixedFile(.json)
        for text in [
            "{\"id\":1,\"name\":\"a\"}", "?", "{\"id\":2,\"name\":\"b\"}", String(repeating: "z", count: 900), "!",
        ] {
            try file.add(Array(text.utf8))
        }
        let files = RedirectedFileSystem(input: try folder.write("in", file.bytes), output: folder.file("out"))
        var found = MixedRows()
        for batch in try await readAll(Self.source(.json, "-", files: files)) { found.add(batch, .json) }
        Self.expect(found, are: file, path: "-", "standard input")
    }

    @Test func `a file of bad records only comes in bounded batches`() async throws {
        let folder = Folder()
        for (trial, text) in [(Trial.json, "?\n"), (.rawString, "\u{FF}\n"), (.csv, "1\n")] {
            var bytes = Array(repeating: Array(text.utf8), count: 200_000).flatMap { $0 }
            if trial == .rawString { bytes = Array(repeating: [0xFF, 0x0A], count: 200_000).flatMap { $0 } }
            let path = try folder.write("data", bytes)
            let metrics = OperatorMetrics()
            let batches = try await readAll(
                Self.source(trial, path, context: context(metrics: metrics)), rowLimit: 1000)
            #expect(batches.allSatisfy { $0.rowCount <= 1000 })
            #expect(batches.reduce(0) { $0 + $1.rowCount } == 200_000)
            #expect(metrics.badRecords.load(ordering: .relaxed) == 200_000)
        }
    }
}
