import Columnar

/// Brings a table and what has changed of it since into one.
public enum StateMerge {
    /// One table that says the same as several given one after another.
    ///
    /// Where one of them is whole so is the result; else it is an increment that may take their place. Rows keep the
    /// order in which they first came. Cost: one look-up in a hash table per row.
    public static func merge(_ tables: [StateTable]) -> StateTable? {
        guard var result = tables.last, let increment = result.increment else { return tables.last }
        let wholeIndex = tables.lastIndex { $0.increment == nil }
        let parts = tables[(wholeIndex ?? 0)...]
        let columnCount = result.batch.columns.count
        var all = RecordBatch.concatenating(
            parts.map { $0.batch.columns.count == columnCount ? $0.batch : markingNone($0.batch, like: result.batch) })
        let expiry = parts.compactMap { $0.increment?.expiry }.max { $0.bound < $1.bound }
        if !increment.identity.isEmpty { all = all.taking(newest(all, increment.identity)) }
        // A row of an increment that is too old still hides an earlier row of its identity that may not be.
        let hidesNothing = increment.identity.isEmpty || expiry.map { increment.identity.contains($0.column) } ?? true
        if let expiry, wholeIndex != nil || hidesNothing { all = all.taking(rows(of: all, notBefore: expiry)) }
        result.batch = all
        result.increment?.expiry = expiry
        if wholeIndex != nil {
            if increment.marksRemovals { result.batch = withoutRemoved(all) }
            result.increment = nil
        }
        return result
    }

    /// The states of a task's nodes from several files of its chain, given one after another: those of the last file,
    /// with what the earlier ones say of the same subtasks.
    public static func merge(_ files: [[NodeState]]) -> [NodeState] {
        (files.last ?? []).map { state in
            let history = files.map { file in
                file.first { $0.node == state.node && $0.subtask == state.subtask }?.tables ?? []
            }
            return NodeState(node: state.node, subtask: state.subtask, tables: merge(history))
        }
    }

    /// All tables of a node from several snapshots of it, given one after another. A table that the last one leaves out
    /// has no rows.
    public static func merge(_ snapshots: [[StateTable]]) -> [StateTable] {
        guard let last = snapshots.last else { return [] }
        return last.compactMap { table in
            var history: [StateTable] = [table]
            var former = snapshots.dropLast()
            while history.first?.increment != nil, let tables = former.popLast() {
                // A table that is not there had no rows then.
                guard let found = tables.first(where: { $0.name == table.name }) else {
                    history.insert(emptied(history[0]), at: 0)
                    break
                }
                history.insert(found, at: 0)
            }
            return merge(history)
        }
    }

    /// A whole table without rows, like an increment of it.
    private static func emptied(_ table: StateTable) -> StateTable {
        var empty = table
        let width = table.batch.columns.count - (table.increment?.marksRemovals == true ? 1 : 0)
        empty.batch = table.batch.selectingColumns(Array(0..<width)).slice(0, 0)
        empty.increment = nil
        return empty
    }

    /// A whole table's rows with the column of increments that says that none is gone.
    private static func markingNone(_ batch: RecordBatch, like other: RecordBatch) -> RecordBatch {
        let mark = Column.repeating(.boolean(false), count: batch.rowCount)
        return RecordBatch(schema: other.schema, columns: batch.columns + [mark], rowCount: batch.rowCount)
    }

    /// The last row of each identity, in the order of the first ones.
    private static func newest(_ batch: RecordBatch, _ identity: [Int]) -> Selection {
        let columns = identity.map { batch.columns[$0] }
        let table = GroupTable(keyTypes: columns.map(\.type))
        let ids = Buffer(byteCount: max(1, batch.rowCount) * 4)
        let numbers = ids.assuming(UInt32.self)
        table.intern(columns, rowCount: batch.rowCount, into: numbers)
        let rows = Buffer(byteCount: max(1, table.groupCount) * 4)
        let last = rows.assuming(Int32.self)
        for row in 0..<batch.rowCount { last[Int(numbers[row])] = Int32(truncatingIfNeeded: row) }
        return Selection(buffer: rows, count: table.groupCount)
    }

    private static func rows(of batch: RecordBatch, notBefore expiry: StateTable.Expiry) -> Selection {
        let values = batch.columns[expiry.column].pointer(Int64.self)
        return Selection((0..<batch.rowCount).filter { values[$0] >= expiry.bound })
    }

    private static func withoutRemoved(_ batch: RecordBatch) -> RecordBatch {
        let width = batch.columns.count - 1
        let gone = batch.columns[width].bits
        let kept = Selection((0..<batch.rowCount).filter { !gone[$0] })
        let rows = batch.selectingColumns(Array(0..<width))
        return kept.count == batch.rowCount ? rows : rows.taking(kept)
    }
}
