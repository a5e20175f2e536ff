import Columnar
import Expressions
import State

/// The groups of an updating aggregate: states, what was given out of each, and which have changed since.
struct UpdatingGroups: ~Copyable {
    private let plan: AggregatePlan
    private let isRetractable: Bool
    private let notesChanges: Bool
    private var table: GroupTable
    private var accumulators: AccumulatorSet
    /// How many rows each group has; without any it is dead.
    private var rowCounts = GroupArray<Int64>(initial: 0)
    /// When the last row of each group came, in milliseconds.
    private var touched = GroupArray<Int64>(initial: 0)
    /// Where in `emitted` the results stand that were given out last, −1 for none.
    private var emittedRows: [Int32] = []
    private var emitted: RowStore
    private var isChanged: [Bool] = []
    /// How many rows more each group has in the midst of a batch; zero between two.
    private var deltas: [Int32] = []
    /// The groups that may have changed since the last flush, in the order they did.
    private(set) var changed: [UInt32] = []
    private var changesOfState: ChangedRows
    private var deadCount = 0
    /// Groups whose time is over: they count as empty from now on.
    private var hasExpired = false

    /// Without `notesChanges` only the keys are of interest; with `isCheckpointed` increments will be asked for.
    init(_ plan: AggregatePlan, isRetractable: Bool, notesChanges: Bool, isCheckpointed: Bool) {
        changesOfState = ChangedRows(isKept: isCheckpointed)
        self.plan = plan
        self.notesChanges = notesChanges
        self.isRetractable = isRetractable
        table = GroupTable(keyTypes: plan.keyTypes)
        accumulators = plan.makeAccumulators(isRetractable: isRetractable)
        emitted = RowStore([])
    }

    var count: Int { rowCounts.count }
    var byteCount: Int {
        table.byteCount + accumulators.byteCount + emitted.byteCount + rowCounts.count * 21 + deltas.count * 4
    }

    func keys(from first: Int) -> [Column] { table.keys(from: first) }

    /// Adds rows, and takes away those of `retractions`. `columns` are those of the plan, `ids` scratch memory. A row
    /// taken back of a group that has none counts for nothing: the group was forgotten.
    mutating func add(
        _ columns: [Column], retractions: Bitmap?, rowCount: Int, at time: Int64, ids: UnsafeMutablePointer<UInt32>
    ) throws(KernelError) {
        table.intern(Array(columns.prefix(plan.keyCount)), rowCount: rowCount, into: ids)
        grow()
        changesOfState.note(ids, count: rowCount, rowCount: table.groupCount)
        guard let retractions else {
            try accumulators.update(columns, groups: ids, rowCount: rowCount, groupCount: table.groupCount)
            return tally(rowCount, nil, at: time, ids)
        }
        let ignored = rowsWithoutGroup(retractions, rowCount: rowCount, ids)
        if ignored.isEmpty {
            try accumulators.update(
                columns, retractions: retractions, groups: ids, rowCount: rowCount, groupCount: table.groupCount)
            return tally(rowCount, retractions, at: time, ids)
        }
        let known = Set(0..<rowCount).subtracting(ignored).sorted()
        let left = Bitmap(known.map { retractions[$0] })
        // Groups without rows are looked at in the next flush, and then forgotten.
        for row in 0..<rowCount { note(Int(ids[row])) }
        for (place, row) in known.enumerated() { ids[place] = ids[row] }
        let selection = Selection(known)
        accumulators.resize(table.groupCount)
        try accumulators.update(
            columns.map { $0.taking(selection) }, retractions: left, groups: ids, rowCount: known.count,
            groupCount: table.groupCount)
        tally(known.count, left, at: time, ids)
    }

    private mutating func tally(
        _ rowCount: Int, _ retractions: Bitmap?, at time: Int64, _ ids: UnsafeMutablePointer<UInt32>
    ) {
        let (rowCounts, touched) = (rowCounts.pointer, touched.pointer)
        for row in 0..<rowCount {
            let group = Int(ids[row])
            rowCounts[group] += retractions.map { $0[row] ? -1 : 1 } ?? 1
            touched[group] = time
            note(group)
        }
    }

