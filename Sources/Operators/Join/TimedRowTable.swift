import Columnar
import State

/// Rows by key and event time: what an interval join keeps of one side, or the versions of a temporal join.
///
/// A row is an entry with a number. The entries of a key are linked from the latest to the earliest, so that whoever
/// looks for times near the present passes no older rows; of equal times the one that came last stands first. Entries
/// that were dropped stay until there are many of them, then all are numbered anew: numbers hold only until the next
/// `compactIfDue`.
final class TimedRowTable {
    private let keyTypes: [DataType]
    private let rowTypes: [DataType]
    /// Column of the event time among those of a row.
    private let timeColumn: Int
    private let nullsMatch: Bool
    private var keys: GroupTable
    private var rows: RowStore
    /// Latest entry of each key, −1 for none.
    private var heads: [Int32] = []
    /// Of each entry: the next earlier one of its key, its key, its time, whether it was dropped.
    private var links: [Int32] = []
    private var keyIDs: [UInt32] = []
    private(set) var times: [Int64] = []
    private var isDropped: [Bool] = []
    /// A mark of the owner on each entry.
    private(set) var isMarked: [Bool] = []
    /// Numbers that entries keep for ever, by which snapshots tell them apart among those of their key.
    private var serials: [Int64] = []
    private var nextSerial: Int64 = 0
    private var changes: ChangedRows
    private var droppedCount = 0
    /// All entries before this time were dropped, and none comes any more.
    private var droppedBefore = Int64.min
    /// No entry that stays is earlier.
    private(set) var earliest = Int64.max

    /// Null keys match nothing unless `nullsMatch`. With `isCheckpointed` increments will be asked for.
    init(
        keyTypes: [DataType], rowTypes: [DataType], timeColumn: Int, nullsMatch: Bool, isCheckpointed: Bool = false
    ) {
        changes = ChangedRows(isKept: isCheckpointed)
        self.keyTypes = keyTypes
        self.rowTypes = rowTypes
        self.timeColumn = timeColumn
        self.nullsMatch = nullsMatch
        keys = GroupTable(keyTypes: keyTypes)
        rows = RowStore(rowTypes)
    }

    /// Rows kept.
    var rowCount: Int { times.count - droppedCount }
    var keyCount: Int { heads.count }
    var byteCount: Int { keys.byteCount + rows.byteCount + heads.count * 4 + times.count * 26 }

    func rows(_ entries: Selection) -> [Column] { rows.taking(entries) }

    // MARK: - Rows in

    /// Adds rows with their marks; all have a key, or nulls match.
    func append(_ keyColumns: [Column], _ rowColumns: [Column], rowCount: Int, marks: [Bool]) {
        let first = times.count
        add(keyColumns, rowColumns, rowCount: rowCount, marks: marks, serials: nil)
        for entry in first..<times.count { changes.note(entry) }
    }

    /// `serials` are those of entries that were there before.
    private func add(
        _ keyColumns: [Column], _ rowColumns: [Column], rowCount: Int, marks: [Bool], serials known: [Int64]?
    ) {
        if rowCount == 0 { return }
        let scratch = Buffer(byteCount: rowCount * 4)
        let ids = scratch.assuming(UInt32.self)
        keys.intern(keyColumns, rowCount: rowCount, into: ids)
        heads += repeatElement(-1, count: keys.groupCount - heads.count)
        rows.append(rowColumns, rowCount: rowCount)
        let values = rowColumns[timeColumn].pointer(Int64.self)
        for row in 0..<rowCount {
            link(key: Int(ids[row]), time: values[row], mark: marks[row])
            serials.append(known?[row] ?? nextSerial)
            nextSerial = max(nextSerial, serials[serials.count - 1] + 1)
        }
    }

    /// Marks an entry.
    func mark(_ entry: Int) {
        isMarked[entry] = true
        changes.note(entry)
    }

    private func link(key: Int, time: Int64, mark: Bool) {
        let entry = Int32(truncatingIfNeeded: times.count)
        var later: Int32 = -1
        var place = heads[key]
        while place >= 0, times[Int(place)] > time {
            later = place
            place = links[Int(place)]
        }
        links.append(place)
        if later < 0 { heads[key] = entry } else { links[Int(later)] = entry }
        keyIDs.append(UInt32(truncatingIfNeeded: key))
        times.append(time)
        isDropped.append(false)
        isMarked.append(mark)
        earliest = min(earliest, time)
    }

    // MARK: - Looking up

    /// Whether each row has a key that can match anything.
    func hasKeys(_ keyColumns: [Column], rowCount: Int) -> [Bool] {
        var result = Array(repeating: true, count: rowCount)
        if nullsMatch { return result }
        for column in keyColumns where column.validity != nil || column.type == .null {
            for row in 0..<rowCount where column.isNull(row) { result[row] = false }
        }
        return result
    }

    /// The number of each row's key, −1 where nothing has it.
    func find(_ keyColumns: [Column], rowCount: Int) -> [Int32] {
        let buffer = Buffer(byteCount: rowCount * 4)
        let ids = buffer.assuming(Int32.self)
        keys.find(keyColumns, rowCount: rowCount, into: ids)
        let known = hasKeys(keyColumns, rowCount: rowCount)
        for row in 0..<rowCount where !known[row] { ids[row] = -1 }
        return Array(UnsafeBufferPointer(start: ids, count: rowCount))
    }

