import Glibc

/// Keys of varying width as bytes in an arena: the value itself for one text column, encoded rows for anything else.
final class ByteKeys: GroupKeys {
    private let types: [DataType]
    private let encoder: RowEncoder?
    private var slots = GroupSlots()
    private var arena = ByteArena()
    /// Where each group's bytes begin in the arena; one more than there are groups.
    private var starts = ByteKeys.noStarts
    /// The group of the null key of a single text column.
    private var nullGroup: Int?
    /// The key columns of the groups, in the order they came, when rows are encoded.
    private var columns: RowStore

    private static var noStarts: GroupArray<Int> {
        var starts = GroupArray(initial: 0)
        starts.resize(1)
        return starts
    }

    init(_ types: [DataType], isEncoded: Bool) {
        self.types = types
        encoder = isEncoded ? RowEncoder(types) : nil
        columns = RowStore(types)
    }

    deinit { slots.deallocate() }

    var groupCount: Int { slots.count }
    var byteCount: Int {
        slots.byteCount + arena.count + starts.byteCount + columns.byteCount
    }

    func removeAll() {
        slots.removeAll()
        arena.removeAll()
        starts = Self.noStarts
        nullGroup = nil
        columns.removeAll()
    }

    func intern(_ keys: [Column], _ rowCount: Int, _ ids: UnsafeMutablePointer<UInt32>) {
        guard let encoder else { return internText(keys[0], rowCount, ids) }
        let rows = encoder.encode(keys, rowCount: rowCount)
        slots.reserve(rowCount)
        var fresh: [Int] = []
        rows.withRows { row, bytes in
            let before = slots.count
            ids[row] = UInt32(truncatingIfNeeded: internBytes(bytes))
            if slots.count > before { fresh.append(row) }
        }
        if fresh.isEmpty { return }
        let selection = Selection(fresh)
        columns.append(keys.map { $0.taking(selection) }, rowCount: fresh.count)
    }

    private func internText(_ column: Column, _ rowCount: Int, _ ids: UnsafeMutablePointer<UInt32>) {
        let reader = column.viewReader
        var start = 0
        while start < rowCount {
            let end = min(rowCount, start + slots.nextPiece)
            slots.reserve(end - start + 1)
            for row in start..<end {
                if column.validity != nil, column.isNull(row) {
                    ids[row] = UInt32(truncatingIfNeeded: internNull())
                } else {
                    ids[row] = UInt32(truncatingIfNeeded: internBytes(reader[row]))
                }
            }
            start = end
        }
    }

    private func internNull() -> Int {
        if let nullGroup { return nullGroup }
        // A hash no probe for bytes compares equal to, as the entry has no bytes of its own length.
        let position = slots.freePosition(for: Hashing.nullHash)
        let id = slots.insert(Hashing.nullHash, at: position)
        starts.append(arena.count)
        nullGroup = id
        return id
    }

