extension Column {
    /// Row by row from `whenTrue` where the bit is set and from `whenFalse` where not; all equally long, both columns
    /// of one type.
    public static func selecting(mask: Bitmap, _ whenTrue: Column, _ whenFalse: Column) -> Column {
        precondition(whenTrue.type == whenFalse.type, "selecting between columns of different types")
        let total = mask.count
        precondition(whenTrue.count == total && whenFalse.count == total, "columns longer or shorter than the mask")
        let type = whenTrue.type
        let present = blendedValidity(mask, whenTrue, whenFalse)
        switch type.layout {
        case .null: return whenTrue
        case .bits:
            let values = blend(mask, whenTrue.bits, whenFalse.bits)
            return Column(type: type, count: total, validity: present, values: values.buffer)
        case .fixed(let width):
            let values = blendedValues(width, mask, whenTrue, whenFalse)
            return Column(type: type, count: total, validity: present, values: values)
        case .view: return blendedViews(mask, whenTrue, whenFalse, present)
        case .list:
            let indices = Buffer(byteCount: total * 4)
            let target = indices.assuming(Int32.self)
            for row in 0..<total { target[row] = Int32(truncatingIfNeeded: mask[row] ? row : total + row) }
            return concatenating([whenTrue, whenFalse]).taking(Selection(buffer: indices, count: total))
        case .structure:
            let members = zip(whenTrue.children, whenFalse.children).map { selecting(mask: mask, $0, $1) }
            return Column(type: type, count: total, validity: present, children: members)
        }
    }

    private static func blendedValidity(_ mask: Bitmap, _ whenTrue: Column, _ whenFalse: Column) -> Bitmap? {
        switch (whenTrue.validity, whenFalse.validity) {
        case (nil, nil): nil
        case (let left?, nil): left.combineWords(mask) { $0 | ~$1 }
        case (nil, let right?): right.combineWords(mask) { $0 | $1 }
        case (let left?, let right?): blend(mask, left, right)
        }
    }

    private static func blendedValues(
        _ width: Int, _ mask: Bitmap, _ whenTrue: Column, _ whenFalse: Column
    ) -> Buffer {
        let result = Buffer(byteCount: mask.count * width)
        switch width {
        case 1: blend(mask, whenTrue.pointer(UInt8.self), whenFalse.pointer(UInt8.self), into: result)
        case 2: blend(mask, whenTrue.pointer(UInt16.self), whenFalse.pointer(UInt16.self), into: result)
        case 4: blend(mask, whenTrue.pointer(UInt32.self), whenFalse.pointer(UInt32.self), into: result)
        case 8: blend(mask, whenTrue.pointer(UInt64.self), whenFalse.pointer(UInt64.self), into: result)
        default: blend(mask, whenTrue.pointer(StringView.self), whenFalse.pointer(StringView.self), into: result)
        }
        return result
    }

    private static func blendedViews(
        _ mask: Bitmap, _ whenTrue: Column, _ whenFalse: Column, _ present: Bitmap?
    ) -> Column {
        var merger = DataBufferMerger()
        let total = mask.count
        _ = merger.numbers(for: whenTrue)
        let result: Buffer
        if let numbers = merger.numbers(for: whenFalse) {
            result = Buffer(byteCount: total * 16)
            let target = result.assuming(StringView.self)
            let left = whenTrue.pointer(StringView.self)
            let right = whenFalse.pointer(StringView.self)
            numbers.withUnsafeBufferPointer { numbers in
                for row in 0..<total { target[row] = mask[row] ? left[row] : renumbered(right[row], numbers) }
            }
        } else {
            result = blendedValues(16, mask, whenTrue, whenFalse)
        }
        return Column(
            type: whenTrue.type, count: total, validity: present, values: result, dataBuffers: merger.buffers)
    }

    /// A column of `count` rows put together from parts: row `i` of a part becomes row `positions[i]`. The positions of
    /// all parts must be distinct; rows that no part covers are null. Parts of type `null` give nulls.
    public static func scattering(
        _ parts: [(column: Column, positions: Selection)], count: Int, type: DataType
    ) -> Column {
        let parts = parts.filter { $0.column.count > 0 && $0.column.type != .null }
        precondition(
            parts.allSatisfy { $0.column.type == type && $0.column.count == $0.positions.count },
            "scattering a column of another type or length")
        if parts.isEmpty { return .nulls(type, count: count) }
        switch type.layout {
        case .null: return .nulls(type, count: count)
        case .bits, .fixed, .view, .structure: break
        case .list: return scatteredByTaking(parts, count)
        }
        let present = scatteredValidity(parts, count)
        switch type.layout {
        case .bits:
            let values = Buffer(byteCount: (count + 63) / 64 * 8, zeroed: true)
            for part in parts { scatterBits(part.column.bits, part.positions, into: values) }
            return Column(type: type, count: count, validity: present, values: values)
        case .structure:
            let members = type.childTypes.indices.map { index in
                scattering(
                    parts.map { ($0.column.children[index], $0.positions) }, count: count,
                    type: type.childTypes[index])
            }
            return Column(type: type, count: count, validity: present, children: members)
        case .view:
            var merger = DataBufferMerger()
            let values = Buffer(byteCount: count * 16, zeroed: true)
            for part in parts {
                let numbers = merger.numbers(for: part.column)
                scatterViews(part.column.pointer(StringView.self), numbers, part.positions, into: values)
            }
            return Column(
                type: type, count: count, validity: present, values: values, dataBuffers: merger.buffers)
        default:
            return Column(
                type: type, count: count, validity: present, values: scatteredValues(parts, count, type))
        }
    }

