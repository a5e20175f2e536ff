import Codecs
import Columnar
import Dataflow
import Formats
import HostSystem

/// Writes rows to a file that is made or emptied at the start.
final class FileSink: SinkOperator {
    /// Bytes collected before they are written.
    private static let blockBytes = 1 << 18

    private let table: String
    private let options: FileTableOptions
    private let fileSystem: any FileSystem
    private let encoder: any RecordEncoder
    private var file: (any WritableFile)?
    private var compressor: StreamCompressor?
    private var text = TextBuffer(capacity: FileSink.blockBytes + 1024)
    private var compressed: [UInt8] = []

    init(_ spec: ConnectorSpec, _ options: FileTableOptions, _ fileSystem: any FileSystem) throws {
        table = spec.table
        self.options = options
        self.fileSystem = fileSystem
        encoder = try options.format.makeEncoder(schema: spec.schema)
    }

    func onStart() async throws {
        do {
            let opened = try options.path.map { path throws(FileError) in
                try fileSystem.openForWriting(path, .replace)
            }
            file = opened ?? fileSystem.standardOutput
            compressor = options.codec == .none ? nil : try StreamCompressor(options.codec)
        } catch {
            throw located(error)
        }
    }

    func write(_ batch: RecordBatch) async throws {
        encoder.encode(batch, into: &text)
        if text.count >= Self.blockBytes { try writeText() }
    }

    func flush() async throws {
        try writeText()
        guard let compressor else { return }
        try compressor.flush(into: &compressed)
        try writeCompressed()
    }

    func onEnd() async throws {
        encoder.finish(into: &text)
        try writeText()
        if let compressor {
            try compressor.finish(into: &compressed)
            try writeCompressed()
        }
        guard options.path != nil else { return }
        do {
            try file?.close()
        } catch {
            throw located(error)
        }
    }

    private func writeText() throws {
        if text.isEmpty { return }
        do {
            if let compressor {
                try compressor.compress(text.bytes, into: &compressed)
                try writeCompressed()
            } else {
                try file?.write(text.bytes)
            }
        } catch {
            throw located(error)
        }
        text.removeAll()
    }

    private func writeCompressed() throws {
        if compressed.isEmpty { return }
        do {
            try file?.write(compressed)
        } catch {
            throw located(error)
        }
        compressed.removeAll(keepingCapacity: true)
    }

    private func located(_ error: any Error) -> any Error {
        if let error = error as? FileError { return OperationalError(error).adding("table", table) }
        return error
    }
}
