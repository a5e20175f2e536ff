import Columnar

/// `f(DISTINCT x, …)`: gives each different row of arguments of a group to `f` once, in the order of appearance.
final class DistinctAccumulator: GroupsAccumulator {
    private let table: GroupTable
    private let inner: any GroupsAccumulator
    private let types: [DataType]
    private var groupCount = 0

    init(types: [DataType], inner: any GroupsAccumulator) {
        self.types = types
        self.inner = inner
        table = GroupTable(keyTypes: [.uint32] + types)
    }

    func resize(groupCount: Int) {
        self.groupCount = max(self.groupCount, groupCount)
        inner.resize(groupCount: groupCount)
    }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        guard let filter else { return try add(arguments, groups, rowCount) }
        let selection = Selection(trueBitsOf: filter)
        let kept = Buffer(byteCount: max(1, selection.count) * 4)
        let keptGroups = kept.assuming(UInt32.self)
        for index in 0..<selection.count { keptGroups[index] = groups[selection[index]] }
        try add(arguments.map { $0.taking(selection) }, keptGroups, selection.count)
    }

    private func add(
        _ arguments: [Column], _ groups: UnsafePointer<UInt32>, _ rowCount: Int
    ) throws(KernelError) {
        guard rowCount > 0 else { return }
        let bytes = UnsafeRawBufferPointer(start: groups, count: rowCount * 4)
        let groupColumn = Column(type: .uint32, count: rowCount, values: .copying(bytes))
        var known = table.groupCount
        let buffer = Buffer(byteCount: rowCount * 4)
        let ids = buffer.assuming(UInt32.self)
        table.intern([groupColumn] + arguments, rowCount: rowCount, into: ids)
        if table.groupCount == known { return }
        // Ids are given in the order of rows, so a row is new exactly when its id is the next one.
        var isNew = BitmapBuilder(capacity: rowCount)
        for row in 0..<rowCount {
            let isFirst = Int(ids[row]) == known
            if isFirst { known += 1 }
            isNew.append(isFirst)
        }
        try inner.update(arguments, groups: groups, rowCount: rowCount, filter: isNew.finish())
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        var rows = CollectedRows(types)
        rows.resize(groupCount)
        try rows.appendLists(states, groups: groups, rowCount: rowCount)
        let grouped = rows.grouped()
        let expanded = Buffer(byteCount: max(1, rows.rowCount) * 4)
        let targets = expanded.assuming(UInt32.self)
        for group in 0..<rows.groupCount {
            for row in grouped.range(group) { targets[row] = UInt32(truncatingIfNeeded: group) }
        }
        try add(grouped.columns, targets, rows.rowCount)
    }

    /// A list per argument: the different rows of each group.
    func states() -> [Column] { content.lists(emptyIsNull: false) }
    func states(_ groups: Selection) -> [Column] { content.picking(groups).lists(emptyIsNull: false) }

    private var content: CollectedContent { CollectedContent(table.snapshot(), types, groupCount: groupCount) }

    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot {
        AccumulatorSnapshot { [types, groupCount, keys = table.snapshot()] _ in
            let lists = CollectedContent(keys, types, groupCount: groupCount).lists(emptyIsNull: false)
            return { groups in lists.map { $0.slice(groups.lowerBound, groups.count) } }
        }
    }

    func finish() throws(KernelError) -> Column { try inner.finish() }
    func finish(_ groups: Selection) throws(KernelError) -> Column { try inner.finish(groups) }

    var byteCount: Int { table.byteCount + inner.byteCount }
}

extension CollectedContent {
    /// The rows of a table whose first key is the group.
    init(_ keys: KeySnapshot, _ types: [DataType], groupCount: Int) {
        let columns = keys.keys(0..<keys.count)
        let owners = columns[0]
        self.init(
            types: types, chunks: [Array(columns.dropFirst())], owners: owners.values, rowCount: keys.count,
            groupCount: groupCount)
    }
}
