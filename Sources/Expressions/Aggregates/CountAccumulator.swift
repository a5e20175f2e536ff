import Columnar

/// `count(*)`, and `count(x, …)`: the rows in which every argument is present.
final class CountAccumulator: RetractableAccumulator {
    private var counts = GroupArray<Int64>(initial: 0)

    func resize(groupCount: Int) { counts.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let mask = presentRows(arguments, filter)
        let counts = counts.pointer
        if self.counts.count == 1 {
            counts[0] &+= Int64(mask.map(\.trueCount) ?? rowCount)
            return
        }
        forEachRow(rowCount, in: mask) { row in counts[Int(groups[row])] &+= 1 }
    }

    func retract(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let counts = counts.pointer
        forEachRow(rowCount, in: presentRows(arguments, filter)) { row in counts[Int(groups[row])] &-= 1 }
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        let counts = counts.pointer
        let others = states[0].pointer(Int64.self)
        for row in 0..<rowCount { counts[Int(groups[row])] &+= others[row] }
    }

    func states() -> [Column] { [column()] }
    func finish() throws(KernelError) -> Column { column() }

    func states(_ groups: Selection) -> [Column] { [column(groups)] }
    func finish(_ groups: Selection) throws(KernelError) -> Column { column(groups) }

    private func column(_ groups: Selection) -> Column {
        let counts = counts.pointer
        return groupColumn(.int64, of: groups, filler: 0) { Optional(counts[$0]) }
    }

    private func column() -> Column {
        let bytes = UnsafeRawBufferPointer(start: counts.pointer, count: counts.count * 8)
        return Column(type: .int64, count: counts.count, values: .copying(bytes))
    }

    var arrays: [ArrayView] { [counts.view] }
    var byteCount: Int { counts.byteCount }
}
