extension Column {
    /// The rows of several columns of one type, one after the other; at least one column. Copies values, shares text
    /// bytes; a data buffer that several columns hold appears once.
    public static func concatenating(_ columns: [Column]) -> Column {
        precondition(!columns.isEmpty, "concatenating no columns")
        let first = columns[0]
        precondition(columns.allSatisfy { $0.type == first.type }, "concatenating columns of different types")
        let filled = columns.filter { $0.count > 0 }
        if filled.count <= 1 { return filled.first ?? first }
        let total = filled.reduce(0) { $0 + $1.count }
        precondition(total <= Int32.max, "more than 2^31 rows in one column")
        let present = concatenatedValidity(filled, total)
        switch first.type.layout {
        case .null: return Column(type: first.type, count: total)
        case .bits:
            var builder = BitmapBuilder(capacity: total)
            for column in filled { builder.append(contentsOf: column.bits) }
            return Column(type: first.type, count: total, validity: present, values: builder.finish().buffer)
        case .fixed(let width):
            let values = Buffer(byteCount: total * width)
            var offset = 0
            for column in filled {
                let bytes = column.values.pointer + column.offset * width
                (values.pointer + offset).copyMemory(from: bytes, byteCount: column.count * width)
                offset += column.count * width
            }
            return Column(type: first.type, count: total, validity: present, values: values)
        case .view:
            var merger = DataBufferMerger()
            let values = Buffer(byteCount: total * 16)
            var target = values.assuming(StringView.self)
            for column in filled {
                merger.copyViews(of: column, to: target)
                target += column.count
            }
            return Column(
                type: first.type, count: total, validity: present, values: values, dataBuffers: merger.buffers)
        case .list:
            return concatenatedLists(filled, total, present)
        case .structure:
            let members = first.children.indices.map { index in concatenating(filled.map { $0.children[index] }) }
            return Column(type: first.type, count: total, validity: present, children: members)
        }
    }

    private static func concatenatedValidity(_ columns: [Column], _ total: Int) -> Bitmap? {
        guard columns.contains(where: { $0.validity != nil }) else { return nil }
        var builder = BitmapBuilder(capacity: total)
        for column in columns {
            if let validity = column.validity {
                builder.append(contentsOf: validity)
            } else {
                builder.append(repeating: true, count: column.count)
            }
        }
        return builder.finishValidity()
    }

    private static func concatenatedLists(_ columns: [Column], _ total: Int, _ present: Bitmap?) -> Column {
        let values = Buffer(byteCount: (total + 1) * 4)
        let target = values.assuming(Int32.self)
        target[0] = 0
        var row = 0
        var length = 0
        var elements: [Column] = []
        for column in columns {
            let offsets = column.listOffsets
            let start = Int(offsets[0])
            let end = Int(offsets[column.count])
            precondition(length + end - start <= Int32.max, "more than 2^31 list elements in one column")
            let shift = Int32(truncatingIfNeeded: length - start)
            for index in 1...column.count { target[row + index] = offsets[index] &+ shift }
            row += column.count
            length += end - start
            elements.append(column.children[0].slice(start, end - start))
        }
        return Column(
            type: columns[0].type, count: total, validity: present, values: values,
            children: [concatenating(elements)])
    }
}

/// Collects the data buffers of several view columns, each once, and copies views with their buffer numbers changed.
struct DataBufferMerger {
    private(set) var buffers: [Buffer] = []
    private var positions: [ObjectIdentifier: Int] = [:]

    /// Adds the column's buffers; gives the new number of each, or nil when none has changed.
    mutating func numbers(for column: Column) -> [UInt32]? {
        var isIdentity = true
        var numbers: [UInt32] = []
        numbers.reserveCapacity(column.dataBuffers.count)
        for (index, buffer) in column.dataBuffers.enumerated() {
            let identity = ObjectIdentifier(buffer)
            let position: Int
            if let known = positions[identity] {
                position = known
            } else {
                position = buffers.count
                positions[identity] = position
                buffers.append(buffer)
            }
            if position != index { isIdentity = false }
            numbers.append(UInt32(position))
        }
        return isIdentity ? nil : numbers
    }

    /// Copies all views of a column, adding its buffers.
    mutating func copyViews(of column: Column, to target: UnsafeMutablePointer<StringView>) {
        let views = column.pointer(StringView.self)
        guard let numbers = numbers(for: column) else {
            target.update(from: views, count: column.count)
            return
        }
        numbers.withUnsafeBufferPointer { numbers in
            for row in 0..<column.count { target[row] = renumbered(views[row], numbers) }
        }
    }
}

/// The view with the new number of its buffer. The view of a null may hold any bits, so the number is checked.
@inline(__always)
func renumbered(_ view: StringView, _ numbers: UnsafeBufferPointer<UInt32>) -> StringView {
    if view.isInline { return view }
    let index = view.bufferIndex
    return index < numbers.count ? view.rebased(bufferIndex: Int(numbers[index])) : .empty
}
