import Codecs
import HostSystem

/// A file's bytes as they were before compression.
final class CompressedReader {
    enum Outcome {
        /// So many bytes, at least one, were written to the output.
        case bytes(Int)
        /// The file, a pipe, has nothing more for now.
        case nothingYet
        case end
    }

    /// Bytes read from the file so far.
    private(set) var fileByteCount = 0
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

    /// Goes past the first `count` bytes, counted after decompression, before anything was read. Errors: as of `read`;
    /// `OperationalError` when there are fewer.
    func skip(_ count: Int) throws {
        if decompressor == nil {
            try file.seek(to: count)
            return
        }
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
        defer { scratch.deallocate() }
        var left = count
        while left > 0 {
            let part = UnsafeMutableRawBufferPointer(rebasing: scratch[..<min(left, scratch.count)])
            switch try read(into: part) {
            case .bytes(let read): left -= read
            case .nothingYet: continue
            case .end:
                throw OperationalError(
                    "the file is shorter than it was at the checkpoint: expected \(count) bytes, found \(count - left)",
                    domain: .user)
            }
        }
    }

    /// Reads some bytes, without waiting for a pipe that has none. Errors: `FileError`, `CodecError`.
    func read(into output: UnsafeMutableRawBufferPointer) throws -> Outcome {
        if isAtEnd { return .end }
        guard let decompressor else {
            guard file.isReady(withinMillis: 0) else { return .nothingYet }
            let count = try file.read(into: output)
            fileByteCount += count
            isAtEnd = count == 0
            return isAtEnd ? .end : .bytes(count)
        }
        while true {
            if waiting.isEmpty && !mayHoldOutput {
                guard file.isReady(withinMillis: 0) else { return .nothingYet }
                let count = try file.read(into: room)
                fileByteCount += count
                if count == 0 {
                    isAtEnd = true
                    try decompressor.finish()
                    return .end
                }
                waiting = 0..<count
            }
            let input = UnsafeRawBufferPointer(rebasing: room[waiting])
            let progress = try decompressor.decompress(input, into: output)
            waiting = (waiting.lowerBound + progress.consumed)..<waiting.upperBound
            mayHoldOutput = progress.produced == output.count
            if progress.produced > 0 { return .bytes(progress.produced) }
            if progress.consumed == 0 && !waiting.isEmpty {
                throw CodecError(decompressor.codec, .failed("the data makes no progress"), position: fileByteCount)
            }
        }
    }
}
