import Codecs
import Columnar
import Connectors
import Dataflow
import Glibc
import HostSystem
import Synchronization
import TestKit
import Testing

/// A clock that is moved by hand.
final class ManualClock: WallClock {
    private let now: Atomic<Int64>

    init(_ now: Int64 = 0) { self.now = Atomic(now) }

    func nowNanoseconds() -> Int64 { now.load(ordering: .relaxed) }
    func advance(millis: Int64) { now.wrappingAdd(millis * 1_000_000, ordering: .relaxed) }
}

/// A folder that is removed at the end of a test.
final class Folder {
    let path: String

    init() {
        var template = Array("/tmp/laminar-connectors-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { name in
            guard let base = name.baseAddress, mkdtemp(base) != nil else { return "/tmp" }
            return String(cString: base)
        }
    }

    deinit {
        let files = PosixFileSystem()
        for name in (try? files.list(path)) ?? [] where path != "/tmp" { try? files.remove(path + "/" + name) }
        if path != "/tmp" { try? files.remove(path) }
    }

    func file(_ name: String) -> String { path + "/" + name }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = try PosixFileSystem().openForWriting(file(name), .replace)
        try file.write(bytes)
        try file.close()
        return self.file(name)
    }

    func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }
}

func context(
    subtask: Int = 0, of parallelism: Int = 1, clock: any WallClock = FixedClock(),
    metrics: OperatorMetrics = OperatorMetrics()
) -> OperatorContext {
    OperatorContext(nodeID: 1, subtask: subtask, parallelism: parallelism, clock: clock, metrics: metrics)
}

/// Everything a bounded source gives.
func readAll(_ source: any SourceOperator, rowLimit: Int = 1000) async throws -> [RecordBatch] {
    var batches: [RecordBatch] = []
    do {
        try await source.onStart()
        reading: while true {
            switch try await source.read(rowLimit: rowLimit) {
            case .batch(let batch):
                if batch.rowCount > 0 { batches.append(batch) }
            case .idle: usleep(1000)
            case .endOfData: break reading
            }
        }
    } catch {
        await source.onClose()
        throw error
    }
    await source.onClose()
    return batches
}

func readAll(
    _ connector: any Connector, _ options: [String: OptionValue], _ schema: Schema, projection: [Int]? = nil,
    context: OperatorContext = context(), rowLimit: Int = 1000
) async throws -> [RecordBatch] {
    let spec = ConnectorSpec(
        connector: connector.name, table: "t", options: options, schema: schema, projection: projection)
    return try await readAll(connector.makeSource(spec, context: context), rowLimit: rowLimit)
}

func writeAll(
    _ connector: any Connector, _ options: [String: OptionValue], _ batches: [RecordBatch], _ schema: Schema
) async throws {
    let spec = ConnectorSpec(connector: connector.name, table: "t", options: options, schema: schema)
    let sink = try connector.makeSink(spec, context: context())
    try await sink.onStart()
    for batch in batches { try await sink.write(batch) }
    try await sink.onEnd()
}

/// The rows as text, cells parted by `|`.
func lines(_ batches: [RecordBatch]) -> [String] { batches.flatMap { BatchBuilder.lines($0) } }

/// The message of what `body` throws.
func message(_ body: () async throws -> Void) async -> String {
    do {
        try await body()
        return "no error"
    } catch let error as OptionError {
        return error.message
    } catch {
        return "\(error)"
    }
}

/// A file of the repository, decompressed by its name.
func fixture(_ name: String) -> String {
    var parts = #filePath.split(separator: "/")
    parts.removeLast(3)
    return "/" + parts.joined(separator: "/") + "/fixtures/data/" + name
}
