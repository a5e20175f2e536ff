import Glibc

/// Keys of fixed width as rows of 64-bit words: one or two words a column and, if there can be nulls, one for all
/// null flags.
final class WordKeys: GroupKeys {
    private let types: [DataType]
    /// Words per row, the null flags included.
    private let stride: Int
    private var slots = GroupSlots()
    /// Rows are only ever added: a snapshot refers to the block, and reads no further than it went then.
    private var block: Buffer
    private var rows: UnsafeMutablePointer<UInt64>
    private var rowCapacity = 16
    /// The rows of the batch at hand.
    private var scratch = Buffer(byteCount: 0)

    /// How many words a value takes; nil for types of varying width.
    static func width(of type: DataType) -> Int? {
        switch type.layout {
        case .bits, .null: 1
        case .fixed(let width): width == 16 ? 2 : 1
        default: nil
        }
    }

    init(_ types: [DataType]) {
        self.types = types
        stride = types.reduce(1) { $0 + (WordKeys.width(of: $1) ?? 1) }
        block = Buffer(byteCount: 16 * stride * 8)
        rows = block.assuming(UInt64.self)
    }

    deinit { slots.deallocate() }

    var groupCount: Int { slots.count }
    var byteCount: Int { slots.byteCount + rowCapacity * stride * 8 }

    func removeAll() {
        slots.removeAll()
        if isKnownUniquelyReferenced(&block) { return }
        block = Buffer(byteCount: rowCapacity * stride * 8)
        rows = block.assuming(UInt64.self)
    }

    func intern(_ keys: [Column], _ rowCount: Int, _ ids: UnsafeMutablePointer<UInt32>) {
        let input = load(keys, rowCount)
        var start = 0
        while start < rowCount {
            let end = min(rowCount, start + slots.nextPiece)
            reserve(end - start)
            if stride == 2 { internSingle(input, start, end, ids) } else { internRows(input, start, end, ids) }
            start = end
        }
    }

    private func reserve(_ extra: Int) {
        slots.reserve(extra)
        guard slots.count + extra > rowCapacity else { return }
        let larger = max(rowCapacity * 2, slots.count + extra)
        let moved = Buffer(byteCount: larger * stride * 8)
        memcpy(moved.pointer, rows, slots.count * stride * 8)
        block = moved
        rows = moved.assuming(UInt64.self)
        rowCapacity = larger
    }

    /// One column: two words a row, compared without a loop.
    private func internSingle(
        _ input: UnsafePointer<UInt64>, _ start: Int, _ end: Int, _ ids: UnsafeMutablePointer<UInt32>
    ) {
        let table = slots.slots
        let mask = slots.mask
        let known = rows
        for row in start..<end {
            let flags = input[2 &* row]
            let value = input[2 &* row &+ 1]
            let hash = Hashing.hash(word: value &+ flags &* Hashing.nullHash)
            var position = Int(truncatingIfNeeded: hash) & mask
            while true {
                let slot = table[position]
                if slot == 0 {
                    let id = slots.insert(hash, at: position)
                    known[2 &* id] = flags
                    known[2 &* id &+ 1] = value
                    ids[row] = UInt32(truncatingIfNeeded: id)
                    break
                }
                if (slot ^ hash) &>> 32 == 0 {
                    let id = Int(UInt32(truncatingIfNeeded: slot)) &- 1
                    if known[2 &* id &+ 1] == value && known[2 &* id] == flags {
                        ids[row] = UInt32(truncatingIfNeeded: id)
                        break
                    }
                }
                position = (position &+ 1) & mask
            }
        }
    }

    private func internRows(
        _ input: UnsafePointer<UInt64>, _ start: Int, _ end: Int, _ ids: UnsafeMutablePointer<UInt32>
    ) {
        let table = slots.slots
        let mask = slots.mask
        let known = rows
        let stride = stride
        for row in start..<end {
            let key = input + row &* stride
            let hash = WordKeys.hash(key, stride)
            var position = Int(truncatingIfNeeded: hash) & mask
            while true {
                let slot = table[position]
                if slot == 0 {
                    let id = slots.insert(hash, at: position)
                    (known + id &* stride).update(from: key, count: stride)
                    ids[row] = UInt32(truncatingIfNeeded: id)
                    break
                }
                if (slot ^ hash) &>> 32 == 0 {
                    let id = Int(UInt32(truncatingIfNeeded: slot)) &- 1
                    if WordKeys.equal(known + id &* stride, key, stride) {
                        ids[row] = UInt32(truncatingIfNeeded: id)
                        break
                    }
                }
                position = (position &+ 1) & mask
            }
        }
    }

    @inline(__always)
    private static func hash(_ key: UnsafePointer<UInt64>, _ stride: Int) -> UInt64 {
        var hash = Hashing.hash(word: key[0])
        for index in 1..<stride { hash = Hashing.combine(hash, key[index]) }
        return hash
    }

    @inline(__always)
    private static func equal(_ left: UnsafePointer<UInt64>, _ right: UnsafePointer<UInt64>, _ stride: Int) -> Bool {
        for index in 0..<stride where left[index] != right[index] { return false }
        return true
    }