    @inline(__always)
    private func internBytes(_ bytes: UnsafeRawBufferPointer) -> Int {
        let hash = Hashing.hash(bytes: bytes)
        let mask = slots.mask
        let table = slots.slots
        var position = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = table[position]
            if slot == 0 {
                let id = slots.insert(hash, at: position)
                arena.append(bytes)
                starts.append(arena.count)
                return id
            }
            if (slot ^ hash) &>> 32 == 0 {
                let id = Int(UInt32(truncatingIfNeeded: slot)) &- 1
                if matches(id, bytes) { return id }
            }
            position = (position &+ 1) & mask
        }
    }

    @inline(__always)
    private func matches(_ id: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let start = starts[id]
        guard starts[id &+ 1] &- start == bytes.count, id != nullGroup else { return false }
        guard let base = bytes.baseAddress, bytes.count > 0 else { return true }
        return memcmp(arena.base + start, base, bytes.count) == 0
    }

    func find(_ keys: [Column], _ rowCount: Int, _ ids: UnsafeMutablePointer<Int32>) {
        if let encoder {
            let rows = encoder.encode(keys, rowCount: rowCount)
            rows.withRows { row, bytes in ids[row] = findBytes(bytes) }
            return
        }
        let reader = keys[0].viewReader
        for row in 0..<rowCount {
            ids[row] = keys[0].isNull(row) ? Int32(nullGroup ?? -1) : findBytes(reader[row])
        }
    }

    private func findBytes(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        let hash = Hashing.hash(bytes: bytes)
        var position = Int(truncatingIfNeeded: hash) & slots.mask
        while slots.slots[position] != 0 {
            let slot = slots.slots[position]
            if (slot ^ hash) &>> 32 == 0 {
                let id = Int(UInt32(truncatingIfNeeded: slot)) &- 1
                if matches(id, bytes) { return Int32(truncatingIfNeeded: id) }
            }
            position = (position &+ 1) & slots.mask
        }
        return -1
    }

    func keys(from first: Int) -> [Column] {
        let count = max(0, groupCount - first)
        return encoder != nil ? columns.slice(first, count) : texts.keys(from: first, count: count)
    }

    func keys(of groups: Selection) -> [Column] {
        encoder != nil ? columns.taking(groups) : texts.keys(of: groups)
    }

    func snapshot() -> any KeyRows { encoder != nil ? StoredKeyRows(rows: columns) : texts }

    private var texts: TextRows {
        TextRows(type: types[0], bytes: arena.buffer, starts: starts.view.block, nullGroup: nullGroup)
    }
}

/// Key columns of rows that were encoded.
private struct StoredKeyRows: KeyRows {
    let rows: RowStore

    func keys(from first: Int, count: Int) -> [Column] { rows.slice(first, count) }
    func keys(of groups: Selection) -> [Column] { rows.taking(groups) }
}

/// Bytes in an arena as a column. Both blocks are only ever added to.
private struct TextRows: KeyRows {
    let type: DataType
    let bytes: Buffer
    let starts: Buffer
    let nullGroup: Int?

    func keys(from first: Int, count: Int) -> [Column] { [text(count) { first + $0 }] }
    func keys(of groups: Selection) -> [Column] { [text(groups.count) { groups[$0] }] }

    @inline(__always)
    private func text(_ count: Int, _ id: (Int) -> Int) -> Column {
        let starts = starts.assuming(Int.self)
        var builder = ViewBuilder(capacity: max(1, count))
        for row in 0..<count {
            let id = id(row)
            if id == nullGroup {
                builder.appendNull()
            } else {
                builder.append(
                    UnsafeRawBufferPointer(start: bytes.pointer + starts[id], count: starts[id + 1] - starts[id]))
            }
        }
        return builder.finish(type)
    }
}

extension GroupSlots {
    /// The free slot where a hash that equals no entry would go.
    func freePosition(for hash: UInt64) -> Int {
        var position = Int(truncatingIfNeeded: hash) & mask
        while slots[position] != 0 { position = (position &+ 1) & mask }
        return position
    }
}

/// Bytes appended one after another in one growing block.
struct ByteArena {
    private(set) var buffer = Buffer(byteCount: 64)
    private(set) var count = 0

    var base: UnsafeMutableRawPointer { buffer.pointer }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if count + bytes.count > buffer.byteCount {
            let larger = Buffer(byteCount: max(buffer.byteCount * 2, count + bytes.count))
            memcpy(larger.pointer, buffer.pointer, count)
            buffer = larger
        }
        if let source = bytes.baseAddress, bytes.count > 0 { memcpy(buffer.pointer + count, source, bytes.count) }
        count += bytes.count
    }

    mutating func removeAll() {
        count = 0
        // Somebody may still read what was there.
        if !isKnownUniquelyReferenced(&buffer) { buffer = Buffer(byteCount: buffer.byteCount) }
    }
}
