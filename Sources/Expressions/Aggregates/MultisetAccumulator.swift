import Columnar

/// Any aggregate function over rows that may be taken away again: keeps how often each different row of arguments
/// occurs in each group, and gives what is left to a fresh accumulator of the function when a result is asked for.
final class MultisetAccumulator: RetractableAccumulator {
    private let types: [DataType]
    private let makeInner: () -> any GroupsAccumulator
    /// Group and arguments.
    private var table: GroupTable
    /// How often each row of the table occurs.
    private var counts = GroupArray<Int64>(initial: 0)
    private var snapshots = LiveSnapshots()
    /// Rows of the table that occur no more.
    private var deadCount = 0
    private var groupCount = 0

    /// `types`: those of the arguments, ordering columns included.
    init(types: [DataType], makeInner: @escaping () -> any GroupsAccumulator) {
        self.types = types
        self.makeInner = makeInner
        table = GroupTable(keyTypes: [.uint32] + types)
    }

    func resize(groupCount: Int) { self.groupCount = max(self.groupCount, groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        change(arguments, groups, rowCount, filter, by: 1)
    }

    func retract(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        change(arguments, groups, rowCount, filter, by: -1)
        if deadCount > 1024 && deadCount * 2 > table.groupCount { rebuild() }
    }

    private func change(
        _ arguments: [Column], _ groups: UnsafePointer<UInt32>, _ rowCount: Int, _ filter: Bitmap?, by step: Int64
    ) {
        let bytes = UnsafeRawBufferPointer(start: groups, count: rowCount * 4)
        var columns = [Column(type: .uint32, count: rowCount, values: .copying(bytes))] + arguments
        var count = rowCount
        if let filter {
            let rows = Selection(trueBitsOf: filter)
            columns = columns.map { $0.taking(rows) }
            count = rows.count
        }
        if count == 0 { return }
        let ids = Buffer(byteCount: count * 4)
        let entries = ids.assuming(UInt32.self)
        let known = table.groupCount
        table.intern(columns, rowCount: count, into: entries)
        deadCount += table.groupCount - known
        snapshots.willWrite(entries, count: count)
        counts.resize(table.groupCount)
        for row in 0..<count {
            let entry = Int(entries[row])
            let before = counts[entry]
            counts[entry] = before + step
            if before == 0 { deadCount -= 1 } else if before + step == 0 { deadCount += 1 }
        }
    }

    /// Copies the rows that still occur into a table of their own.
    private func rebuild() {
        var kept: [Int32] = []
        for entry in 0..<table.groupCount where counts[entry] != 0 { kept.append(Int32(truncatingIfNeeded: entry)) }
        let rows = Selection(buffer: .copying(kept), count: kept.count)
        let columns = table.keys().map { $0.taking(rows) }
        let old = kept.map { counts[Int($0)] }
        table = GroupTable(keyTypes: [.uint32] + types)
        counts = GroupArray(initial: 0)
        counts.resize(kept.count)
        let ids = Buffer(byteCount: kept.count * 4)
        table.intern(columns, rowCount: kept.count, into: ids.assuming(UInt32.self))
        for (entry, count) in old.enumerated() { counts[entry] = count }
        deadCount = 0
    }

    /// The rows left, each as often as it occurs; with `places` only of groups with a place there, −1 for none, and
    /// under that number.
    private func rows(places: UnsafePointer<Int32>?) -> (groups: [UInt32], columns: [Column]) {
        Self.rows(table.keys(), counts.pointer, table.groupCount, places: places)
    }

    private static func rows(
        _ keys: [Column], _ counts: UnsafePointer<Int64>, _ entryCount: Int, places: UnsafePointer<Int32>?
    ) -> (groups: [UInt32], columns: [Column]) {
        let owner = keys[0]
        let owners = owner.pointer(UInt32.self)
        var groups: [UInt32] = []
        var entries: [Int32] = []
        for entry in 0..<entryCount where counts[entry] > 0 {
            let group = places.map { $0[Int(owners[entry])] } ?? Int32(truncatingIfNeeded: owners[entry])
            if group < 0 { continue }
            for _ in 0..<counts[entry] {
                groups.append(UInt32(truncatingIfNeeded: group))
                entries.append(Int32(truncatingIfNeeded: entry))
            }
        }
        let selection = Selection(buffer: .copying(entries), count: entries.count)
        return (groups, keys.dropFirst().map { $0.taking(selection) })
    }

    func finish() throws(KernelError) -> Column {
        let (groups, columns) = rows(places: nil)
        return try result(groups, columns, groupCount)
    }

    func finish(_ selection: Selection) throws(KernelError) -> Column {
        var places = GroupArray<Int32>(initial: -1)
        places.resize(groupCount)
        for position in 0..<selection.count { places[selection[position]] = Int32(truncatingIfNeeded: position) }
        let (groups, columns) = rows(places: places.pointer)
        return try result(groups, columns, selection.count)
    }

    private func result(_ groups: [UInt32], _ columns: [Column], _ count: Int) throws(KernelError) -> Column {
        let inner = makeInner()
        inner.resize(groupCount: count)
        let buffer = Buffer.copying(groups)
        try inner.update(columns, groups: buffer.assuming(UInt32.self), rowCount: groups.count, filter: nil)
        return try inner.finish()
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        var rows = CollectedRows(types)
        rows.resize(groupCount)
        try rows.appendLists(states, groups: groups, rowCount: rowCount)
        let grouped = rows.grouped()
        var targets: [UInt32] = []
        for group in 0..<rows.groupCount {
            targets += repeatElement(UInt32(truncatingIfNeeded: group), count: grouped.range(group).count)
        }
        let buffer = Buffer.copying(targets)
        change(grouped.columns, buffer.assuming(UInt32.self), targets.count, nil, by: 1)
    }

    /// A list per argument: the rows of each group, each as often as it occurs.
    func states() -> [Column] {
        let (groups, columns) = rows(places: nil)
        return Self.lists(groups, columns, types, groupCount)
    }

    private static func lists(
        _ groups: [UInt32], _ columns: [Column], _ types: [DataType], _ groupCount: Int
    ) -> [Column] {
        CollectedContent(
            types: types, chunks: [columns], owners: .copying(groups), rowCount: groups.count, groupCount: groupCount
        ).lists(emptyIsNull: false)
    }

    /// The counts are by entry, not by group, so a snapshot of their own keeps them.
    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot {
        let content = snapshots.take([counts.view], count: counts.count)
        return AccumulatorSnapshot { [types, groupCount, keys = table.snapshot()] _ in
            let counts = content.values(0, 0..<content.count, as: Int64.self)
            let (groups, columns) = withExtendedLifetime(counts) {
                Self.rows(keys.keys(0..<keys.count), counts.assuming(Int64.self), keys.count, places: nil)
            }
            let lists = Self.lists(groups, columns, types, groupCount)
            return { groups in lists.map { $0.slice(groups.lowerBound, groups.count) } }
        }
    }

    var byteCount: Int { table.byteCount + counts.byteCount }
}
