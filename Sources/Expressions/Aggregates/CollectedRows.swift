import Columnar

/// All rows of every group: what `array_agg`, exact percentiles and ordered aggregates hold.
struct CollectedRows: ~Copyable {
    /// Rows brought together by group: those of group `g` are `offsets[g]..<offsets[g + 1]`, in the order they came.
    struct Grouped {
        /// 32-bit offsets, one more than there are groups.
        var offsets: Buffer
        var columns: [Column]

        func range(_ group: Int) -> Range<Int> {
            let offsets = offsets.assuming(Int32.self)
            return Int(offsets[group])..<Int(offsets[group + 1])
        }
    }

    private let types: [DataType]
    private var chunks: [[Column]] = []
    private var groups = GroupArray<UInt32>(initial: 0)
    private(set) var groupCount = 0

    init(_ types: [DataType]) { self.types = types }

    var rowCount: Int { groups.count }

    mutating func resize(_ count: Int) { groupCount = max(groupCount, count) }

    /// Copies the rows a mask keeps, all without one.
    mutating func append(
        _ columns: [Column], groups rowGroups: UnsafePointer<UInt32>, rowCount: Int, mask: Bitmap?
    ) throws(KernelError) {
        let start = groups.count
        if let mask {
            let selection = Selection(trueBitsOf: mask)
            guard selection.count > 0 else { return }
            try reserve(selection.count)
            for index in 0..<selection.count { groups[start + index] = rowGroups[selection[index]] }
            chunks.append(columns.map { $0.taking(selection).compacted() })
        } else if rowCount > 0 {
            try reserve(rowCount)
            (groups.pointer + start).update(from: rowGroups, count: rowCount)
            chunks.append(columns.map { $0.compacted() })
        }
        if chunks.count > 64 && rowCount < 256 { chunks = [joined()] }
    }

    private mutating func reserve(_ count: Int) throws(KernelError) {
        guard groups.count + count <= Int(Int32.max) else {
            throw KernelError(message: "an aggregate that keeps its rows was given more than \(Int32.max) rows")
        }
        groups.resize(groups.count + count)
    }

    /// Appends the elements of list columns, which were made by `lists`.
    mutating func appendLists(
        _ lists: [Column], groups rowGroups: UnsafePointer<UInt32>, rowCount: Int
    ) throws(KernelError) {
        guard let first = lists.first, rowCount > 0 else { return }
        let offsets = first.listOffsets
        let total = Int(offsets[rowCount] - offsets[0])
        let expanded = UnsafeMutablePointer<UInt32>.allocate(capacity: max(1, total))
        defer { expanded.deallocate() }
        var position = 0
        for row in 0..<rowCount {
            for _ in offsets[row]..<offsets[row + 1] {
                expanded[position] = rowGroups[row]
                position += 1
            }
        }
        let elements = lists.map { list in
            let offsets = list.listOffsets
            return list.children[0].slice(Int(offsets[0]), Int(offsets[rowCount] - offsets[0]))
        }
        try append(elements, groups: expanded, rowCount: total, mask: nil)
    }

    private func joined() -> [Column] {
        if chunks.isEmpty { return types.map { Column.empty($0) } }
        return types.indices.map { index in Column.concatenating(chunks.map { $0[index] }) }
    }

    /// The rows by group; a stable counting sort.
    func grouped() -> Grouped {
        let offsets = Buffer(byteCount: (groupCount + 1) * 4, zeroed: true)
        let starts = offsets.assuming(Int32.self)
        let groups = groups.pointer
        for row in 0..<rowCount { starts[Int(groups[row]) + 1] &+= 1 }
        for group in 0..<groupCount { starts[group + 1] &+= starts[group] }
        let indices = Buffer(byteCount: max(1, rowCount) * 4)
        let order = indices.assuming(Int32.self)
        let next = UnsafeMutablePointer<Int32>.allocate(capacity: groupCount + 1)
        defer { next.deallocate() }
        next.update(from: starts, count: groupCount + 1)
        for row in 0..<rowCount {
            let group = Int(groups[row])
            order[Int(next[group])] = Int32(truncatingIfNeeded: row)
            next[group] &+= 1
        }
        let selection = Selection(buffer: indices, count: rowCount)
        return Grouped(offsets: offsets, columns: joined().map { $0.taking(selection) })
    }

    /// A list column per collected column; a group without rows has a null list when `emptyIsNull`, else an empty one.
    func lists(emptyIsNull: Bool) -> [Column] {
        let grouped = grouped()
        var present = BitmapBuilder(capacity: groupCount)
        if emptyIsNull { for group in 0..<groupCount { present.append(!grouped.range(group).isEmpty) } }
        let validity = emptyIsNull ? present.finishValidity() : nil
        return grouped.columns.map { column in
            Column(
                type: .list(column.type), count: groupCount, validity: validity, values: grouped.offsets,
                children: [column])
        }
    }

    var byteCount: Int {
        groups.byteCount + chunks.reduce(0) { $0 + $1.reduce(0) { $0 + $1.byteCount } }
    }
}
