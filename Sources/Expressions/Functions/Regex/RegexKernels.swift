import CRE2
import Columnar

/// Kernels of the regular expression functions.
enum RegexKernels {
    static func operatorMatch(
        _ arguments: FunctionArguments, ignoresCase: Bool
    ) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.boolean)) }
        let text = arguments.text(0)
        let source = RegexSource(pattern: arguments.text(1), flags: nil) { (pattern, _) throws(KernelError) in
            RegexKey(pattern: [UInt8](pattern), options: ignoresCase ? [.ignoresCase] : [])
        }
        return try arguments.makeBooleans { (row) throws(KernelError) in try source.regex(row).isMatch(text[row]) }
    }

    static func like(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.boolean)) }
        let text = arguments.text(0)
        let source = arguments.regexSource(pattern: 1, flags: 2, function: "regexp_like")
        return try arguments.makeBooleans { (row) throws(KernelError) in try source.regex(row).isMatch(text[row]) }
    }

    /// Makes room for a whole match and all groups.
    @inline(__always)
    private static func resize(_ ranges: inout [cre2_range], _ regex: RegularExpression) {
        if ranges.count != regex.groupCount + 1 {
            ranges = Array(repeating: cre2_range(start: -1, end: -1), count: regex.groupCount + 1)
        }
    }

    static func match(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.list(.utf8))) }
        let text = arguments.text(0)
        let source = arguments.regexSource(pattern: 1, flags: 2, function: "regexp_match")
        let rows = arguments.computedRowCount
        let present = arguments.presentRows
        var elements = ViewBuilder(capacity: rows)
        var offsets = FixedWidthBuilder<Int32>(capacity: rows + 1)
        var validity = BitmapBuilder(capacity: rows)
        var ranges: [cre2_range] = []
        offsets.append(0)
        for row in 0..<rows {
            var isFound = false
            if present?[row] ?? true {
                let regex = try source.regex(row)
                resize(&ranges, regex)
                let bytes = text[row]
                isFound = regex.search(bytes, from: 0, &ranges)
                if isFound {
                    for range in ranges.dropFirst(ranges.count > 1 ? 1 : 0) { append(range, of: bytes, to: &elements) }
                }
            }
            validity.append(isFound)
            offsets.append(Int32(truncatingIfNeeded: elements.count))
        }
        let values = offsets.finish(.int32).values
        return arguments.result(
            Column(
                type: .list(.utf8), count: rows, validity: validity.finishValidity(), values: values,
                children: [elements.finish()]))
    }

    private static func append(
        _ range: cre2_range, of bytes: UnsafeRawBufferPointer, to elements: inout ViewBuilder
    ) {
        guard range.start >= 0 else { return elements.appendNull() }
        elements.append(UnsafeRawBufferPointer(rebasing: bytes[Int(range.start)..<Int(range.end)]))
    }

    static func count(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.int64)) }
        let text = arguments.text(0)
        let starts = arguments.count > 2 ? arguments.integer(2) : nil
        let source = arguments.regexSource(pattern: 1, flags: 3, function: "regexp_count")
        var ranges = [cre2_range(start: -1, end: -1)]
        return try arguments.makeValues(Int64.self) { (row) throws(KernelError) in
            let regex = try source.regex(row)
            let bytes = text[row]
            let start = try startOffset(starts?[row] ?? 1, bytes, row, "regexp_count")
            var total: Int64 = 0
            regex.forEachMatch(in: bytes, from: start, &ranges) { _ in
                total &+= 1
                return true
            }
            return total
        }
    }

    /// The byte where character `start`, counted from 1, begins.
    private static func startOffset(
        _ start: Int64, _ bytes: UnsafeRawBufferPointer, _ row: Int, _ function: String
    ) throws(KernelError) -> Int {
        guard start >= 1 else {
            throw KernelError(row: row, message: "\(function): expected a start of at least 1, found \(start)")
        }
        if start > Int64(bytes.count) { return start == Int64(bytes.count) + 1 ? bytes.count : bytes.count + 1 }
        return UTF8Bytes.offset(of: Int(start) - 1, in: bytes)
    }

    static func extract(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.utf8)) }
        let text = arguments.text(0)
        let groups = arguments.count > 2 ? arguments.integer(2) : nil
        let source = arguments.regexSource(pattern: 1, flags: nil, function: "regexp_extract")
        var ranges: [cre2_range] = []
        return try arguments.makeText { (row, result) throws(KernelError) in
            let regex = try source.regex(row)
            let group = try checkedGroup(groups?[row] ?? 0, regex, row, "regexp_extract")
            resize(&ranges, regex)
            let bytes = text[row]
            if regex.search(bytes, from: 0, &ranges) {
                append(ranges[group], of: bytes, to: &result)
            } else {
                result.appendNull()
            }
        }
    }

    private static func checkedGroup(
        _ group: Int64, _ regex: RegularExpression, _ row: Int, _ function: String
    ) throws(KernelError) -> Int {
        guard group >= 0, group <= Int64(regex.groupCount) else {
            throw KernelError(
                row: row, message: "\(function): expected a group from 0 to \(regex.groupCount), found \(group)")
        }
        return Int(group)
    }

    static func position(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.int64)) }
        let text = arguments.text(0)
        let endOptions = arguments.count > 4 ? arguments.integer(4) : nil
        let finder = MatchFinder(arguments, flags: 5, group: 6, function: "regexp_instr")
        return try arguments.makeValues(Int64.self) { (row) throws(KernelError) in
            let option = endOptions?[row] ?? 0
            guard option == 0 || option == 1 else {
                throw KernelError(row: row, message: "regexp_instr: expected 0 or 1 as end option, found \(option)")
            }
            let bytes = text[row]
            guard let range = try finder.find(row, bytes), range.start >= 0 else { return 0 }
            let edge = option == 0 ? Int(range.start) : Int(range.end)
            return Int64(UTF8Bytes.count(UnsafeRawBufferPointer(rebasing: bytes[..<edge])) &+ 1)
        }
    }

    static func substring(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.utf8)) }
        let text = arguments.text(0)
        let finder = MatchFinder(arguments, flags: 4, group: 5, function: "regexp_substr")
        return try arguments.makeText { (row, result) throws(KernelError) in
            let bytes = text[row]
            append(try finder.find(row, bytes) ?? cre2_range(start: -1, end: -1), of: bytes, to: &result)
        }
    }

    /// Finds the n-th match after a start, with the optional arguments of `regexp_instr` and `regexp_substr`.
    private final class MatchFinder {
        private let source: RegexSource
        private let starts: ValueOperand<Int64>?
        private let occurrences: ValueOperand<Int64>?
        private let groups: ValueOperand<Int64>?
        private let function: String
        private var ranges: [cre2_range] = []

        init(_ arguments: FunctionArguments, flags: Int, group: Int, function: String) {
            source = arguments.regexSource(pattern: 1, flags: flags, function: function)
            starts = arguments.count > 2 ? arguments.integer(2) : nil
            occurrences = arguments.count > 3 ? arguments.integer(3) : nil
            groups = arguments.count > group ? arguments.integer(group) : nil
            self.function = function
        }

        func find(_ row: Int, _ bytes: UnsafeRawBufferPointer) throws(KernelError) -> cre2_range? {
            let regex = try source.regex(row)
            let start = try startOffset(starts?[row] ?? 1, bytes, row, function)
            var remaining = occurrences?[row] ?? 1
            guard remaining >= 1 else {
                throw KernelError(
                    row: row, message: "\(function): expected an occurrence of at least 1, found \(remaining)")
            }
            // A group that the pattern does not have is one that never matches, as PostgreSQL has it.
            let group = groups?[row] ?? 0
            guard group >= 0 else {
                throw KernelError(row: row, message: "\(function): expected a group of at least 0, found \(group)")
            }
            guard group <= Int64(regex.groupCount) else { return nil }
            var found: cre2_range?
            resize(&ranges, regex)
            regex.forEachMatch(in: bytes, from: start, &ranges) { ranges in
                remaining &-= 1
                if remaining == 0 { found = ranges[Int(group)] }
                return remaining > 0
            }
            return found
        }
    }
}