    private static func scatteredValues(
        _ parts: [(column: Column, positions: Selection)], _ count: Int, _ type: DataType
    ) -> Buffer {
        guard case .fixed(let width) = type.layout else { return .empty }
        let values = Buffer(byteCount: count * width, zeroed: true)
        for (column, positions) in parts {
            switch width {
            case 1: scatter(column.pointer(UInt8.self), positions, into: values)
            case 2: scatter(column.pointer(UInt16.self), positions, into: values)
            case 4: scatter(column.pointer(UInt32.self), positions, into: values)
            case 8: scatter(column.pointer(UInt64.self), positions, into: values)
            default: scatter(column.pointer(StringView.self), positions, into: values)
            }
        }
        return values
    }

    private static func scatteredValidity(
        _ parts: [(column: Column, positions: Selection)], _ count: Int
    ) -> Bitmap? {
        let covered = parts.reduce(0) { $0 + $1.column.count }
        if covered == count && parts.allSatisfy({ $0.column.validity == nil }) { return nil }
        let buffer = Buffer(byteCount: (count + 63) / 64 * 8, zeroed: true)
        for (column, positions) in parts {
            if let validity = column.validity {
                scatterBits(validity, positions, into: buffer)
            } else {
                let bytes = buffer.assuming(UInt8.self)
                for index in 0..<positions.count {
                    let row = positions[index]
                    bytes[row &>> 3] |= 1 &<< UInt8(truncatingIfNeeded: row & 7)
                }
            }
        }
        return Bitmap(buffer: buffer, count: count)
    }

    private static func scatteredByTaking(
        _ parts: [(column: Column, positions: Selection)], _ count: Int
    ) -> Column {
        let indices = Buffer(byteCount: count * 4)
        let target = indices.assuming(Int32.self)
        target.update(repeating: -1, count: count)
        var base: Int32 = 0
        for (_, positions) in parts {
            for index in 0..<positions.count { target[positions[index]] = base &+ Int32(truncatingIfNeeded: index) }
            base &+= Int32(truncatingIfNeeded: positions.count)
        }
        return concatenating(parts.map(\.column)).takingOrNull(Selection(buffer: indices, count: count))
    }
}

private func blend(_ mask: Bitmap, _ whenTrue: Bitmap, _ whenFalse: Bitmap) -> Bitmap {
    let result = Buffer(byteCount: mask.wordCount * 8)
    let words = result.assuming(UInt64.self)
    for index in 0..<mask.wordCount {
        let chosen = mask.word(index)
        words[index] = (chosen & whenTrue.word(index)) | (~chosen & whenFalse.word(index))
    }
    return Bitmap(buffer: result, count: mask.count)
}

@inline(__always)
private func blend<Value: BitwiseCopyable>(
    _ mask: Bitmap, _ whenTrue: UnsafePointer<Value>, _ whenFalse: UnsafePointer<Value>, into result: Buffer
) {
    let target = result.assuming(Value.self)
    for index in 0..<mask.wordCount {
        let word = mask.word(index)
        let start = index &* 64
        for bit in 0..<min(64, mask.count &- start) {
            let row = start &+ bit
            target[row] = (word &>> UInt64(truncatingIfNeeded: bit)) & 1 != 0 ? whenTrue[row] : whenFalse[row]
        }
    }
}

@inline(__always)
private func scatter<Value: BitwiseCopyable>(
    _ source: UnsafePointer<Value>, _ positions: Selection, into result: Buffer
) {
    let target = result.assuming(Value.self)
    let rows = positions.indices
    for index in 0..<positions.count { target[Int(rows[index])] = source[index] }
}

private func scatterViews(
    _ source: UnsafePointer<StringView>, _ numbers: [UInt32]?, _ positions: Selection, into result: Buffer
) {
    guard let numbers else { return scatter(source, positions, into: result) }
    let target = result.assuming(StringView.self)
    let rows = positions.indices
    numbers.withUnsafeBufferPointer { numbers in
        for index in 0..<positions.count { target[Int(rows[index])] = renumbered(source[index], numbers) }
    }
}

private func scatterBits(_ source: Bitmap, _ positions: Selection, into result: Buffer) {
    let bytes = result.assuming(UInt8.self)
    let rows = positions.indices
    for index in 0..<positions.count {
        let row = Int(rows[index])
        let value: UInt8 = source[index] ? 1 : 0
        bytes[row &>> 3] |= value &<< UInt8(truncatingIfNeeded: row & 7)
    }
}
