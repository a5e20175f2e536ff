import Columnar

/// Which rows of a state have changed since it was given out last, by number: groups of an aggregate, entries of a
/// join.
struct ChangedRows {
    /// Whether anybody will ask.
    let isKept: Bool
    private var flags: [UInt8] = []
    /// Rows that are gone, as their table has them, to be given out as removed.
    private(set) var removed: [[Column]] = []

    init(isKept: Bool) { self.isKept = isKept }

    /// Notes the rows whose numbers lie in `ids`, all below `rowCount`.
    mutating func note(_ ids: UnsafePointer<UInt32>, count: Int, rowCount: Int) {
        if !isKept { return }
        if flags.count < rowCount { flags += repeatElement(0, count: rowCount - flags.count) }
        flags.withUnsafeMutableBufferPointer { flags in
            for index in 0..<count { flags[Int(ids[index])] = 1 }
        }
    }

    mutating func note(_ row: Int) {
        if !isKept { return }
        if flags.count <= row { flags += repeatElement(0, count: row + 1 - flags.count) }
        flags[row] = 1
    }

    /// Notes rows that are about to go.
    mutating func noteRemoved(_ columns: [Column]) {
        if isKept, columns.first?.count ?? 0 > 0 { removed.append(columns) }
    }

    /// Rows get other numbers: the new row `n` is the old row `kept[n]`.
    mutating func renumber(_ kept: [Int]) {
        let former = flags
        flags = kept.map { $0 < former.count ? former[$0] : 0 }
    }

    /// The rows noted, ascending.
    var rows: Selection {
        var rows: [Int32] = []
        flags.withUnsafeBufferPointer { flags in
            for row in 0..<flags.count where flags[row] != 0 { rows.append(Int32(truncatingIfNeeded: row)) }
        }
        return Selection(buffer: .copying(rows), count: rows.count)
    }

    /// From here on only what changes again counts.
    mutating func clear() {
        removed = []
        flags.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
    }

    /// The columns of an increment that marks removals: rows that are gone first, as a row like them may have come
    /// back since, then the changed ones; `isGone` says which of these are gone too.
    func increment(_ changed: [Column], isGone: [Bool]) -> [Column] {
        let removedCount = removed.reduce(0) { $0 + ($1.first?.count ?? 0) }
        let marks = Bitmap(Array(repeating: true, count: removedCount) + isGone)
        let columns = changed.indices.map { index in
            removed.isEmpty ? changed[index] : Column.concatenating(removed.map { $0[index] } + [changed[index]])
        }
        return columns + [Column.booleans(marks, validity: nil)]
    }
}
