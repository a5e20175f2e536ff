import Columnar

/// Functions that give a part of a text; the result shares the bytes of the argument.
let stringSliceFunctions: [ScalarFunction] = [
    ScalarFunction(
        "left", family: .string, "left(text, count)",
        "Gives the first `count` characters; with a negative count all but the last ones.",
        examples: [("left('abcde', 2)", "ab"), ("left('abcde', -2)", "abc")], takes: ParameterList(.text, .integer),
        returns: .utf8, kernel: StringSlices.left),
    ScalarFunction(
        "right", family: .string, "right(text, count)",
        "Gives the last `count` characters; with a negative count all but the first ones.",
        examples: [("right('abcde', 2)", "de"), ("right('abcde', -2)", "cde")],
        takes: ParameterList(.text, .integer), returns: .utf8, kernel: StringSlices.right),
    ScalarFunction(
        "substr", aliases: ["substring"], family: .string, "substr(text, start [, count])",
        "Gives the characters from position `start`, counted from 1, at most `count` of them; positions before the "
            + "first count as well.",
        examples: [
            ("substr('alphabet', 3)", "phabet"), ("substr('alphabet', 3, 2)", "ph"),
            ("substr('alphabet', -1, 4)", "al"),
        ],
        takes: ParameterList(.text, .integer, optional: [.integer]), returns: .utf8, canFail: true,
        kernel: StringSlices.substring),
    ScalarFunction(
        "split_part", family: .string, "split_part(text, delimiter, position)",
        "Splits a text at a delimiter and gives the part at a position, counted from 1, or from the end if negative.",
        examples: [("split_part('a~@~b~@~c', '~@~', 2)", "b"), ("split_part('a,b,c', ',', -1)", "c")],
        takes: ParameterList(.text, .text, .integer), returns: .utf8, canFail: true, kernel: StringSlices.splitPart),
    ScalarFunction(
        "substr_index", aliases: ["substring_index"], family: .string, "substr_index(text, delimiter, count)",
        "Gives what lies before the `count`th delimiter, or after it counted from the end if negative.",
        examples: [
            ("substr_index('www.apache.org', '.', 2)", "www.apache"),
            ("substr_index('www.apache.org', '.', -1)", "org"),
        ],
        takes: ParameterList(.text, .text, .integer), returns: .utf8, kernel: StringSlices.substringIndex),
]

/// Kernels of the functions that give a part of a text.
enum StringSlices {
    static func left(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        let count = arguments.integer(1)
        return arguments.makeSlices(of: text) { row, bytes in
            (0, prefixEnd(bytes, count[row]))
        }
    }

    static func right(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        let count = arguments.integer(1)
        return arguments.makeSlices(of: text) { row, bytes in
            let wanted = count[row]
            if wanted < 0 { return (offset(clamping: 0 &- wanted, bytes), bytes.count) }
            let total = Int64(UTF8Bytes.count(bytes))
            return (wanted >= total ? 0 : UTF8Bytes.offset(of: Int(total &- wanted), in: bytes), bytes.count)
        }
    }

    /// Where the first `count` characters end; a negative count leaves as many off the end.
    private static func prefixEnd(_ bytes: UnsafeRawBufferPointer, _ count: Int64) -> Int {
        if count >= 0 { return offset(clamping: count, bytes) }
        let (kept, overflow) = Int64(UTF8Bytes.count(bytes)).addingReportingOverflow(count)
        return overflow || kept <= 0 ? 0 : UTF8Bytes.offset(of: Int(kept), in: bytes)
    }

    /// Where the character `index` begins; `Int64.min` stands for a negated number too large.
    @inline(__always)
    private static func offset(clamping index: Int64, _ bytes: UnsafeRawBufferPointer) -> Int {
        index < 0 || index >= Int64(bytes.count) ? bytes.count : UTF8Bytes.offset(of: Int(index), in: bytes)
    }

    static func substring(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let text = arguments.text(0)
        let start = arguments.integer(1)
        guard arguments.count == 3 else {
            return arguments.makeSlices(of: text) { row, bytes in
                let first = start[row]
                return (first <= 1 ? 0 : offset(clamping: first &- 1, bytes), bytes.count)
            }
        }
        let count = arguments.integer(2)
        return try arguments.makeSlices(of: text) { (row, bytes) throws(KernelError) in
            let first = start[row]
            let length = count[row]
            if length < 0 {
                throw KernelError(row: row, message: "negative substring length not allowed (\(length))")
            }
            let (sum, overflow) = first.addingReportingOverflow(length)
            let end = overflow ? Int64.max : sum
            guard end > 1 else { return (0, 0) }
            let begin = max(first, 1) &- 1
            let from = begin == 0 ? 0 : offset(clamping: begin, bytes)
            let characters = end &- 1 &- begin
            if characters >= Int64(bytes.count &- from) { return (from, bytes.count) }
            return (from, UTF8Bytes.offset(of: Int(characters), in: bytes, from: from))
        }
    }

    static func splitPart(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let text = arguments.text(0)
        let delimiter = arguments.text(1)
        let position = arguments.integer(2)
        return try arguments.makeSlices(of: text) { (row, bytes) throws(KernelError) in
            let index = position[row]
            if index == 0 { throw KernelError(row: row, message: "split_part: field position must not be zero") }
            let separator = delimiter[row]
            if separator.count == 0 { return index == 1 || index == -1 ? (0, bytes.count) : (0, 0) }
            return index > 0
                ? partFromStart(bytes, separator, index) : partFromEnd(bytes, separator, index)
        }
    }

    private static func partFromStart(
        _ bytes: UnsafeRawBufferPointer, _ separator: UnsafeRawBufferPointer, _ index: Int64
    ) -> (start: Int, end: Int) {
        var start = 0
        var remaining = index
        while let end = UTF8Bytes.find(separator, in: bytes, from: start) {
            remaining &-= 1
            if remaining == 0 { return (start, end) }
            start = end &+ separator.count
        }
        return remaining == 1 ? (start, bytes.count) : (0, 0)
    }

    private static func partFromEnd(
        _ bytes: UnsafeRawBufferPointer, _ separator: UnsafeRawBufferPointer, _ index: Int64
    ) -> (start: Int, end: Int) {
        // Fields are those found from the start, as delimiters may overlap.
        var fieldCount: Int64 = 1
        var start = 0
        while let end = UTF8Bytes.find(separator, in: bytes, from: start) {
            fieldCount &+= 1
            start = end &+ separator.count
        }
        let (wanted, overflow) = (fieldCount &+ 1).addingReportingOverflow(index)
        return overflow || wanted <= 0 ? (0, 0) : partFromStart(bytes, separator, wanted)
    }

    static func substringIndex(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        let delimiter = arguments.text(1)
        let count = arguments.integer(2)
        return arguments.makeSlices(of: text) { row, bytes in
            let separator = delimiter[row]
            var remaining = count[row]
            if remaining == 0 || separator.count == 0 { return (0, 0) }
            if remaining > 0 {
                var start = 0
                while let end = UTF8Bytes.find(separator, in: bytes, from: start) {
                    remaining &-= 1
                    if remaining == 0 { return (0, end) }
                    start = end &+ separator.count
                }
                return (0, bytes.count)
            }
            var end = bytes.count
            while let start = UTF8Bytes.findLast(separator, in: bytes, before: end) {
                remaining &+= 1
                if remaining == 0 { return (start &+ separator.count, bytes.count) }
                end = start
            }
            return (0, bytes.count)
        }
    }
}
