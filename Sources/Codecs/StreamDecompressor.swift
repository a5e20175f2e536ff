import Glibc

/// Decompresses a stream piece by piece into the caller's memory. Concatenated frames and members are one stream.
///
/// Owned by one task at a time.
public final class StreamDecompressor {
    /// What one call did.
    @frozen
    public struct Progress: Hashable, Sendable {
        /// Compressed bytes read.
        public let consumed: Int
        /// Bytes written to the output.
        public let produced: Int

        init(consumed: Int, produced: Int) {
            self.consumed = consumed
            self.produced = produced
        }
    }

    public let codec: Codec
    /// How many compressed bytes have been read so far.
    public private(set) var position = 0
    private let backend: any DecompressorBackend
    /// Whether a frame has begun and not ended.
    private var isInsideFrame = false
    private var isFailed = false

    /// Makes a decompressor; throws only when the library cannot have memory.
    public init(_ codec: Codec) throws(CodecError) {
        self.codec = codec
        switch codec {
        case .none: backend = CopyDecompressor()
        case .zstd: backend = try ZstdDecompressor()
        case .lz4: backend = try LZ4Decompressor()
        case .gzip: backend = try GzipDecompressor()
        }
    }

    /// Reads from `input` and fills `output` as far as both allow.
    ///
    /// Bytes may be left inside the decompressor: as long as a call fills `output` wholly, call again, if need be
    /// with an empty input, before giving more. After an error every further call throws it again or another one.
    public func decompress(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> Progress {
        if isFailed { throw CodecError(codec, .failed("an earlier error ended the stream"), position: position) }
        var consumed = 0
        var produced = 0
        while true {
            let step: DecompressionStep
            do {
                step = try backend.step(
                    UnsafeRawBufferPointer(rebasing: input[consumed...]),
                    UnsafeMutableRawBufferPointer(rebasing: output[produced...]), isInsideFrame: isInsideFrame)
            } catch {
                isFailed = true
                throw CodecError(codec, error.reason, position: position + error.consumed)
            }
            consumed += step.consumed
            position += step.consumed
            produced += step.produced
            if step.frameEnded {
                isInsideFrame = false
            } else if step.consumed > 0 {
                isInsideFrame = !step.wasPadding || isInsideFrame
            }
            let moved = step.consumed > 0 || step.produced > 0
            if produced == output.count || !moved { break }
            if consumed == input.count && step.frameEnded { break }
        }
        return Progress(consumed: consumed, produced: produced)
    }

    /// Ends the stream; throws when it ends inside a frame. An empty stream is fine.
    public func finish() throws(CodecError) {
        if isInsideFrame { throw CodecError(codec, .truncated, position: position) }
    }
}

/// What one call of a library did.
struct DecompressionStep {
    var consumed: Int
    var produced: Int
    /// The frame that was being read is complete and all its bytes were handed out.
    var frameEnded: Bool
    /// The bytes read lie between frames and mean nothing.
    var wasPadding = false
}

/// What a library complains about.
struct DecompressionFailure: Error {
    var reason: CodecError.Reason
    /// Bytes of this call's input that were read before.
    var consumed: Int
}

/// One library's streaming decompression.
protocol DecompressorBackend: AnyObject {
    func step(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, isInsideFrame: Bool
    ) throws(DecompressionFailure) -> DecompressionStep
}

/// Bytes that are not compressed.
final class CopyDecompressor: DecompressorBackend {
    func step(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, isInsideFrame: Bool
    ) throws(DecompressionFailure) -> DecompressionStep {
        let count = min(input.count, output.count)
        if count > 0, let target = output.baseAddress, let source = input.baseAddress {
            memcpy(target, source, count)
        }
        return DecompressionStep(consumed: count, produced: count, frameEnded: true)
    }
}
