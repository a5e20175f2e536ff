extension Column {
    /// A column without rows.
    public static func empty(_ type: DataType) -> Column { ColumnBuilder(type).finish() }

    /// `count` nulls. Costs time and memory in proportion to `count` for fixed-width types.
    public static func nulls(_ type: DataType, count: Int) -> Column {
        let validity = type == .null ? nil : Bitmap(repeating: false, count: count)
        switch type.layout {
        case .null: return Column(type: type, count: count)
        case .bits:
            return Column(
                type: type, count: count, validity: validity,
                values: Buffer(byteCount: (count + 63) / 64 * 8, zeroed: true))
        case .fixed(let width):
            return Column(
                type: type, count: count, validity: validity, values: Buffer(byteCount: count * width, zeroed: true))
        case .view:
            return Column(
                type: type, count: count, validity: validity, values: Buffer(byteCount: count * 16, zeroed: true))
        case .list:
            return Column(
                type: type, count: count, validity: validity, values: Buffer(byteCount: (count + 1) * 4, zeroed: true),
                children: type.childTypes.map { .empty($0) })
        case .structure:
            return Column(
                type: type, count: count, validity: validity, children: type.childTypes.map { .nulls($0, count: count) }
            )
        }
    }

    /// A column of scalars of one type; nulls of any type are accepted.
    public static func of(_ type: DataType, _ values: [ScalarValue]) -> Column {
        let builder = ColumnBuilder(type)
        for value in values { builder.append(value) }
        return builder.finish()
    }

    /// One value `count` times.
    public static func repeating(_ value: ScalarValue, count: Int) -> Column {
        if value.isNull { return nulls(value.type, count: count) }
        switch (value.type.layout, value.storage) {
        case (.bits, .boolean(let flag)):
            return Column(
                type: .boolean, count: count, values: Bitmap(repeating: flag, count: count).buffer)
        case (.fixed, _), (.view, _):
            let one = of(value.type, [value])
            let width = if case .fixed(let width) = value.type.layout { width } else { 16 }
            let buffer = Buffer(byteCount: count * width)
            for row in 0..<count {
                (buffer.pointer + row * width).copyMemory(from: one.values.pointer, byteCount: width)
            }
            return Column(type: value.type, count: count, values: buffer, dataBuffers: one.dataBuffers)
        default:
            return of(value.type, Array(repeating: value, count: count))
        }
    }

    /// Row `row` as a scalar. For edges and tests; one dispatch per call.
    public func scalar(at row: Int) -> ScalarValue {
        precondition(row >= 0 && row < count, "row \(row) of \(count)")
        if isNull(row) { return .null(type) }
        return ScalarValue(type: type, storage: storage(at: row))
    }

    /// All rows as scalars.
    public var scalars: [ScalarValue] { (0..<count).map { scalar(at: $0) } }

    private func storage(at row: Int) -> ScalarValue.Storage {
        switch type {
        case .null: .null
        case .boolean: .boolean(bits[row])
        case .int8: .int(Int64(pointer(Int8.self)[row]))
        case .int16: .int(Int64(pointer(Int16.self)[row]))
        case .int32, .date: .int(Int64(pointer(Int32.self)[row]))
        case .int64, .time, .timestamp, .timestampTZ: .int(pointer(Int64.self)[row])
        case .uint8: .uint(UInt64(pointer(UInt8.self)[row]))
        case .uint16: .uint(UInt64(pointer(UInt16.self)[row]))
        case .uint32: .uint(UInt64(pointer(UInt32.self)[row]))
        case .uint64: .uint(pointer(UInt64.self)[row])
        case .float32: .float(Double(pointer(Float.self)[row]))
        case .float64: .float(pointer(Double.self)[row])
        case .decimal: .decimal(pointer(Int128.self)[row])
        case .interval: .interval(pointer(Interval.self)[row])
        case .utf8, .binary, .json: .bytes([UInt8](viewReader[row]))
        case .list, .map:
            .nested((Int(listOffsets[row])..<Int(listOffsets[row + 1])).map { children[0].scalar(at: $0) })
        case .structure: .nested(children.map { $0.scalar(at: row) })
        }
    }
}