    /// Calls `body` with the entries of a key whose times lie in a range, latest first.
    @inline(__always)
    func forEachEntry(ofKey key: Int, from lower: Int64, through upper: Int64, _ body: (Int) -> Void) {
        var entry = heads[key]
        while entry >= 0, times[Int(entry)] >= lower {
            if times[Int(entry)] <= upper, !isDropped[Int(entry)] { body(Int(entry)) }
            entry = links[Int(entry)]
        }
    }

    /// The latest entry of a key that is not later than a time; −1 for none.
    @inline(__always)
    func latest(ofKey key: Int, through time: Int64) -> Int32 {
        var entry = heads[key]
        while entry >= 0, times[Int(entry)] > time || isDropped[Int(entry)] { entry = links[Int(entry)] }
        return entry
    }

    /// The entry after another among those of its key: the next earlier one that stays; −1 for none.
    @inline(__always)
    func before(_ entry: Int32) -> Int32 {
        var entry = links[Int(entry)]
        while entry >= 0, isDropped[Int(entry)] { entry = links[Int(entry)] }
        return entry
    }

    // MARK: - Forgetting

    /// Drops the entries before a time. Gives those without a mark in order of time, when `wantsUnmarked`.
    func drop(before time: Int64, wantsUnmarked: Bool) -> [Int32] {
        droppedBefore = max(droppedBefore, time)
        if earliest >= time { return [] }
        var unmarked: [Int32] = []
        earliest = .max
        for entry in times.indices where !isDropped[entry] {
            if times[entry] >= time {
                earliest = min(earliest, times[entry])
                continue
            }
            isDropped[entry] = true
            droppedCount += 1
            if wantsUnmarked, !isMarked[entry] { unmarked.append(Int32(truncatingIfNeeded: entry)) }
        }
        return unmarked.sorted { (times[Int($0)], $0) < (times[Int($1)], $1) }
    }

    /// Drops one entry.
    func drop(_ entry: Int) {
        changes.note(entry)
        isDropped[entry] = true
        droppedCount += 1
    }

    /// Numbers entries anew when most of them were dropped.
    func compactIfDue() {
        guard droppedCount > 1024 && droppedCount * 2 > times.count || droppedCount == times.count else { return }
        let kept = times.indices.filter { !isDropped[$0] }
        if changes.isKept {
            let changed = changes.rows
            changes.noteRemoved(columns((0..<changed.count).map { changed[$0] }.filter { isDropped[$0] }))
            changes.renumber(kept)
        }
        let rowColumns = rows.taking(Selection(kept))
        let keyColumns = keys.keys(of: Selection(kept.map { Int(keyIDs[$0]) }))
        let former = (marks: kept.map { isMarked[$0] }, serials: kept.map { serials[$0] })
        keys = GroupTable(keyTypes: keyTypes)
        rows = RowStore(rowTypes)
        (heads, links, keyIDs, times, isDropped, isMarked, serials) = ([], [], [], [], [], [], [])
        droppedCount = 0
        earliest = .max
        add(keyColumns, rowColumns, rowCount: kept.count, marks: former.marks, serials: former.serials)
    }

    // MARK: - State

    /// Keys, rows, marks and serials.
    private func columns(_ entries: [Int]) -> [Column] {
        keys.keys(of: Selection(entries.map { Int(keyIDs[$0]) })) + rows.taking(Selection(entries))
            + [
                Column.booleans(Bitmap(entries.map { isMarked[$0] }), validity: nil),
                Column(type: .int64, count: entries.count, values: .copying(entries.map { serials[$0] })),
            ]
    }

    /// All entries in the order they came; nil without any.
    func snapshot(_ name: String) -> StateTable? {
        changes.clear()
        let kept = times.indices.filter { !isDropped[$0] }
        if kept.isEmpty { return nil }
        return StateTable(name, .keyed(columnCount: keyTypes.count), columns(kept), rowCount: kept.count)
    }

    /// The entries that have come, or were marked or dropped, since the last snapshot or increment; nil without any
    /// entries. What went for its time is told by that.
    func increment(_ name: String) -> StateTable? {
        defer { changes.clear() }
        if rowCount == 0 { return nil }
        let changed = changes.rows
        let entries = (0..<changed.count).map { changed[$0] }
        let all = changes.increment(columns(entries), isGone: entries.map { isDropped[$0] })
        let serial = keyTypes.count + rowTypes.count + 1
        let expiry = droppedBefore == .min ? nil : StateTable.Expiry(
            column: keyTypes.count + timeColumn, bound: droppedBefore)
        return StateTable(
            name, .keyed(columnCount: keyTypes.count), all, rowCount: all[0].count,
            increment: .init(
                identity: Array(0..<keyTypes.count) + [serial], marksRemovals: true, expiry: expiry))
    }

    /// Adds what `snapshot` gave. Subtasks before may have given one serial to rows of different keys.
    func restore(_ state: RestoredState, _ name: String) {
        for batch in state.batches(name) {
            let width = keyTypes.count + rowTypes.count
            let bits = batch.columns[width].bits
            let serials = batch.columns[width + 1].pointer(Int64.self)
            add(
                Array(batch.columns.prefix(keyTypes.count)), Array(batch.columns[keyTypes.count..<width]),
                rowCount: batch.rowCount, marks: (0..<batch.rowCount).map { bits[$0] },
                serials: (0..<batch.rowCount).map { serials[$0] })
        }
        changes.clear()
    }
}
