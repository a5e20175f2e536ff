/// A value of a flatbuffer to be written; the encoding follows the FlatBuffers "Internals" document.
///
/// References point forward only, so a parent is laid down before what it refers to.
indirect enum FlatValue {
    /// A field that keeps its default.
    case absent
    case bool(Bool)
    case uint8(UInt8)
    case int16(Int16)
    case int32(Int32)
    case int64(Int64)
    case string(String)
    /// The fields in the order of their numbers.
    case table([FlatValue])
    /// A vector of tables or strings.
    case references([FlatValue])
    /// A vector of 64-bit integers, or of structs of `width` of them.
    case words([Int64], width: Int)

    /// How many bytes the value takes inside a table; references take four.
    fileprivate var inlineWidth: Int {
        switch self {
        case .absent: 0
        case .bool, .uint8: 1
        case .int16: 2
        case .int32, .string, .table, .references, .words: 4
        case .int64: 8
        }
    }

    /// The bytes of a flatbuffer whose root is this table, a multiple of eight long.
    func encoded() -> [UInt8] {
        var writer = FlatWriter()
        writer.write(root: self)
        return writer.bytes
    }
}

private struct FlatWriter {
    var bytes: [UInt8] = []

    mutating func write(root: FlatValue) {
        append(UInt32(0))
        let position = write(root)
        store(UInt32(truncatingIfNeeded: position), at: 0)
        pad(to: 8, offset: 0)
    }

    /// Writes what a reference points at and gives its position.
    private mutating func write(_ value: FlatValue) -> Int {
        switch value {
        case .table(let fields): return write(fields: fields)
        case .string(let text): return write(text)
        case .references(let elements): return write(elements)
        case .words(let words, let width): return write(words, width)
        default: return bytes.count
        }
    }

    private mutating func write(fields: [FlatValue]) -> Int {
        // Wide fields come first, so that every field is aligned when the table is.
        let order = fields.indices.sorted { (-fields[$0].inlineWidth, $0) < (-fields[$1].inlineWidth, $1) }
        var places = Array(repeating: 0, count: fields.count)
        var size = fields.contains { $0.inlineWidth == 8 } ? 8 : 4
        for index in order where fields[index].inlineWidth > 0 {
            places[index] = size
            size += fields[index].inlineWidth
        }
        let vtableSize = 4 + 2 * fields.count
        pad(to: 8, offset: vtableSize)
        let vtable = bytes.count
        append(UInt16(truncatingIfNeeded: vtableSize))
        append(UInt16(truncatingIfNeeded: size))
        for place in places { append(UInt16(truncatingIfNeeded: place)) }
        let table = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: size))
        store(Int32(truncatingIfNeeded: table - vtable), at: table)
        for (field, place) in zip(fields, places) where place > 0 { storeInline(field, at: table + place) }
        for (field, place) in zip(fields, places) where place > 0 && field.isReference {
            refer(from: table + place, to: write(field))
        }
        return table
    }

    private mutating func storeInline(_ value: FlatValue, at position: Int) {
        switch value {
        case .bool(let flag): bytes[position] = flag ? 1 : 0
        case .uint8(let number): bytes[position] = number
        case .int16(let number): store(number, at: position)
        case .int32(let number): store(number, at: position)
        case .int64(let number): store(number, at: position)
        default: break
        }
    }

    private mutating func write(_ text: String) -> Int {
        pad(to: 4, offset: 0)
        let position = bytes.count
        append(UInt32(truncatingIfNeeded: text.utf8.count))
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
        return position
    }

    private mutating func write(_ elements: [FlatValue]) -> Int {
        pad(to: 4, offset: 0)
        let position = bytes.count
        append(UInt32(truncatingIfNeeded: elements.count))
        bytes.append(contentsOf: repeatElement(0, count: 4 * elements.count))
        for (index, element) in elements.enumerated() { refer(from: position + 4 + 4 * index, to: write(element)) }
        return position
    }

    private mutating func write(_ words: [Int64], _ width: Int) -> Int {
        pad(to: 8, offset: 4)
        let position = bytes.count
        append(UInt32(truncatingIfNeeded: words.count / max(1, width)))
        for word in words { append(word) }
        return position
    }

    private mutating func refer(from position: Int, to target: Int) {
        store(UInt32(truncatingIfNeeded: target - position), at: position)
    }

    /// Adds zeros until `offset` more bytes end at a multiple of `alignment`.
    private mutating func pad(to alignment: Int, offset: Int) {
        while (bytes.count + offset) % alignment != 0 { bytes.append(0) }
    }

    private mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private mutating func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at position: Int) {
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: position, as: Value.self) }
    }
}

extension FlatValue {
    fileprivate var isReference: Bool {
        switch self {
        case .string, .table, .references, .words: true
        default: false
        }
    }
}
