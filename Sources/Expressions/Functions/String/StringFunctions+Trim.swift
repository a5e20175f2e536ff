import Columnar

/// Functions that cut characters off the ends; the result shares the bytes of the argument.
let stringTrimFunctions: [ScalarFunction] = [
    ScalarFunction(
        "btrim", aliases: ["trim"], family: .string, "btrim(text [, characters])",
        "Removes spaces, or any of the characters given, from both ends.",
        examples: [("btrim('  ab ')", "ab"), ("btrim('xyxabcyx', 'xy')", "abc")],
        takes: ParameterList(.text, optional: [.text]), returns: .utf8
    ) { arguments in StringTrim.trim(arguments, left: true, right: true) },
    ScalarFunction(
        "ltrim", family: .string, "ltrim(text [, characters])",
        "Removes spaces, or any of the characters given, from the left end.",
        examples: [("ltrim('zzzytest', 'xyz')", "test")], takes: ParameterList(.text, optional: [.text]),
        returns: .utf8
    ) { arguments in StringTrim.trim(arguments, left: true, right: false) },
    ScalarFunction(
        "rtrim", family: .string, "rtrim(text [, characters])",
        "Removes spaces, or any of the characters given, from the right end.",
        examples: [("rtrim('testxxzx', 'xyz')", "test")], takes: ParameterList(.text, optional: [.text]),
        returns: .utf8
    ) { arguments in StringTrim.trim(arguments, left: false, right: true) },
]

/// A set of characters, quick to ask for ASCII.
struct CharacterSet128 {
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    private var others: [UInt32] = []

    init(_ bytes: UnsafeRawBufferPointer) {
        for codePoint in UTF8Bytes.scalars(bytes) {
            switch codePoint {
            case ..<64: low |= 1 &<< UInt64(codePoint)
            case ..<128: high |= 1 &<< UInt64(codePoint &- 64)
            default: others.append(codePoint)
            }
        }
    }

    func contains(_ codePoint: UInt32) -> Bool {
        if codePoint < 64 { return low &>> UInt64(codePoint) & 1 != 0 }
        if codePoint < 128 { return high &>> UInt64(codePoint &- 64) & 1 != 0 }
        return others.contains(codePoint)
    }
}

/// Kernels of the functions that cut characters off the ends.
enum StringTrim {
    static func trim(_ arguments: FunctionArguments, left: Bool, right: Bool) -> ColumnarValue {
        let text = arguments.text(0)
        guard arguments.count == 2 else {
            return arguments.makeSlices(of: text) { _, bytes in
                var start = 0
                var end = bytes.count
                if left { while start < end && bytes[start] == 0x20 { start &+= 1 } }
                if right { while end > start && bytes[end &- 1] == 0x20 { end &-= 1 } }
                return (start, end)
            }
        }
        if arguments.hasNullConstant { return .scalar(.null(arguments.returnType)) }
        let characters = arguments.text(1)
        let constant = characters.isConstant ? CharacterSet128(characters[0]) : nil
        return arguments.makeSlices(of: text) { row, bytes in
            let set = constant ?? CharacterSet128(characters[row])
            var start = 0
            var end = bytes.count
            while left, start < end {
                let next = UTF8Bytes.end(ofCharacterAt: start, in: bytes)
                guard set.contains(UTF8Bytes.decode(bytes, start, next)) else { break }
                start = next
            }
            while right, end > start {
                let previous = UTF8Bytes.start(ofCharacterBefore: end, in: bytes)
                guard set.contains(UTF8Bytes.decode(bytes, previous, end)) else { break }
                end = previous
            }
            return (start, max(start, end))
        }
    }
}
