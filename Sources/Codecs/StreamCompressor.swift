/// Compresses a stream piece by piece. Owned by one task at a time.
public final class StreamCompressor {
    public let codec: Codec
    private let backend: any CompressorBackend
    private let room: UnsafeMutableRawBufferPointer
    private var position = 0
    private var isFinished = false

    /// Makes a compressor; a level outside the codec's range is taken as the nearest one inside.
    public init(_ codec: Codec, level: Int? = nil) throws(CodecError) {
        self.codec = codec
        switch codec {
        case .none: backend = CopyCompressor()
        case .zstd: backend = try ZstdCompressor(level: level ?? codec.defaultLevel)
        case .lz4: backend = try LZ4Compressor(level: level ?? codec.defaultLevel)
        case .gzip: backend = try GzipCompressor(level: level ?? codec.defaultLevel)
        }
        room = .allocate(byteCount: 1 << 16, alignment: 16)
    }

    deinit { room.deallocate() }

    /// Takes all bytes of `input` and appends what the codec gives so far.
    public func compress(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) throws(CodecError) {
        try run(input, .more, &output)
    }

    /// Appends everything needed to read all bytes given so far.
    public func flush(into output: inout [UInt8]) throws(CodecError) {
        try run(UnsafeRawBufferPointer(start: nil, count: 0), .flush, &output)
    }

    /// Ends the frame. Calling it again does nothing; giving more bytes afterwards is an error.
    public func finish(into output: inout [UInt8]) throws(CodecError) {
        if isFinished { return }
        try run(UnsafeRawBufferPointer(start: nil, count: 0), .end, &output)
        isFinished = true
    }

    private func run(
        _ input: UnsafeRawBufferPointer, _ ending: CompressionEnding, _ output: inout [UInt8]
    ) throws(CodecError) {
        if isFinished { throw CodecError(codec, .failed("the frame was ended before"), position: position) }
        var rest = input
        while true {
            let step: CompressionStep
            do {
                step = try backend.step(rest, room, ending)
            } catch {
                throw CodecError(codec, .failed(error.words), position: position)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[step.consumed...])
            position += step.consumed
            output.append(contentsOf: room[..<step.produced])
            if step.isDone { return }
        }
    }
}

/// What a call shall do after the bytes given.
enum CompressionEnding {
    case more, flush, end
}

/// What one call of a library did.
struct CompressionStep {
    var consumed: Int
    var produced: Int
    /// Nothing is left to do for the input and ending given.
    var isDone: Bool
}

/// What a library complains about.
struct CompressionFailure: Error {
    var words: String
}

/// One library's streaming compression.
protocol CompressorBackend: AnyObject {
    func step(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, _ ending: CompressionEnding
    ) throws(CompressionFailure) -> CompressionStep
}

/// Bytes that are not compressed.
final class CopyCompressor: CompressorBackend {
    func step(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, _ ending: CompressionEnding
    ) throws(CompressionFailure) -> CompressionStep {
        let count = min(input.count, output.count)
        output.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
        return CompressionStep(consumed: count, produced: count, isDone: count == input.count)
    }
}
