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

/// Damage that is not of one record: blocks of containers, ends of files, lines without end; and folders.
@Suite struct FileDamageTests {
    typealias Trial = DamagedRecords.Trial

    static func read(_ trial: Trial, _ bytes: [UInt8], _ metrics: OperatorMetrics, rowLimit: Int = 3) async throws
        -> MixedRows
    {
        let folder = Folder()
        let path = try folder.write("data", bytes)
        var found = MixedRows()
        let source = try FileBadTableTests.source(trial, path, context: context(metrics: metrics), blockBytes: 64)
        for batch in try await readAll(source, rowLimit: rowLimit) { found.add(batch, trial) }
        return found
    }

    @Test func `a damaged block of a container is a row, and counts its records`() async throws {
        let schema = Array((DamagedRecords.settings(.avro)["avro.schema"] ?? "").utf8)
        let records = (0..<20).flatMap { DamagedRecords.record(.avro, "\($0)", Array("name \($0)".utf8)) }
        let marker = MixedFile.marker
        let packed = try records.withUnsafeBytes { try Deflate.compress($0) }
        var bytes = AvroFile.header(schema, codec: "deflate", marker: marker)
        let whole = AvroFile.block(packed, recordCount: 20, marker: marker)
        var broken = packed
        broken[0] = 0xFF
        let damaged = AvroFile.block(broken, recordCount: 20, marker: marker)
        bytes += whole
        let start = bytes.count
        bytes += damaged + whole
        let metrics = OperatorMetrics()
        let found = try await Self.read(.avro, bytes, metrics)
        #expect(found.good.count == 40)
        #expect(found.bad.map(\.record) == [damaged] && found.bad.map(\.offset) == [start])
        #expect(found.bad.allSatisfy { $0.error?.hasSuffix(" (20 records)") == true }, "\(found.bad)")
        #expect(metrics.badRecords.load(ordering: .relaxed) == 20)
        // A head that cannot be: where the block ends is not known before the next marker.
        var head = whole
        head[0] = 0x01
        let lost = OperatorMetrics()
        let other = try await Self.read(.avro, Array(bytes[..<start]) + head + whole, lost)
        #expect(other.good.count == 40 && other.bad.count == 1 && other.bad[0].offset == start)
        #expect(other.bad[0].record.map { head.starts(with: $0.prefix(head.count)) } == true)
        #expect(lost.badRecords.load(ordering: .relaxed) == 1)
        // Values behind one whose end nothing tells.
        let rest = DamagedRecords.record(.avro, "1", [0x61]) + [2, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0, 0]
        let stuck = OperatorMetrics()
        let third = try await Self.read(
            .avro, AvroFile.header(schema, marker: marker) + AvroFile.block(rest, recordCount: 4, marker: marker), stuck
        )
        #expect(third.good.count == 1 && third.bad.map(\.record) == [Array(rest.dropFirst(3))], "\(third.bad)")
        #expect(stuck.badRecords.load(ordering: .relaxed) == 3)
    }

    @Test(arguments: [Trial.avro, .protobuf, .json])
    func `a file cut off ends with a bad record`(trial: Trial) async throws {
        var file = MixedFile(trial)
        for number in 1...5 {
            try file.add(DamagedRecords.record(trial, "\(number)", Array("number \(number)".utf8)))
        }
        let last = file.bytes.count
        try file.add(DamagedRecords.record(trial, "6", Array("the last".utf8)))
        for cut in 2..<8 {
            let metrics = OperatorMetrics()
            let found = try await Self.read(trial, Array(file.bytes.dropLast(cut)), metrics)
            #expect(found.good == Array(file.good.prefix(5)))
            #expect(found.bad.map(\.offset) == [last] && found.bad.allSatisfy { $0.record?.isEmpty == false })
            #expect(metrics.badRecords.load(ordering: .relaxed) == 1)
        }
    }

