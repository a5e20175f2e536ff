import Codecs
import HostSystem

/// A file's bytes as they were before compression.
final class CompressedReader {
    private let file: any ReadableFile
    private let decompressor: StreamDecompressor?
    private let room: UnsafeMutableRawBufferPointer
    /// The part of `room` not decompressed yet.
    private var waiting: Range<Int> = 0..<0
    private var mayHoldOutput = false
    private var isAtEnd = false

    init(_ file: any ReadableFile, codec: Codec) throws(CodecError) {
        self.file = file
        decompressor = codec == .none ? nil : try StreamDecompressor(codec)
        room = .allocate(byteCount: codec == .none ? 1 : 1 << 17, alignment: 64)
    }

    deinit { room.deallocate() }

    /// Whether `read` gives bytes, or the end, without waiting for the file.
    var isReady: Bool { !waiting.isEmpty || mayHoldOutput || isAtEnd || file.isReady(withinMillis: 0) }

    /// Reads some bytes; 0 only at the end. Errors: `FileError`, `CodecError`.
    func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
        guard let decompressor else { return try file.read(into: output) }
        while true {
            if waiting.isEmpty && !mayHoldOutput {
                if isAtEnd { return 0 }
                let count = try file.read(into: room)
                if count == 0 {
                    isAtEnd = true
                    try decompressor.finish()
                    return 0
                }
                waiting = 0..<count
            }
            let input = UnsafeRawBufferPointer(rebasing: room[waiting])
            let progress = try decompressor.decompress(input, into: output)
            waiting = (waiting.lowerBound + progress.consumed)..<waiting.upperBound
            mayHoldOutput = progress.produced == output.count
            if progress.produced > 0 { return progress.produced }
            if progress.consumed == 0 { mayHoldOutput = false }
        }
    }
}
