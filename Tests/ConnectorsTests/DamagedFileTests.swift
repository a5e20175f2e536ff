import Codecs
import Columnar
import Connectors
import Dataflow
import Glibc
import HostSystem
import TestKit
import Testing

@Suite struct DamagedFileTests {
    static let schema = Schema([Field("id", .int64)])
    static let text = (0..<5000).map { "{\"id\":\($0)}\n" }.joined()

    static func failure(_ options: [String: OptionValue]) async -> String {
        await message { _ = try await readAll(SingleFileConnector(), options, schema) }
    }

    @Test func `a missing file, a directory and a forbidden place are told in one sentence`() async throws {
        let folder = Folder()
        let missing = await Self.failure(["path": .string(folder.file("nothing.json"))])
        #expect(missing.contains("cannot open") && missing.contains("nothing.json"), "\(missing)")
        #expect(missing.contains("no such file") && missing.contains("check the path"), "\(missing)")
        let directory = await Self.failure(["path": .string(folder.path)])
        #expect(directory.contains("is a directory") && directory.contains("give the path of a file"), "\(directory)")
        let unwritable = await message {
            try await writeAll(
                SingleFileConnector(), ["path": .string(folder.file("no/such/place.json"))], [], Self.schema)
        }
        #expect(unwritable.contains("cannot open") && unwritable.contains("create the directory"), "\(unwritable)")
        let full = await message {
            let batch = RecordBatch(
                schema: Self.schema, columns: [Column.repeating(.int64(1), count: 100_000)], rowCount: 100_000)
            try await writeAll(SingleFileConnector(), ["path": .string("/dev/full")], [batch], Self.schema)
        }
        #expect(full.contains("cannot write") && full.contains("free some space"), "\(full)")
        for message in [missing, directory, unwritable, full] {
            #expect(!message.contains("\n") && message.hasPrefix("table 't': "))
        }
    }

    @Test(arguments: [Codec.gzip, .zstd, .lz4])
    func `compressed files cut short are told`(codec: Codec) async throws {
        let folder = Folder()
        let whole = try codec.compress(Array(Self.text.utf8))
        let path = try folder.write("cut", Array(whole.prefix(whole.count / 2)))
        let error = await Self.failure(["path": .string(path), "compression": .string(codec.rawValue)])
        #expect(error.contains("table 't', file '\(path)'"), "\(error)")
        #expect(error.contains("ends inside a frame") && error.contains("cut short"), "\(error)")
    }

    @Test(arguments: [(Codec.gzip, ".gz"), (.zstd, ".zst")])
    func `a plain file with the ending of a compressed one is told`(codec: Codec, ending: String) async throws {
        let folder = Folder()
        let path = try folder.write("plain" + ending, Self.text)
        let error = await Self.failure(["path": .string(path)])
        #expect(error.contains(codec.rawValue) && error.contains("set the option compression"), "\(error)")
        let read = try await readAll(
            SingleFileConnector(), ["path": .string(path), "compression": .string("none")], Self.schema)
        #expect(lines(read).count == 5000)
    }

    @Test func `a compressed file with a plain name is a bad record`() async throws {
        let folder = Folder()
        let path = try folder.write("data.json", try Codec.zstd.compress(Array(Self.text.utf8)))
        let error = await Self.failure(["path": .string(path)])
        #expect(error.contains("bad json record"), "\(error)")
    }

    @Test(arguments: 0..<12)
    func `flipped bytes give an error or rows, never a crash`(seed: Int) async throws {
        var random = SeededRandom(UInt64(seed))
        let codec = [Codec.gzip, .zstd, .lz4, .none][seed % 4]
        let folder = Folder()
        var bytes = try codec == .none ? Array(Self.text.utf8) : codec.compress(Array(Self.text.utf8))
        for _ in 0..<5 { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
        let path = try folder.write("data", bytes)
        let result = await Self.failure([
            "path": .string(path), "compression": .string(codec.rawValue), "bad_data": .string("drop"),
        ])
        #expect(result == "no error" || result.contains("file '\(path)'"), "seed \(seed): \(result)")
    }

    @Test func `a pipe gives its lines as they come`() async throws {
        let folder = Folder()
        let path = folder.file("pipe")
        try #require(mkfifo(path, 0o600) == 0)
        // Open for reading and writing, so that no open waits for the other end.
        let writer = open(path, O_RDWR)
        try #require(writer >= 0)
        defer { close(writer) }
        let spec = ConnectorSpec(
            connector: "single_file", table: "t", options: ["path": .string(path)], schema: Self.schema)
        let source = try SingleFileConnector().makeSource(spec, context: context())
        try await source.onStart()
        guard case .idle = try await source.read(rowLimit: 100) else {
            Issue.record("an empty pipe must not give rows")
            return
        }
        let first = Array("{\"id\":1}\n{\"id\":2}\n{\"id\":".utf8)
        #expect(write(writer, first, first.count) == first.count)
        guard case .batch(let batch) = try await source.read(rowLimit: 100) else {
            Issue.record("whole lines must come at once")
            return
        }
        #expect(BatchBuilder.lines(batch) == ["1", "2"])
        let second = Array("3}\n".utf8)
        #expect(write(writer, second, second.count) == second.count)
        guard case .batch(let last) = try await source.read(rowLimit: 100) else {
            Issue.record("the rest of the line must complete it")
            return
        }
        #expect(BatchBuilder.lines(last) == ["3"])
        await source.onClose()
    }

    @Test func `standard streams are used for the path -`() async throws {
        let folder = Folder()
        let files = RedirectedFileSystem(
            input: try folder.write("in.json", "{\"id\":5}"), output: folder.file("out.json"))
        let connector = SingleFileConnector(fileSystem: files)
        let back = try await readAll(connector, ["path": .string("-")], Self.schema)
        #expect(lines(back) == ["5"])
        try await writeAll(connector, ["path": .string("-")], back, Self.schema)
        #expect(try PosixFileSystem().readAll(folder.file("out.json")) == Array("{\"id\":5}\n".utf8))
        try await writeAll(
            StdoutConnector(fileSystem: files), ["format": .string("csv")], back, Self.schema)
        #expect(try PosixFileSystem().readAll(folder.file("out.json")) == Array("id\n5\n".utf8))
    }
}

/// The host's files, with files in place of the standard streams.
struct RedirectedFileSystem: ForwardingFileSystem {
    let input: String
    let output: String
    let base = PosixFileSystem()

    init(input: String, output: String) {
        self.input = input
        self.output = output
    }

    var standardInput: any ReadableFile { (try? base.openForReading(input)) ?? base.standardInput }
    var standardOutput: any WritableFile { (try? base.openForWriting(output, .replace)) ?? base.standardOutput }
}
