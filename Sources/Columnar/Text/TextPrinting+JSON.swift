extension TextPrinting {
    /// One value of any column as JSON: numbers, quoted text, RFC 3339 times, arrays and objects; `null` for nulls and
    /// for floats that are not finite. A dispatch per value: for nested values and rare paths.
    public static func appendJSON(_ column: Column, _ row: Int, to buffer: inout TextBuffer) {
        if column.isNull(row) { return buffer.append("null") }
        switch column.type {
        case .null: buffer.append("null")
        case .boolean: append(column.bits[row], to: &buffer)
        case .int8: append(Int64(column.pointer(Int8.self)[row]), to: &buffer)
        case .int16: append(Int64(column.pointer(Int16.self)[row]), to: &buffer)
        case .int32: append(Int64(column.pointer(Int32.self)[row]), to: &buffer)
        case .int64: append(column.pointer(Int64.self)[row], to: &buffer)
        case .uint8: append(UInt64(column.pointer(UInt8.self)[row]), to: &buffer)
        case .uint16: append(UInt64(column.pointer(UInt16.self)[row]), to: &buffer)
        case .uint32: append(UInt64(column.pointer(UInt32.self)[row]), to: &buffer)
        case .uint64: append(column.pointer(UInt64.self)[row], to: &buffer)
        case .float32:
            let value = column.pointer(Float.self)[row]
            if value.isFinite { append(value, keepsPoint: true, to: &buffer) } else { buffer.append("null") }
        case .float64:
            let value = column.pointer(Double.self)[row]
            if value.isFinite { append(value, keepsPoint: true, to: &buffer) } else { buffer.append("null") }
        case .decimal(_, let scale): appendDecimal(column.pointer(Int128.self)[row], scale: scale, to: &buffer)
        case .json: buffer.append(column.viewReader[row])
        case .utf8: appendQuoted(column.viewReader[row], to: &buffer)
        case .binary: appendHex(column.viewReader[row], to: &buffer)
        case .date, .time, .timestamp, .timestampTZ, .interval: appendQuotedTime(column, row, to: &buffer)
        case .list: appendList(column, row, to: &buffer)
        case .structure(let fields):
            buffer.append(123)
            for (index, field) in fields.enumerated() {
                if index > 0 { buffer.append(44) }
                appendQuoted(field.name, to: &buffer)
                buffer.append(58)
                appendJSON(column.children[index], row, to: &buffer)
            }
            buffer.append(125)
        case .map: appendMap(column, row, to: &buffer)
        }
    }

    /// Text in double quotes with JSON's escapes.
    public static func appendQuoted(_ bytes: UnsafeRawBufferPointer, to buffer: inout TextBuffer) {
        buffer.append(34)
        var start = 0
        for index in 0..<bytes.count {
            let byte = bytes[index]
            if byte >= 32 && byte != 34 && byte != 92 { continue }
            buffer.append(UnsafeRawBufferPointer(rebasing: bytes[start..<index]))
            appendEscape(byte, to: &buffer)
            start = index + 1
        }
        buffer.append(UnsafeRawBufferPointer(rebasing: bytes[start..<bytes.count]))
        buffer.append(34)
    }

    public static func appendQuoted(_ text: String, to buffer: inout TextBuffer) {
        var text = text
        text.withUTF8 { appendQuoted(UnsafeRawBufferPointer($0), to: &buffer) }
    }

    private static func appendEscape(_ byte: UInt8, to buffer: inout TextBuffer) {
        switch byte {
        case 34: buffer.append("\\\"")
        case 92: buffer.append("\\\\")
        case 8: buffer.append("\\b")
        case 9: buffer.append("\\t")
        case 10: buffer.append("\\n")
        case 12: buffer.append("\\f")
        case 13: buffer.append("\\r")
        default:
            buffer.append("\\u00")
            appendHexDigits(byte, to: &buffer)
        }
    }

    private static func appendHexDigits(_ byte: UInt8, to buffer: inout TextBuffer) {
        for nibble in [byte >> 4, byte & 15] { buffer.append(nibble < 10 ? 48 + nibble : 87 + nibble) }
    }

    private static func appendHex(_ bytes: UnsafeRawBufferPointer, to buffer: inout TextBuffer) {
        buffer.append("\"\\\\x")
        for byte in bytes { appendHexDigits(byte, to: &buffer) }
        buffer.append(34)
    }

    private static func appendQuotedTime(_ column: Column, _ row: Int, to buffer: inout TextBuffer) {
        buffer.append(34)
        switch column.type {
        case .date: appendDate(Int(column.pointer(Int32.self)[row]), to: &buffer)
        case .time: appendTime(column.pointer(Int64.self)[row], style: .rfc3339, to: &buffer)
        case .timestamp: appendTimestamp(column.pointer(Int64.self)[row], to: &buffer)
        case .timestampTZ: appendTimestamp(column.pointer(Int64.self)[row], suffix: "Z", to: &buffer)
        default: appendInterval(column.pointer(Interval.self)[row], to: &buffer)
        }
        buffer.append(34)
    }

    private static func appendList(_ column: Column, _ row: Int, to buffer: inout TextBuffer) {
        buffer.append(91)
        let start = Int(column.listOffsets[row])
        for element in start..<Int(column.listOffsets[row + 1]) {
            if element > start { buffer.append(44) }
            appendJSON(column.children[0], element, to: &buffer)
        }
        buffer.append(93)
    }

    private static func appendMap(_ column: Column, _ row: Int, to buffer: inout TextBuffer) {
        buffer.append(123)
        let entries = column.children[0]
        let start = Int(column.listOffsets[row])
        for entry in start..<Int(column.listOffsets[row + 1]) {
            if entry > start { buffer.append(44) }
            let keys = entries.children[0]
            if keys.type == .utf8 {
                appendQuoted(keys.viewReader[entry], to: &buffer)
            } else {
                var key = TextBuffer()
                appendJSON(keys, entry, to: &key)
                if key.bytes.first == 34 { buffer.append(key.bytes) } else { appendQuoted(key.bytes, to: &buffer) }
            }
            buffer.append(58)
            appendJSON(entries.children[1], entry, to: &buffer)
        }
        buffer.append(125)
    }
}

extension ScalarValue {
    /// The value as SQL prints it (`NULL`, `abc`, `2013-01-01 05:00:00`, JSON for nested values), for messages and
    /// edges.
    public var text: String {
        if isNull { return "NULL" }
        if type.isText { return stringValue ?? "" }
        if type == .binary {
            var buffer = TextBuffer()
            TextPrinting.appendJSON(.repeating(self, count: 1), 0, to: &buffer)
            // Without the quotes and the escape of the backslash.
            return "\\" + String(buffer.string.dropFirst(3).dropLast())
        }
        let job = CastJob(column: .repeating(self, count: 1), type: .utf8, isTry: true)
        return Cast.toText(job).scalar(at: 0).stringValue ?? ""
    }
}
