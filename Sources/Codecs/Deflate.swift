/// Deflate data without a frame around it (RFC 1951).
public enum Deflate {
    private static let window: Int32 = -15

    /// Compresses a block.
    public static func compress(_ bytes: UnsafeRawBufferPointer) throws(CodecError) -> [UInt8] {
        let backend = try GzipCompressor(level: 6, window: window)
        var output: [UInt8] = []
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { room.deallocate() }
        var rest = bytes
        while true {
            do {
                let step = try backend.step(rest, room, .end)
                output.append(contentsOf: room[..<step.produced])
                rest = UnsafeRawBufferPointer(rebasing: rest[step.consumed...])
                if step.isDone { return output }
            } catch {
                throw CodecError(.gzip, .failed(error.words), position: bytes.count - rest.count)
            }
        }
    }

    /// Decompresses a block. Throws when it is corrupt, cut off, or has more than `outputLimit` bytes; bytes behind its
    /// end are passed over.
    public static func decompress(
        _ bytes: UnsafeRawBufferPointer, outputLimit: Int
    ) throws(CodecError) -> [UInt8] {
        let backend = try GzipDecompressor(window: window)
        var output: [UInt8] = []
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { room.deallocate() }
        var rest = bytes
        var isInside = false
        while true {
            let step: DecompressionStep
            do {
                step = try backend.step(rest, room, isInsideFrame: isInside)
            } catch {
                throw CodecError(.gzip, error.reason, position: bytes.count - rest.count)
            }
            isInside = true
            output.append(contentsOf: room[..<step.produced])
            rest = UnsafeRawBufferPointer(rebasing: rest[step.consumed...])
            let position = bytes.count - rest.count
            if output.count > outputLimit { throw CodecError(.gzip, .tooLarge(limit: outputLimit), position: position) }
            if step.frameEnded { return output }
            if step.consumed == 0 && step.produced == 0 { throw CodecError(.gzip, .truncated, position: position) }
        }
    }
}
