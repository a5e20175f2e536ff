import Columnar
import State

/// Rows by key that come and go: one side of an updating join, or the partitions of updating window functions.
///
/// A row is an entry with a number. Where rows are taken back, equal rows share an entry that counts them; else every
/// row is an entry of its own. Entries of a key are linked in the order they came. Entries without rows stay until
/// there are many of them, then all are numbered anew: numbers hold only until the next `compactIfDue` or `expire`.
final class KeyedRowTable {
    private let keyTypes: [DataType]
    private let rowTypes: [DataType]
    private let nullsMatch: Bool
    private let sharesEntries: Bool
    private var keys: GroupTable
    /// Finds the entry of a row.
    private var identity: GroupTable?
    private var rows: RowStore
    /// First and last entry of each key, −1 for none, and when a row of the key came last, in milliseconds.
    private var heads: [Int32] = []
    private var tails: [Int32] = []
    private var keyTimes: [Int64] = []
    /// Of each entry: the next one of its key, its key, how many rows it stands for, when the last of them came.
    private var next: [Int32] = []
    private var keyIDs: [UInt32] = []
    private var counts: [Int32] = []
    private var times: [Int64] = []
    /// How many rows of the other side each entry matches; the join keeps it.
    private var partners: [Int32] = []
    /// Numbers that entries keep for ever, by which snapshots tell them apart among those of their key.
    private var serials: [Int64] = []
    private var nextSerial: Int64 = 0
    private var changes: ChangedRows
    private var deadCount = 0

    /// `sharesEntries` is needed where rows are taken back. Null keys match nothing unless `nullsMatch`. With
    /// `isCheckpointed` increments will be asked for.
    init(
        keyTypes: [DataType], rowTypes: [DataType], sharesEntries: Bool, nullsMatch: Bool, isCheckpointed: Bool = false
    ) {
        changes = ChangedRows(isKept: isCheckpointed)
        self.keyTypes = keyTypes
        self.rowTypes = rowTypes
        self.sharesEntries = sharesEntries
        self.nullsMatch = nullsMatch
        keys = GroupTable(keyTypes: keyTypes)
        identity = sharesEntries ? GroupTable(keyTypes: rowTypes) : nil
        rows = RowStore(rowTypes)
    }

    var entryCount: Int { counts.count }
    var byteCount: Int {
        keys.byteCount + (identity?.byteCount ?? 0) + rows.byteCount + heads.count * 16 + counts.count * 32
    }

    /// The row of each entry given.
    func rows(_ entries: Selection) -> [Column] { rows.taking(entries) }

    /// The keys given by number.
    func keys(_ numbers: Selection) -> [Column] { keys.keys(of: numbers) }

    func key(of entry: Int) -> Int { Int(keyIDs[entry]) }
    func count(of entry: Int) -> Int32 { counts[entry] }
    func partners(of entry: Int) -> Int32 { partners[entry] }

    func setPartners(_ count: Int32, of entry: Int) {
        partners[entry] = count
        changes.note(entry)
    }

    /// Calls `body` with every entry of a key that stands for rows, in order.
    @inline(__always)
    func forEachEntry(ofKey key: Int, _ body: (Int) -> Void) {
        var entry = heads[key]
        while entry >= 0 {
            if counts[Int(entry)] > 0 { body(Int(entry)) }
            entry = next[Int(entry)]
        }
    }

    // MARK: - Changes

    /// Adds rows, and takes away those of `retractions`. Gives the entry of each row; −1 where its key is null, −2
    /// where a row is to be taken away that is not there.
    func change(
        _ keyColumns: [Column], _ rowColumns: [Column], rowCount: Int, retractions: Bitmap?, at time: Int64
    ) -> [Int32] {
        var entries = entries(of: keyColumns, rowColumns, rowCount)
        for row in 0..<rowCount where entries[row] >= 0 {
            let entry = Int(entries[row])
            changes.note(entry)
            if retractions.map({ $0[row] }) ?? false {
                if counts[entry] == 0 {
                    entries[row] = -2
                    continue
                }
                counts[entry] -= 1
                if counts[entry] == 0 { deadCount += 1 }
            } else {
                if counts[entry] == 0 { deadCount -= 1 }
                counts[entry] += 1
                times[entry] = time
                keyTimes[Int(keyIDs[entry])] = time
            }
        }
        return entries
    }

