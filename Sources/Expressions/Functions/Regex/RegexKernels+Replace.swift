import CRE2
import Columnar

/// A replacement with its references to groups taken apart.
struct RegexReplacement {
    enum Piece {
        case literal([UInt8])
        /// The text of a group, 0 for the whole match.
        case group(Int)
    }

    private(set) var pieces: [Piece] = []

    init(_ text: UnsafeRawBufferPointer) {
        var literal: [UInt8] = []
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < text.count else {
                literal.append(byte)
                continue
            }
            let next = text[index]
            index += 1
            let group: Int
            switch next {
            case UInt8(ascii: "1")...UInt8(ascii: "9"): group = Int(next) - 0x30
            case UInt8(ascii: "&"), UInt8(ascii: "0"): group = 0
            case byte:
                literal.append(byte)
                continue
            default:
                literal.append(byte)
                literal.append(next)
                continue
            }
            if !literal.isEmpty { pieces.append(.literal(literal)) }
            literal = []
            pieces.append(.group(group))
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
    }

    /// Appends the replacement of one match.
    func append(_ ranges: [cre2_range], of bytes: UnsafeRawBufferPointer, to result: inout [UInt8]) {
        for piece in pieces {
            switch piece {
            case .literal(let text): result.append(contentsOf: text)
            case .group(let index):
                guard index < ranges.count, ranges[index].start >= 0 else { continue }
                result.append(contentsOf: bytes[Int(ranges[index].start)..<Int(ranges[index].end)])
            }
        }
    }
}

extension RegexKernels {
    static func replace(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.utf8)) }
        let text = arguments.text(0)
        let replacements = arguments.text(2)
        let flags = arguments.count > 3 ? arguments.text(3) : nil
        let source = arguments.regexSource(pattern: 1, flags: 3, globalAllowed: true, function: "regexp_replace")
        let constant = replacements.isConstant ? RegexReplacement(replacements[0]) : nil
        var ranges: [cre2_range] = []
        var line: [UInt8] = []
        return try arguments.makeText { (row, result) throws(KernelError) in
            let regex = try source.regex(row)
            let isGlobal = flags?[row].contains(UInt8(ascii: "g")) ?? false
            let replacement = constant ?? RegexReplacement(replacements[row])
            let bytes = text[row]
            if ranges.count != regex.groupCount + 1 {
                ranges = Array(repeating: cre2_range(start: -1, end: -1), count: regex.groupCount + 1)
            }
            line.removeAll(keepingCapacity: true)
            var copied = 0
            try regex.forEachMatch(in: bytes, &ranges) { (ranges) throws(KernelError) in
                line.append(contentsOf: bytes[copied..<Int(ranges[0].start)])
                replacement.append(ranges, of: bytes, to: &line)
                copied = Int(ranges[0].end)
                if line.count > max(resultBytesMax, bytes.count) { throw StringRewrite.tooLong("regexp_replace", row) }
                return isGlobal
            }
            line.append(contentsOf: bytes[copied...])
            result.append(line)
        }
    }
}
