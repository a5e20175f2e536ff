/// Where a piece of SQL stands: byte offsets into the text, end not included.
public struct SourceSpan: Sendable {
    public var start: Int
    public var end: Int

    public init(_ start: Int, _ end: Int) {
        self.start = start
        self.end = end
    }

    /// The smallest span that covers both.
    public func union(_ other: SourceSpan) -> SourceSpan {
        SourceSpan(min(start, other.start), max(end, other.end))
    }
}

// Two nodes of the syntax tree are equal when they say the same, wherever they stand: spans never tell them apart.
extension SourceSpan: Hashable {
    public static func == (left: SourceSpan, right: SourceSpan) -> Bool { true }
    public func hash(into hasher: inout Hasher) {}
}

/// A line and a column, both counted from 1; columns count characters.
public struct SourcePosition: Hashable, Sendable {
    public var line: Int
    public var column: Int
}

/// A SQL text that knows its lines.
public struct SourceText: Sendable {
    public let bytes: [UInt8]
    /// What the text is called in messages, e.g. a file's path.
    public let name: String
    private let lineStarts: [Int]
    /// Whether every byte is a character, so that none need be counted.
    private let isASCII: Bool

    public init(_ text: String, name: String = "query") {
        bytes = Array(text.utf8)
        self.name = name
        var starts = [0]
        var all: UInt8 = 0
        for (index, byte) in bytes.enumerated() {
            all |= byte
            if byte == UInt8(ascii: "\n") { starts.append(index + 1) }
        }
        lineStarts = starts
        isASCII = all < 0x80
    }

    /// The line and column of a byte offset; offsets past the end give the end. Cost: what stands before it in its line
    /// is counted where the text has other characters than those of ASCII.
    public func position(of offset: Int) -> SourcePosition {
        let offset = max(0, min(offset, bytes.count))
        var low = 0
        var high = lineStarts.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle - 1 }
        }
        if isASCII { return SourcePosition(line: low + 1, column: offset - lineStarts[low] + 1) }
        let before = String(decoding: bytes[lineStarts[low]..<offset], as: UTF8.self)
        return SourcePosition(line: low + 1, column: before.count + 1)
    }

    /// The text of a line, counted from 1, without its line end.
    public func line(_ number: Int) -> String {
        guard number >= 1, number <= lineStarts.count else { return "" }
        let start = lineStarts[number - 1]
        var end = number < lineStarts.count ? lineStarts[number] - 1 : bytes.count
        if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return String(decoding: bytes[start..<max(start, end)], as: UTF8.self)
    }

    /// The text of a span.
    public func text(_ span: SourceSpan) -> String {
        let start = max(0, min(span.start, bytes.count))
        return String(decoding: bytes[start..<max(start, min(span.end, bytes.count))], as: UTF8.self)
    }
}
