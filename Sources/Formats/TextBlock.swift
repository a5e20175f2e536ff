import Columnar
import Glibc

/// A piece of a text stream: whole records, followed in memory by zeros so that scanners can run past the end.
public struct TextBlock: Sendable {
    /// How many zero bytes follow the text.
    public static let padding = 64

    /// Holds the text from its first byte on; decoded columns share it.
    public let buffer: Buffer
    /// The length of the text, at least `padding` less than the buffer's.
    public let byteCount: Int
    /// Where in the stream the text begins.
    public let streamOffset: Int
    /// Where each record ends, from the block's start, when whoever made the block knows, as for the messages of a
    /// broker; ascending, the last one is `byteCount`. Nil: the format tells records apart.
    public let recordEnds: [Int]?
    /// Where lines of the stream were left out, ascending; mostly none.
    public let gaps: [Gap]

    /// A place of a text behind which lines of the stream are missing.
    public struct Gap: Hashable, Sendable {
        /// From the text's first byte; what stands there came behind the lines left out.
        public var position: Int
        /// How many bytes are missing between the text's beginning and here.
        public var byteCount: Int
        /// How many lines are missing between the end of the block before and here.
        public var lineCount: Int
    }

    /// Takes the first `byteCount` bytes of a buffer that is not shared yet, and writes zeros behind them.
    public init(
        buffer: Buffer, byteCount: Int, streamOffset: Int = 0, recordEnds: [Int]? = nil, gaps: [Gap] = []
    ) {
        precondition(
            byteCount >= 0 && byteCount + Self.padding <= buffer.byteCount, "a text block needs room for its padding")
        memset(buffer.pointer + byteCount, 0, Self.padding)
        self.buffer = buffer
        self.byteCount = byteCount
        self.streamOffset = streamOffset
        self.recordEnds = recordEnds
        self.gaps = gaps
    }

    /// Copies bytes into a block of their own.
    public init(copying bytes: UnsafeRawBufferPointer, streamOffset: Int = 0, gaps: [Gap] = []) {
        let buffer = Buffer(byteCount: bytes.count + Self.padding)
        if let base = bytes.baseAddress, bytes.count > 0 { memcpy(buffer.pointer, base, bytes.count) }
        self.init(buffer: buffer, byteCount: bytes.count, streamOffset: streamOffset, gaps: gaps)
    }

    /// Copies the bytes of an array into a block of their own.
    public init(copying bytes: [UInt8], streamOffset: Int = 0, gaps: [Gap] = []) {
        self = bytes.withUnsafeBytes { TextBlock(copying: $0, streamOffset: streamOffset, gaps: gaps) }
    }

    /// The text.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: buffer.pointer, count: byteCount) }
}

extension TextBlock {
    /// The byte of the stream that stands at a position of the text.
    public func streamOffset(of position: Int) -> Int {
        streamOffset + position + (gap(before: position)?.byteCount ?? 0)
    }

    /// How many lines of the stream were left out between the block before and a position of the text.
    public func linesLeftOut(before position: Int) -> Int { gap(before: position)?.lineCount ?? 0 }

    /// How many lines of the stream were left out between the block before and the first byte of the text.
    public var linesLeftOutInFront: Int {
        guard let first = gaps.first, first.byteCount == 0 else { return 0 }
        return first.lineCount
    }

    /// How many lines of the stream were left out since the block before.
    public var linesLeftOut: Int { gaps.last?.lineCount ?? 0 }

    private func gap(before position: Int) -> Gap? {
        if gaps.isEmpty { return nil }
        var (low, high) = (0, gaps.count)
        while low < high {
            let middle = (low + high) / 2
            if gaps[middle].position <= position { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : gaps[low - 1]
    }

    /// Puts messages one behind the other. Costs a copy of each.
    public init(messages: [[UInt8]]) {
        var ends: [Int] = []
        let total = messages.reduce(0) { sum, message in
            ends.append(sum + message.count)
            return sum + message.count
        }
        let buffer = Buffer(byteCount: total + Self.padding)
        for (message, end) in zip(messages, ends) {
            message.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress, bytes.count > 0 else { return }
                memcpy(buffer.pointer + end - bytes.count, base, bytes.count)
            }
        }
        self.init(buffer: buffer, byteCount: total, recordEnds: ends)
    }
}