    /// The entry of each row, made where there is none; −1 where the key is null.
    func entries(of keyColumns: [Column], _ rowColumns: [Column], _ rowCount: Int) -> [Int32] {
        let scratch = Buffer(byteCount: rowCount * 8)
        let keyOfRow = scratch.assuming(UInt32.self)
        keys.intern(keyColumns, rowCount: rowCount, into: keyOfRow)
        let added = keys.groupCount - heads.count
        heads += repeatElement(-1, count: added)
        tails += repeatElement(-1, count: added)
        keyTimes += repeatElement(0, count: added)
        let nullable = nullsMatch ? [] : keyColumns.filter { $0.validity != nil || $0.type == .null }
        let shared = keyOfRow + rowCount
        identity?.intern(rowColumns, rowCount: rowCount, into: shared)
        var entries = Array(repeating: Int32(-1), count: rowCount)
        var fresh: [Int32] = []
        for row in 0..<rowCount {
            let hasKey = nullable.isEmpty || !nullable.contains { $0.isNull(row) }
            // With shared entries even rows without a key take a number, as equal rows are numbered by the table.
            if !hasKey && !sharesEntries { continue }
            let entry = sharesEntries ? Int(shared[row]) : counts.count
            if entry == counts.count {
                add(key: Int(keyOfRow[row]), isLinked: hasKey)
                fresh.append(Int32(truncatingIfNeeded: row))
            }
            if hasKey { entries[row] = Int32(truncatingIfNeeded: entry) }
        }
        if !fresh.isEmpty {
            let selection = Selection(buffer: .copying(fresh), count: fresh.count)
            rows.append(rowColumns.map { $0.taking(selection) }, rowCount: fresh.count)
        }
        return entries
    }

    private func add(key: Int, isLinked: Bool) {
        let entry = Int32(truncatingIfNeeded: counts.count)
        counts.append(0)
        deadCount += 1
        times.append(0)
        partners.append(0)
        serials.append(nextSerial)
        nextSerial += 1
        keyIDs.append(UInt32(truncatingIfNeeded: key))
        next.append(-1)
        if !isLinked { return }
        if heads[key] < 0 { heads[key] = entry } else { next[Int(tails[key])] = entry }
        tails[key] = entry
    }

    /// Sets how many rows an entry stands for.
    func setCount(_ count: Int32, of entry: Int, at time: Int64) {
        if (counts[entry] == 0) != (count == 0) { deadCount += count == 0 ? 1 : -1 }
        changes.note(entry)
        counts[entry] = count
        times[entry] = time
        keyTimes[Int(keyIDs[entry])] = time
    }

    /// The number of each row's key, −1 where nothing has it.
    func find(_ keyColumns: [Column], rowCount: Int) -> [Int32] {
        let buffer = Buffer(byteCount: rowCount * 4)
        let ids = buffer.assuming(Int32.self)
        keys.find(keyColumns, rowCount: rowCount, into: ids)
        if !nullsMatch {
            for column in keyColumns where column.validity != nil || column.type == .null {
                for row in 0..<rowCount where column.isNull(row) { ids[row] = -1 }
            }
        }
        return Array(UnsafeBufferPointer(start: ids, count: rowCount))
    }

    // MARK: - Forgetting

    /// When a row of a key came last, in milliseconds.
    func time(ofKey key: Int) -> Int64 { keyTimes[key] }

    /// Says when a key was last of use, also in the next increment: any of its entries tells.
    func setTime(_ time: Int64, ofKey key: Int) {
        keyTimes[key] = time
        var entry = heads[key]
        while entry >= 0, counts[Int(entry)] <= 0 { entry = next[Int(entry)] }
        if entry >= 0 { changes.note(Int(entry)) }
    }

    /// Forgets rows that came before a time; with `byKey` only with all others of their key.
    func expire(before time: Int64, byKey: Bool) {
        let hasOld =
            byKey
            ? keyTimes.contains { $0 < time }
            : counts.indices.contains { counts[$0] > 0 && times[$0] < time }
        if hasOld { rebuild { (byKey ? self.keyTimes[Int(self.keyIDs[$0])] : self.times[$0]) >= time } }
    }

    /// Numbers entries anew when most of them stand for no rows.
    func compactIfDue() {
        if deadCount > 1024 && deadCount * 2 > entryCount { rebuild { _ in true } }
    }

    private func rebuild(_ isKept: (Int) -> Bool) {
        let kept = (0..<entryCount).filter { counts[$0] > 0 && isKept($0) }
        if changes.isKept {
            let gone = (0..<entryCount).filter { counts[$0] <= 0 || !isKept($0) }
            changes.noteRemoved(columns(gone))
            changes.renumber(kept)
        }
        let (formerSerials, formerNext) = (kept.map { serials[$0] }, nextSerial)
        let selection = Selection(kept)
        let rowColumns = rows.taking(selection)
        let keyColumns = keys.keys(of: Selection(kept.map { Int(keyIDs[$0]) }))
        let former = (
            counts: kept.map { counts[$0] }, partners: kept.map { partners[$0] }, times: kept.map { times[$0] },
            keyTimes: kept.map { keyTimes[Int(keyIDs[$0])] }
        )
        clear()
        let entries = entries(of: keyColumns, rowColumns, kept.count)
        for (index, entry) in entries.enumerated() where entry >= 0 {
            setCount(former.counts[index], of: Int(entry), at: former.times[index])
            keyTimes[Int(keyIDs[Int(entry)])] = former.keyTimes[index]
            partners[Int(entry)] = former.partners[index]
            serials[Int(entry)] = formerSerials[index]
        }
        nextSerial = formerNext
    }

