import Columnar
import Glibc
import HostSystem

/// Cuts a stream of bytes into blocks that end at line ends.
///
/// The reader writes straight into the framer's memory: `space`, then `commit`, then `nextBlock` until it gives nil,
/// and at the end `finish`. A block is shared with the columns decoded from it; the framer goes on in fresh memory.
public final class NewlineFramer: BlockFramer {
    private let blockBytes: Int
    private let lineBytesMax: Int
    private let policy: BadRecordPolicy
    private var buffer: Buffer
    private var filled = 0
    /// Where in the stream the buffer begins.
    private var streamOffset: Int
    /// Whether the rest of a line that is too long is still to come.
    private var isSkippingLine = false
    /// Lines left out since the last block.
    private var leftOutLines = 0
    private let keepsWholeRecords: Bool
    private var log: BadRecordLog

    /// Makes a framer of blocks of about `blockBytes`; lines with more than `lineBytesMax` bytes are bad records, of
    /// which so many bytes are kept with `keepsWholeRecords`. `streamOffset`: where in the stream reading begins.
    public init(
        blockBytes: Int = Limits.blockBytes.value, lineBytesMax: Int = Limits.lineBytes.value,
        policy: BadRecordPolicy = .fail, streamOffset: Int = 0, keepsWholeRecords: Bool = false
    ) {
        self.streamOffset = streamOffset
        self.keepsWholeRecords = keepsWholeRecords
        var options = FormatOptions()
        options.keepsWholeRecords = keepsWholeRecords
        log = BadRecordLog(options)
        self.blockBytes = max(64, blockBytes)
        self.lineBytesMax = max(1, lineBytesMax)
        self.policy = policy
        buffer = Buffer(byteCount: self.blockBytes + TextBlock.padding)
    }

    /// How many lines were too long.
    public var badRecordCount: Int { log.count }

    /// Descriptions of lines that were too long since the last call.
    public func takeBadRecords() -> [BadRecord] { log.take() }

    private var capacity: Int { buffer.byteCount - TextBlock.padding }

    /// Where the next bytes of the stream are to be written; never empty. Valid until the next call of the framer.
    public func space() -> UnsafeMutableRawBufferPointer {
        if filled == capacity { grow() }
        return UnsafeMutableRawBufferPointer(start: buffer.pointer + filled, count: capacity - filled)
    }

    /// Says that `count` bytes were written into `space`.
    public func commit(_ count: Int) {
        precondition(count >= 0 && filled + count <= capacity, "more bytes committed than there was space")
        filled += count
    }

    /// A block, once so many bytes have come that one is full; else nil: read on.
    public func nextBlock() throws(BadRecordError) -> TextBlock? {
        filled == capacity ? try takeLines() : nil
    }

    /// All whole lines that have come so far; nil when there is none.
    public func takeLines() throws(BadRecordError) -> TextBlock? {
        try dropLineStart()
        let bytes = buffer.assuming(UInt8.self)
        var end = filled
        while end > 0 && bytes[end - 1] != 0x0A { end -= 1 }
        if end == 0 {
            if filled > lineBytesMax { try refuseLine() }
            return nil
        }
        return try cut(at: end)
    }

    /// The rest of the stream, whose last line may have no line end; nil when there is none. The framer is then empty.
    public func finish() throws(BadRecordError) -> TextBlock? {
        try dropLineStart()
        return filled == 0 ? nil : try cut(at: filled)
    }

    private func grow() {
        let larger = Buffer(byteCount: capacity * 2 + TextBlock.padding)
        memcpy(larger.pointer, buffer.pointer, filled)
        buffer = larger
    }

    /// Gives the first `end` bytes as a block and keeps the rest.
    private func cut(at end: Int) throws(BadRecordError) -> TextBlock? {
        let rest = filled - end
        let fresh = Buffer(byteCount: max(blockBytes, rest * 2) + TextBlock.padding)
        memcpy(fresh.pointer, buffer.pointer + end, rest)
        let full = buffer
        let start = streamOffset
        buffer = fresh
        filled = rest
        streamOffset += end
        var gaps: [TextBlock.Gap] = []
        if leftOutLines > 0 { gaps.append(.init(position: 0, byteCount: 0, lineCount: leftOutLines)) }
        let kept = end > lineBytesMax ? try removeLongLines(full, end, start, &gaps) : end
        leftOutLines = kept == 0 ? gaps.last?.lineCount ?? 0 : 0
        return kept == 0 ? nil : TextBlock(buffer: full, byteCount: kept, streamOffset: start, gaps: gaps)
    }

    /// Takes lines out of a block that are too long, and notes where they were; gives the bytes left.
    private func removeLongLines(
        _ block: Buffer, _ end: Int, _ start: Int, _ gaps: inout [TextBlock.Gap]
    ) throws(BadRecordError) -> Int {
        var read = 0
        var write = 0
        while read < end {
            let newline = memchr(block.pointer + read, 0x0A, end - read)
            let next = newline.map { UnsafeRawPointer($0) - UnsafeRawPointer(block.pointer) + 1 } ?? end
            let length = next - read - (newline == nil ? 0 : 1)
            if length > lineBytesMax {
                try report(start + read, UnsafeRawBufferPointer(start: block.pointer + read, count: length))
                let lines = (gaps.last?.lineCount ?? 0) + 1
                gaps.append(.init(position: write, byteCount: next - write, lineCount: lines))
            } else {
                if write != read { memmove(block.pointer + write, block.pointer + read, next - read) }
                write += next - read
            }
            read = next
        }
        return write
    }

    /// The line at the start of the buffer is too long and has not ended yet.
    private func refuseLine() throws(BadRecordError) {
        try report(streamOffset, UnsafeRawBufferPointer(start: buffer.pointer, count: filled))
        isSkippingLine = true
        leftOutLines += 1
        streamOffset += filled
        filled = 0
    }

    private func dropLineStart() throws(BadRecordError) {
        guard isSkippingLine, filled > 0 else { return }
        let newline = memchr(buffer.pointer, 0x0A, filled)
        let end = newline.map { UnsafeRawPointer($0) - UnsafeRawPointer(buffer.pointer) + 1 } ?? filled
        isSkippingLine = newline == nil
        memmove(buffer.pointer, buffer.pointer + end, filled - end)
        filled -= end
        streamOffset += end
    }

    private func report(_ offset: Int, _ line: UnsafeRawBufferPointer) throws(BadRecordError) {
        let record = BadRecord(
            line: 0, offset: offset,
            reason: "the line is too long: expected at most \(lineBytesMax) bytes (framing.newline.max_length)",
            // What is seen of a line depends on where blocks end; its beginning does not.
            excerpt: keepsWholeRecords
                ? RecordExcerpt(line, byteCountMax: lineBytesMax, isText: false)
                : RecordExcerpt(line))
        log.add(record)
        if policy == .fail { throw BadRecordError(format: "text", record: record) }
    }
}
