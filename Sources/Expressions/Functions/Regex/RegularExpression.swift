import CRE2
import Columnar
import Synchronization

/// A pattern with everything that decides how it is compiled; what the cache is keyed by.
struct RegexKey: Hashable, Sendable {
    struct Options: OptionSet, Hashable, Sendable {
        let rawValue: UInt32
        static let ignoresCase = Options(rawValue: 1)
        static let dotMatchesNewline = Options(rawValue: 2)
    }

    var pattern: [UInt8]
    var options: Options
}

/// A compiled regular expression of RE2's syntax: matching takes time linear in the text, whatever the pattern.
// Unchecked because the compiled program never changes and RE2 allows searches from many threads at once.
final class RegularExpression: @unchecked Sendable {
    private let handle: OpaquePointer
    /// The number of capturing groups, without the whole match.
    let groupCount: Int

    /// How much memory a compiled program and its automata may take.
    static let memoryBytesMax: Int64 = 8 << 20
    /// Longer patterns are refused.
    static let patternBytesMax = 64 << 10

    /// Compiles a pattern; throws RE2's message with the pattern.
    init(_ key: RegexKey) throws(KernelError) {
        guard key.pattern.count <= Self.patternBytesMax else {
            throw KernelError(
                message: "invalid regular expression: expected at most \(Self.patternBytesMax) bytes, "
                    + "found \(key.pattern.count)")
        }
        var message = [CChar](repeating: 0, count: 256)
        let compiled = key.pattern.withUnsafeBytes { pattern in
            cre2_compile(
                pattern.baseAddress, pattern.count, key.options.rawValue, Self.memoryBytesMax, &message, message.count)
        }
        guard let compiled else {
            let reason = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw KernelError(
                message: "invalid regular expression: \(String(decoding: reason, as: UTF8.self)) "
                    + "(\(String(decoding: key.pattern, as: UTF8.self)))")
        }
        handle = compiled
        groupCount = Int(cre2_group_count(compiled))
    }

    deinit { cre2_free(handle) }

    /// Whether the text contains a match.
    @inline(__always)
    func isMatch(_ text: UnsafeRawBufferPointer) -> Bool {
        cre2_search(handle, text.baseAddress, text.count, 0, nil, 0)
    }

    /// Looks for the first match from byte `start` on and fills `ranges` with the whole match and as many groups as
    /// there is room for.
    @inline(__always)
    func search(_ text: UnsafeRawBufferPointer, from start: Int, _ ranges: inout [cre2_range]) -> Bool {
        ranges.withUnsafeMutableBufferPointer { ranges in
            cre2_search(
                handle, text.baseAddress, text.count, start, ranges.baseAddress, Int32(truncatingIfNeeded: ranges.count)
            )
        }
    }

    /// Calls `body` for each match that begins at or after `start`, in order and without overlaps, until it gives
    /// false. After an empty match the search goes on behind the next character.
    @inline(__always)
    func forEachMatch<Failure: Error>(
        in text: UnsafeRawBufferPointer, from start: Int = 0, _ ranges: inout [cre2_range],
        _ body: ([cre2_range]) throws(Failure) -> Bool
    ) throws(Failure) {
        var position = start
        var lastEnd = -1
        while position <= text.count, search(text, from: position, &ranges) {
            let begin = Int(ranges[0].start)
            let end = Int(ranges[0].end)
            if begin == end && begin == lastEnd {
                // An empty match right behind the last match is none of its own.
                if begin >= text.count { return }
                position = UTF8Bytes.end(ofCharacterAt: begin, in: text)
                lastEnd = -1
                continue
            }
            if try !body(ranges) { return }
            lastEnd = end
            if begin == end {
                if end >= text.count { return }
                position = UTF8Bytes.end(ofCharacterAt: end, in: text)
            } else {
                position = end
            }
        }
    }

    private static let cache = Mutex<[RegexKey: RegularExpression]>([:])
    private static let cacheCountMax = 256

    /// The compiled pattern, from the process's cache if it is there.
    static func cached(_ key: RegexKey) throws(KernelError) -> RegularExpression {
        if let known = cache.withLock({ $0[key] }) { return known }
        let compiled = try RegularExpression(key)
        cache.withLock { cache in
            if cache.count >= cacheCountMax { cache.removeAll() }
            cache[key] = compiled
        }
        return compiled
    }
}

/// The regular expressions of a batch: one for all rows when pattern and flags are constant.
final class RegexSource {
    typealias Translation = (UnsafeRawBufferPointer, UnsafeRawBufferPointer?) throws(KernelError) -> RegexKey

    private let pattern: TextOperand
    private let flags: TextOperand?
    private let translation: Translation
    private var last: (pattern: [UInt8], flags: [UInt8], regex: RegularExpression)?

    init(pattern: TextOperand, flags: TextOperand?, translation: @escaping Translation) {
        self.pattern = pattern
        self.flags = flags
        self.translation = translation
    }

    private var isConstant: Bool { pattern.isConstant && flags?.isConstant ?? true }

    /// The regular expression of a row; the row before is likely to have had the same.
    func regex(_ row: Int) throws(KernelError) -> RegularExpression {
        if isConstant, let last { return last.regex }
        let bytes = pattern[row]
        let options = flags?[row]
        if let last, last.pattern.withUnsafeBytes({ UTF8Bytes.areEqual($0, bytes) }),
            last.flags.elementsEqual(options.map { [UInt8]($0) } ?? [])
        {
            return last.regex
        }
        do throws(KernelError) {
            let regex = try RegularExpression.cached(translation(bytes, options))
            last = ([UInt8](bytes), options.map { [UInt8]($0) } ?? [], regex)
            return regex
        } catch {
            throw KernelError(row: isConstant ? nil : row, message: error.message)
        }
    }
}
