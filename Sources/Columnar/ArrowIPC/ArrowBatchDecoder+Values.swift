extension ArrowBatchDecoder {
    /// A column whose values have another unit or width than ours.
    mutating func converted(
        _ field: ArrowField, _ rowCount: Int, _ validity: Bitmap?
    ) throws(ArrowError) -> Column {
        let result: Buffer
        switch field.encoding {
        case .scaled(4, let factor):
            result = try map(field, rowCount, validity, Int32.self) { value -> Int64? in Int64(value) &* factor }
        case .scaled(_, let factor):
            result = try map(field, rowCount, validity, Int64.self) { value -> Int64? in
                let (product, overflow) = value.multipliedReportingOverflow(by: factor)
                return overflow ? nil : product
            }
        case .dateMillis:
            let day: Int64 = 86_400_000
            result = try map(field, rowCount, validity, Int64.self) { value -> Int32? in
                Int32(exactly: value / day - (value % day < 0 ? 1 : 0))
            }
        case .halfFloat:
            result = try map(field, rowCount, validity, UInt16.self) { value -> Float? in Self.float(half: value) }
        case .narrowDecimal(4):
            result = try map(field, rowCount, validity, Int32.self) { value -> Int128? in Int128(value) }
        case .narrowDecimal:
            result = try map(field, rowCount, validity, Int64.self) { value -> Int128? in Int128(value) }
        case .yearMonth:
            result = try map(field, rowCount, validity, Int32.self) { value -> Interval? in Interval(months: value) }
        default:
            // Days in the low half, milliseconds in the high one.
            result = try map(field, rowCount, validity, UInt64.self) { value -> Interval? in
                let millis = Int32(truncatingIfNeeded: value &>> 32)
                return Interval(
                    days: Int32(truncatingIfNeeded: value), nanoseconds: Int64(millis) * NanosecondsPer.millisecond)
            }
        }
        return Column(type: field.type, count: rowCount, validity: validity, values: result)
    }

    private mutating func map<Source: BitwiseCopyable, Target: BitwiseCopyable>(
        _ field: ArrowField, _ rowCount: Int, _ validity: Bitmap?, _ type: Source.Type,
        _ convert: (Source) -> Target?
    ) throws(ArrowError) -> Buffer {
        let width = MemoryLayout<Source>.stride
        let values = try buffer(field, byteCount: rowCount * width, alignment: width)
        let source = values.assuming(type)
        let result = Buffer(byteCount: rowCount * MemoryLayout<Target>.stride, zeroed: true)
        let target = result.assuming(Target.self)
        for row in 0..<rowCount {
            if let value = convert(source[row]) {
                target[row] = value
            } else if validity.map({ $0[row] }) ?? true {
                throw ArrowError(
                    "a value of Arrow column '\(field.name)' is out of range for \(field.type.sqlName): row \(row),"
                        + " found \(source[row])")
            }
        }
        return result
    }

    /// The number that the IEEE 754 binary16 bits mean.
    private static func float(half bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 0x1F
        let fraction = UInt32(bits & 0x3FF)
        switch exponent {
        case 0:
            let magnitude = Float(fraction) / 16_777_216
            return sign == 0 ? magnitude : -magnitude
        case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }

    // MARK: Text and binary

    mutating func views(_ field: ArrowField, _ rowCount: Int, _ validity: Bitmap?) throws(ArrowError) -> Column {
        let views = try buffer(field, byteCount: rowCount * 16, alignment: 8)
        let source = views.assuming(StringView.self)
        var buffers: [Buffer] = []
        for _ in 0..<(try nextVariadicCount(field)) { buffers.append(try nextBuffer(field)) }
        let values = Buffer(byteCount: rowCount * 16)
        let target = values.assuming(StringView.self)
        for row in 0..<rowCount {
            if let validity, !validity[row] {
                target[row] = .empty
                continue
            }
            let view = source[row]
            if view.isInline {
                // What follows a short value is zero in our columns, whatever the writer left there.
                target[row] = StringView(inlining: UnsafeRawPointer(source + row) + 4, count: view.length)
                continue
            }
            guard view.length <= Int(Int32.max), view.bufferIndex < buffers.count,
                view.bufferOffset + view.length <= buffers[view.bufferIndex].byteCount
            else {
                throw ArrowError("a value of Arrow column '\(field.name)' lies outside its buffers: row \(row)")
            }
            let start = buffers[view.bufferIndex].pointer + view.bufferOffset
            target[row] = StringView(
                referencing: start, count: view.length, bufferIndex: view.bufferIndex, offset: view.bufferOffset)
        }
        let column = Column(
            type: field.type, count: rowCount, validity: validity, values: values, dataBuffers: buffers)
        try checkText(column, field)
        return column
    }

    mutating func text(
        _ field: ArrowField, _ rowCount: Int, _ validity: Bitmap?, _ isLarge: Bool
    ) throws(ArrowError) -> Column {
        let places = try offsets(field, rowCount, isLarge)
        let data = try nextBuffer(field)
        guard places[rowCount] <= data.byteCount, data.byteCount <= Int(UInt32.max) else {
            throw ArrowError(
                "offsets of Arrow column '\(field.name)' lie outside its bytes: expected up to \(data.byteCount),"
                    + " found \(places[rowCount])")
        }
        let values = Buffer(byteCount: rowCount * 16)
        let target = values.assuming(StringView.self)
        for row in 0..<rowCount {
            let length = places[row + 1] - places[row]
            let start = data.pointer + places[row]
            if validity.map({ !$0[row] }) ?? false {
                target[row] = .empty
            } else if length <= StringView.inlineLimit {
                target[row] = StringView(inlining: start, count: length)
            } else {
                target[row] = StringView(referencing: start, count: length, bufferIndex: 0, offset: places[row])
            }
        }
        let column = Column(
            type: field.type, count: rowCount, validity: validity, values: values, dataBuffers: [data])
        try checkText(column, field)
        return column
    }

    mutating func fixedBytes(
        _ field: ArrowField, _ rowCount: Int, _ validity: Bitmap?, _ width: Int
    ) throws(ArrowError) -> Column {
        try spend(rowCount)
        let data = try buffer(field, byteCount: rowCount * width)
        guard rowCount * width <= Int(UInt32.max) else { throw ArrowError("column '\(field.name)' is too large") }
        let values = Buffer(byteCount: rowCount * 16)
        let target = values.assuming(StringView.self)
        for row in 0..<rowCount {
            let start = data.pointer + row * width
            target[row] =
                width <= StringView.inlineLimit
                ? StringView(inlining: start, count: width)
                : StringView(referencing: start, count: width, bufferIndex: 0, offset: row * width)
        }
        return Column(type: field.type, count: rowCount, validity: validity, values: values, dataBuffers: [data])
    }

    private func checkText(_ column: Column, _ field: ArrowField) throws(ArrowError) {
        guard column.type.isText else { return }
        let reader = column.viewReader
        for row in 0..<column.count where !UTF8Check.isValid(reader[row]) {
            throw ArrowError("a value of Arrow column '\(field.name)' is not UTF-8: row \(row)")
        }
    }

    // MARK: Lists

    /// Offsets that start at zero or above and never fall, as integers of one width.
    private mutating func offsets(
        _ field: ArrowField, _ rowCount: Int, _ isLarge: Bool
    ) throws(ArrowError) -> [Int] {
        let width = isLarge ? 8 : 4
        let peeked = try nextBuffer(field)
        // Writers may leave the offsets of a column without rows out.
        if rowCount == 0 && peeked.byteCount < width { return [0] }
        guard peeked.byteCount >= (rowCount + 1) * width else {
            throw ArrowError("Arrow column '\(field.name)' has too few offsets: expected \(rowCount + 1)")
        }
        var result: [Int] = []
        result.reserveCapacity(rowCount + 1)
        var last: Int64 = 0
        for index in 0...rowCount {
            let offset =
                isLarge
                ? peeked.pointer.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self)
                : Int64(peeked.pointer.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self))
            guard offset >= last, offset <= Int64(UInt32.max) else {
                throw ArrowError("offsets of Arrow column '\(field.name)' fall or leave their range: found \(offset)")
            }
            last = offset
            result.append(Int(offset))
        }
        return result
    }

    mutating func list(
        _ field: ArrowField, _ rowCount: Int, _ validity: Bitmap?, _ isLarge: Bool
    ) throws(ArrowError) -> Column {
        let places = try offsets(field, rowCount, isLarge)
        let child = try column(field.children[0], rowCount: nextLength(field))
        guard places[rowCount] <= min(child.count, Int(Int32.max)) else {
            throw ArrowError(
                "offsets of Arrow column '\(field.name)' lie outside its elements: expected up to \(child.count),"
                    + " found \(places[rowCount])")
        }
        let offsets = Buffer.copying(places.map { Int32(truncatingIfNeeded: $0) })
        return Column(type: field.type, count: rowCount, validity: validity, values: offsets, children: [child])
    }

    mutating func fixedList(
        _ field: ArrowField, _ rowCount: Int, _ validity: Bitmap?, _ length: Int
    ) throws(ArrowError) -> Column {
        let total = rowCount * length
        try spend(max(rowCount, total))
        let offsets = Buffer(byteCount: (rowCount + 1) * 4)
        let target = offsets.assuming(Int32.self)
        for row in 0...rowCount { target[row] = Int32(truncatingIfNeeded: row * length) }
        let child = try column(field.children[0], rowCount: total)
        return Column(type: field.type, count: rowCount, validity: validity, values: offsets, children: [child])
    }
}
