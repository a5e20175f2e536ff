extension Column {
    /// The rows at the positions of a selection, which must all lie in `0..<count`. Copies values, shares text bytes.
    public func taking(_ selection: Selection) -> Column {
        gathering(selection.indices, selection.count, allowsMissing: false)
    }

    /// Like `taking`, but a position of -1 gives a null row.
    public func takingOrNull(_ selection: Selection) -> Column {
        gathering(selection.indices, selection.count, allowsMissing: true)
    }

    /// The rows whose bit is set; the mask must be as long as the column.
    public func filtered(by mask: Bitmap) -> Column {
        precondition(mask.count == count, "a mask of \(mask.count) bits over \(count) rows")
        let kept = mask.trueCount
        if kept == count { return self }
        if kept == 0 { return slice(0, 0) }
        return taking(Selection(trueBitsOf: mask))
    }

    func gathering(_ indices: UnsafePointer<Int32>, _ total: Int, allowsMissing: Bool) -> Column {
        assert(
            (0..<total).allSatisfy { Int(indices[$0]) < count && indices[$0] >= (allowsMissing ? -1 : 0) },
            "a selected row outside the column")
        let present = gatheredValidity(indices, total, allowsMissing)
        switch type.layout {
        case .null: return Column(type: type, count: total)
        case .bits:
            let gathered = gatherBits(bits, indices, total, missing: allowsMissing ? false : nil)
            return Column(type: type, count: total, validity: present, values: gathered)
        case .fixed(let width):
            let gathered = gatheredValues(width, indices, total, allowsMissing)
            return Column(type: type, count: total, validity: present, values: gathered)
        case .view:
            let gathered = gatheredValues(16, indices, total, allowsMissing)
            return Column(type: type, count: total, validity: present, values: gathered, dataBuffers: dataBuffers)
        case .list:
            return gatheredList(indices, total, present)
        case .structure:
            let members = children.map { $0.gathering(indices, total, allowsMissing: allowsMissing) }
            return Column(type: type, count: total, validity: present, children: members)
        }
    }

    private func gatheredValidity(
        _ indices: UnsafePointer<Int32>, _ total: Int, _ allowsMissing: Bool
    ) -> Bitmap? {
        if type == .null { return nil }
        let gathered: Bitmap
        if let validity {
            let words = gatherBits(validity, indices, total, missing: allowsMissing ? false : nil)
            gathered = Bitmap(buffer: words, count: total)
        } else if allowsMissing {
            gathered = Bitmap(buffer: bitsOfPresent(indices, total), count: total)
        } else {
            return nil
        }
        return gathered.trueCount == total ? nil : gathered
    }

    private func gatheredValues(
        _ width: Int, _ indices: UnsafePointer<Int32>, _ total: Int, _ allowsMissing: Bool
    ) -> Buffer {
        let result = Buffer(byteCount: total * width)
        // An empty column holds nothing that a missing row could read instead.
        if count == 0 {
            result.pointer.initializeMemory(as: UInt8.self, repeating: 0, count: total * width)
            return result
        }
        switch width {
        case 1: gather(pointer(UInt8.self), indices, total, allowsMissing, into: result)
        case 2: gather(pointer(UInt16.self), indices, total, allowsMissing, into: result)
        case 4: gather(pointer(UInt32.self), indices, total, allowsMissing, into: result)
        case 8: gather(pointer(UInt64.self), indices, total, allowsMissing, into: result)
        default: gather(pointer(StringView.self), indices, total, allowsMissing, into: result, empty: .empty)
        }
        return result
    }

    private func gatheredList(_ indices: UnsafePointer<Int32>, _ total: Int, _ present: Bitmap?) -> Column {
        let source = listOffsets
        let offsets = Buffer(byteCount: (total + 1) * 4)
        let target = offsets.assuming(Int32.self)
        var length = 0
        target[0] = 0
        for row in 0..<total {
            let index = Int(indices[row])
            if index >= 0 { length += Int(source[index + 1] - source[index]) }
            precondition(length <= Int32.max, "more than 2^31 list elements in one column")
            target[row + 1] = Int32(truncatingIfNeeded: length)
        }
        let elements = Buffer(byteCount: length * 4)
        let positions = elements.assuming(Int32.self)
        var position = 0
        for row in 0..<total {
            let index = Int(indices[row])
            guard index >= 0 else { continue }
            var element = source[index]
            let end = source[index + 1]
            while element < end {
                positions[position] = element
                position &+= 1
                element &+= 1
            }
        }
        let child = children[0].taking(Selection(buffer: elements, count: length))
        return Column(type: type, count: total, validity: present, values: offsets, children: [child])
    }
}

private func gather<Value: BitwiseCopyable & FixedWidthInteger>(
    _ source: UnsafePointer<Value>, _ indices: UnsafePointer<Int32>, _ total: Int, _ allowsMissing: Bool,
    into result: Buffer
) {
    gather(source, indices, total, allowsMissing, into: result, empty: 0)
}

@inline(__always)
private func gather<Value: BitwiseCopyable>(
    _ source: UnsafePointer<Value>, _ indices: UnsafePointer<Int32>, _ total: Int, _ allowsMissing: Bool,
    into result: Buffer, empty: Value
) {
    let target = result.assuming(Value.self)
    if allowsMissing {
        for row in 0..<total {
            let index = Int(indices[row])
            target[row] = index < 0 ? empty : source[index]
        }
    } else {
        for row in 0..<total { target[row] = source[Int(indices[row])] }
    }
}

/// Bit `indices[i]` of a bitmap at position `i`; where `missing` is given it stands for negative indices.
private func gatherBits(
    _ bits: Bitmap, _ indices: UnsafePointer<Int32>, _ total: Int, missing: Bool?
) -> Buffer {
    let wordCount = (total + 63) / 64
    let result = Buffer(byteCount: wordCount * 8)
    let words = result.assuming(UInt64.self)
    let bytes = UnsafePointer(bits.buffer.assuming(UInt8.self))
    let offset = bits.offset
    for index in 0..<wordCount {
        let start = index &* 64
        let length = min(64, total &- start)
        var word: UInt64 = 0
        for bit in 0..<length {
            let row = Int(indices[start &+ bit])
            var value: UInt64
            if row < 0, let missing {
                value = missing ? 1 : 0
            } else {
                let position = offset &+ row
                value = UInt64(bytes[position &>> 3] &>> UInt8(truncatingIfNeeded: position & 7)) & 1
            }
            value &<<= UInt64(truncatingIfNeeded: bit)
            word |= value
        }
        words[index] = word
    }
    return result
}

private func bitsOfPresent(_ indices: UnsafePointer<Int32>, _ total: Int) -> Buffer {
    let wordCount = (total + 63) / 64
    let result = Buffer(byteCount: wordCount * 8)
    let words = result.assuming(UInt64.self)
    for index in 0..<wordCount {
        let start = index &* 64
        var word: UInt64 = 0
        for bit in 0..<min(64, total &- start) {
            word |= (indices[start &+ bit] < 0 ? 0 : 1) &<< UInt64(truncatingIfNeeded: bit)
        }
        words[index] = word
    }
    return result
}
