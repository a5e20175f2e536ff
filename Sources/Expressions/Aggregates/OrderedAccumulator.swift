import Columnar

/// How one ordering expression sorts.
public struct OrderDirection: Hashable, Sendable {
    public var isDescending: Bool
    public var nullsFirst: Bool

    public init(isDescending: Bool, nullsFirst: Bool) {
        self.isDescending = isDescending
        self.nullsFirst = nullsFirst
    }
}

/// `f(x ORDER BY y, …)`: keeps all rows and gives them to `f` in order when the result is asked for.
///
/// The ordering columns follow the function's own arguments.
final class OrderedAccumulator: GroupsAccumulator {
    private var rows: CollectedRows
    private let argumentCount: Int
    private let directions: [OrderDirection]
    private let makeInner: () -> any GroupsAccumulator

    /// `types`: those of the arguments, then those of the ordering columns.
    init(
        types: [DataType], argumentCount: Int, directions: [OrderDirection],
        makeInner: @escaping () -> any GroupsAccumulator
    ) {
        rows = CollectedRows(types)
        self.argumentCount = argumentCount
        self.directions = directions
        self.makeInner = makeInner
    }

    func resize(groupCount: Int) { rows.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        try rows.append(arguments, groups: groups, rowCount: rowCount, mask: filter)
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        try rows.appendLists(states, groups: groups, rowCount: rowCount)
    }

    func states() -> [Column] { rows.lists(emptyIsNull: false) }
    func states(_ groups: Selection) -> [Column] { rows.lists(of: groups, emptyIsNull: false) }

    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot {
        rows.snapshot()
    }

    func finish() throws(KernelError) -> Column { try result(rows.content) }

    func finish(_ groups: Selection) throws(KernelError) -> Column { try result(rows.content.picking(groups)) }

    private func result(_ rows: CollectedContent) throws(KernelError) -> Column {
        let grouped = rows.grouped()
        let keys = Array(grouped.columns.dropFirst(argumentCount))
        let indices = Buffer(byteCount: max(1, rows.rowCount) * 4)
        let order = indices.assuming(Int32.self)
        var groups = GroupArray<UInt32>(initial: 0)
        groups.resize(rows.rowCount)
        var position = 0
        for group in 0..<rows.groupCount {
            // Equal rows keep the order in which they came: sorted(by:) is stable.
            for row in grouped.range(group).sorted(by: { self.precedes(keys, $0, $1) }) {
                order[position] = Int32(truncatingIfNeeded: row)
                groups[position] = UInt32(truncatingIfNeeded: group)
                position += 1
            }
        }
        let selection = Selection(buffer: indices, count: position)
        let arguments = grouped.columns.prefix(argumentCount).map { $0.taking(selection) }
        let inner = makeInner()
        inner.resize(groupCount: rows.groupCount)
        try inner.update(arguments, groups: groups.pointer, rowCount: position, filter: nil)
        return try inner.finish()
    }

    private func precedes(_ keys: [Column], _ left: Int, _ right: Int) -> Bool {
        for (key, direction) in zip(keys, directions) {
            switch (key.isNull(left), key.isNull(right)) {
            case (true, true): continue
            case (true, false): return direction.nullsFirst
            case (false, true): return !direction.nullsFirst
            case (false, false):
                let order = ValueOrder.compare(key, left, key, right)
                if order != 0 { return (order < 0) != direction.isDescending }
            }
        }
        return false
    }

    var byteCount: Int { rows.byteCount }
}
