import Columnar

/// Functions that make a new text from one.
let stringRewriteFunctions: [ScalarFunction] = [
    ScalarFunction(
        "replace", family: .string, "replace(text, part, replacement)", "Replaces every occurrence of a part.",
        examples: [("replace('abcabc', 'bc', 'X')", "aXaX"), ("replace('abc', '', 'X')", "abc")],
        takes: ParameterList(.text, .text, .text), returns: .utf8, canFail: true, kernel: StringRewrite.replace),
    ScalarFunction(
        "reverse", family: .string, "reverse(text)", "Gives the characters in reverse order.",
        examples: [("reverse('abcä')", "äcba")], takes: ParameterList(.text), returns: .utf8,
        kernel: StringRewrite.reverse),
    ScalarFunction(
        "translate", family: .string, "translate(text, from, to)",
        "Replaces each character found in `from` by the one at its place in `to`, or removes it if `to` is shorter.",
        examples: [("translate('12345', '143', 'ax')", "a2x5")], takes: ParameterList(.text, .text, .text),
        returns: .utf8, kernel: StringRewrite.translate),
    ScalarFunction(
        "repeat", family: .string, "repeat(text, count)", "Repeats a text.",
        examples: [("repeat('ab', 3)", "ababab"), ("repeat('ab', -1)", "")], takes: ParameterList(.text, .integer),
        returns: .utf8, canFail: true, kernel: StringRewrite.repeated),
    ScalarFunction(
        "lpad", family: .string, "lpad(text, length [, fill])",
        "Fills a text up on the left, with spaces or the fill, or cuts it on the right, to a number of characters.",
        examples: [("lpad('hi', 5, 'xy')", "xyxhi"), ("lpad('hello', 2)", "he")],
        takes: ParameterList(.text, .integer, optional: [.text]), returns: .utf8, canFail: true
    ) { (arguments) throws(KernelError) in try StringRewrite.pad(arguments, left: true) },
    ScalarFunction(
        "rpad", family: .string, "rpad(text, length [, fill])",
        "Fills a text up on the right, with spaces or the fill, or cuts it, to a number of characters.",
        examples: [("rpad('hi', 5, 'xy')", "hixyx"), ("rpad('hello', 2)", "he")],
        takes: ParameterList(.text, .integer, optional: [.text]), returns: .utf8, canFail: true
    ) { (arguments) throws(KernelError) in try StringRewrite.pad(arguments, left: false) },
    ScalarFunction(
        "overlay", family: .string, "overlay(text, replacement, start [, count])",
        "Replaces `count` characters (as many as the replacement has by default) from position `start` on.",
        examples: [("overlay('Txxxxas', 'hom', 2, 4)", "Thomas"), ("overlay('abcdef', 'XY', 3)", "abXYef")],
        takes: ParameterList(.text, .text, .integer, optional: [.integer]), returns: .utf8, canFail: true,
        kernel: StringRewrite.overlay),
    ScalarFunction(
        "chr", family: .string, "chr(code)", "Gives the character with a code point.",
        examples: [("chr(65)", "A"), ("chr(8364)", "€")], takes: ParameterList(.integer), returns: .utf8,
        canFail: true, kernel: StringRewrite.character),
    ScalarFunction(
        "to_hex", family: .string,
        documentation: FunctionDocumentation(
            "Gives the hexadecimal digits of an integer; a negative one as two's complement of its width.",
            syntax: "to_hex(number)", examples: [("to_hex(255)", "ff"), ("to_hex(-1)", "ffffffffffffffff")]),
        resolve: StringRewrite.resolveHex, kernel: StringRewrite.hex),
]

/// Kernels of the functions that make a new text from one.
enum StringRewrite {
    static func tooLong(_ function: String, _ row: Int) -> KernelError {
        KernelError(row: row, message: "\(function): result longer than \(resultBytesMax) bytes")
    }

    static func replace(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let text = arguments.text(0)
        let part = arguments.text(1)
        let replacement = arguments.text(2)
        return try arguments.makeText { (row, result) throws(KernelError) in
            let bytes = text[row]
            let old = part[row]
            let new = replacement[row]
            guard old.count > 0, var found = UTF8Bytes.find(old, in: bytes) else { return result.append(bytes) }
            var matchCount = 1
            var position = found &+ old.count
            while let next = UTF8Bytes.find(old, in: bytes, from: position) {
                matchCount &+= 1
                position = next &+ old.count
            }
            let (growth, overflow) = (new.count &- old.count).multipliedReportingOverflow(by: matchCount)
            let total = bytes.count &+ growth
            if overflow || (growth > 0 && total > resultBytesMax) { throw tooLong("replace", row) }
            var target = result.reserve(total)
            position = 0
            for index in 0..<matchCount {
                copy(bytes, position, found, to: &target)
                copy(new, 0, new.count, to: &target)
                position = found &+ old.count
                if index &+ 1 < matchCount { found = UTF8Bytes.find(old, in: bytes, from: position) ?? bytes.count }
            }
            copy(bytes, position, bytes.count, to: &target)
            result.commit(total)
        }
    }

