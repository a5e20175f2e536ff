import Columnar

/// Writes rows of a batch as JSON. Made for one batch; valid while that is alive.
struct JSONRowWriter {
    private let nodes: [ColumnWriter]
    private let rootCount: Int
    private let options: FormatOptions
    /// The keys of all fields, each as `,"name":`.
    private let keys: [UInt8]

    /// `isObject` says that rows are objects of the batch's columns.
    init(columns: [Column], names: [String], options: FormatOptions) {
        var plan = JSONWriterPlan()
        plan.add(columns: columns, names: names)
        nodes = plan.nodes
        keys = plan.keys
        rootCount = columns.count
        self.options = options
    }

    /// Appends row after row, each followed by a line end.
    func write(rows: Range<Int>, into output: inout TextBuffer) {
        nodes.withUnsafeBufferPointer { nodes in
            keys.withUnsafeBytes { keys in
                for row in rows {
                    writeObject(nodes, keys, 0, rootCount, row, &output)
                    output.append(0x0A)
                }
            }
        }
    }

    /// Appends one row as an object.
    func writeObject(row: Int, into output: inout TextBuffer) {
        nodes.withUnsafeBufferPointer { nodes in
            keys.withUnsafeBytes { keys in writeObject(nodes, keys, 0, rootCount, row, &output) }
        }
    }

    /// Appends one value of the first column.
    func writeValue(row: Int, into output: inout TextBuffer) {
        nodes.withUnsafeBufferPointer { nodes in
            keys.withUnsafeBytes { keys in write(nodes, keys, 0, row, &output) }
        }
    }

    private typealias Nodes = UnsafeBufferPointer<ColumnWriter>

    private func writeObject(
        _ nodes: Nodes, _ keys: UnsafeRawBufferPointer, _ first: Int, _ count: Int, _ row: Int,
        _ output: inout TextBuffer
    ) {
        let start = output.count
        for index in first..<(first &+ count) {
            if nodes[index].isNull(row) && !options.includesNulls { continue }
            output.append(
                UnsafeRawBufferPointer(
                    start: keys.baseAddress.map { $0 + nodes[index].keyStart }, count: nodes[index].keyCount))
            write(nodes, keys, index, row, &output)
        }
        // Every key begins with a comma; the first one's place is the brace's.
        if output.count == start {
            output.append(UInt8(ascii: "{"))
        } else {
            output.replace(start, with: UInt8(ascii: "{"))
        }
        output.append(UInt8(ascii: "}"))
    }

    private func write(
        _ nodes: Nodes, _ keys: UnsafeRawBufferPointer, _ index: Int, _ row: Int, _ output: inout TextBuffer
    ) {
        let node = nodes[index]
        if node.isNull(row) { return output.append("null" as StaticString) }
        switch node.kind {
        case .null: output.append("null" as StaticString)
        case .boolean: TextPrinting.append(node.bit(row), to: &output)
        case .int8: TextPrinting.append(Int64(node.value(row, as: Int8.self)), to: &output)
        case .int16: TextPrinting.append(Int64(node.value(row, as: Int16.self)), to: &output)
        case .int32: TextPrinting.append(Int64(node.value(row, as: Int32.self)), to: &output)
        case .int64: TextPrinting.append(node.value(row, as: Int64.self), to: &output)
        case .uint8: TextPrinting.append(UInt64(node.value(row, as: UInt8.self)), to: &output)
        case .uint16: TextPrinting.append(UInt64(node.value(row, as: UInt16.self)), to: &output)
        case .uint32: TextPrinting.append(UInt64(node.value(row, as: UInt32.self)), to: &output)
        case .uint64: TextPrinting.append(node.value(row, as: UInt64.self), to: &output)
        case .float32:
            let value = node.value(row, as: Float.self)
            if value.isFinite {
                TextPrinting.append(value, keepsPoint: true, to: &output)
            } else {
                output.append("null" as StaticString)
            }
        case .float64:
            let value = node.value(row, as: Double.self)
            if value.isFinite {
                TextPrinting.append(value, keepsPoint: true, to: &output)
            } else {
                output.append("null" as StaticString)
            }
        case .text: if let views = node.views { output.append(jsonString: views[row]) }
        case .json: if let views = node.views { output.append(jsonDocument: views[row]) }
        case .decimal, .binary, .date, .time, .timestamp, .timestampTZ, .interval:
            writeQuoted(node, row, &output)
        case .list, .map, .structure: writeNested(nodes, keys, node, row, &output)
        }
    }

