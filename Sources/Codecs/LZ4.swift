import CLZ4

private func words(_ code: LZ4F_errorCode_t) -> String {
    let name = String(cString: LZ4F_getErrorName(code))
    return (name.hasPrefix("ERROR_") ? String(name.dropFirst(6)) : name).lowercased()
}

/// LZ4 frames, one after another.
final class LZ4Decompressor: DecompressorBackend {
    private let context: OpaquePointer

    init() throws(CodecError) {
        var created: OpaquePointer?
        let status = LZ4F_createDecompressionContext(&created, UInt32(LZ4F_VERSION))
        guard LZ4F_isError(status) == 0, let created else {
            throw CodecError(.lz4, .failed("out of memory"), position: 0)
        }
        context = created
    }

    deinit { LZ4F_freeDecompressionContext(context) }

    func step(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, isInsideFrame: Bool
    ) throws(DecompressionFailure) -> DecompressionStep {
        if input.isEmpty && !isInsideFrame { return DecompressionStep(consumed: 0, produced: 0, frameEnded: true) }
        var consumed = input.count
        var produced = output.count
        var nothing: UInt8 = 0
        let hint = LZ4F_decompress(
            context, output.baseAddress ?? withUnsafeMutablePointer(to: &nothing) { UnsafeMutableRawPointer($0) },
            &produced, input.baseAddress, &consumed, nil)
        if LZ4F_isError(hint) != 0 {
            throw DecompressionFailure(reason: .corrupt(words(hint)), consumed: 0)
        }
        return DecompressionStep(consumed: consumed, produced: produced, frameEnded: hint == 0)
    }
}

/// Writes one LZ4 frame with a content checksum.
final class LZ4Compressor: CompressorBackend {
    private let context: OpaquePointer
    private var preferences = LZ4F_preferences_t()
    private var hasBegun = false
    private var hasEnded = false
    private var pending: [UInt8] = []
    private var pendingStart = 0
    /// The most input given to the library at once, which bounds the size of `pending`.
    private static let chunk = 1 << 18

    init(level: Int) throws(CodecError) {
        var created: OpaquePointer?
        let status = LZ4F_createCompressionContext(&created, UInt32(LZ4F_VERSION))
        guard LZ4F_isError(status) == 0, let created else {
            throw CodecError(.lz4, .failed("out of memory"), position: 0)
        }
        context = created
        preferences.compressionLevel = Int32(max(-10, min(12, level)))
        preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled
    }

    deinit { LZ4F_freeCompressionContext(context) }

    func step(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, _ ending: CompressionEnding
    ) throws(CompressionFailure) -> CompressionStep {
        var consumed = 0
        if pendingStart == pending.count {
            consumed = min(input.count, Self.chunk)
            try fillPending(
                UnsafeRawBufferPointer(rebasing: input[..<consumed]), ending, isLast: consumed == input.count)
        }
        let produced = min(output.count, pending.count - pendingStart)
        pending.withUnsafeBytes { bytes in
            output.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[pendingStart..<pendingStart + produced]))
        }
        pendingStart += produced
        let isDone =
            pendingStart == pending.count && consumed == input.count && (ending != .end || hasEnded)
        return CompressionStep(consumed: consumed, produced: produced, isDone: isDone)
    }

    private func fillPending(
        _ input: UnsafeRawBufferPointer, _ ending: CompressionEnding, isLast: Bool
    ) throws(CompressionFailure) {
        let bound = LZ4F_compressBound(input.count, &preferences) + 64
        pending = [UInt8](repeating: 0, count: bound)
        pendingStart = 0
        var used = 0
        let status = pending.withUnsafeMutableBytes { bytes -> LZ4F_errorCode_t in
            guard let base = bytes.baseAddress else { return 0 }
            var code = 0
            if !hasBegun {
                code = LZ4F_compressBegin(context, base, bound, &preferences)
                if LZ4F_isError(code) != 0 { return code }
                hasBegun = true
                used += code
            }
            if input.count > 0 {
                code = LZ4F_compressUpdate(context, base + used, bound - used, input.baseAddress, input.count, nil)
                if LZ4F_isError(code) != 0 { return code }
                used += code
            }
            if isLast && ending != .more && !hasEnded {
                code =
                    ending == .end
                    ? LZ4F_compressEnd(context, base + used, bound - used, nil)
                    : LZ4F_flush(context, base + used, bound - used, nil)
                if LZ4F_isError(code) != 0 { return code }
                hasEnded = ending == .end
                used += code
            }
            return 0
        }
        pending.removeLast(pending.count - used)
        if LZ4F_isError(status) != 0 { throw CompressionFailure(words: words(status)) }
    }
}
