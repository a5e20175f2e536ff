import Columnar
import Glibc
import HostSystem

/// Makes blocks of a stream of bytes. Owned by one task; not thread safe.
///
/// The reader writes straight into the framer's memory: `space`, then `commit`, then `nextBlock` until it gives nil,
/// and at the end `finish`.
public protocol BlockFramer: AnyObject {
    /// Where the next bytes of the stream are to be written; never empty. Valid until the next call of the framer.
    func space() -> UnsafeMutableRawBufferPointer

    /// Says that `count` bytes were written into `space`.
    func commit(_ count: Int)

    /// A block, once so many bytes have come that one is full; else nil: read on.
    func nextBlock() throws(BadRecordError) -> TextBlock?

    /// What has come so far and can be decoded; nil when there is nothing.
    func takeLines() throws(BadRecordError) -> TextBlock?

    /// The rest of the stream; nil when there is none.
    func finish() throws(BadRecordError) -> TextBlock?

    /// How many records were left out.
    var badRecordCount: Int { get }

    /// Descriptions of records left out since the last call.
    func takeBadRecords() -> [BadRecord]
}

/// Cuts a stream anywhere, for formats that find their records' ends themselves.
public final class ByteFramer: BlockFramer {
    private let blockBytes: Int
    private var buffer: Buffer
    private var filled = 0
    private var streamOffset: Int

    /// Makes a framer of blocks of `blockBytes`. `streamOffset`: where in the stream reading begins.
    public init(blockBytes: Int = Limits.blockBytes.value, streamOffset: Int = 0) {
        self.blockBytes = max(64, blockBytes)
        self.streamOffset = streamOffset
        buffer = Buffer(byteCount: self.blockBytes + TextBlock.padding)
    }

    public let badRecordCount = 0
    public func takeBadRecords() -> [BadRecord] { [] }

    public func space() -> UnsafeMutableRawBufferPointer {
        if filled == blockBytes { preconditionFailure("a full block must be taken before more is written") }
        return UnsafeMutableRawBufferPointer(start: buffer.pointer + filled, count: blockBytes - filled)
    }

    public func commit(_ count: Int) {
        precondition(count >= 0 && filled + count <= blockBytes, "more bytes committed than there was space")
        filled += count
    }

    public func nextBlock() -> TextBlock? { filled == blockBytes ? takeLines() : nil }

    public func takeLines() -> TextBlock? {
        guard filled > 0 else { return nil }
        let block = TextBlock(buffer: buffer, byteCount: filled, streamOffset: streamOffset)
        streamOffset += filled
        filled = 0
        buffer = Buffer(byteCount: blockBytes + TextBlock.padding)
        return block
    }

    public func finish() -> TextBlock? { takeLines() }
}