    private func writeQuoted(_ node: ColumnWriter, _ row: Int, _ output: inout TextBuffer) {
        let isNumber =
            (node.kind == .decimal && options.decimalEncoding == .number)
            || ((node.kind == .timestamp || node.kind == .timestampTZ) && options.timestampFormat == .unixMillis)
        if !isNumber { output.append(UInt8(ascii: "\"")) }
        switch node.kind {
        case .decimal:
            let value = node.value(row, as: Int128.self)
            if options.decimalEncoding == .bytes {
                Self.writeUnscaled(value, &output)
            } else {
                TextPrinting.appendDecimal(value, scale: node.scale, to: &output)
            }
        case .binary: if let views = node.views { output.append(base64: views[row]) }
        case .date: TextPrinting.appendDate(Int(node.value(row, as: Int32.self)), to: &output)
        case .time: TextPrinting.appendTime(node.value(row, as: Int64.self), style: .rfc3339, to: &output)
        case .interval: TextPrinting.appendInterval(node.value(row, as: Interval.self), to: &output)
        default:
            let value = node.value(row, as: Int64.self)
            if isNumber {
                output.append(unixMillis: value)
            } else {
                output.append(timestamp: value, hasZone: node.kind == .timestampTZ)
            }
        }
        if !isNumber { output.append(UInt8(ascii: "\"")) }
    }

    /// The shortest big-endian two's complement form, in base64.
    private static func writeUnscaled(_ value: Int128, _ output: inout TextBuffer) {
        withUnsafeBytes(of: value.bigEndian) { bytes in
            var start = 0
            while start < 15
                && (bytes[start] == 0 && bytes[start + 1] < 0x80 || bytes[start] == 0xFF && bytes[start + 1] >= 0x80)
            {
                start += 1
            }
            output.append(base64: UnsafeRawBufferPointer(rebasing: bytes[start...]))
        }
    }

    private func writeNested(
        _ nodes: Nodes, _ keys: UnsafeRawBufferPointer, _ node: ColumnWriter, _ row: Int,
        _ output: inout TextBuffer
    ) {
        if node.kind == .structure {
            return writeObject(nodes, keys, node.firstChild, node.childCount, row, &output)
        }
        let isMap = node.kind == .map
        let first = Int(node.value(row, as: Int32.self))
        let end = Int(node.value(row &+ 1, as: Int32.self))
        output.append(isMap ? UInt8(ascii: "{") : UInt8(ascii: "["))
        for item in first..<end {
            if item > first { output.append(UInt8(ascii: ",")) }
            if isMap {
                let entries = nodes[node.firstChild]
                writeKey(nodes, keys, entries.firstChild, item, &output)
                output.append(UInt8(ascii: ":"))
                write(nodes, keys, entries.firstChild &+ 1, item, &output)
            } else {
                write(nodes, keys, node.firstChild, item, &output)
            }
        }
        output.append(isMap ? UInt8(ascii: "}") : UInt8(ascii: "]"))
    }

    /// Map keys are strings in JSON whatever their type.
    private func writeKey(
        _ nodes: Nodes, _ keys: UnsafeRawBufferPointer, _ index: Int, _ row: Int, _ output: inout TextBuffer
    ) {
        let start = output.count
        write(nodes, keys, index, row, &output)
        if output.bytes[start] == UInt8(ascii: "\"") { return }
        let written = Array(output.bytes[start...])
        output.truncate(to: start)
        written.withUnsafeBytes { output.append(jsonString: $0) }
    }
}

/// Lays the columns of a batch out as a list of writers in which siblings stand together.
private struct JSONWriterPlan {
    var nodes: [ColumnWriter] = []
    var keys: [UInt8] = []

    mutating func add(columns: [Column], names: [String]) {
        let first = nodes.count
        for (column, name) in zip(columns, names) {
            var node = ColumnWriter(column)
            var key = TextBuffer(capacity: 64)
            key.append(UInt8(ascii: ","))
            Array(name.utf8).withUnsafeBytes { key.append(jsonString: $0) }
            key.append(UInt8(ascii: ":"))
            node.keyStart = keys.count
            node.keyCount = key.count
            keys += key.array
            nodes.append(node)
        }
        for (index, column) in columns.enumerated() where !column.children.isEmpty {
            nodes[first + index].firstChild = nodes.count
            nodes[first + index].childCount = column.children.count
            let names = column.type.structureFields?.map(\.name) ?? column.children.map { _ in "" }
            add(columns: column.children, names: names)
        }
    }
}
