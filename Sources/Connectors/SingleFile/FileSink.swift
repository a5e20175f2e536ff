import Codecs
import Columnar
import Dataflow
import Formats
import HostSystem

/// Writes rows to a file that is made or emptied at the start.
final class FileSink: SinkOperator {
    /// Bytes collected before they are written.
    private static let blockBytes = 1 << 18

    private let options: FileTableOptions
    private let fileSystem: any FileSystem
    private let encoder: any RecordEncoder
    private let trouble: FileTableError
    private var file: (any WritableFile)?
    private var compressor: StreamCompressor?
    private var text = TextBuffer(capacity: FileSink.blockBytes + 1024)
    private var compressed: [UInt8] = []

    init(_ spec: ConnectorSpec, _ options: FileTableOptions, _ fileSystem: any FileSystem) throws {
        self.options = options
        self.fileSystem = fileSystem
        let trouble = FileTableError(table: spec.table, path: options.path ?? "<stdout>")
        encoder = try trouble.locating { try options.format.makeEncoder(schema: spec.schema) }
        self.trouble = trouble
    }

    func onStart() async throws {
        try trouble.locating {
            let opened = try options.path.map { try fileSystem.openForWriting($0, .replace) }
            file = opened ?? fileSystem.standardOutput
            compressor = options.codec == .none ? nil : try StreamCompressor(options.codec)
        }
    }

    func write(_ batch: RecordBatch) async throws {
        encoder.encode(batch, into: &text)
        if text.count >= Self.blockBytes { try trouble.locating { try writeText() } }
    }

    func flush() async throws {
        try trouble.locating {
            try writeText()
            try compressor?.flush(into: &compressed)
            try writeCompressed()
        }
    }

    func onEnd() async throws {
        encoder.finish(into: &text)
        try trouble.locating {
            try writeText()
            try compressor?.finish(into: &compressed)
            try writeCompressed()
            if options.path != nil { try file?.close() }
        }
    }

    private func writeText() throws {
        if text.isEmpty { return }
        if let compressor {
            try compressor.compress(text.bytes, into: &compressed)
            try writeCompressed()
        } else {
            try file?.write(text.bytes)
        }
        text.removeAll()
    }

    private func writeCompressed() throws {
        if compressed.isEmpty { return }
        try file?.write(compressed)
        compressed.removeAll(keepingCapacity: true)
    }
}
