import Columnar

/// Functions between bytes and their textual forms.
let binaryFunctions: [ScalarFunction] = [
    ScalarFunction(
        "encode", family: .binary, "encode(value, format)",
        "Writes bytes as text in a format: hex, base64 (padded, in one line) or base64url (without padding).",
        examples: [("encode('abc', 'hex')", "616263"), ("encode('hello', 'base64')", "aGVsbG8=")],
        takes: ParameterList(.textOrBinary, .text), returns: .utf8, canFail: true, kernel: BinaryKernels.encode),
    ScalarFunction(
        "decode", family: .binary, "decode(text, format)",
        "Reads bytes from text in a format: hex, base64 (white space and missing padding are forgiven) or base64url.",
        examples: [("encode(decode('aGVsbG8=', 'base64'), 'hex')", "68656c6c6f")],
        takes: ParameterList(.text, .text), returns: .binary, canFail: true, kernel: BinaryKernels.decode),
]

/// How bytes are written as text.
enum BinaryFormat {
    case hex
    case base64
    case base64URL

    init(_ name: UnsafeRawBufferPointer) throws(KernelError) {
        switch String(decoding: name, as: UTF8.self).lowercased() {
        case "hex": self = .hex
        case "base64": self = .base64
        case "base64url": self = .base64URL
        case let other:
            throw KernelError(
                message: "unrecognized encoding: expected \"hex\", \"base64\" or \"base64url\", found \"\(other)\"")
        }
    }

    private static let standardAlphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let urlAlphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    func encodedCount(_ count: Int) -> Int {
        switch self {
        case .hex: count * 2
        case .base64: (count + 2) / 3 * 4
        case .base64URL: (count * 4 + 2) / 3
        }
    }

    /// Writes `encodedCount` characters.
    func encode(_ bytes: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<UInt8>) {
        switch self {
        case .hex: Self.writeHex(bytes, to: target)
        case .base64: Self.writeBase64(bytes, Self.standardAlphabet, isPadded: true, to: target)
        case .base64URL: Self.writeBase64(bytes, Self.urlAlphabet, isPadded: false, to: target)
        }
    }

    static func writeHex(_ bytes: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<UInt8>) {
        for index in 0..<bytes.count {
            let high = bytes[index] &>> 4
            let low = bytes[index] & 15
            target[index &* 2] = high < 10 ? 0x30 &+ high : 0x57 &+ high
            target[index &* 2 &+ 1] = low < 10 ? 0x30 &+ low : 0x57 &+ low
        }
    }

    private static func writeBase64(
        _ bytes: UnsafeRawBufferPointer, _ alphabet: [UInt8], isPadded: Bool, to target: UnsafeMutablePointer<UInt8>
    ) {
        var written = 0
        var index = 0
        alphabet.withUnsafeBufferPointer { alphabet in
            while index < bytes.count {
                let rest = bytes.count &- index
                var group = UInt32(bytes[index]) &<< 16
                if rest > 1 { group |= UInt32(bytes[index &+ 1]) &<< 8 }
                if rest > 2 { group |= UInt32(bytes[index &+ 2]) }
                let digits = rest > 2 ? 4 : rest &+ 1
                for digit in 0..<4 {
                    if digit < digits {
                        target[written] = alphabet[Int(group &>> UInt32(18 &- 6 &* digit)) & 63]
                    } else if isPadded {
                        target[written] = UInt8(ascii: "=")
                    } else {
                        return
                    }
                    written &+= 1
                }
                index &+= 3
            }
        }
    }

    /// Reads text into bytes, of which there are at most as many as characters.
    func decode(
        _ text: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<UInt8>
    ) throws(KernelError) -> Int {
        self == .hex ? try Self.readHex(text, to: target) : try Self.readBase64(text, to: target)
    }

    private static func readHex(
        _ text: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<UInt8>
    ) throws(KernelError) -> Int {
        var written = 0
        var high: UInt8?
        for byte in text {
            if isBlank(byte) { continue }
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte &- 0x30
            case 0x41...0x46: digit = byte &- 0x37
            case 0x61...0x66: digit = byte &- 0x57
            default: throw invalid("hexadecimal digit", byte)
            }
            if let first = high {
                target[written] = first &<< 4 | digit
                written &+= 1
                high = nil
            } else {
                high = digit
            }
        }
        if high != nil { throw KernelError(message: "invalid hexadecimal data: odd number of digits") }
        return written
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 9 || byte == 10 || byte == 13 }

    private static func invalid(_ expected: String, _ byte: UInt8) -> KernelError {
        let found = byte < 0x80 ? "\"\(Character(Unicode.Scalar(byte)))\"" : "byte \(byte)"
        return KernelError(message: "decode: expected a \(expected), found \(found)")
    }

    private static func readBase64(
        _ text: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<UInt8>
    ) throws(KernelError) -> Int {
        var written = 0
        var group: UInt32 = 0
        var digits = 0
        var padding = 0
        for byte in text {
            if isBlank(byte) { continue }
            if byte == UInt8(ascii: "=") {
                padding &+= 1
                continue
            }
            guard padding == 0, let digit = base64Digit(byte) else { throw invalid("base64 digit", byte) }
            group = group &<< 6 | digit
            digits &+= 1
            if digits == 4 {
                target[written] = UInt8(truncatingIfNeeded: group &>> 16)
                target[written &+ 1] = UInt8(truncatingIfNeeded: group &>> 8)
                target[written &+ 2] = UInt8(truncatingIfNeeded: group)
                written &+= 3
                digits = 0
            }
        }
        guard digits != 1, padding == 0 || (digits >= 2 && digits + padding == 4) else {
            throw KernelError(message: "decode: base64 data ends inside a group of four characters")
        }
        if digits > 1 {
            group = group &<< UInt32(6 &* (4 &- digits))
            target[written] = UInt8(truncatingIfNeeded: group &>> 16)
            if digits == 3 { target[written &+ 1] = UInt8(truncatingIfNeeded: group &>> 8) }
            written &+= digits &- 1
        }
        return written
    }

    /// The value of a digit of either alphabet.
    private static func base64Digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5A: UInt32(byte) - 0x41
        case 0x61...0x7A: UInt32(byte) - 0x61 + 26
        case 0x30...0x39: UInt32(byte) - 0x30 + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}

/// Kernels of `encode` and `decode`.
enum BinaryKernels {
    static func encode(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.utf8)) }
        let values = arguments.text(0)
        let formats = arguments.text(1)
        let constant = formats.isConstant ? try BinaryFormat(formats[0]) : nil
        return try arguments.makeText { (row, result) throws(KernelError) in
            let format = if let constant { constant } else { try BinaryFormat(formats[row]) }
            let bytes = values[row]
            let count = format.encodedCount(bytes.count)
            format.encode(bytes, to: result.reserve(count).assumingMemoryBound(to: UInt8.self))
            result.commit(count)
        }
    }

    static func decode(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.binary)) }
        let texts = arguments.text(0)
        let formats = arguments.text(1)
        let constant = formats.isConstant ? try BinaryFormat(formats[0]) : nil
        return try arguments.makeText { (row, result) throws(KernelError) in
            do throws(KernelError) {
                let format = if let constant { constant } else { try BinaryFormat(formats[row]) }
                let text = texts[row]
                let target = result.reserve(text.count).assumingMemoryBound(to: UInt8.self)
                result.commit(try format.decode(text, to: target))
            } catch {
                throw KernelError(row: row, message: error.message)
            }
        }
    }
}
