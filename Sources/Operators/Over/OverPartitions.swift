import Columnar

/// The partitions of window functions by event time: their rows in order, and what is known of rows that have gone.
///
/// Rows are entries with numbers; numbers hold until the next `compactIfDue`, those of partitions too.
final class OverPartitions {
    private let keyTypes: [DataType]
    /// Whether something is known of rows that have gone, so that a partition without rows stays.
    private let keepsEmpty: Bool
    private(set) var keys: GroupTable
    private var rows: RowStore
    private(set) var times: [Int64] = []
    /// Of each partition: its rows, how many of them were given out, how many have gone and in how many groups of
    /// peers, and where the states of their aggregates lie.
    private(set) var entries: [[Int32]] = []
    var givenCounts: [Int] = []
    private(set) var goneRows: [Int64] = []
    private(set) var goneGroups: [Int64] = []
    private(set) var statePlaces: [Int32] = []
    /// Rows of aggregates' states; only those that a partition points to are alive.
    private var states: RowStore
    private(set) var rowCount = 0

    init(keyTypes: [DataType], rowTypes: [DataType], stateTypes: [DataType], keepsEmpty: Bool) {
        self.keyTypes = keyTypes
        self.keepsEmpty = keepsEmpty
        keys = GroupTable(keyTypes: keyTypes)
        rows = RowStore(rowTypes)
        states = RowStore(stateTypes)
    }

    var count: Int { entries.count }
    var byteCount: Int {
        keys.byteCount + rows.byteCount + states.byteCount + times.count * 8 + rowCount * 4 + entries.count * 44
    }

    /// The numbers of partitions by key; new ones are made.
    func intern(_ keyColumns: [Column], rowCount: Int) -> [UInt32] {
        let buffer = Buffer(byteCount: max(1, rowCount) * 4)
        let ids = buffer.assuming(UInt32.self)
        keys.intern(keyColumns, rowCount: rowCount, into: ids)
        let added = keys.groupCount - entries.count
        entries += repeatElement([], count: added)
        givenCounts += repeatElement(0, count: added)
        goneRows += repeatElement(0, count: added)
        goneGroups += repeatElement(0, count: added)
        statePlaces += repeatElement(-1, count: added)
        return Array(UnsafeBufferPointer(start: ids, count: rowCount))
    }

    /// Appends rows, in order, to partitions by number.
    func append(_ columns: [Column], _ partitions: [UInt32], times newTimes: [Int64]) {
        let first = times.count
        rows.append(columns, rowCount: partitions.count)
        times += newTimes
        for (row, partition) in partitions.enumerated() {
            entries[Int(partition)].append(Int32(truncatingIfNeeded: first + row))
        }
        rowCount += partitions.count
    }

    func rows(_ entries: [Int32]) -> [Column] {
        rows.taking(Selection(buffer: .copying(entries), count: entries.count))
    }

    /// The states of the partitions that have some, and the place of each.
    func states(of partitions: [Int]) -> (columns: [Column], places: [Int32]) {
        var wanted: [Int32] = []
        let places = partitions.map { partition -> Int32 in
            if statePlaces[partition] < 0 { return -1 }
            wanted.append(statePlaces[partition])
            return Int32(truncatingIfNeeded: wanted.count - 1)
        }
        return (states.taking(Selection(buffer: .copying(wanted), count: wanted.count)), places)
    }

    /// Notes that the first rows of a partition go, `groups` whole groups of peers among them.
    func remove(first count: Int, groups: Int, of partition: Int) {
        entries[partition].removeFirst(count)
        givenCounts[partition] -= count
        goneRows[partition] += Int64(count)
        goneGroups[partition] += Int64(groups)
        rowCount -= count
    }

    /// Sets what is known of rows that have gone: a row of states per partition.
    func setStates(_ columns: [Column], of partitions: [Int]) {
        if partitions.isEmpty { return }
        let first = states.rowCount
        states.append(columns, rowCount: partitions.count)
        for (row, partition) in partitions.enumerated() {
            statePlaces[partition] = Int32(truncatingIfNeeded: first + row)
        }
    }

    func setGone(rows: Int64, groups: Int64, of partition: Int) {
        goneRows[partition] = rows
        goneGroups[partition] = groups
    }

    /// Numbers rows, states and partitions anew when most have gone. True when the partitions have new numbers.
    func compactIfDue() -> Bool {
        if times.count > 1024 && times.count > 2 * rowCount || rowCount == 0 && !times.isEmpty {
            let kept = entries.flatMap { $0 }
            let columns = rows(kept)
            let keptTimes = kept.map { times[Int($0)] }
            rows.removeAll()
            rows.append(columns, rowCount: kept.count)
            times = keptTimes
            var next: Int32 = 0
            for partition in entries.indices {
                for index in entries[partition].indices {
                    entries[partition][index] = next
                    next += 1
                }
            }
        }
        if states.rowCount > 1024 && states.rowCount > 2 * count { compactStates() }
        return keepsEmpty ? false : dropEmptyIfDue()
    }

    /// The partitions with rows that are not out yet.
    var open: Set<Int> { Set(entries.indices.filter { givenCounts[$0] < entries[$0].count }) }

    private func compactStates() {
        let owners = statePlaces.indices.filter { statePlaces[$0] >= 0 }
        let columns = states(of: owners).columns
        states.removeAll()
        setStates(columns, of: owners)
    }

    private func dropEmptyIfDue() -> Bool {
        let kept = entries.indices.filter { !entries[$0].isEmpty }
        guard entries.count > 1024 && entries.count > 2 * kept.count || kept.isEmpty && !entries.isEmpty else {
            return false
        }
        let former = (entries: kept.map { entries[$0] }, given: kept.map { givenCounts[$0] })
        let keyColumns = keys.keys(of: Selection(kept))
        keys = GroupTable(keyTypes: keyTypes)
        (entries, givenCounts, goneRows, goneGroups, statePlaces) = ([], [], [], [], [])
        for (index, partition) in intern(keyColumns, rowCount: kept.count).enumerated() {
            entries[Int(partition)] = former.entries[index]
            givenCounts[Int(partition)] = former.given[index]
        }
        return true
    }
}