    func find(_ keys: [Column], _ rowCount: Int, _ ids: UnsafeMutablePointer<Int32>) {
        let input = load(keys, rowCount)
        let table = slots.slots
        let mask = slots.mask
        for row in 0..<rowCount {
            let key = input + row &* stride
            let hash =
                stride == 2
                ? Hashing.hash(word: key[1] &+ key[0] &* Hashing.nullHash) : WordKeys.hash(key, stride)
            var position = Int(truncatingIfNeeded: hash) & mask
            ids[row] = -1
            while table[position] != 0 {
                let slot = table[position]
                if (slot ^ hash) &>> 32 == 0 {
                    let id = Int(UInt32(truncatingIfNeeded: slot)) &- 1
                    if WordKeys.equal(rows + id &* stride, key, stride) {
                        ids[row] = Int32(truncatingIfNeeded: id)
                        break
                    }
                }
                position = (position &+ 1) & mask
            }
        }
    }

    // MARK: - Between columns and words

    /// The key rows of a batch: null flags, then the values; the value of a null is zero.
    private func load(_ keys: [Column], _ rowCount: Int) -> UnsafePointer<UInt64> {
        if scratch.byteCount < rowCount * stride * 8 { scratch = Buffer(byteCount: rowCount * stride * 8) }
        let words = scratch.assuming(UInt64.self)
        for row in 0..<rowCount { words[row &* stride] = 0 }
        var place = 1
        for (index, column) in keys.enumerated() {
            load(column, rowCount, words + place)
            let width = WordKeys.width(of: types[index]) ?? 1
            if column.type == .null || column.validity != nil {
                for row in 0..<rowCount where column.isNull(row) {
                    words[row &* stride] |= 1 &<< UInt64(truncatingIfNeeded: index & 63)
                    for word in 0..<width { words[row &* stride &+ place &+ word] = 0 }
                }
            }
            place += width
        }
        return UnsafePointer(words)
    }

    private func load(_ column: Column, _ count: Int, _ words: UnsafeMutablePointer<UInt64>) {
        switch column.type {
        case .null: for row in 0..<count { words[row &* stride] = 0 }
        case .boolean:
            let bits = column.bits
            for row in 0..<count { words[row &* stride] = bits[row] ? 1 : 0 }
        case .int8: load(column.pointer(Int8.self), count, words)
        case .int16: load(column.pointer(Int16.self), count, words)
        case .int32, .date: load(column.pointer(Int32.self), count, words)
        case .int64, .time, .timestamp, .timestampTZ: load(column.pointer(Int64.self), count, words)
        case .uint8: load(column.pointer(UInt8.self), count, words)
        case .uint16: load(column.pointer(UInt16.self), count, words)
        case .uint32: load(column.pointer(UInt32.self), count, words)
        case .uint64: load(column.pointer(UInt64.self), count, words)
        case .float32:
            let values = column.pointer(Float.self)
            for row in 0..<count { words[row &* stride] = Hashing.canonical(Double(values[row])) }
        case .float64:
            let values = column.pointer(Double.self)
            for row in 0..<count { words[row &* stride] = Hashing.canonical(values[row]) }
        default:
            let pairs = UnsafeRawPointer(column.pointer(Interval.self)).assumingMemoryBound(to: UInt64.self)
            for row in 0..<count {
                words[row &* stride] = pairs[2 &* row]
                words[row &* stride &+ 1] = pairs[2 &* row &+ 1]
            }
        }
    }

    private func load<Value: FixedWidthInteger>(
        _ values: UnsafePointer<Value>, _ count: Int, _ words: UnsafeMutablePointer<UInt64>
    ) {
        let stride = stride
        for row in 0..<count { words[row &* stride] = UInt64(truncatingIfNeeded: values[row]) }
    }

    func keys(from first: Int) -> [Column] { content.keys(from: first, count: max(0, groupCount - first)) }

    func keys(of groups: Selection) -> [Column] { content.keys(of: groups) }

    func snapshot() -> any KeyRows { content }

    private var content: WordRows { WordRows(types: types, stride: stride, block: block) }
}

/// Rows of words as columns.
private struct WordRows: KeyRows {
    let types: [DataType]
    let stride: Int
    let block: Buffer

    func keys(from first: Int, count: Int) -> [Column] { columns(count) { first &+ $0 } }

    func keys(of groups: Selection) -> [Column] { columns(groups.count) { groups[$0] } }

    /// The keys of `count` groups, the numbers of which `id` gives.
    @inline(__always)
    private func columns(_ count: Int, _ id: (Int) -> Int) -> [Column] {
        var place = 1
        return types.enumerated().map { index, type in
            defer { place += WordKeys.width(of: type) ?? 1 }
            return column(type, index, place, count, id)
        }
    }

    @inline(__always)
    private func column(_ type: DataType, _ index: Int, _ place: Int, _ count: Int, _ id: (Int) -> Int) -> Column {
        if type == .null { return Column(type: .null, count: count) }
        let rows = block.assuming(UInt64.self)
        var validity = BitmapBuilder(capacity: count)
        let flag: UInt64 = 1 << UInt64(index & 63)
        for row in 0..<count { validity.append(rows[id(row) &* stride] & flag == 0) }
        let present = validity.finishValidity()
        if type == .boolean {
            var bits = BitmapBuilder(capacity: count)
            for row in 0..<count { bits.append(rows[id(row) &* stride &+ place] != 0) }
            return Column(type: type, count: count, validity: present, values: bits.finish().buffer)
        }
        let width = if case .fixed(let width) = type.layout { width } else { 8 }
        let values = Buffer(byteCount: count * width)
        for row in 0..<count {
            let word = rows + (id(row) &* stride &+ place)
            if type == .float32 {
                values.assuming(Float.self)[row] = Float(Double(bitPattern: word.pointee))
            } else {
                // Little-endian: the low bytes of the word are the narrower value.
                memcpy(values.pointer + row * width, word, width)
            }
        }
        return Column(type: type, count: count, validity: present, values: values)
    }
}
