import Columnar

/// All rows of every group: what `array_agg`, exact percentiles and ordered aggregates hold.
struct CollectedRows: ~Copyable {
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

    private func joined() -> [Column] { content.joined() }

    /// The rows by group; a stable counting sort.
    func grouped() -> Grouped { content.grouped() }

    /// A list column per collected column; a group without rows has a null list when `emptyIsNull`, else an empty one.
    func lists(emptyIsNull: Bool) -> [Column] { content.lists(emptyIsNull: emptyIsNull) }

    /// The lists of some groups, in the order given. Cost: a look at the group of every row.
    func lists(of groups: Selection, emptyIsNull: Bool) -> [Column] {
        content.picking(groups).lists(emptyIsNull: emptyIsNull)
    }

    /// All rows by group, as `grouped` of some groups.
    func grouped(of groups: Selection) -> Grouped { content.picking(groups).grouped() }

    /// Everything as it is now, by reference: what comes later is written elsewhere.
    var content: CollectedContent {
        CollectedContent(
            types: types, chunks: chunks, owners: groups.view.block, rowCount: groups.count, groupCount: groupCount)
    }

    /// What a snapshot of an accumulator reads whose state is `lists`, followed by what `rest` gives for as many
    /// groups.
    func snapshot(_ rest: @escaping @Sendable (Int) -> [Column] = { _ in [] }) -> AccumulatorSnapshot {
        AccumulatorSnapshot { [content] _ in
            let lists = content.lists(emptyIsNull: false)
            return { groups in lists.map { $0.slice(groups.lowerBound, groups.count) } + rest(groups.count) }
        }
    }

    var byteCount: Int {
        groups.byteCount + chunks.reduce(0) { $0 + $1.reduce(0) { $0 + $1.byteCount } }
    }
}
