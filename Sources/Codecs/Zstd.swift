import CZstd

/// Zstandard frames, one after another; skippable frames are skipped.
final class ZstdDecompressor: DecompressorBackend {
    private let context: OpaquePointer

    init() throws(CodecError) {
        guard let context = ZSTD_createDStream() else {
            throw CodecError(.zstd, .failed("out of memory"), position: 0)
        }
        self.context = context
    }

    deinit { ZSTD_freeDStream(context) }

    func step(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, isInsideFrame: Bool
    ) throws(DecompressionFailure) -> DecompressionStep {
        // Without input between frames there is nothing to ask the library.
        if input.isEmpty && !isInsideFrame { return DecompressionStep(consumed: 0, produced: 0, frameEnded: true) }
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let hint = ZSTD_decompressStream(context, &target, &source)
        if ZSTD_isError(hint) != 0 {
            throw DecompressionFailure(
                reason: .corrupt(String(cString: ZSTD_getErrorName(hint)).lowercased()), consumed: source.pos)
        }
        return DecompressionStep(consumed: source.pos, produced: target.pos, frameEnded: hint == 0)
    }
}

/// Writes one Zstandard frame with a checksum.
final class ZstdCompressor: CompressorBackend {
    private let context: OpaquePointer

    init(level: Int) throws(CodecError) {
        guard let context = ZSTD_createCCtx() else {
            throw CodecError(.zstd, .failed("out of memory"), position: 0)
        }
        self.context = context
        let clamped = max(Int(ZSTD_minCLevel()), min(Int(ZSTD_maxCLevel()), level))
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(clamped))
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    }

    deinit { ZSTD_freeCCtx(context) }

    func step(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, _ ending: CompressionEnding
    ) throws(CompressionFailure) -> CompressionStep {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let directive =
            switch ending {
            case .more: ZSTD_e_continue
            case .flush: ZSTD_e_flush
            case .end: ZSTD_e_end
            }
        let remaining = ZSTD_compressStream2(context, &target, &source, directive)
        if ZSTD_isError(remaining) != 0 {
            throw CompressionFailure(words: String(cString: ZSTD_getErrorName(remaining)).lowercased())
        }
        let isDone = ending == .more ? source.pos == input.count : remaining == 0
        return CompressionStep(consumed: source.pos, produced: target.pos, isDone: isDone)
    }
}
