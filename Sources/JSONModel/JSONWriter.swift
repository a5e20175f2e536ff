extension JSONValue {
    /// As JSON text: compact, or with one member a line, two spaces deeper each level.
    public func text(indented: Bool = false) -> String {
        String(decoding: utf8(indented: indented), as: UTF8.self)
    }

    /// As UTF-8 bytes of JSON; linear in what is written.
    public func utf8(indented: Bool = false) -> [UInt8] {
        var writer = JSONWriter(isIndented: indented)
        writer.write(self, level: 0)
        return writer.bytes
    }
}

extension JSONValue: CustomStringConvertible {
    public var description: String { text() }
}

private struct JSONWriter {
    let isIndented: Bool
    var bytes: [UInt8] = []

    init(isIndented: Bool) { self.isIndented = isIndented }

    mutating func write(_ value: JSONValue, level: Int) {
        switch value {
        case .null: append("null")
        case .bool(let flag): append(flag ? "true" : "false")
        case .integer(let number): append("\(number)")
        case .number(let number): append(number.isFinite ? "\(number)" : "null")
        case .string(let text): write(text)
        case .array(let values):
            append("[")
            for (index, element) in values.enumerated() {
                separate(index, level)
                write(element, level: level + 1)
            }
            close("]", isEmpty: values.isEmpty, level)
        case .object(let object):
            append("{")
            for (index, member) in object.members.enumerated() {
                separate(index, level)
                write(member.key)
                append(isIndented ? ": " : ":")
                write(member.value, level: level + 1)
            }
            close("}", isEmpty: object.isEmpty, level)
        }
    }

    private mutating func separate(_ index: Int, _ level: Int) {
        if index > 0 { append(",") }
        breakLine(level + 1)
    }

    private mutating func close(_ bracket: String, isEmpty: Bool, _ level: Int) {
        if !isEmpty { breakLine(level) }
        append(bracket)
    }

    private mutating func breakLine(_ level: Int) {
        guard isIndented else { return }
        bytes.append(0x0A)
        bytes += repeatElement(0x20, count: 2 * level)
    }

    private mutating func append(_ text: String) { bytes += text.utf8 }

    private mutating func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): append("\\\"")
            case UInt8(ascii: "\\"): append("\\\\")
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x09: append("\\t")
            case 0..<0x20: append("\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