    /// The rows that are taken back of a group that has none left.
    private mutating func rowsWithoutGroup(
        _ retractions: Bitmap, rowCount: Int, _ ids: UnsafeMutablePointer<UInt32>
    ) -> [Int] {
        let counts = rowCounts.pointer
        var ignored: [Int] = []
        deltas += repeatElement(0, count: max(0, count - deltas.count))
        for row in 0..<rowCount {
            let group = Int(ids[row])
            if !retractions[row] {
                deltas[group] += 1
            } else if counts[group] + Int64(deltas[group]) > 0 {
                deltas[group] -= 1
            } else {
                ignored.append(row)
            }
        }
        for row in 0..<rowCount { deltas[Int(ids[row])] = 0 }
        return ignored
    }

    /// The one group of an aggregate without keys, before its first row.
    mutating func addEmptyGroup(at time: Int64) {
        var id: UInt32 = 0
        table.intern([], rowCount: 1, into: &id)
        grow()
        accumulators.resize(1)
        touched[0] = time
        changesOfState.note(0)
        note(0)
    }

    private mutating func grow() {
        let added = table.groupCount - rowCounts.count
        if added <= 0 { return }
        rowCounts.resize(table.groupCount)
        touched.resize(table.groupCount)
        emittedRows += repeatElement(-1, count: added)
        isChanged += repeatElement(false, count: added)
    }

    private mutating func note(_ group: Int) {
        if isChanged[group] || !notesChanges { return }
        isChanged[group] = true
        changed.append(UInt32(truncatingIfNeeded: group))
    }

    /// Empties the groups that have had no row since a time.
    mutating func expire(before time: Int64) {
        if plan.keyTypes.isEmpty { return }
        for group in 0..<count where touched[group] < time && rowCounts[group] != 0 {
            accumulators.willWrite(group)
            rowCounts[group] = 0
            changesOfState.note(group)
            hasExpired = true
            note(group)
        }
    }

    // MARK: - Giving out

    /// Appends the old and the new row of every group whose result has changed. Groups without rows are only taken
    /// back, unless `keepsEmpty`.
    mutating func takeChanges(keepsEmpty: Bool, into changes: inout ChangeBatchBuilder) throws(KernelError) {
        if changed.isEmpty { return }
        let selection = Selection(buffer: .copying(changed), count: changed.count)
        let results = try accumulators.finish(selection)
        if emitted.types.count != results.count { emitted = RowStore(results.map(\.type)) }
        let pairs = changedPairs(results, keepsEmpty)
        let keys = table.keys(of: selection)
        let old = emitted.taking(Selection(buffer: .copying(pairs.old), count: pairs.old.count))
        // Rows 0..<n of both are the new ones, then come the old ones.
        let oldPlaces = Selection(buffer: .copying(pairs.oldPlaces), count: pairs.oldPlaces.count)
        let columns = zip(keys + results, keys.map { $0.taking(oldPlaces) } + old).map {
            Column.concatenating([$0, $1])
        }
        let order = Selection(buffer: .copying(pairs.order), count: pairs.order.count)
        let flags = Column.booleans(Bitmap(pairs.order.map { $0 >= changed.count }), validity: nil)
        changes.append(columns.map { $0.taking(order) }, count: order.count, retraction: flags)
        keepEmitted(results, pairs.fresh)
        for group in changed { isChanged[Int(group)] = false }
        changed.removeAll(keepingCapacity: true)
        forgetDead()
    }

    private struct Pairs {
        /// Rows of `emitted` that are taken back, and the places of their groups among the changed ones.
        var old: [Int32] = []
        var oldPlaces: [Int32] = []
        /// The order of rows to give: places of new rows, old rows counted on from their number.
        var order: [Int32] = []
        /// Places whose result is kept as given out.
        var fresh: [Int32] = []
    }

