import Columnar
import Connectors
import Dataflow
import HostSystem
import State
import TestKit
import Testing

/// What the `filesystem` sink says when the world is not as it was, and that it destroys nothing then.
@Suite struct FolderSinkErrorTests {
    static let schema = Schema([Field("id", .int64)])

    static func sink(
        _ files: any FileSystem, _ more: [String: OptionValue] = [:], path: String = "out", seed: UInt64 = 1,
        subtask: Int = 0, of parallelism: Int = 1
    ) throws -> any SinkOperator {
        let spec = ConnectorSpec(
            connector: "filesystem", table: "t", options: more.merging(["path": .string(path)]) { given, _ in given },
            schema: schema)
        return try FilesystemConnector(fileSystem: files, random: { SplitMix64(seed: seed) }).makeSink(
            spec,
            context: OperatorContext(
                nodeID: 1, subtask: subtask, parallelism: parallelism, clock: ManualClock(), metrics: OperatorMetrics(),
                isCheckpointed: true))
    }

    static func restored(_ snapshot: StateSnapshot) -> RestoredState {
        RestoredState(snapshot.tables)
    }

    static let rows = BatchBuilder.batch("id int64\n1\n2")

    /// A disk with one file of two rows that waits for its commit, and the state that says so.
    static func prepared(_ options: [String: OptionValue] = [:]) async throws -> (SimulatedFileSystem, StateSnapshot) {
        let files = SimulatedFileSystem()
        let sink = try sink(files, options)
        try await sink.onStart()
        try await sink.write(rows)
        return (files, try await sink.prepare(epoch: 1))
    }

    @Test func `a path that is a file`() async throws {
        let files = SimulatedFileSystem()
        try files.openForWriting("out", .replace).close()
        let error = await message { try await Self.sink(files).onStart() }
        #expect(error == "'out' is a file: expected a folder, or none yet")
        let below = await message { try await Self.sink(files, path: "out/x").onStart() }
        #expect(below.hasPrefix("table 't': cannot create directory 'out/x': "), "\(below)")
    }

    @Test func `a folder that may not be written`() async throws {
        let folder = Folder()
        let sink = try Self.sink(RefusingFileSystem(), path: folder.path)
        try await sink.onStart()
        try await sink.write(Self.rows)
        let error = await message { _ = try await sink.prepare(epoch: 1) }
        #expect(error.hasPrefix("table 't': cannot open for writing '\(folder.path)/."), "\(error)")
        #expect(error.hasSuffix(": permission denied (check the permissions of the path)"), "\(error)")
    }

    @Test func `after an error nothing more is written or promised`() async throws {
        let files = SimulatedFileSystem()
        let sink = try Self.sink(files)
        try await sink.onStart()
        try await sink.write(Self.rows)
        // The file is made, then writing to it fails.
        files.inject(.failOnce(at: 2))
        let first = await message { _ = try await sink.prepare(epoch: 1) }
        #expect(first.contains("cannot write 'out/."), "\(first)")
        #expect(await message { _ = try await sink.prepare(epoch: 2) } == first)
        #expect(await message { try await sink.write(Self.rows) } == first)
        #expect(await message { try await sink.onEnd() } == first)
        try await sink.commit(epoch: 1)
        #expect(try files.list("out").allSatisfy { $0.hasPrefix(".") })
    }

    @Test func `a file to be committed that is gone or changed`() async throws {
        let (files, snapshot) = try await Self.prepared()
        let hidden = "out/" + (try files.list("out")[0])
        for (change, expected) in [
            ("cut", "was 18 bytes long at the checkpoint and has 5 now"), ("gone", "is missing"),
        ] {
            if change == "cut" { try files.truncate(hidden, byteCount: 5) } else { try files.remove(hidden) }
            let sink = try Self.sink(files)
            try sink.restore(Self.restored(snapshot))
            try await sink.onStart()
            let error = await message { try await sink.commit(epoch: 1) }
            #expect(error.contains(expected) && error.contains(hidden), "\(error)")
        }
    }

    @Test func `a folder that is ahead of the checkpoint gone on from`() async throws {
        let (files, snapshot) = try await Self.prepared(["rolling_policy.interval": .string("1 hour")])
        let name = try files.list("out")[0]
        let final = "out/" + name.dropFirst().split(separator: ".")[..<2].joined(separator: ".")
        let file = try files.openForWriting("out/" + name, .append)
        try file.write("{\"id\":3}\n")
        try files.rename("out/" + name, to: final)
        let sink = try Self.sink(files, ["rolling_policy.interval": .string("1 hour")])
        try sink.restore(Self.restored(snapshot))
        try await sink.onStart()
        let error = await message { try await sink.commit(epoch: 1) }
        #expect(error.contains("'\(final)' was 18 bytes long at the checkpoint and has 27 now"), "\(error)")
        #expect(try files.readAll(final).count == 27)
    }

    @Test func `what was written behind the checkpoint to an open file is cut off`() async throws {
        let (files, snapshot) = try await Self.prepared(["rolling_policy.interval": .string("1 hour")])
        let file = try files.openForWriting("out/" + (try files.list("out")[0]), .append)
        try file.write("{\"id\":3}\n")
        let sink = try Self.sink(files, ["rolling_policy.interval": .string("1 hour")])
        try sink.restore(Self.restored(snapshot))
        try await sink.onStart()
        try await sink.commit(epoch: 1)
        let names = try files.list("out")
        #expect(names.count == 1 && !names[0].hasPrefix("."))
        #expect(String(decoding: try files.readAll("out/" + names[0]), as: UTF8.self) == "{\"id\":1}\n{\"id\":2}\n")
    }

    @Test func `leftovers of the sink go, files of others stay`() async throws {
        let (files, snapshot) = try await Self.prepared()
        let owner = String(try files.list("out")[0].split(separator: ".")[2])
        // Another sink of the same folder and table, files of other programs, and of another subtask.
        let other = try Self.sink(files, seed: 2)
        try await other.onStart()
        try await other.write(Self.rows)
        _ = try await other.prepare(epoch: 1)
        for name in [
            ".x.json.\(owner).0.inprogress", ".x.json.\(owner).1.inprogress", ".x.json.\(owner).7.inprogress",
            ".x.json.\(owner).inprogress", ".x.json.\(owner).0.tmp", "x.json.\(owner).0.inprogress", ".hidden",
            "seen.json",
        ] {
            try files.openForWriting("out/" + name, .createNew).close()
        }
        let before = try files.list("out")
        for subtask in [1, 0] {
            let sink = try Self.sink(files, seed: 3, subtask: subtask, of: 2)
            try sink.restore(Self.restored(snapshot))
            try await sink.onStart()
            let gone = Set(before).subtracting(try files.list("out"))
            let own = [
                ".x.json.\(owner).1.inprogress", ".x.json.\(owner).0.inprogress", ".x.json.\(owner).7.inprogress",
            ]
            #expect(gone == Set(subtask == 1 ? Array(own[..<1]) : own))
        }
        try await other.commit(epoch: 1)
        #expect(try files.list("out").filter { !$0.hasPrefix(".") }.count == 3)
    }
}

/// The host's files, none of which may be written.
private final class RefusingFileSystem: ForwardingFileSystem {
    let base = PosixFileSystem()

    func openForWriting(_ path: String, _ mode: WriteMode) throws(FileError) -> any WritableFile {
        throw FileError(.openForWriting, path: path, errno: 13)
    }
}
