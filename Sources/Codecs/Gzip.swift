import CZlib

private func makeStream() -> UnsafeMutablePointer<z_stream> {
    // The library keeps the stream's address, so it must not move.
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    return stream
}

private let gzipWindow: Int32 = 15 + 16

/// gzip members, one after another; zero bytes after a member are padding.
final class GzipDecompressor: DecompressorBackend {
    private let stream = makeStream()
    private var hasReadMember = false

    /// `window` as zlib takes it: negative for deflate data without a frame around it.
    init(window: Int32 = gzipWindow) throws(CodecError) {
        let status = inflateInit2_(stream, window, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw CodecError(.gzip, .failed("out of memory"), position: 0) }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func step(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, isInsideFrame: Bool
    ) throws(DecompressionFailure) -> DecompressionStep {
        if !isInsideFrame {
            if input.isEmpty { return DecompressionStep(consumed: 0, produced: 0, frameEnded: true) }
            if hasReadMember, input[0] == 0 {
                let zeros = input.firstIndex { $0 != 0 } ?? input.count
                return DecompressionStep(consumed: zeros, produced: 0, frameEnded: false, wasPadding: true)
            }
        }
        // The library cannot be called without room, and counts in 32 bits.
        guard output.count > 0 else { return DecompressionStep(consumed: 0, produced: 0, frameEnded: false) }
        let inputCount = min(input.count, 1 << 30)
        let outputCount = min(output.count, 1 << 30)
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(inputCount)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(outputCount)
        let status = inflate(stream, Z_NO_FLUSH)
        let consumed = inputCount - Int(stream.pointee.avail_in)
        let produced = outputCount - Int(stream.pointee.avail_out)
        switch status {
        case Z_STREAM_END:
            inflateReset(stream)
            hasReadMember = true
            return DecompressionStep(consumed: consumed, produced: produced, frameEnded: true)
        case Z_OK, Z_BUF_ERROR:
            return DecompressionStep(consumed: consumed, produced: produced, frameEnded: false)
        default:
            let words = stream.pointee.msg.map { String(cString: $0) } ?? "error \(status)"
            throw DecompressionFailure(reason: .corrupt(words), consumed: consumed)
        }
    }
}

/// Writes one gzip member.
final class GzipCompressor: CompressorBackend {
    private let stream = makeStream()

    init(level: Int, window: Int32 = gzipWindow) throws(CodecError) {
        let status = deflateInit2_(
            stream, Int32(max(1, min(9, level))), Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw CodecError(.gzip, .failed("out of memory"), position: 0) }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    func step(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, _ ending: CompressionEnding
    ) throws(CompressionFailure) -> CompressionStep {
        let inputCount = min(input.count, 1 << 30)
        let isLast = inputCount == input.count
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(inputCount)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(min(output.count, 1 << 30))
        let mode =
            switch ending {
            case .end where isLast: Z_FINISH
            case .flush where isLast: Z_SYNC_FLUSH
            default: Z_NO_FLUSH
            }
        let room = stream.pointee.avail_out
        let status = deflate(stream, mode)
        guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
            throw CompressionFailure(words: "error \(status)")
        }
        let left = stream.pointee.avail_out
        let consumed = inputCount - Int(stream.pointee.avail_in)
        let isDone = mode == Z_FINISH ? status == Z_STREAM_END : consumed == input.count && left > 0
        return CompressionStep(consumed: consumed, produced: Int(room - left), isDone: isDone)
    }
}
