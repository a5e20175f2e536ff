/// The buffers of a batch in the order Arrow wants them, and their places in the message body.
struct ArrowBody {
    private static let alignment = 64

    let textAsOffsets: Bool
    /// Length and number of nulls of every column, depth first.
    private(set) var nodes: [Int64] = []
    /// Offset and length of every buffer.
    private(set) var places: [Int64] = []
    /// How many data buffers each view column has.
    private(set) var variadicCounts: [Int64] = []
    private(set) var length = 0
    private var parts: [Buffer] = []

    init(textAsOffsets: Bool) {
        self.textAsOffsets = textAsOffsets
    }

    mutating func add(_ column: Column) throws(ArrowError) {
        nodes.append(Int64(column.count))
        nodes.append(Int64(column.nullCount))
        if column.type == .null { return }
        add(validity: column.validity)
        switch column.type.layout {
        case .null: break
        case .bits: add(bits: column.bits)
        case .fixed(let width): add(column.values, column.offset * width, column.count * width)
        case .view:
            if textAsOffsets { try addWithOffsets(column) } else { addViews(column) }
        case .list:
            let source = column.listOffsets
            let start = source[0]
            let offsets = Buffer(byteCount: (column.count + 1) * 4)
            let target = offsets.assuming(Int32.self)
            for index in 0...column.count { target[index] = source[index] &- start }
            add(offsets, 0, offsets.byteCount)
            try add(column.children[0].slice(Int(start), Int(source[column.count] - start)))
        case .structure:
            for child in column.children { try add(child) }
        }
    }

    private mutating func add(validity: Bitmap?) {
        if let validity { add(bits: validity) } else { add(.empty, 0, 0) }
    }

    private mutating func add(bits: Bitmap) {
        let byteCount = (bits.count + 7) / 8
        if bits.offset & 7 == 0 {
            add(bits.buffer, bits.offset / 8, byteCount)
        } else {
            add(bits.aligned().buffer, 0, byteCount)
        }
    }

    private mutating func addViews(_ original: Column) {
        // Bytes that no row of the slice refers to are left out when they are many.
        let used = original.longByteCount
        let held = original.dataBuffers.reduce(0) { $0 + $1.byteCount }
        let column = held > 2 * used + 4096 ? original.compacted() : original
        let views = Buffer(byteCount: column.count * 16)
        let target = views.assuming(StringView.self)
        target.update(from: column.pointer(StringView.self), count: column.count)
        if let validity = column.validity {
            for row in 0..<column.count where !validity[row] { target[row] = .empty }
        }
        add(views, 0, views.byteCount)
        variadicCounts.append(Int64(column.dataBuffers.count))
        for buffer in column.dataBuffers { add(buffer, 0, buffer.byteCount) }
    }

    private mutating func addWithOffsets(_ column: Column) throws(ArrowError) {
        let reader = column.viewReader
        let offsets = Buffer(byteCount: (column.count + 1) * 4)
        let target = offsets.assuming(Int32.self)
        var total = 0
        target[0] = 0
        for row in 0..<column.count {
            if !column.isNull(row) { total += reader.views[row].length }
            guard total <= Int(Int32.max) else {
                throw ArrowError("too much text for 32-bit offsets: expected at most \(Int32.max) bytes in a column")
            }
            target[row + 1] = Int32(truncatingIfNeeded: total)
        }
        let data = Buffer(byteCount: total)
        for row in 0..<column.count {
            guard target[row + 1] > target[row], let base = reader[row].baseAddress else { continue }
            (data.pointer + Int(target[row])).copyMemory(from: base, byteCount: reader[row].count)
        }
        add(offsets, 0, offsets.byteCount)
        add(data, 0, total)
    }

    private mutating func add(_ buffer: Buffer, _ offset: Int, _ byteCount: Int) {
        places.append(Int64(length))
        places.append(Int64(byteCount))
        parts.append(Buffer(sharing: buffer, offset: offset, byteCount: byteCount))
        length += padded(byteCount)
    }

    private func padded(_ byteCount: Int) -> Int {
        (byteCount + ArrowBody.alignment - 1) / ArrowBody.alignment * ArrowBody.alignment
    }

    func write(to bytes: inout [UInt8]) {
        for part in parts {
            bytes.append(contentsOf: UnsafeRawBufferPointer(start: part.pointer, count: part.byteCount))
            bytes.append(contentsOf: repeatElement(0, count: padded(part.byteCount) - part.byteCount))
        }
    }
}

extension Column {
    /// How many bytes of the data buffers the rows of a text or binary column refer to.
    fileprivate var longByteCount: Int {
        let views = pointer(StringView.self)
        var total = 0
        for row in 0..<count where !views[row].isInline && !isNull(row) { total += views[row].length }
        return total
    }
}
