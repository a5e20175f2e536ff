import Columnar
import HostSystem

/// Walks over values along their schema alone: to pass them over, or to show them as JSON.
struct AvroWalker {
    let schema: AvroSchema
    private let timestampFormat: FormatOptions.TimestampFormat
    private let depthMax = Limits.jsonNesting.value

    init(schema: AvroSchema, options: FormatOptions) {
        self.schema = schema
        timestampFormat = options.timestampFormat
    }

    /// Bytes or text with their length before them.
    @inline(__always)
    func sizedBytes(_ cursor: inout ByteCursor) throws(RecordFault) -> UnsafeRawBufferPointer {
        let count = try cursor.zigzag()
        guard count >= 0, count <= Int64(cursor.left) else { throw .truncated }
        return try cursor.bytes(Int(count))
    }

    /// Passes a value over.
    func skip(_ index: Int, _ cursor: inout ByteCursor, depth: Int) throws(RecordFault) {
        if depth > depthMax { throw .tooDeep(depthMax) }
        switch schema.nodes[index].kind {
        case .null: return
        case .boolean: _ = try cursor.byte()
        case .int, .long, .enumeration: _ = try cursor.varint()
        case .float: try cursor.skip(4)
        case .double: try cursor.skip(8)
        case .bytes, .string: _ = try sizedBytes(&cursor)
        case .fixed(let size): try cursor.skip(size)
        case .record(let fields): for field in fields { try skip(field.type, &cursor, depth: depth + 1) }
        case .union(let branches): try skip(try branch(branches, &cursor), &cursor, depth: depth + 1)
        case .array(let items): try skipItems(items, isMap: false, &cursor, depth)
        case .map(let values): try skipItems(values, isMap: true, &cursor, depth)
        }
    }

    private func branch(_ branches: [Int], _ cursor: inout ByteCursor) throws(RecordFault) -> Int {
        let number = try cursor.zigzag()
        guard number >= 0, number < branches.count else { throw RecordFault("there is no branch \(number) in a union") }
        return branches[Int(number)]
    }

    private func blocks(_ items: Int, isMap: Bool) -> AvroBlocks {
        var size = AvroSize(schema)
        return AvroBlocks(itemSizeMin: isMap ? 1 : size.least(items))
    }

    private func skipItems(
        _ items: Int, isMap: Bool, _ cursor: inout ByteCursor, _ depth: Int
    ) throws(RecordFault) {
        var blocks = blocks(items, isMap: isMap)
        while let count = try blocks.next(&cursor) {
            if let byteCount = blocks.byteCount {
                try cursor.skip(byteCount)
                continue
            }
            // What takes no bytes at least takes none at all.
            if blocks.itemSizeMin == 0 { continue }
            for _ in 0..<count {
                if isMap { _ = try sizedBytes(&cursor) }
                try skip(items, &cursor, depth: depth + 1)
            }
        }
    }

    // MARK: JSON

    /// Appends a value as JSON; gives whether it is null. Members of unions stand for themselves, binary is base64.
    @discardableResult
    func writeJSON(
        _ index: Int, _ cursor: inout ByteCursor, _ text: inout TextBuffer, depth: Int, path: String
    ) throws(RecordFault) -> Bool {
        if depth > depthMax { throw .tooDeep(depthMax) }
        let node = schema.nodes[index]
        switch node.kind {
        case .null:
            text.append("null" as StaticString)
            return true
        case .union(let branches):
            return try writeJSON(try branch(branches, &cursor), &cursor, &text, depth: depth + 1, path: path)
        case .boolean:
            let byte = try cursor.byte()
            guard byte < 2 else { throw RecordFault("expected a boolean, found the byte \(byte)", path: path) }
            TextPrinting.append(byte == 1, to: &text)
        case .int, .long: try writeNumber(try cursor.zigzag(), node.logical, &text, path)
        case .float: write(Double(Float(bitPattern: try cursor.fixed(UInt32.self))), isFloat: true, &text)
        case .double: write(Double(bitPattern: try cursor.fixed(UInt64.self)), isFloat: false, &text)
        case .string:
            let bytes = try sizedBytes(&cursor)
            guard AvroDatumDecoder.isText(bytes) else { throw .badText(path) }
            text.append(jsonString: bytes)
        case .bytes: try writeBytes(try sizedBytes(&cursor), node.logical, &text, path)
        case .fixed(let size): try writeBytes(try cursor.bytes(size), node.logical, &text, path)
        case .enumeration(let symbols, _):
            let number = try cursor.zigzag()
            guard symbols.indices.contains(Int(number)) else {
                throw RecordFault("there is no symbol \(number) in the enum", path: path, isSkippable: true)
            }
            TextPrinting.appendQuoted(symbols[Int(number)], to: &text)
        case .record(let fields):
            for (number, field) in fields.enumerated() {
                text.append(UInt8(ascii: number == 0 ? "{" : ","))
                TextPrinting.appendQuoted(field.name, to: &text)
                text.append(UInt8(ascii: ":"))
                try writeJSON(field.type, &cursor, &text, depth: depth + 1, path: path)
            }
            if fields.isEmpty { text.append(UInt8(ascii: "{")) }
            text.append(UInt8(ascii: "}"))
        case .array(let items): try writeItems(items, isMap: false, &cursor, &text, depth, path)
        case .map(let values): try writeItems(values, isMap: true, &cursor, &text, depth, path)
        }
        return false
    }

