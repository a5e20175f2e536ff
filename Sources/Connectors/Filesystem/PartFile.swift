import Codecs
import Columnar
import Formats
import HostSystem

/// A file being written: rows are encoded, compressed and written in large pieces. It is made with its first bytes.
final class PartFile {
    /// Bytes of text collected before they are compressed and written.
    private static let blockBytes = 1 << 16

    let folder: String
    /// When the first and the last rows came, in nanoseconds.
    let begun: Int64
    private(set) var written: Int64
    private let files: FolderFiles
    private let codec: Codec
    private let encoder: any RecordEncoder
    private var compressor: StreamCompressor?
    private var text = TextBuffer(capacity: 1 << 12)
    private var compressed: [UInt8] = []
    private var file: (any WritableFile)?
    private var staged: StagedFile?

    init(_ folder: String, _ files: FolderFiles, _ codec: Codec, _ encoder: any RecordEncoder, now: Int64) {
        self.folder = folder
        self.files = files
        self.codec = codec
        self.encoder = encoder
        begun = now
        written = now
    }

    /// The bytes written, and those that wait if they are not to be compressed.
    var byteCount: Int { (staged?.byteCount ?? 0) + (codec == .none ? text.count : 0) }

    func append(_ rows: RecordBatch, now: Int64) throws {
        encoder.encode(rows, into: &text)
        if let fault = encoder.takeFault() {
            throw OperationalError("a row cannot be written: \(fault)", domain: .user)
        }
        written = now
        if text.count >= Self.blockBytes { try writeText() }
    }

    /// Writes everything and puts it on the disk. The file so far, which can be read by itself; nil when nothing was
    /// written yet.
    func synchronize() throws -> StagedFile? {
        try writeText()
        try endFrame()
        if files.isDurable { try file?.synchronize() }
        staged?.isOpen = true
        return staged
    }

    /// The same, for good; nil when there is no file as no rows gave any bytes.
    func close() throws -> StagedFile? {
        var result = try synchronize()
        try file?.close()
        file = nil
        result?.isOpen = false
        return result
    }

    private func writeText() throws {
        if text.isEmpty { return }
        if codec == .none {
            try write(text.bytes)
        } else {
            let compressor = try self.compressor ?? StreamCompressor(codec)
            self.compressor = compressor
            try compressor.compress(text.bytes, into: &compressed)
            try writeCompressed()
        }
        text.removeAll()
    }

    /// Ends what a reader needs as a whole; the next bytes begin a new frame, which every reader takes.
    private func endFrame() throws {
        guard let compressor else { return }
        try compressor.finish(into: &compressed)
        try writeCompressed()
        self.compressor = nil
    }

    private func writeCompressed() throws {
        if compressed.isEmpty { return }
        try compressed.withUnsafeBytes { try write($0) }
        compressed.removeAll(keepingCapacity: true)
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws {
        if file == nil { (file, staged) = try files.begin(in: folder, now: written) }
        try file?.write(bytes)
        staged?.byteCount += bytes.count
    }
}
