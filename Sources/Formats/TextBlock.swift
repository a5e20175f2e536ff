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

    /// Takes the first `byteCount` bytes of a buffer that is not shared yet, and writes zeros behind them.
    public init(buffer: Buffer, byteCount: Int, streamOffset: Int = 0) {
        precondition(
            byteCount >= 0 && byteCount + Self.padding <= buffer.byteCount, "a text block needs room for its padding")
        memset(buffer.pointer + byteCount, 0, Self.padding)
        self.buffer = buffer
        self.byteCount = byteCount
        self.streamOffset = streamOffset
    }

    /// Copies bytes into a block of their own.
    public init(copying bytes: UnsafeRawBufferPointer, streamOffset: Int = 0) {
        let buffer = Buffer(byteCount: bytes.count + Self.padding)
        if let base = bytes.baseAddress, bytes.count > 0 { memcpy(buffer.pointer, base, bytes.count) }
        self.init(buffer: buffer, byteCount: bytes.count, streamOffset: streamOffset)
    }

    /// Copies the bytes of an array into a block of their own.
    public init(copying bytes: [UInt8], streamOffset: Int = 0) {
        self = bytes.withUnsafeBytes { TextBlock(copying: $0, streamOffset: streamOffset) }
    }

    /// The text.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: buffer.pointer, count: byteCount) }
}
