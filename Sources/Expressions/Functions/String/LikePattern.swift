import Columnar
import Glibc

/// A compiled LIKE pattern: `%` stands for any text, `_` for any one character.
///
/// The pattern is cut at its percent signs; each segment is looked for once, at the leftmost place, so that matching
/// never goes back behind a segment already found.
struct LikePattern {
    /// The frequent shapes that need one comparison or one search.
    private enum Shape {
        case everything
        case equal
        case prefix
        case suffix
        case contains
        case segments
    }

    /// What lies between two percent signs.
    private struct Segment {
        /// Literal bytes, with a filler for each wildcard character.
        var bytes: [UInt8] = []
        /// Which elements stand for any one character; empty when none does.
        var wildcards: [Bool] = []
        var hasWildcard = false
    }

    private var segments: [Segment] = []
    private var opensFree = false
    private var closesFree = false
    private var shape = Shape.segments

    /// Compiles a pattern. `escape` is the character that makes the next one literal, nil for none.
    /// With `foldsCase` the literals are lowered, for texts that are lowered too.
    init(_ pattern: UnsafeRawBufferPointer, escape: UInt32?, foldsCase: Bool) throws(KernelError) {
        var current = Segment()
        var isOpen = false
        var position = 0
        var lastWasPercent = false
        while position < pattern.count {
            var next = UTF8Bytes.end(ofCharacterAt: position, in: pattern)
            let codePoint = UTF8Bytes.decode(pattern, position, next)
            lastWasPercent = false
            if codePoint == escape {
                guard next < pattern.count else {
                    throw KernelError(message: "LIKE pattern must not end with escape character")
                }
                position = next
                next = UTF8Bytes.end(ofCharacterAt: position, in: pattern)
            } else if codePoint == 0x25 {
                if !isOpen && segments.isEmpty { opensFree = true }
                if isOpen { segments.append(current) }
                current = Segment()
                isOpen = false
                lastWasPercent = true
                position = next
                continue
            } else if codePoint == 0x5F {
                current.hasWildcard = true
                current.bytes.append(0)
                current.wildcards.append(true)
                isOpen = true
                position = next
                continue
            }
            let literal = UnsafeRawBufferPointer(rebasing: pattern[position..<next])
            if foldsCase { StringCase.appendLower(literal, to: &current.bytes) } else { current.bytes += literal }
            while current.wildcards.count < current.bytes.count { current.wildcards.append(false) }
            isOpen = true
            position = next
        }
        if isOpen { segments.append(current) }
        closesFree = lastWasPercent
        shape = bestShape
    }

    private var bestShape: Shape {
        if segments.isEmpty { return opensFree ? .everything : .equal }
        guard segments.count == 1, !segments[0].hasWildcard else { return .segments }
        switch (opensFree, closesFree) {
        case (false, false): return .equal
        case (false, true): return .prefix
        case (true, false): return .suffix
        case (true, true): return .contains
        }
    }

    /// Whether the whole text fits the pattern.
    @inline(__always)
    func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        if shape == .everything { return true }
        if shape == .segments { return matchesSegments(text) }
        guard let literal = segments.first else { return text.count == 0 }
        return literal.bytes.withUnsafeBytes { literal in
            guard text.count >= literal.count else { return false }
            switch shape {
            case .equal: return text.count == literal.count && UTF8Bytes.matches(literal, text, at: 0)
            case .prefix: return UTF8Bytes.matches(literal, text, at: 0)
            case .suffix: return UTF8Bytes.matches(literal, text, at: text.count &- literal.count)
            default: return UTF8Bytes.find(literal, in: text) != nil
            }
        }
    }

    private func matchesSegments(_ text: UnsafeRawBufferPointer) -> Bool {
        var position = 0
        var index = 0
        var last = segments.count
        if !opensFree {
            guard let end = end(of: segments[0], in: text, at: 0) else { return false }
            if segments.count == 1 && !closesFree { return end == text.count }
            position = end
            index = 1
        }
        if !closesFree { last -= 1 }
        while index < last {
            guard let end = search(segments[index], in: text, from: position) else { return false }
            position = end
            index += 1
        }
        if closesFree { return true }
        guard let start = start(of: segments[last], atEndOf: text) else { return false }
        return start >= position
    }

    /// Where the segment ends when it lies at byte `start`; nil when it does not.
    private func end(of segment: Segment, in text: UnsafeRawBufferPointer, at start: Int) -> Int? {
        var position = start
        for index in segment.bytes.indices {
            guard position < text.count else { return nil }
            if segment.wildcards[index] {
                position = UTF8Bytes.end(ofCharacterAt: position, in: text)
            } else {
                guard text[position] == segment.bytes[index] else { return nil }
                position &+= 1
            }
        }
        return position
    }

    /// Where the segment begins when the text ends with it; nil when it does not.
    private func start(of segment: Segment, atEndOf text: UnsafeRawBufferPointer) -> Int? {
        var position = text.count
        for index in segment.bytes.indices.reversed() {
            guard position > 0 else { return nil }
            if segment.wildcards[index] {
                position = UTF8Bytes.start(ofCharacterBefore: position, in: text)
            } else {
                guard text[position &- 1] == segment.bytes[index] else { return nil }
                position &-= 1
            }
        }
        return position
    }

    /// The end of the leftmost occurrence at or after `start`.
    private func search(_ segment: Segment, in text: UnsafeRawBufferPointer, from start: Int) -> Int? {
        if !segment.hasWildcard {
            return segment.bytes.withUnsafeBytes { literal in
                UTF8Bytes.find(literal, in: text, from: start).map { $0 &+ literal.count }
            }
        }
        var position = start
        while position < text.count {
            if let end = end(of: segment, in: text, at: position) { return end }
            position = UTF8Bytes.end(ofCharacterAt: position, in: text)
        }
        return nil
    }
}