    /// Copies `bytes[start..<end]` and moves the target behind them.
    @inline(__always)
    private static func copy(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int, to target: inout UnsafeMutableRawPointer
    ) {
        guard let base = bytes.baseAddress, end > start else { return }
        target.copyMemory(from: base + start, byteCount: end &- start)
        target += end &- start
    }

    static func reverse(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        return arguments.makeText { row, result in
            let bytes = text[row]
            let target = result.reserve(bytes.count).assumingMemoryBound(to: UInt8.self)
            var position = 0
            while position < bytes.count {
                let next = UTF8Bytes.end(ofCharacterAt: position, in: bytes)
                var to = bytes.count &- next
                while position < next {
                    target[to] = bytes[position]
                    to &+= 1
                    position &+= 1
                }
            }
            result.commit(bytes.count)
        }
    }

    static func translate(_ arguments: FunctionArguments) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.utf8)) }
        let text = arguments.text(0)
        let from = arguments.text(1)
        let to = arguments.text(2)
        let isConstant = from.isConstant && to.isConstant
        var table = isConstant ? TranslationTable(from[0], to[0]) : TranslationTable()
        var scratch: [UInt8] = []
        return arguments.makeText { row, result in
            if !isConstant { table = TranslationTable(from[row], to[row]) }
            let bytes = text[row]
            scratch.removeAll(keepingCapacity: true)
            var position = 0
            while position < bytes.count {
                let next = UTF8Bytes.end(ofCharacterAt: position, in: bytes)
                let codePoint = UTF8Bytes.decode(bytes, position, next)
                if let new = table.replacement(for: codePoint) {
                    UTF8Bytes.append(new, to: &scratch)
                }
                position = next
            }
            result.append(scratch)
        }
    }

    static func repeated(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let text = arguments.text(0)
        let count = arguments.integer(1)
        return try arguments.makeText { (row, result) throws(KernelError) in
            let bytes = text[row]
            let times = max(0, count[row])
            let (total, overflow) = times.multipliedReportingOverflow(by: Int64(bytes.count))
            if overflow || total > Int64(resultBytesMax) { throw tooLong("repeat", row) }
            let length = Int(total)
            var target = result.reserve(length)
            if length > 0 { for _ in 0..<times { copy(bytes, 0, bytes.count, to: &target) } }
            result.commit(length)
        }
    }

    static func pad(_ arguments: FunctionArguments, left: Bool) throws(KernelError) -> ColumnarValue {
        let text = arguments.text(0)
        let length = arguments.integer(1)
        let fill = TextOperand(arguments.count == 3 ? arguments.values[2] : .scalar(.utf8(" ")))
        return try arguments.makeText { (row, result) throws(KernelError) in
            let wanted = length[row]
            guard wanted > 0 else { return result.append(UnsafeRawBufferPointer(start: nil, count: 0)) }
            let bytes = text[row]
            let filler = fill[row]
            let present = UTF8Bytes.count(bytes)
            if Int64(present) >= wanted {
                let end = UTF8Bytes.offset(of: Int(wanted), in: bytes)
                return result.append(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
            }
            if filler.count == 0 { return result.append(bytes) }
            if wanted > Int64(resultBytesMax) { throw tooLong(left ? "lpad" : "rpad", row) }
            let missing = Int(wanted) &- present
            let (rounds, rest) = missing.quotientAndRemainder(dividingBy: UTF8Bytes.count(filler))
            let restEnd = UTF8Bytes.offset(of: rest, in: filler)
            let total = bytes.count &+ rounds &* filler.count &+ restEnd
            if total > resultBytesMax { throw tooLong(left ? "lpad" : "rpad", row) }
            var target = result.reserve(total)
            if !left { copy(bytes, 0, bytes.count, to: &target) }
            for _ in 0..<rounds { copy(filler, 0, filler.count, to: &target) }
            copy(filler, 0, restEnd, to: &target)
            if left { copy(bytes, 0, bytes.count, to: &target) }
            result.commit(total)
        }
    }

    static func overlay(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let text = arguments.text(0)
        let replacement = arguments.text(1)
        let start = arguments.integer(2)
        let count = arguments.count == 4 ? arguments.integer(3) : nil
        return try arguments.makeText { (row, result) throws(KernelError) in
            let bytes = text[row]
            let new = replacement[row]
            let first = start[row]
            let replaced = count?[row] ?? Int64(UTF8Bytes.count(new))
            if first <= 0 {
                throw KernelError(row: row, message: "overlay: expected a start of at least 1, found \(first)")
            }
            let (sum, overflow) = (first &- 1).addingReportingOverflow(replaced)
            let head = UTF8Bytes.offset(of: Int(min(first &- 1, Int64(bytes.count))), in: bytes)
            let tail =
                overflow || sum >= Int64(bytes.count)
                ? (overflow && replaced < 0 ? 0 : bytes.count) : UTF8Bytes.offset(of: Int(max(0, sum)), in: bytes)
            let total = head &+ new.count &+ (bytes.count &- tail)
            if total > max(resultBytesMax, bytes.count) { throw tooLong("overlay", row) }
            var target = result.reserve(total)
            copy(bytes, 0, head, to: &target)
            copy(new, 0, new.count, to: &target)
            copy(bytes, tail, bytes.count, to: &target)
            result.commit(total)
        }
    }

    static func character(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let code = arguments.integer(0)
        var scratch: [UInt8] = []
        return try arguments.makeText { (row, result) throws(KernelError) in
            let wanted = code[row]
            guard wanted > 0, let codePoint = UInt32(exactly: wanted), Unicode.Scalar(codePoint) != nil else {
                throw KernelError(row: row, message: "chr: expected a code point from 1 to 1114111, found \(wanted)")
            }
            scratch.removeAll(keepingCapacity: true)
            UTF8Bytes.append(codePoint, to: &scratch)
            result.append(scratch)
        }
    }

    static func resolveHex(_ types: [DataType]) throws(SignatureError) -> ResolvedSignature {
        _ = try ParameterList(.integer).accepting(types)
        switch types[0] {
        case .int8, .int16, .int32: return ResolvedSignature([.int32], returns: .utf8)
        case .uint64: return ResolvedSignature([.uint64], returns: .utf8)
        default: return ResolvedSignature([.int64], returns: .utf8)
        }
    }

    static func hex(_ arguments: FunctionArguments) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.utf8)) }
        if arguments.values[0].type == .int32 {
            let numbers = ValueOperand<UInt32>(arguments.values[0])
            return arguments.makeText { row, result in appendHex(UInt64(numbers[row]), &result) }
        }
        let numbers = ValueOperand<UInt64>(arguments.values[0])
        return arguments.makeText { row, result in appendHex(numbers[row], &result) }
    }

    @inline(__always)
    private static func appendHex(_ number: UInt64, _ result: inout ViewBuilder) {
        let digits = max(1, (67 &- number.leadingZeroBitCount) / 4)
        let target = result.reserve(digits).assumingMemoryBound(to: UInt8.self)
        var rest = number
        var index = digits
        while index > 0 {
            index &-= 1
            let digit = UInt8(truncatingIfNeeded: rest & 15)
            target[index] = digit < 10 ? 0x30 &+ digit : 0x57 &+ digit
            rest &>>= 4
        }
        result.commit(digits)
    }
}

/// Which character becomes which, with a direct table for ASCII.
struct TranslationTable {
    private static let keep: UInt32 = .max
    private static let remove: UInt32 = .max - 1
    private var ascii = [UInt32](repeating: keep, count: 128)
    private var others: [(from: UInt32, to: UInt32)] = []

    init() {}

    init(_ from: UnsafeRawBufferPointer, _ to: UnsafeRawBufferPointer) {
        let targets = UTF8Bytes.scalars(to)
        for (index, codePoint) in UTF8Bytes.scalars(from).enumerated() {
            let target = index < targets.count ? targets[index] : Self.remove
            // The first occurrence of a character counts.
            if codePoint < 128 {
                if ascii[Int(codePoint)] == Self.keep { ascii[Int(codePoint)] = target }
            } else if !others.contains(where: { $0.from == codePoint }) {
                others.append((codePoint, target))
            }
        }
    }

    /// What stands for a character; nil when it is removed.
    func replacement(for codePoint: UInt32) -> UInt32? {
        let target =
            codePoint < 128 ? ascii[Int(codePoint)] : others.first { $0.from == codePoint }?.to ?? Self.keep
        if target == Self.keep { return codePoint }
        return target == Self.remove ? nil : target
    }
}
