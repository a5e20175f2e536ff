import Columnar

/// Writes rows of a batch along plans. Made for one batch; valid while that is alive.
struct ProtobufRowWriter {
    private struct Node {
        let plan: ProtobufWritePlan
        /// The column itself: of a list or map, the list.
        let column: ColumnWriter
        /// What values are read from: of a list or map, its items.
        let values: ColumnWriter
        var firstChild = 0
        var childCount = 0
    }

    private var nodes: [Node] = []
    private let rootCount: Int
    /// Why a value could not be written, the first one.
    private(set) var fault: String?

    init(_ plans: [ProtobufWritePlan], _ columns: [Column]) {
        rootCount = plans.count
        add(plans, columns)
    }

    /// Lays plans out so that siblings stand together.
    private mutating func add(_ plans: [ProtobufWritePlan], _ columns: [Column]) {
        let first = nodes.count
        for plan in plans {
            let column = columns[plan.column]
            let values = plan.isRepeated ? column.children[0] : column
            nodes.append(Node(plan: plan, column: ColumnWriter(column), values: ColumnWriter(values)))
        }
        for (index, plan) in plans.enumerated() where !plan.children.isEmpty {
            let column = columns[plan.column]
            let values = plan.isRepeated ? column.children[0] : column
            nodes[first + index].firstChild = nodes.count
            nodes[first + index].childCount = plan.children.count
            if case .wrapper = plan.action { add(plan.children, [values]) } else { add(plan.children, values.children) }
        }
    }

    /// Appends one row as a message without its length.
    mutating func write(_ row: Int, _ output: inout TextBuffer) {
        for index in 0..<rootCount { writeField(index, row, &output) }
    }

    private mutating func writeField(_ index: Int, _ row: Int, _ output: inout TextBuffer) {
        let node = nodes[index]
        if node.column.isNull(row) {
            if node.plan.refusesNull { noteNull(node) }
            return
        }
        guard node.plan.isRepeated else {
            let start = output.count
            output.append(varint: node.plan.tag)
            let valueStart = output.count
            writeValue(node, row, &output)
            if node.plan.skipsZero && isZero(output, valueStart) { output.truncate(to: start) }
            return
        }
        let first = Int(node.column.value(row, as: Int32.self))
        let end = Int(node.column.value(row + 1, as: Int32.self))
        if first == end { return }
        for item in first..<end where node.values.isNull(item) {
            noteNull(node)
            break
        }
        if node.plan.isPacked {
            output.append(varint: UInt64(node.plan.number) << 3 | 2)
            let start = output.count
            for item in first..<end { writeValue(node, item, &output) }
            output.insertLength(at: start)
            return
        }
        for item in first..<end {
            output.append(varint: node.plan.tag)
            writeValue(node, item, &output)
        }
    }

    /// Whether the value that begins at `start` is zero or empty, whatever its type: then all its bytes are.
    private func isZero(_ output: borrowing TextBuffer, _ start: Int) -> Bool {
        output.bytes[start...].allSatisfy { $0 == 0 }
    }

    private mutating func writeValue(_ node: Node, _ row: Int, _ output: inout TextBuffer) {
        let isNull = node.values.isNull(row)
        switch node.plan.action {
        case .integer: output.append(varint: UInt64(bitPattern: isNull ? 0 : node.values.integer(row)))
        case .zigzag: output.append(zigzag: isNull ? 0 : node.values.integer(row))
        case .unsigned: output.append(varint: isNull ? 0 : node.values.value(row, as: UInt64.self))
        case .fixed32: output.append(fixed: UInt32(truncatingIfNeeded: isNull ? 0 : node.values.integer(row)))
        case .fixed64: output.append(fixed: isNull ? 0 : node.values.integer(row))
        case .float: output.append(fixed: isNull ? 0 : node.values.value(row, as: UInt32.self))
        case .double: output.append(fixed: isNull ? 0 : node.values.double(row).bitPattern)
        case .bool: output.append(!isNull && node.values.bit(row) ? 1 : 0)
        case .bytes:
            guard !isNull, let views = node.values.views else { return output.append(0) }
            output.append(varint: UInt64(views[row].count))
            output.append(views[row])
        case .enumeration(let numbers):
            var number: Int32 = 0
            if !isNull, let views = node.values.views {
                let name = Array(views[row])
                // What the schema does not know may be a number as text, as the decoder shows it.
                if let known = numbers[name] ?? Int32(String(decoding: name, as: UTF8.self)) {
                    number = known
                } else {
                    note("the enum has no value '\(String(decoding: name.prefix(100), as: UTF8.self))'")
                }
            }
            output.append(varint: UInt64(bitPattern: Int64(number)))
        case .printed, .message, .wrapper, .timestamp, .duration:
            let start = output.count
            if !isNull { writeSized(node, row, &output) }
            output.insertLength(at: start)
        }
    }

    private mutating func writeSized(_ node: Node, _ row: Int, _ output: inout TextBuffer) {
        switch node.plan.action {
        case .printed: print(node.values, row, &output)
        case .duration:
            guard let nanos = node.values.value(row, as: Interval.self).fixedNanoseconds else {
                return note("an interval with months is no Duration")
            }
            // Seconds and nanoseconds have the same sign.
            if nanos / 1_000_000_000 != 0 {
                output.append(8)
                output.append(varint: UInt64(bitPattern: nanos / 1_000_000_000))
            }
            if nanos % 1_000_000_000 != 0 {
                output.append(16)
                output.append(varint: UInt64(bitPattern: nanos % 1_000_000_000))
            }
        case .timestamp:
            let nanos = node.values.value(row, as: Int64.self)
            let rest = nanos % 1_000_000_000
            let seconds = nanos / 1_000_000_000 - (rest < 0 ? 1 : 0)
            if seconds != 0 {
                output.append(8)
                output.append(varint: UInt64(bitPattern: seconds))
            }
            if rest != 0 {
                output.append(16)
                output.append(varint: UInt64(bitPattern: rest < 0 ? rest + 1_000_000_000 : rest))
            }
        default: for child in node.firstChild..<(node.firstChild + node.childCount) { writeField(child, row, &output) }
        }
    }

    private mutating func note(_ reason: String) {
        if fault == nil { fault = reason }
    }

    private mutating func noteNull(_ node: Node) {
        if fault != nil { return }
        let place = node.plan.isRepeated ? node.plan.path + "[]" : node.plan.path
        note("column '\(place)': it is NULL, which Protobuf has no place for in lists and maps")
    }

    private func print(_ column: ColumnWriter, _ row: Int, _ output: inout TextBuffer) {
        switch column.kind {
        case .decimal: TextPrinting.appendDecimal(column.value(row, as: Int128.self), scale: column.scale, to: &output)
        case .date: TextPrinting.appendDate(Int(column.value(row, as: Int32.self)), to: &output)
        case .time: TextPrinting.appendTime(column.value(row, as: Int64.self), style: .rfc3339, to: &output)
        case .interval: TextPrinting.appendInterval(column.value(row, as: Interval.self), to: &output)
        default: output.append(timestamp: column.value(row, as: Int64.self), hasZone: column.kind == .timestampTZ)
        }
    }
}
