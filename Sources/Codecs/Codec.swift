/// A way to compress bytes. Every codec writes its standard frame format, so that the usual tools read it.
public enum Codec: String, Sendable, CaseIterable, Codable {
    /// Bytes as they are.
    case none
    /// Zstandard frames (RFC 8878).
    case zstd
    /// LZ4 frames.
    case lz4
    /// gzip members (RFC 1952).
    case gzip

    /// The codec that the end of a path names (`.zst`, `.lz4`, `.gz`); `none` for all others.
    public init(path: String) {
        if path.hasSuffix(".zst") || path.hasSuffix(".zstd") {
            self = .zstd
        } else if path.hasSuffix(".lz4") {
            self = .lz4
        } else if path.hasSuffix(".gz") || path.hasSuffix(".gzip") {
            self = .gzip
        } else {
            self = .none
        }
    }

    /// The level used unless another is given: each library's own default.
    public var defaultLevel: Int {
        switch self {
        case .none, .lz4: 0
        case .zstd: 3
        case .gzip: 6
        }
    }

    /// Compresses a block into one frame.
    public func compress(_ bytes: UnsafeRawBufferPointer, level: Int? = nil) throws(CodecError) -> [UInt8] {
        let compressor = try StreamCompressor(self, level: level)
        var output: [UInt8] = []
        try compressor.compress(bytes, into: &output)
        try compressor.finish(into: &output)
        return output
    }

    /// Compresses the bytes of an array into one frame.
    public func compress(_ bytes: [UInt8], level: Int? = nil) throws(CodecError) -> [UInt8] {
        try bytes.withUnsafeBytes { buffer in
            Result { () throws(CodecError) in try compress(buffer, level: level) }
        }.get()
    }

    /// Decompresses all frames of a block.
    ///
    /// Throws when the data is corrupt or truncated, or when the result has more than `outputLimit` bytes; at most
    /// that many bytes of memory are used whatever the input claims.
    public func decompress(
        _ bytes: UnsafeRawBufferPointer, outputLimit: Int = 1 << 30
    ) throws(CodecError) -> [UInt8] {
        let decompressor = try StreamDecompressor(self)
        var output: [UInt8] = []
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { room.deallocate() }
        var rest = bytes
        while true {
            let progress = try decompressor.decompress(rest, into: room)
            rest = UnsafeRawBufferPointer(rebasing: rest[progress.consumed...])
            if output.count + progress.produced > outputLimit {
                throw CodecError(self, .tooLarge(limit: outputLimit), position: decompressor.position)
            }
            output.append(contentsOf: room[..<progress.produced])
            if rest.isEmpty && progress.produced < room.count { break }
        }
        try decompressor.finish()
        return output
    }

    /// Decompresses all frames of an array's bytes.
    public func decompress(_ bytes: [UInt8], outputLimit: Int = 1 << 30) throws(CodecError) -> [UInt8] {
        try bytes.withUnsafeBytes { buffer in
            Result { () throws(CodecError) in try decompress(buffer, outputLimit: outputLimit) }
        }.get()
    }
}
