/// Compressed data that cannot be read, or a codec that cannot be had.
public struct CodecError: Error, Hashable, Sendable {
    /// What went wrong.
    public enum Reason: Hashable, Sendable {
        /// The data is not what the codec writes; the library's own words.
        case corrupt(String)
        /// The data ends inside a frame.
        case truncated
        /// The result would be larger than allowed.
        case tooLarge(limit: Int)
        /// The library failed for another cause, e.g. no memory.
        case failed(String)
    }

    public let codec: Codec
    public let reason: Reason
    /// How many compressed bytes had been read when it was noticed.
    public let position: Int

    /// An error from its parts.
    public init(_ codec: Codec, _ reason: Reason, position: Int) {
        self.codec = codec
        self.reason = reason
        self.position = position
    }
}

extension CodecError: CustomStringConvertible {
    /// One sentence, e.g. `cannot decompress zstd data: it ends inside a frame (byte 120)`.
    public var description: String {
        let text =
            switch reason {
            case .corrupt(let words): "corrupt data: \(words)"
            case .truncated: "it ends inside a frame"
            case .tooLarge(let limit): "expected at most \(limit) bytes, found more"
            case .failed(let words): words
            }
        return "cannot process \(codec.rawValue) data: \(text) (byte \(position))"
    }
}
