import Codecs
import Columnar
import Dataflow
import Formats
import HostSystem
import State

/// Writes rows to a file that is made or emptied at the start.
///
/// Exactly once with checkpoints: each puts the rows so far on the disk and notes the file's length; a restored sink
/// cuts the file back to it and goes on. A compressed file gets a new frame after each checkpoint, which all readers
/// take.
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
    /// Bytes in the file.
    private var byteCount = 0
    /// The length to go on from; nil: begin anew.
    private var restoredByteCount: Int?
    private let isCheckpointed: Bool
    /// Whether the file's name outlives a power cut.
    private var hasDurableName = false

    init(
        _ spec: ConnectorSpec, _ options: FileTableOptions, _ fileSystem: any FileSystem, isCheckpointed: Bool
    ) throws {
        self.isCheckpointed = isCheckpointed
        self.options = options
        self.fileSystem = fileSystem
        let trouble = FileTableError(table: spec.table, path: options.path ?? "<stdout>")
        encoder = try trouble.locating {
            try options.format.makeEncoder(schema: spec.schema, key: spec.key)
        }
        self.trouble = trouble
    }

    func onStart() async throws {
        try trouble.locating {
            let opened = try options.path.map { path in
                if let restoredByteCount { try cutBack(path, to: restoredByteCount) }
                return try fileSystem.openForWriting(path, restoredByteCount == nil ? .replace : .append)
            }
            file = opened ?? fileSystem.standardOutput
            compressor = options.codec == .none ? nil : try StreamCompressor(options.codec)
        }
    }

    func write(_ batch: RecordBatch) async throws {
        encoder.encode(batch, into: &text)
        if let fault = encoder.takeFault() {
            throw OperationalError("table '\(trouble.table)': a row cannot be written: \(fault)", domain: .user)
        }
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
            guard let path = options.path else { return }
            if isCheckpointed { try synchronize(path) }
            try file?.close()
        }
    }

    func prepare(epoch: Int) async throws -> StateSnapshot {
        try trouble.locating {
            try writeText()
            if let compressor {
                try compressor.finish(into: &compressed)
                try writeCompressed()
                self.compressor = try StreamCompressor(options.codec)
            }
            guard let path = options.path else { return StateSnapshot() }
            try synchronize(path)
            return StateSnapshot([StateTable("file", numbers: [Int64(byteCount)])])
        }
    }

    func restore(_ state: RestoredState) throws {
        restoredByteCount = state.numbers("file").first.map { Int($0[0]) }
        byteCount = restoredByteCount ?? 0
        if byteCount > 0 { encoder.resume() }
    }

    /// Puts what was written on the disk, and the first time the file's name too.
    private func synchronize(_ path: String) throws {
        try file?.synchronize()
        if hasDurableName { return }
        hasDurableName = true
        guard try fileSystem.status(path)?.kind == .file else { return }
        try fileSystem.synchronizeDirectory(FilePath.parent(path))
    }

    /// Takes away what was written after the checkpoint.
    private func cutBack(_ path: String, to byteCount: Int) throws {
        let found = try fileSystem.status(path)?.byteCount
        guard let found, found >= byteCount else {
            throw OperationalError(
                "file '\(path)' was \(byteCount) bytes long at the checkpoint and is "
                    + (found.map { "\($0)" } ?? "missing") + " now: put it back, or begin anew with another state "
                    + "folder", domain: .user)
        }
        if found > byteCount { try fileSystem.truncate(path, byteCount: byteCount) }
    }

    private func writeText() throws {
        if text.isEmpty { return }
        if let compressor {
            try compressor.compress(text.bytes, into: &compressed)
            try writeCompressed()
        } else {
            try file?.write(text.bytes)
            byteCount += text.count
        }
        text.removeAll()
    }

    private func writeCompressed() throws {
        if compressed.isEmpty { return }
        try file?.write(compressed)
        byteCount += compressed.count
        compressed.removeAll(keepingCapacity: true)
    }
}
