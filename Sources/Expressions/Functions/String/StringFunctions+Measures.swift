import Columnar

/// Functions that measure one text.
let stringMeasureFunctions: [ScalarFunction] = [
    ScalarFunction(
        "length", aliases: ["char_length", "character_length"], family: .string, "length(text)",
        "Counts the characters of a text, or the bytes of a binary value.",
        examples: [("length('Grüße')", "5"), ("length('')", "0")], takes: ParameterList(.textOrBinary),
        returns: .int32, kernel: StringMeasures.length),
    ScalarFunction(
        "octet_length", family: .string, "octet_length(text)", "Counts the bytes of a text or binary value.",
        examples: [("octet_length('Grüße')", "7")], takes: ParameterList(.textOrBinary), returns: .int32,
        kernel: StringMeasures.octetLength),
    ScalarFunction(
        "bit_length", family: .string, "bit_length(text)", "Counts the bits of a text or binary value.",
        examples: [("bit_length('abc')", "24")], takes: ParameterList(.textOrBinary), returns: .int64,
        kernel: StringMeasures.bitLength),
    ScalarFunction(
        "ascii", family: .string, "ascii(text)",
        "Gives the code point of the first character, or 0 for an empty text.",
        examples: [("ascii('x')", "120"), ("ascii('€')", "8364"), ("ascii('')", "0")], takes: ParameterList(.text),
        returns: .int32, kernel: StringMeasures.ascii),
    ScalarFunction(
        "levenshtein", family: .string, "levenshtein(first, second)",
        "Counts the characters to insert, delete or replace that turn one text into the other.",
        examples: [("levenshtein('kitten', 'sitting')", "3")], takes: ParameterList(.text, .text), returns: .int32,
        canFail: true, kernel: StringMeasures.levenshtein),
]

/// Kernels of the functions that measure texts.
enum StringMeasures {
    static func length(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        if arguments.values[0].type == .binary { return octetLength(arguments) }
        return arguments.makeValues(Int32.self) { row in Int32(truncatingIfNeeded: UTF8Bytes.count(text[row])) }
    }

    static func octetLength(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        return arguments.makeValues(Int32.self) { row in
            Int32(truncatingIfNeeded: text.reader.views[row & text.mask].length)
        }
    }

    static func bitLength(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        return arguments.makeValues(Int64.self) { row in Int64(text[row].count) &* 8 }
    }

    static func ascii(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        return arguments.makeValues(Int32.self) { row in
            let bytes = text[row]
            guard bytes.count > 0 else { return 0 }
            let end = UTF8Bytes.end(ofCharacterAt: 0, in: bytes)
            return Int32(bitPattern: UTF8Bytes.decode(bytes, 0, end))
        }
    }

    /// Pairs of lengths whose product is larger are refused: the cost is the product.
    static let levenshteinCellsMax = 1 << 26

    static func levenshtein(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let first = arguments.text(0)
        let second = arguments.text(1)
        var costs: [Int32] = []
        return try arguments.makeValues(Int32.self) { (row) throws(KernelError) in
            let left = UTF8Bytes.scalars(first[row])
            let right = UTF8Bytes.scalars(second[row])
            if left.count.multipliedFullWidth(by: right.count) > (0, UInt(levenshteinCellsMax)) {
                throw KernelError(
                    row: row,
                    message: "levenshtein: expected texts whose lengths multiply to at most \(levenshteinCellsMax), "
                        + "found \(left.count) and \(right.count) characters")
            }
            return distance(left, right, &costs)
        }
    }

    private static func distance(_ left: [UInt32], _ right: [UInt32], _ costs: inout [Int32]) -> Int32 {
        costs.removeAll(keepingCapacity: true)
        for index in 0...right.count { costs.append(Int32(truncatingIfNeeded: index)) }
        for (row, character) in left.enumerated() {
            var diagonal = costs[0]
            costs[0] = Int32(truncatingIfNeeded: row &+ 1)
            for (column, other) in right.enumerated() {
                let above = costs[column &+ 1]
                let replaced = diagonal &+ (character == other ? 0 : 1)
                costs[column &+ 1] = min(replaced, min(above, costs[column]) &+ 1)
                diagonal = above
            }
        }
        return costs[right.count]
    }
}
