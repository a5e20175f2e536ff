import Columnar
import Glibc

/// A column of any type that grows value by value and can be cut back, so that a record found bad halfway leaves
/// nothing behind. Nested columns have sinks of their own below.
final class ColumnSink {
    let type: DataType
    let children: [ColumnSink]
    private(set) var count = 0
    private let layout: Layout
    private let width: Int
    private var values: Buffer
    private var pointer: UnsafeMutableRawPointer
    private var capacity: Int
    /// One bit a row, from the first null on.
    private var validity: [UInt8] = []
    private var hasNulls = false
    private var arenas: [Buffer] = []
    private var arenaUsed = 0
    private static let arenaBytes = 1 << 16

    init(_ type: DataType) {
        self.type = type
        layout = type.layout
        width =
            switch type.layout {
            case .null, .structure: 0
            case .bits: 1
            case .fixed(let width): width
            case .view: MemoryLayout<StringView>.size
            case .list: 4
            }
        children = type.childTypes.map { ColumnSink($0) }
        capacity = 64
        values = Buffer(byteCount: (capacity + 1) * width, zeroed: true)
        pointer = values.pointer
    }

    /// Bytes that text and binary values lie in.
    var arenaByteCount: Int {
        arenas.reduce(0) { $0 + $1.byteCount } + children.reduce(0) { $0 + $1.arenaByteCount }
    }

    // MARK: Appending

    @inline(__always)
    private func advance() {
        if hasNulls { setValid(true) }
        count &+= 1
        if count == capacity { grow() }
    }

    /// Appends a value as wide as the column's.
    @inline(__always)
    func append<Value: BitwiseCopyable>(_ value: Value) {
        pointer.storeBytes(of: value, toByteOffset: count &* MemoryLayout<Value>.size, as: Value.self)
        advance()
    }

    /// Appends to a boolean column.
    @inline(__always)
    func append(flag: Bool) { append(UInt8(flag ? 1 : 0)) }

