import Columnar

/// A parsed pattern of `format`.
struct FormatPattern {
    enum Conversion { case text, identifier, literal }

    enum Width {
        case none
        case fixed(Int)
        /// The value of an argument, counted from 0.
        case argument(Int)
    }

    enum Piece {
        case literal([UInt8])
        /// The value of an argument, counted from 0.
        case value(argument: Int, Conversion, Width, alignsLeft: Bool)
    }

    private(set) var pieces: [Piece] = []

    /// Parses a pattern; throws a message about what is wrong with it.
    init(_ pattern: [UInt8]) throws(KernelError) {
        var literal: [UInt8] = []
        var position = 0
        var nextArgument = 0
        while position < pattern.count {
            let byte = pattern[position]
            position += 1
            if byte != UInt8(ascii: "%") {
                literal.append(byte)
                continue
            }
            if position < pattern.count, pattern[position] == byte {
                literal.append(byte)
                position += 1
                continue
            }
            if !literal.isEmpty { pieces.append(.literal(literal)) }
            literal = []
            pieces.append(try Self.specifier(pattern, &position, &nextArgument))
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
    }

    private static func specifier(
        _ pattern: [UInt8], _ position: inout Int, _ nextArgument: inout Int
    ) throws(KernelError) -> Piece {
        var alignsLeft = false
        var width = Width.none
        var argument: Int?
        if let number = try number(pattern, &position) {
            if position < pattern.count, pattern[position] == UInt8(ascii: "$") {
                position += 1
                if number == 0 {
                    throw KernelError(message: "format specifies argument 0, but they are counted from 1")
                }
                argument = number - 1
            } else {
                width = .fixed(number)
            }
        }
        while position < pattern.count, pattern[position] == UInt8(ascii: "-") {
            alignsLeft = true
            position += 1
        }
        if position < pattern.count, pattern[position] == UInt8(ascii: "*") {
            position += 1
            width = .argument(try widthArgument(pattern, &position, &nextArgument))
        } else if let number = try number(pattern, &position) {
            width = .fixed(number)
        }
        guard position < pattern.count else { throw KernelError(message: "unterminated format() type specifier") }
        let conversion: Conversion
        switch pattern[position] {
        case UInt8(ascii: "s"): conversion = .text
        case UInt8(ascii: "I"): conversion = .identifier
        case UInt8(ascii: "L"): conversion = .literal
        default:
            let found = String(decoding: pattern[position...].prefix(1), as: UTF8.self)
            throw KernelError(message: "unrecognized format() type specifier: expected s, I or L, found \"\(found)\"")
        }
        position += 1
        let index = argument ?? nextArgument
        nextArgument = index + 1
        return .value(argument: index, conversion, width, alignsLeft: alignsLeft)
    }

    private static func widthArgument(
        _ pattern: [UInt8], _ position: inout Int, _ nextArgument: inout Int
    ) throws(KernelError) -> Int {
        if let number = try number(pattern, &position) {
            guard number > 0, position < pattern.count, pattern[position] == UInt8(ascii: "$") else {
                throw KernelError(message: "width argument position must be ended by \"$\"")
            }
            position += 1
            return number - 1
        }
        nextArgument += 1
        return nextArgument - 1
    }

    /// Reads decimal digits; nil when there are none.
    private static func number(_ pattern: [UInt8], _ position: inout Int) throws(KernelError) -> Int? {
        let start = position
        var value = 0
        while position < pattern.count, pattern[position] &- 0x30 < 10 {
            value = value * 10 + Int(pattern[position] &- 0x30)
            if value > resultBytesMax { throw KernelError(message: "number is out of range in format()") }
            position += 1
        }
        return position == start ? nil : value
    }
}

/// The kernel of `format`.
enum StringFormat {
    static func format(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let patterns = arguments.text(0)
        let values = arguments.values.dropFirst().map { TextOperand($0) }
        let rows = arguments.computedRowCount
        var builder = ViewBuilder(capacity: rows)
        var compiled: FormatPattern?
        var line: [UInt8] = []
        for row in 0..<rows {
            if patterns.isNull(row) {
                builder.appendNull()
                continue
            }
            do throws(KernelError) {
                let pattern: FormatPattern
                if let compiled { pattern = compiled } else { pattern = try FormatPattern([UInt8](patterns[row])) }
                if patterns.isConstant { compiled = pattern }
                line.removeAll(keepingCapacity: true)
                for piece in pattern.pieces { try append(piece, values, row, to: &line) }
            } catch {
                throw KernelError(row: row, message: error.message)
            }
            builder.append(line)
        }
        return arguments.result(builder.finish())
    }

    private static func append(
        _ piece: FormatPattern.Piece, _ values: [TextOperand], _ row: Int, to line: inout [UInt8]
    ) throws(KernelError) {
        switch piece {
        case .literal(let bytes): line.append(contentsOf: bytes)
        case .value(let index, let conversion, let width, var alignsLeft):
            var columns = 0
            switch width {
            case .none: break
            case .fixed(let count): columns = count
            case .argument(let index):
                (columns, alignsLeft) = try widthValue(index, values, row, alignsLeft)
            }
            guard index < values.count else { throw KernelError(message: "too few arguments for format()") }
            let shown = try converted(values[index], row, conversion)
            let padding = max(0, columns - shown.withUnsafeBytes { UTF8Bytes.count($0) })
            if !alignsLeft { line.append(contentsOf: repeatElement(0x20, count: padding)) }
            line.append(contentsOf: shown)
            if alignsLeft { line.append(contentsOf: repeatElement(0x20, count: padding)) }
        }
        if line.count > resultBytesMax {
            throw KernelError(message: "format: result longer than \(resultBytesMax) bytes")
        }
    }

    private static func widthValue(
        _ index: Int, _ values: [TextOperand], _ row: Int, _ alignsLeft: Bool
    ) throws(KernelError) -> (Int, Bool) {
        guard index < values.count else { throw KernelError(message: "too few arguments for format()") }
        if values[index].isNull(row) { return (0, alignsLeft) }
        let text = String(decoding: values[index][row], as: UTF8.self)
        guard let number = Int(text), number.magnitude <= UInt(resultBytesMax) else {
            throw KernelError(message: "format: expected an integer as width, found \"\(text)\"")
        }
        return (abs(number), alignsLeft || number < 0)
    }

    private static func converted(
        _ value: TextOperand, _ row: Int, _ conversion: FormatPattern.Conversion
    ) throws(KernelError) -> [UInt8] {
        if value.isNull(row) {
            switch conversion {
            case .text: return []
            case .literal: return Array("NULL".utf8)
            case .identifier:
                throw KernelError(message: "null values cannot be formatted as an SQL identifier")
            }
        }
        let bytes = value[row]
        switch conversion {
        case .text: return [UInt8](bytes)
        case .identifier:
            let isPlain =
                bytes.count > 0 && !(bytes[0] &- 0x30 < 10)
                && bytes.allSatisfy { $0 &- 0x61 < 26 || $0 == 0x5F || $0 &- 0x30 < 10 }
            return isPlain ? [UInt8](bytes) : quoted(bytes, UInt8(ascii: "\""))
        case .literal:
            return quoted(bytes, UInt8(ascii: "'"))
        }
    }

    private static func quoted(_ bytes: UnsafeRawBufferPointer, _ quote: UInt8) -> [UInt8] {
        var result: [UInt8] = [quote]
        for byte in bytes {
            if byte == quote { result.append(quote) }
            result.append(byte)
        }
        result.append(quote)
        return result
    }
}
