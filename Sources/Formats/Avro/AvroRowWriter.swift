import Columnar

/// Writes rows of a batch along a plan. Made for one batch; valid while that is alive.
struct AvroRowWriter {
    private struct Node {
        let column: ColumnWriter
        let action: AvroWritePlan.Action
        let branches: (null: UInt8, present: UInt8)?
        var firstChild = 0
        var childCount = 0
    }

    private var nodes: [Node] = []
    private let rootCount: Int

    init(_ plan: AvroWritePlan, _ columns: [Column]) {
        rootCount = plan.children.count
        add(plan.children, columns)
    }

    /// Lays plans out so that siblings stand together.
    private mutating func add(_ plans: [AvroWritePlan], _ columns: [Column]) {
        let first = nodes.count
        for plan in plans {
            let column = columns.isEmpty ? Column(type: .null, count: 0) : columns[plan.column]
            nodes.append(Node(column: ColumnWriter(column), action: plan.action, branches: plan.branches))
        }
        for (index, plan) in plans.enumerated() where !plan.children.isEmpty {
            nodes[first + index].firstChild = nodes.count
            nodes[first + index].childCount = plan.children.count
            let column = columns[plan.column]
            switch plan.action {
            case .map: add(plan.children, [column.children[0].children[1]])
            default: add(plan.children, column.children)
            }
            if case .map = plan.action {
                mapKeys[first + index] = ColumnWriter(column.children[0].children[0])
            }
        }
    }

    /// The keys of maps, by the map's node.
    private var mapKeys: [Int: ColumnWriter] = [:]

    /// Appends one row.
    func write(_ row: Int, _ output: inout TextBuffer) {
        for index in 0..<rootCount { write(index, row, &output) }
    }

    private func write(_ index: Int, _ row: Int, _ output: inout TextBuffer) {
        let node = nodes[index]
        if case .constant(let bytes) = node.action { return output.append(bytes) }
        if let branches = node.branches {
            if node.column.isNull(row) { return output.append(branches.null) }
            output.append(branches.present)
        }
        switch node.action {
        case .null, .constant: return
        case .boolean: output.append(node.column.bit(row) ? 1 : 0)
        case .integer: output.append(zigzag: node.column.integer(row))
        case .time(let nanosPerUnit):
            let nanos = node.column.value(row, as: Int64.self)
            let units = nanos / nanosPerUnit
            output.append(zigzag: nanos % nanosPerUnit < 0 ? units - 1 : units)
        case .float: output.append(fixed: node.column.value(row, as: UInt32.self))
        case .double: output.append(fixed: node.column.double(row).bitPattern)
        case .bytes: if let views = node.column.views { appendSized(views[row], &output) }
        case .interval:
            var text = TextBuffer(capacity: 64)
            TextPrinting.appendInterval(node.column.value(row, as: Interval.self), to: &text)
            appendSized(text.bytes, &output)
        case .decimal(let size): appendDecimal(node.column.value(row, as: Int128.self), size, &output)
        case .unsigned: appendDecimal(Int128(node.column.value(row, as: UInt64.self)), nil, &output)
        case .record:
            for child in node.firstChild..<(node.firstChild + node.childCount) { write(child, row, &output) }
        case .list, .map: writeItems(index, row, &output)
        }
    }

    private func writeItems(_ index: Int, _ row: Int, _ output: inout TextBuffer) {
        let node = nodes[index]
        let start = Int(node.column.value(row, as: Int32.self))
        let end = Int(node.column.value(row + 1, as: Int32.self))
        if end > start {
            output.append(zigzag: Int64(end - start))
            let keys = mapKeys[index]?.views
            for item in start..<end {
                if let keys { appendSized(keys[item], &output) }
                write(node.firstChild, item, &output)
            }
        }
        output.append(0)
    }

    private func appendSized(_ bytes: UnsafeRawBufferPointer, _ output: inout TextBuffer) {
        output.append(zigzag: Int64(bytes.count))
        output.append(bytes)
    }

    private func appendDecimal(_ value: Int128, _ size: Int?, _ output: inout TextBuffer) {
        withUnsafeBytes(of: value.bigEndian) { bytes in
            if let size {
                for _ in 16..<max(16, size) { output.append(value < 0 ? 0xFF : 0) }
                return output.append(UnsafeRawBufferPointer(rebasing: bytes[(16 - min(16, size))...]))
            }
            var start = 0
            while start < 15
                && (bytes[start] == 0 && bytes[start + 1] < 0x80 || bytes[start] == 0xFF && bytes[start + 1] >= 0x80)
            {
                start += 1
            }
            appendSized(UnsafeRawBufferPointer(rebasing: bytes[start...]), &output)
        }
    }
}

extension ColumnWriter {
    /// A value of any integer type but unsigned 64 bits, or a date.
    @inline(__always)
    func integer(_ row: Int) -> Int64 {
        switch kind {
        case .int8: Int64(value(row, as: Int8.self))
        case .int16: Int64(value(row, as: Int16.self))
        case .int32, .date: Int64(value(row, as: Int32.self))
        case .uint8: Int64(value(row, as: UInt8.self))
        case .uint16: Int64(value(row, as: UInt16.self))
        case .uint32: Int64(value(row, as: UInt32.self))
        default: value(row, as: Int64.self)
        }
    }

    /// A value of a float type.
    @inline(__always)
    func double(_ row: Int) -> Double {
        kind == .float32 ? Double(value(row, as: Float.self)) : value(row, as: Double.self)
    }
}