    /// Appends to a text or binary column; long values are copied.
    @inline(__always)
    func append(bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return append(StringView.empty) }
        if bytes.count <= StringView.inlineLimit {
            append(StringView(inlining: base, count: bytes.count))
        } else {
            append(stored(base, bytes.count))
        }
    }

    private func stored(_ base: UnsafeRawPointer, _ count: Int) -> StringView {
        if arenas.isEmpty || arenaUsed + count > arenas[arenas.count - 1].byteCount {
            arenas.append(Buffer(byteCount: max(count, arenas.isEmpty ? Self.arenaBytes : Self.arenaBytes << 4)))
            arenaUsed = 0
        }
        let target = arenas[arenas.count - 1].pointer + arenaUsed
        memcpy(target, base, count)
        defer { arenaUsed += count }
        return StringView(referencing: base, count: count, bufferIndex: arenas.count - 1, offset: arenaUsed)
    }

    /// Ends a list or map whose items were appended to the child.
    func endList() {
        (pointer + (count + 1) * 4).storeBytes(of: Int32(truncatingIfNeeded: children[0].count), as: Int32.self)
        advance()
    }

    /// Ends a struct whose members were appended to the children.
    func endStructure() { advance() }

    /// Appends a null to this column and whatever keeps those below as long as they must be.
    func appendNull() {
        if !hasNulls {
            hasNulls = true
            validity = Array(repeating: 0xFF, count: count / 8 + 1)
        }
        switch layout {
        case .null: break
        case .bits, .fixed, .view: memset(pointer + count * width, 0, width)
        case .list:
            (pointer + (count + 1) * 4).storeBytes(of: Int32(truncatingIfNeeded: children[0].count), as: Int32.self)
        case .structure: for child in children { child.appendNull() }
        }
        setValid(false)
        count += 1
        if count == capacity { grow() }
    }

    private func setValid(_ isValid: Bool) {
        let place = count >> 3
        if place >= validity.count { validity.append(contentsOf: repeatElement(0xFF, count: validity.count + 8)) }
        let bit = UInt8(1) << UInt8(count & 7)
        if isValid { validity[place] |= bit } else { validity[place] &= ~bit }
    }

    /// Appends a constant. A dispatch per value.
    func append(_ scalar: ScalarValue) {
        if scalar.isNull { return appendNull() }
        switch (layout, scalar.storage) {
        case (.bits, .boolean(let flag)): append(flag: flag)
        case (.view, .bytes(let bytes)): bytes.withUnsafeBytes { append(bytes: $0) }
        case (.list, .nested(let items)):
            for item in items { children[0].append(item) }
            endList()
        case (.structure, .nested(let members)):
            for (child, member) in zip(children, members) { child.append(member) }
            endStructure()
        case (.fixed, .float(let value)): if width == 4 { append(Float(value)) } else { append(value) }
        case (.fixed, .decimal(let value)): append(value)
        case (.fixed, .interval(let value)): append(value)
        case (.fixed, .int(let value)): append(low: UInt64(bitPattern: value))
        case (.fixed, .uint(let value)): append(low: value)
        default: appendNull()
        }
    }

    /// Appends the low bytes of a number, as many as the column is wide.
    func append(low value: UInt64) {
        switch width {
        case 1: append(UInt8(truncatingIfNeeded: value))
        case 2: append(UInt16(truncatingIfNeeded: value))
        case 4: append(UInt32(truncatingIfNeeded: value))
        default: append(value)
        }
    }

    private func grow() {
        let larger = Buffer(byteCount: (capacity * 2 + 1) * width, zeroed: true)
        memcpy(larger.pointer, values.pointer, (capacity + 1) * width)
        values = larger
        pointer = larger.pointer
        capacity *= 2
    }

    // MARK: Taking back and giving out

    /// Takes back all rows from `count` on.
    func truncate(to count: Int) {
        guard count < self.count else { return }
        self.count = count
        switch layout {
        case .list: children[0].truncate(to: Int(pointer.load(fromByteOffset: count * 4, as: Int32.self)))
        case .structure: for child in children { child.truncate(to: count) }
        default: break
        }
    }

    /// Takes back the items of a list that was begun and not ended, or the members of such a struct.
    func cancelOpen() {
        switch layout {
        case .list:
            children[0].cancelOpen()
            children[0].truncate(to: Int(pointer.load(fromByteOffset: count * 4, as: Int32.self)))
        case .structure:
            for child in children {
                child.cancelOpen()
                child.truncate(to: count)
            }
        default: break
        }
    }

    /// The column so far; the sink is empty afterwards.
    func finish() -> Column {
        let rows = count
        var bitmap: Bitmap?
        if hasNulls {
            let bytes = (rows + 7) / 8
            let found = Bitmap(buffer: .copying(Array(validity.prefix(bytes))), count: rows)
            bitmap = found.trueCount == rows ? nil : found
        }
        let column =
            switch layout {
            case .null: Column(type: type, count: rows)
            case .bits: Column(type: type, count: rows, validity: bitmap, values: packedBits(rows))
            case .fixed: Column(type: type, count: rows, validity: bitmap, values: values)
            case .view: Column(type: type, count: rows, validity: bitmap, values: values, dataBuffers: arenas)
            case .list:
                Column(type: type, count: rows, validity: bitmap, values: values, children: [children[0].finish()])
            case .structure:
                Column(type: type, count: rows, validity: bitmap, children: children.map { $0.finish() })
            }
        count = 0
        hasNulls = false
        validity = []
        arenas = []
        arenaUsed = 0
        values = Buffer(byteCount: (capacity + 1) * width, zeroed: true)
        pointer = values.pointer
        return column
    }

    private func packedBits(_ rows: Int) -> Buffer {
        let packed = Buffer(byteCount: (rows + 63) / 64 * 8, zeroed: true)
        let bytes = packed.assuming(UInt8.self)
        let flags = values.assuming(UInt8.self)
        for row in 0..<rows { bytes[row >> 3] |= flags[row] << UInt8(row & 7) }
        return packed
    }
}