    @Test func `a message whose length cannot be hides what follows`() async throws {
        var file = MixedFile(.protobuf)
        try file.add(DamagedRecords.record(.protobuf, "1", Array("one".utf8)))
        let start = file.bytes.count
        let metrics = OperatorMetrics()
        let found = try await Self.read(.protobuf, file.bytes + [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 7, 7], metrics)
        #expect(found.good == file.good && found.bad.map(\.offset) == [start])
        #expect(found.bad[0].record?.starts(with: [0xFF, 0xFF]) == true)
        #expect(metrics.badRecords.load(ordering: .relaxed) == 1)
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `folders go on at any parallelism, each bad record once`(seed: UInt64) async throws {
        var random = SeededRandom(seed)
        for round in 0..<6 {
            let trial = MixedFile.trials[random.below(MixedFile.trials.count)]
            let note: Comment = "\(trial), seed \(seed), round \(round)"
            let files = SimulatedFileSystem()
            var wanted: [String: MixedFile] = [:]
            for number in 0..<5 {
                var file = MixedFile(trial)
                try file.addRandom(random.below(60), &random)
                let ending = ["", ".gz", ".zst"][number % 3]
                let bytes = try ending.isEmpty ? file.bytes : Codec(path: ending).compress(file.bytes)
                try FolderSourceTests.put(files, "d\(number % 2)/f\(number)\(ending)", bytes)
                wanted["in/d\(number % 2)/f\(number)\(ending)"] = file
            }
            let metrics = OperatorMetrics()
            var found = MixedRows()
            var states: [StateSnapshot]?
            for leg in 0..<5 {
                let parallelism = 1 + random.below(3)
                var next: [StateSnapshot] = []
                for subtask in 0..<parallelism {
                    let spec = MixedFile.spec(trial, "in", "table:bad", connector: "filesystem")
                    let source = try FilesystemConnector(fileSystem: files).makeSource(
                        spec, context: context(subtask: subtask, of: parallelism, metrics: metrics))
                    if let states {
                        let given = states.count == parallelism ? [states[subtask]] : states
                        try source.restore(RestoredState(given.flatMap(\.tables)))
                    }
                    try await source.onStart()
                    reading: for _ in 0..<(leg == 4 ? 10_000 : random.below(12)) {
                        switch try await source.read(rowLimit: 1 + random.below(9)) {
                        case .batch(let batch): found.add(batch, trial)
                        case .idle: break
                        case .endOfData: break reading
                        }
                    }
                    next.append(try source.snapshot())
                    await source.onClose()
                }
                states = next
            }
            #expect(found.good.sorted() == wanted.values.flatMap(\.good).sorted(), note)
            for (path, file) in wanted {
                let own = found.bad.filter { $0.path == path }
                #expect(own.map(\.record) == file.bad.map(\.record), note)
                #expect(own.map(\.offset) == file.bad.map(\.offset), note)
                #expect(own.map(\.line) == file.bad.map(\.line), note)
            }
            #expect(metrics.badRecords.load(ordering: .relaxed) == wanted.values.reduce(0) { $0 + $1.bad.count }, note)
        }
    }

    @Test func `a folder's state of an earlier version is gone on from`() async throws {
        let files = try FolderSourceTests.folder()
        let source = try FolderSourceTests.source(files)
        try await source.onStart()
        var seen: [Int] = []
        for _ in 0..<9 {
            if case .batch(let batch) = try await source.read(rowLimit: 4) { seen += FolderSourceTests.ids([batch]) }
        }
        let old = try source.snapshot().tables.map { table in
            guard table.name == "files" else { return table }
            let columns = Array(table.batch.columns.prefix(3))
            return StateTable("files", .everywhere, columns, rowCount: table.rowCount)
        }
        let next = try FolderSourceTests.source(files)
        try next.restore(RestoredState(old))
        seen += FolderSourceTests.ids(try await readAll(next))
        #expect(seen == Array(0...99))
    }
}