    private mutating func changedPairs(_ results: [Column], _ keepsEmpty: Bool) -> Pairs {
        var pairs = Pairs()
        let total = changed.count
        let same = unchanged(results)
        for (place, id) in changed.enumerated() {
            let group = Int(id)
            let isAlive = rowCounts[group] > 0 || keepsEmpty
            let old = emittedRows[group]
            if isAlive && old >= 0 && same[place] { continue }
            if old >= 0 {
                pairs.order.append(Int32(truncatingIfNeeded: total + pairs.old.count))
                pairs.old.append(old)
                pairs.oldPlaces.append(Int32(truncatingIfNeeded: place))
                emittedRows[group] = -1
            }
            if isAlive {
                pairs.order.append(Int32(truncatingIfNeeded: place))
                pairs.fresh.append(Int32(truncatingIfNeeded: place))
            } else {
                deadCount += 1
            }
        }
        return pairs
    }

    /// For each changed group whether its result is the one given out last.
    private func unchanged(_ results: [Column]) -> [Bool] {
        var places: [Int32] = []
        var rows: [Int32] = []
        for (place, id) in changed.enumerated() where emittedRows[Int(id)] >= 0 {
            places.append(Int32(truncatingIfNeeded: place))
            rows.append(emittedRows[Int(id)])
        }
        var same = Array(repeating: false, count: changed.count)
        let old = emitted.taking(Selection(buffer: .copying(rows), count: rows.count))
        let selection = Selection(buffer: .copying(places), count: places.count)
        let new = results.map { $0.taking(selection) }
        for (row, place) in places.enumerated() {
            same[Int(place)] = zip(old, new).allSatisfy { ValueOrder.compareNullable($0, row, $1, row) == 0 }
        }
        return same
    }

    private mutating func keepEmitted(_ results: [Column], _ fresh: [Int32]) {
        let selection = Selection(buffer: .copying(fresh), count: fresh.count)
        for (index, place) in fresh.enumerated() {
            emittedRows[Int(changed[Int(place)])] = Int32(truncatingIfNeeded: emitted.rowCount + index)
        }
        emitted.append(results.map { $0.taking(selection) }, rowCount: fresh.count)
        if emitted.rowCount > 2 * count + 1024 { rewriteEmitted() }
    }

    /// Drops the rows of `emitted` that have been replaced.
    private mutating func rewriteEmitted() {
        var rows: [Int32] = []
        for group in 0..<count where emittedRows[group] >= 0 {
            rows.append(emittedRows[group])
            emittedRows[group] = Int32(truncatingIfNeeded: rows.count - 1)
        }
        let kept = emitted.taking(Selection(buffer: .copying(rows), count: rows.count))
        emitted = RowStore(emitted.types)
        emitted.append(kept, rowCount: rows.count)
    }

    // MARK: - Forgetting

    /// Copies the groups that have rows into tables of their own, when many have none or some ran out of time.
    mutating func forgetDead() {
        guard hasExpired || deadCount > 1024 && deadCount * 2 > count, !plan.keyTypes.isEmpty else { return }
        hasExpired = false
        deadCount = 0
        let kept = (0..<count).filter { rowCounts[$0] > 0 }
        if changesOfState.isKept {
            changesOfState.noteRemoved(rows(Selection((0..<count).filter { rowCounts[$0] <= 0 })))
            changesOfState.renumber(kept)
        }
        let selection = Selection(kept)
        let keys = table.keys(of: selection)
        let states = accumulators.states().flatMap { $0 }.map { $0.taking(selection) }
        let ids = Buffer(byteCount: kept.count * 4)
        let places = ids.assuming(UInt32.self)
        table = GroupTable(keyTypes: plan.keyTypes)
        table.intern(keys, rowCount: kept.count, into: places)
        accumulators = plan.makeAccumulators(isRetractable: isRetractable)
        do throws(KernelError) {
            try accumulators.merge(flat: states, groups: places, rowCount: kept.count, groupCount: kept.count)
        } catch {
            // Each state goes into a group of its own: there is nothing to add that could overflow.
            preconditionFailure("moving states of an aggregate: \(error.message)")
        }
        let rows = kept.map { (rowCounts[$0], touched[$0]) }
        rowCounts = GroupArray(initial: 0)
        touched = GroupArray(initial: 0)
        rowCounts.resize(kept.count)
        touched.resize(kept.count)
        for (group, row) in rows.enumerated() { (rowCounts[group], touched[group]) = row }
        emittedRows = kept.map { emittedRows[$0] }
        let wasChanged = kept.map { isChanged[$0] }
        isChanged = wasChanged
        changed = wasChanged.indices.filter { wasChanged[$0] }.map { UInt32(truncatingIfNeeded: $0) }
    }