    private func clear() {
        keys = GroupTable(keyTypes: keyTypes)
        identity = sharesEntries ? GroupTable(keyTypes: rowTypes) : nil
        rows = RowStore(rowTypes)
        (heads, tails, keyTimes, next, keyIDs) = ([], [], [], [], [])
        (counts, times, partners, serials, deadCount) = ([], [], [], [], 0)
    }

    // MARK: - State

    /// What is known of all entries, as of now.
    private struct Content: Sendable {
        var rows: RowStore
        var keyIDs: [UInt32]
        var counts: [Int32]
        var partners: [Int32]
        var times: [Int64]
        var keyTimes: [Int64]
        var serials: [Int64]

        /// Keys, then the rows with how many, their partners, their time, their key's time and their serial. `keys` are
        /// those of the entries.
        func columns(_ entries: [Int], keys: [Column]) -> [Column] {
            func numbers(_ value: (Int) -> Int64) -> Column {
                Column(type: .int64, count: entries.count, values: .copying(entries.map(value)))
            }
            return keys + rows.taking(Selection(entries))
                + [
                    numbers { Int64(counts[$0]) }, numbers { Int64(partners[$0]) }, numbers { times[$0] },
                    numbers { keyTimes[Int(keyIDs[$0])] }, numbers { serials[$0] },
                ]
        }
    }

    private var content: Content {
        Content(
            rows: rows, keyIDs: keyIDs, counts: counts, partners: partners, times: times, keyTimes: keyTimes,
            serials: serials)
    }

    private func columns(_ entries: [Int]) -> [Column] {
        content.columns(entries, keys: keys.keys(of: Selection(entries.map { Int(keyIDs[$0]) })))
    }

    /// All rows; nil without any. They are gathered when they are read: only the distinct keys are copied here, and
    /// each array of numbers when it is next written to.
    func snapshot(_ name: String) -> StateTable? {
        changes.clear()
        if entryCount == deadCount { return nil }
        let (content, distinct) = (content, keys.keys())
        let numbers = Array(repeating: DataType.int64, count: 5)
        let fields = (keyTypes + rowTypes + numbers).enumerated().map { Field("c\($0)", $1) }
        return StateTable(
            name, .keyed(columnCount: keyTypes.count),
            DeferredRows(Schema(fields), rowCount: entryCount - deadCount) {
                let alive = content.counts.indices.filter { content.counts[$0] > 0 }
                return { range in
                    let entries = Array(alive[range])
                    let owners = Selection(entries.map { Int(content.keyIDs[$0]) })
                    return content.columns(entries, keys: distinct.map { $0.taking(owners) })
                }
            })
    }

    /// The rows that have changed since the last snapshot or increment; nil without rows.
    func increment(_ name: String) -> StateTable? {
        defer { changes.clear() }
        if entryCount == 0 { return nil }
        let changed = changes.rows
        let entries = (0..<changed.count).map { changed[$0] }
        let all = changes.increment(columns(entries), isGone: entries.map { counts[$0] <= 0 })
        let serial = keyTypes.count + rowTypes.count + 4
        return StateTable(
            name, .keyed(columnCount: keyTypes.count), all, rowCount: all[0].count,
            increment: .init(identity: Array(0..<keyTypes.count) + [serial], marksRemovals: true))
    }

    /// Adds what `snapshot` gave. Subtasks before may have given one serial to rows of different keys.
    func restore(_ state: RestoredState, _ name: String) {
        for batch in state.batches(name) {
            let width = keyTypes.count + rowTypes.count
            let entries = entries(
                of: Array(batch.columns.prefix(keyTypes.count)),
                Array(batch.columns[keyTypes.count..<width]), batch.rowCount)
            let numbers = batch.columns.suffix(5).map { $0.pointer(Int64.self) }
            for (row, entry) in entries.enumerated() where entry >= 0 {
                let entry = Int(entry)
                let keyTime = keyTimes[Int(keyIDs[entry])]
                setCount(Int32(truncatingIfNeeded: numbers[0][row]), of: entry, at: numbers[2][row])
                partners[entry] = Int32(truncatingIfNeeded: numbers[1][row])
                // Only the entry that was written last knows the last time.
                keyTimes[Int(keyIDs[entry])] = max(keyTime, numbers[3][row])
                serials[entry] = numbers[4][row]
                nextSerial = max(nextSerial, numbers[4][row] + 1)
            }
        }
        changes.clear()
    }
}
