import Columnar

/// Functions that change the case of letters.
let stringCaseFunctions: [ScalarFunction] = [
    ScalarFunction(
        "upper", family: .string, "upper(text)", "Turns all letters into upper case.",
        examples: [("upper('tom')", "TOM"), ("upper('straße')", "STRASSE")], takes: ParameterList(.text),
        returns: .utf8, kernel: StringCase.upper),
    ScalarFunction(
        "lower", family: .string, "lower(text)", "Turns all letters into lower case.",
        examples: [("lower('TOM')", "tom"), ("lower('ÄÖ')", "äö")], takes: ParameterList(.text), returns: .utf8,
        kernel: StringCase.lower),
    ScalarFunction(
        "initcap", family: .string, "initcap(text)",
        "Turns the first letter of each word into upper case and the others into lower case; words are runs of "
            + "letters and digits.",
        examples: [("initcap('hi THOMAS, ok')", "Hi Thomas, Ok")], takes: ParameterList(.text), returns: .utf8,
        kernel: StringCase.initcap),
]

/// Kernels of the functions that change case, also used by matching without regard to case.
enum StringCase {
    static func upper(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        var scratch: [UInt8] = []
        return arguments.makeText { row, result in
            let bytes = text[row]
            if UTF8Bytes.isASCII(bytes) {
                let target = result.reserve(bytes.count).assumingMemoryBound(to: UInt8.self)
                for index in 0..<bytes.count {
                    let byte = bytes[index]
                    target[index] = byte &- 0x61 < 26 ? byte ^ 0x20 : byte
                }
                result.commit(bytes.count)
            } else {
                scratch.removeAll(keepingCapacity: true)
                appendUpper(bytes, to: &scratch)
                result.append(scratch)
            }
        }
    }

    static func lower(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        var scratch: [UInt8] = []
        return arguments.makeText { row, result in
            let bytes = text[row]
            if UTF8Bytes.isASCII(bytes) {
                let target = result.reserve(bytes.count).assumingMemoryBound(to: UInt8.self)
                for index in 0..<bytes.count { target[index] = lowered(bytes[index]) }
                result.commit(bytes.count)
            } else {
                scratch.removeAll(keepingCapacity: true)
                appendLower(bytes, to: &scratch)
                result.append(scratch)
            }
        }
    }

    @inline(__always)
    static func lowered(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte ^ 0x20 : byte }

    static func appendUpper(_ bytes: UnsafeRawBufferPointer, to result: inout [UInt8]) {
        forEachCharacter(bytes) { codePoint in
            if codePoint < 0x80 {
                let byte = UInt8(truncatingIfNeeded: codePoint)
                result.append(byte &- 0x61 < 26 ? byte ^ 0x20 : byte)
            } else if let scalar = Unicode.Scalar(codePoint) {
                result.append(contentsOf: scalar.properties.uppercaseMapping.utf8)
            }
        }
    }

    static func appendLower(_ bytes: UnsafeRawBufferPointer, to result: inout [UInt8]) {
        forEachCharacter(bytes) { codePoint in
            if codePoint < 0x80 {
                result.append(lowered(UInt8(truncatingIfNeeded: codePoint)))
            } else if let scalar = Unicode.Scalar(codePoint) {
                result.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
            }
        }
    }

    static func initcap(_ arguments: FunctionArguments) -> ColumnarValue {
        let text = arguments.text(0)
        var scratch: [UInt8] = []
        return arguments.makeText { row, result in
            scratch.removeAll(keepingCapacity: true)
            appendCapitalized(text[row], to: &scratch)
            result.append(scratch)
        }
    }

    private static func appendCapitalized(_ bytes: UnsafeRawBufferPointer, to result: inout [UInt8]) {
        var isInWord = false
        forEachCharacter(bytes) { codePoint in
            if codePoint < 0x80 {
                let byte = UInt8(truncatingIfNeeded: codePoint)
                let isLetter = lowered(byte) &- 0x61 < 26
                if isInWord || !isLetter {
                    result.append(lowered(byte))
                } else {
                    result.append(byte & 0xDF)
                }
                isInWord = isLetter || byte &- 0x30 < 10
            } else if let scalar = Unicode.Scalar(codePoint) {
                let properties = scalar.properties
                let mapped = isInWord ? properties.lowercaseMapping : properties.uppercaseMapping
                result.append(contentsOf: mapped.utf8)
                isInWord = properties.isAlphabetic || properties.numericType != nil
            }
        }
    }

    @inline(__always)
    private static func forEachCharacter(_ bytes: UnsafeRawBufferPointer, _ body: (UInt32) -> Void) {
        var position = 0
        while position < bytes.count {
            let next = UTF8Bytes.end(ofCharacterAt: position, in: bytes)
            body(UTF8Bytes.decode(bytes, position, next))
            position = next
        }
    }
}