    // MARK: - State

    /// Keys, how many rows each has, when the last came, states; nil without groups. Nothing is copied but what rows
    /// change while it is read.
    mutating func snapshot() -> DeferredRows? {
        changesOfState.clear()
        if count == 0 { return nil }
        let keys = table.snapshot()
        let groups = accumulators.snapshot(with: [rowCounts.view, touched.view])
        let types = plan.keyTypes + [.int64, .int64] + accumulators.stateTypes
        return DeferredRows(StateTable.schema(types), rowCount: count) {
            let states = groups.makeReader()
            return { range in
                let numbers = (0..<2).map { array in
                    Column(type: .int64, count: range.count, values: groups.values(array, range, as: Int64.self))
                }
                return keys.keys(range) + numbers + states(range)
            }
        }
    }

    /// The same of the groups that have changed since the last snapshot or increment, with a column that says which are
    /// gone; nil without groups. `keepsEmpty`: a group without rows is there all the same.
    mutating func increment(keepsEmpty: Bool) -> [Column]? {
        defer { changesOfState.clear() }
        if count == 0 { return nil }
        let changed = changesOfState.rows
        return changesOfState.increment(
            rows(changed), isGone: (0..<changed.count).map { !keepsEmpty && rowCounts[changed[$0]] <= 0 })
    }

    /// Some groups as snapshots have them.
    private func rows(_ groups: Selection) -> [Column] {
        let (rowCounts, touched) = (rowCounts.pointer, touched.pointer)
        let numbers = [rowCounts, touched].map { values in
            Column(type: .int64, count: groups.count, values: .copying((0..<groups.count).map { values[groups[$0]] }))
        }
        return table.keys(of: groups) + numbers + accumulators.states(groups)
    }

    /// Adds what `snapshot` gave; with `emitsChanges` all of it counts as given out.
    mutating func restore(
        _ batch: RecordBatch, ids: UnsafeMutablePointer<UInt32>, emitsChanges: Bool
    ) throws(KernelError) {
        let keyCount = plan.keyCount
        let first = count
        table.intern(Array(batch.columns.prefix(keyCount)), rowCount: batch.rowCount, into: ids)
        grow()
        let counts = batch.columns[keyCount].pointer(Int64.self)
        let times = batch.columns[keyCount + 1].pointer(Int64.self)
        for row in 0..<batch.rowCount {
            rowCounts[Int(ids[row])] = counts[row]
            touched[Int(ids[row])] = times[row]
        }
        try accumulators.merge(
            flat: Array(batch.columns.dropFirst(keyCount + 2)), groups: ids, rowCount: batch.rowCount,
            groupCount: table.groupCount)
        guard emitsChanges else { return }
        let fresh = Selection(Array(first..<count))
        let results = try accumulators.finish(fresh)
        if emitted.types.count != results.count { emitted = RowStore(results.map(\.type)) }
        for group in first..<count where rowCounts[group] > 0 || plan.keyTypes.isEmpty {
            emittedRows[group] = Int32(truncatingIfNeeded: emitted.rowCount + group - first)
        }
        emitted.append(results, rowCount: count - first)
    }
}
