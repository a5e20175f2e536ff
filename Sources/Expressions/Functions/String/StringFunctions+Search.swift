import Columnar

/// Functions that look for a text inside another.
let stringSearchFunctions: [ScalarFunction] = [
    ScalarFunction(
        "strpos", aliases: ["instr", "position"], family: .string, "strpos(text, part)",
        "Gives the position of the first occurrence of a part, counted in characters from 1, or 0 if there is none.",
        examples: [("strpos('high', 'ig')", "2"), ("strpos('äöü', 'ü')", "3"), ("strpos('abc', 'x')", "0")],
        takes: ParameterList(.text, .text), returns: .int32, kernel: StringSearch.position),
    ScalarFunction(
        "contains", family: .string, "contains(text, part)", "Tells whether a text contains a part.",
        examples: [("contains('laminar', 'min')", "true"), ("contains('laminar', 'max')", "false")],
        takes: ParameterList(.text, .text), returns: .boolean, kernel: StringSearch.contains),
    ScalarFunction(
        "starts_with", family: .string, "starts_with(text, prefix)", "Tells whether a text begins with a prefix.",
        examples: [("starts_with('laminar', 'lam')", "true")], takes: ParameterList(.text, .text),
        returns: .boolean, kernel: StringSearch.startsWith),
    ScalarFunction(
        "ends_with", family: .string, "ends_with(text, suffix)", "Tells whether a text ends with a suffix.",
        examples: [("ends_with('laminar', 'nar')", "true")], takes: ParameterList(.text, .text),
        returns: .boolean, kernel: StringSearch.endsWith),
    ScalarFunction(
        "find_in_set", family: .string, "find_in_set(text, list)",
        "Gives the position, counted from 1, of a text in a list separated by commas, or 0 if it is not in it.",
        examples: [("find_in_set('b', 'a,b,c')", "2"), ("find_in_set('d', 'a,b,c')", "0")],
        takes: ParameterList(.text, .text), returns: .int32, kernel: StringSearch.findInSet),
]

/// Kernels of the functions that look for a text inside another.
enum StringSearch {
    static func position(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        let part = arguments.text(1)
        return arguments.makeValues(Int32.self) { row in
            let bytes = text[row]
            guard let found = UTF8Bytes.find(part[row], in: bytes) else { return 0 }
            let before = UnsafeRawBufferPointer(rebasing: bytes[..<found])
            return Int32(truncatingIfNeeded: UTF8Bytes.count(before) &+ 1)
        }
    }

    static func contains(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        let part = arguments.text(1)
        return arguments.makeBooleans { row in UTF8Bytes.find(part[row], in: text[row]) != nil }
    }

    static func startsWith(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        let prefix = arguments.text(1)
        return arguments.makeBooleans { row in
            let bytes = text[row]
            let start = prefix[row]
            return bytes.count >= start.count && UTF8Bytes.matches(start, bytes, at: 0)
        }
    }

    static func endsWith(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        let suffix = arguments.text(1)
        return arguments.makeBooleans { row in
            let bytes = text[row]
            let end = suffix[row]
            return bytes.count >= end.count && UTF8Bytes.matches(end, bytes, at: bytes.count &- end.count)
        }
    }

    static func findInSet(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        let list = arguments.text(1)
        return arguments.makeValues(Int32.self) { row in
            let wanted = text[row]
            let bytes = list[row]
            guard bytes.count > 0 else { return 0 }
            var start = 0
            var index: Int32 = 1
            while true {
                var end = start
                while end < bytes.count && bytes[end] != UInt8(ascii: ",") { end &+= 1 }
                if UTF8Bytes.areEqual(wanted, UnsafeRawBufferPointer(rebasing: bytes[start..<end])) { return index }
                if end == bytes.count { return 0 }
                start = end &+ 1
                index &+= 1
            }
        }
    }
}