    private func writeItems(
        _ items: Int, isMap: Bool, _ cursor: inout ByteCursor, _ text: inout TextBuffer, _ depth: Int, _ path: String
    ) throws(RecordFault) {
        text.append(UInt8(ascii: isMap ? "{" : "["))
        var blocks = blocks(items, isMap: isMap)
        var isFirst = true
        while let count = try blocks.next(&cursor) {
            for _ in 0..<count {
                if !isFirst { text.append(UInt8(ascii: ",")) }
                isFirst = false
                if isMap {
                    let key = try sizedBytes(&cursor)
                    guard AvroDatumDecoder.isText(key) else { throw .badText(path) }
                    text.append(jsonString: key)
                    text.append(UInt8(ascii: ":"))
                }
                try writeJSON(items, &cursor, &text, depth: depth + 1, path: path)
            }
        }
        text.append(UInt8(ascii: isMap ? "}" : "]"))
    }

    private func write(_ value: Double, isFloat: Bool, _ text: inout TextBuffer) {
        guard value.isFinite else { return text.append("null" as StaticString) }
        if isFloat {
            TextPrinting.append(Float(value), keepsPoint: true, to: &text)
        } else {
            TextPrinting.append(value, keepsPoint: true, to: &text)
        }
    }

    private func writeNumber(
        _ value: Int64, _ logical: AvroSchema.Logical?, _ text: inout TextBuffer, _ path: String
    ) throws(RecordFault) {
        switch logical {
        case .date?:
            guard Int32(exactly: value) != nil else { throw .outOfRange("DATE", path) }
            text.append(UInt8(ascii: "\""))
            TextPrinting.appendDate(Int(value), to: &text)
            text.append(UInt8(ascii: "\""))
        case .timestamp(let unit, let isLocal)?:
            let (nanos, overflow) = value.multipliedReportingOverflow(by: unit)
            if overflow { throw .outOfRange("TIMESTAMP", path) }
            if timestampFormat == .unixMillis { return text.append(unixMillis: nanos) }
            text.append(UInt8(ascii: "\""))
            text.append(timestamp: nanos, hasZone: !isLocal)
            text.append(UInt8(ascii: "\""))
        case .timeMillis?, .timeMicros?:
            let nanos = value.multipliedReportingOverflow(by: logical?.nanosPerUnit ?? 1)
            guard !nanos.overflow, (0..<86_400_000_000_000).contains(nanos.partialValue) else {
                throw .outOfRange("TIME", path)
            }
            text.append(UInt8(ascii: "\""))
            TextPrinting.appendTime(nanos.partialValue, style: .rfc3339, to: &text)
            text.append(UInt8(ascii: "\""))
        default: TextPrinting.append(value, to: &text)
        }
    }

    private func writeBytes(
        _ bytes: UnsafeRawBufferPointer, _ logical: AvroSchema.Logical?, _ text: inout TextBuffer, _ path: String
    ) throws(RecordFault) {
        if case .decimal(_, let scale)? = logical {
            guard let value = AvroDecimal.value(bytes) else { throw .outOfRange("DECIMAL", path) }
            return TextPrinting.appendDecimal(value, scale: scale, to: &text)
        }
        text.append(UInt8(ascii: "\""))
        if logical == .uuid, bytes.count == 16 {
            var digits = [UInt8](repeating: 0, count: 36)
            Self.writeUUID(bytes, &digits)
            text.append(digits)
        } else {
            text.append(base64: bytes)
        }
        text.append(UInt8(ascii: "\""))
    }

    /// The usual 36 characters of sixteen bytes.
    static func writeUUID(_ bytes: UnsafeRawBufferPointer, _ target: inout [UInt8]) {
        var place = 0
        for (index, byte) in bytes.enumerated() {
            if index == 4 || index == 6 || index == 8 || index == 10 {
                target[place] = UInt8(ascii: "-")
                place += 1
            }
            for digit in [byte >> 4, byte & 15] {
                target[place] = digit < 10 ? 48 + digit : 87 + digit
                place += 1
            }
        }
    }
}
