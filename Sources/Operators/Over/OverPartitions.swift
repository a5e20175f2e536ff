import Columnar
import State

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
    private(set) var givenCounts: [Int] = []
    private(set) var goneRows: [Int64] = []
    private(set) var goneGroups: [Int64] = []
    private(set) var statePlaces: [Int32] = []
    /// Rows of aggregates' states; only those that a partition points to are alive.
    private var states: RowStore
    private(set) var rowCount = 0
    /// Of each row: its partition, −1 when it has gone, and a number it keeps for ever, by which snapshots tell it
    /// apart among those of its partition.
    private var owners: [Int32] = []
    private var serials: [Int64] = []
    private var nextSerial: Int64 = 0
    /// Rows that have come, were given out or have gone since the last snapshot, and partitions of which something else
    /// is known since.
    private var changes: ChangedRows
    private var changesOfGone: ChangedRows
    /// Rows of the last snapshot that have gone since: their partitions and serials. Rows from `freshSerial` on were in
    /// no snapshot.
    private var removals: (partitions: [Int], serials: [Int64]) = ([], [])
    private var freshSerial: Int64 = 0

    /// With `isCheckpointed` increments will be asked for.
    init(
        keyTypes: [DataType], rowTypes: [DataType], stateTypes: [DataType], keepsEmpty: Bool,
        isCheckpointed: Bool = false
    ) {
        changes = ChangedRows(isKept: isCheckpointed)
        changesOfGone = ChangedRows(isKept: isCheckpointed && keepsEmpty)
        self.keyTypes = keyTypes
        self.keepsEmpty = keepsEmpty
        keys = GroupTable(keyTypes: keyTypes)
        rows = RowStore(rowTypes)
        states = RowStore(stateTypes)
    }

    var count: Int { entries.count }
    var byteCount: Int {
        keys.byteCount + rows.byteCount + states.byteCount + times.count * 20 + rowCount * 4 + entries.count * 44
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
        add(columns, partitions, times: newTimes)
        for _ in partitions {
            serials.append(nextSerial)
            nextSerial += 1
        }
        for entry in first..<times.count { changes.note(entry) }
    }

    private func add(_ columns: [Column], _ partitions: [UInt32], times newTimes: [Int64]) {
        let first = times.count
        rows.append(columns, rowCount: partitions.count)
        times += newTimes
        for (row, partition) in partitions.enumerated() {
            entries[Int(partition)].append(Int32(truncatingIfNeeded: first + row))
            owners.append(Int32(truncatingIfNeeded: partition))
        }
        rowCount += partitions.count
    }

    /// Notes that the first `count` rows of a partition are given out.
    func setGiven(_ count: Int, of partition: Int) {
        if count <= givenCounts[partition] { return }
        for entry in entries[partition][givenCounts[partition]..<count] { changes.note(Int(entry)) }
        givenCounts[partition] = count
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
        for entry in entries[partition].prefix(count).map({ Int($0) }) {
            owners[entry] = -1
            if changes.isKept && serials[entry] < freshSerial {
                removals.partitions.append(partition)
                removals.serials.append(serials[entry])
            }
        }
        entries[partition].removeFirst(count)
        givenCounts[partition] -= count
        goneRows[partition] += Int64(count)
        goneGroups[partition] += Int64(groups)
        changesOfGone.note(partition)
        rowCount -= count
    }

    /// Sets what is known of rows that have gone: a row of states per partition.
    func setStates(_ columns: [Column], of partitions: [Int]) {
        if partitions.isEmpty { return }
        let first = states.rowCount
        states.append(columns, rowCount: partitions.count)
        for (row, partition) in partitions.enumerated() {
            statePlaces[partition] = Int32(truncatingIfNeeded: first + row)
            changesOfGone.note(partition)
        }
    }

    /// Numbers rows, states and partitions anew when most have gone. True when the partitions have new numbers.
    func compactIfDue() -> Bool {
        if times.count > 1024 && times.count > 2 * rowCount || rowCount == 0 && !times.isEmpty {
            let kept = entries.flatMap { $0 }
            let columns = rows(kept)
            changes.renumber(kept.map { Int($0) })
            rows.removeAll()
            rows.append(columns, rowCount: kept.count)
            times = kept.map { times[Int($0)] }
            serials = kept.map { serials[Int($0)] }
            owners = kept.map { owners[Int($0)] }
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
        settleRemovals()
        let former = (entries: kept.map { entries[$0] }, given: kept.map { givenCounts[$0] })
        let keyColumns = keys.keys(of: Selection(kept))
        keys = GroupTable(keyTypes: keyTypes)
        (entries, givenCounts, goneRows, goneGroups, statePlaces) = ([], [], [], [], [])
        for (index, partition) in intern(keyColumns, rowCount: kept.count).enumerated() {
            entries[Int(partition)] = former.entries[index]
            givenCounts[Int(partition)] = former.given[index]
            for entry in former.entries[index] { owners[Int(entry)] = Int32(truncatingIfNeeded: partition) }
        }
        return true
    }

    // MARK: - State

    /// Rows whose partitions are about to get other numbers, or to be given out.
    private func settleRemovals() {
        let count = removals.serials.count
        if count == 0 { return }
        changes.noteRemoved(
            keys.keys(of: Selection(removals.partitions)) + rows.types.map { Column.nulls($0, count: count) }
                + [.booleans(Bitmap(repeating: true, count: count), validity: nil), numbers(removals.serials)])
        removals = ([], [])
    }

    private func numbers(_ values: [Int64]) -> Column {
        Column(type: .int64, count: values.count, values: .copying(values))
    }

    /// Keys, rows, whether they were given out, and serials.
    private func columns(_ wanted: [Int]) -> [Column] {
        let isGiven = wanted.map { entry in
            let partition = Int(owners[entry])
            let (all, given) = (entries[partition], givenCounts[partition])
            return given == all.count || entry < Int(all[given])
        }
        return keys.keys(of: Selection(wanted.map { Int(owners[$0]) })) + rows.taking(Selection(wanted))
            + [.booleans(Bitmap(isGiven), validity: nil), numbers(wanted.map { serials[$0] })]
    }

    /// All rows in the order they came, or with `isIncrement` those that have come, were given out or have gone since
    /// the last time; nil without rows.
    func rowTable(_ name: String, isIncrement: Bool) -> StateTable? {
        defer {
            changes.clear()
            removals = ([], [])
            freshSerial = nextSerial
        }
        if rowCount == 0 { return nil }
        guard isIncrement else {
            let all = columns(owners.indices.filter { owners[$0] >= 0 })
            return StateTable(name, .keyed(columnCount: keyTypes.count), all, rowCount: rowCount)
        }
        settleRemovals()
        let changed = changes.rows
        let wanted = (0..<changed.count).map { changed[$0] }.filter { owners[$0] >= 0 }
        let all = changes.increment(columns(wanted), isGone: wanted.map { _ in false })
        let serial = keyTypes.count + rows.types.count + 1
        return StateTable(
            name, .keyed(columnCount: keyTypes.count), all, rowCount: all[0].count,
            increment: .init(identity: Array(0..<keyTypes.count) + [serial], marksRemovals: true))
    }

    /// What is known of rows that have gone, a row per partition, or with `isIncrement` what has changed of it; nil
    /// when nothing is.
    func goneTable(_ name: String, isIncrement: Bool) -> StateTable? {
        defer { changesOfGone.clear() }
        let known = keepsEmpty ? goneRows.indices.filter { goneRows[$0] > 0 } : []
        if known.isEmpty { return nil }
        // Without keys there is one row, which nothing tells from the one before.
        let isIncrement = isIncrement && !keyTypes.isEmpty
        let changed = changesOfGone.rows
        let wanted = isIncrement ? (0..<changed.count).map { changed[$0] } : known
        let columns =
            keys.keys(of: Selection(wanted)) + [numbers(wanted.map { goneRows[$0] })]
            + [numbers(wanted.map { goneGroups[$0] })] + states(of: wanted).columns
        return StateTable(
            name, .keyed(columnCount: keyTypes.count), columns, rowCount: wanted.count,
            increment: isIncrement ? .init(identity: Array(keyTypes.indices)) : nil)
    }

    /// Adds what `rowTable` and `goneTable` gave; the time is column `timeColumn` of a row.
    func restore(_ state: RestoredState, rows rowName: String, gone goneName: String, timeColumn: Int) {
        let keyCount = keyTypes.count
        for batch in state.batches(goneName) {
            let partitions = intern(Array(batch.columns.prefix(keyCount)), rowCount: batch.rowCount).map { Int($0) }
            let numbers = batch.columns[keyCount..<(keyCount + 2)].map { $0.pointer(Int64.self) }
            for (row, partition) in partitions.enumerated() {
                goneRows[partition] = numbers[0][row]
                goneGroups[partition] = numbers[1][row]
            }
            let columns = Array(batch.columns.dropFirst(keyCount + 2))
            if !columns.isEmpty { setStates(columns, of: partitions) }
        }
        for batch in state.batches(rowName) {
            let partitions = intern(Array(batch.columns.prefix(keyCount)), rowCount: batch.rowCount)
            let columns = Array(batch.columns[keyCount..<(keyCount + rows.types.count)])
            let times = columns[timeColumn].pointer(Int64.self)
            add(columns, partitions, times: (0..<batch.rowCount).map { times[$0] })
            let isGiven = batch.columns[keyCount + rows.types.count].bits
            let known = batch.columns[keyCount + rows.types.count + 1].pointer(Int64.self)
            for (row, partition) in partitions.enumerated() {
                serials.append(known[row])
                nextSerial = max(nextSerial, known[row] + 1)
                if isGiven[row] { givenCounts[Int(partition)] += 1 }
            }
        }
        changes.clear()
        changesOfGone.clear()
        freshSerial = nextSerial
    }
}
