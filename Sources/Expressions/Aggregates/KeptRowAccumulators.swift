import Columnar

/// `first_value`, `last_value` (nulls count as values) and `any_value` (the first that is not null).
final class PositionalAccumulator: GroupsAccumulator {
    enum Kind { case first, last, any }

    private var rows: KeptRows
    private let kind: Kind

    init(_ kind: Kind, type: DataType) {
        self.kind = kind
        rows = KeptRows([type])
    }

    func resize(groupCount: Int) { rows.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let mask = kind == .any ? presentRows([arguments[0]], filter) : filter
        keep(groups, rowCount, mask)
        rows.commit([arguments[0]])
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        keep(groups, rowCount, states[1].bits)
        rows.commit([states[0]])
    }

    private func keep(_ groups: UnsafePointer<UInt32>, _ rowCount: Int, _ mask: Bitmap?) {
        let isLast = kind == .last
        forEachRow(rowCount, in: mask) { row in
            let group = Int(groups[row])
            if isLast || !rows.hasRow(group) { rows.keep(row, group: group) }
        }
    }

    func states() -> [Column] {
        let (columns, isPresent) = rows.columns()
        return columns + [isPresent]
    }

    func states(_ groups: Selection) -> [Column] {
        let (columns, isPresent) = rows.columns(groups)
        return columns + [isPresent]
    }

    func finish() throws(KernelError) -> Column { rows.columns().columns[0] }
    func finish(_ groups: Selection) throws(KernelError) -> Column { rows.columns(groups).columns[0] }

    var arrays: [ArrayView] { [rows.view] }

    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot {
        rows.snapshot()
    }

    var byteCount: Int { rows.byteCount }
}

/// `min_by(value, key)` and `max_by`, and `min`, `max` of types without a loop of their own (value and key are one).
///
/// Rows whose key is null are left out; of equal keys the first row counts.
final class ExtremeRowAccumulator: GroupsAccumulator {
    private var rows: KeptRows
    private let isMaximum: Bool
    private let types: [DataType]

    /// `types`: the value's and the key's, or the one type of both.
    init(isMaximum: Bool, types: [DataType]) {
        self.isMaximum = isMaximum
        self.types = types
        rows = KeptRows(types)
    }

    func resize(groupCount: Int) { rows.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let columns = Array(arguments.prefix(types.count))
        let keyIndex = types.count - 1
        let key = columns[keyIndex]
        let wantsGreater = isMaximum
        forEachRow(rowCount, in: presentRows([key], filter)) { row in
            let group = Int(groups[row])
            guard rows.hasRow(group) else { return rows.keep(row, group: group) }
            let order = rows.compare(row, of: key, index: keyIndex, withGroup: group)
            if wantsGreater ? order > 0 : order < 0 { rows.keep(row, group: group) }
        }
        rows.commit(columns)
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        try update(
            Array(states.prefix(types.count)), groups: groups, rowCount: rowCount, filter: states[types.count].bits)
    }

    func states() -> [Column] {
        let (columns, isPresent) = rows.columns()
        return columns + [isPresent]
    }

    func states(_ groups: Selection) -> [Column] {
        let (columns, isPresent) = rows.columns(groups)
        return columns + [isPresent]
    }

    func finish() throws(KernelError) -> Column { rows.columns().columns[0] }
    func finish(_ groups: Selection) throws(KernelError) -> Column { rows.columns(groups).columns[0] }

    var arrays: [ArrayView] { [rows.view] }

    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot {
        rows.snapshot()
    }

    var byteCount: Int { rows.byteCount }
}
