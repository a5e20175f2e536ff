import Columnar

/// `bool_and`, `bool_or`, and `min`, `max` of booleans, which are the same.
final class BooleanFold: FixedWidthAccumulator {
    private static let unknown: UInt8 = 2
    private var values = GroupArray<UInt8>(initial: BooleanFold.unknown)
    private let isConjunction: Bool

    init(isConjunction: Bool) { self.isConjunction = isConjunction }

    func resize(groupCount: Int) { values.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        fold(arguments[0].bits, groups, rowCount, presentRows(arguments, filter))
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        fold(states[0].bits, groups, rowCount, states[0].validity)
    }

    private func fold(_ bits: Bitmap, _ groups: UnsafePointer<UInt32>, _ rowCount: Int, _ mask: Bitmap?) {
        let values = values.pointer
        let unknown = Self.unknown
        if isConjunction {
            forEachRow(rowCount, in: mask) { row in
                let group = Int(groups[row])
                let value: UInt8 = bits[row] ? 1 : 0
                values[group] = values[group] == unknown ? value : values[group] & value
            }
        } else {
            forEachRow(rowCount, in: mask) { row in
                let group = Int(groups[row])
                let value: UInt8 = bits[row] ? 1 : 0
                values[group] = values[group] == unknown ? value : values[group] | value
            }
        }
    }

    func states() -> [Column] { [column()] }
    func finish() throws(KernelError) -> Column { column() }

    private func column() -> Column {
        var builder = BooleanBuilder(capacity: values.count)
        for group in 0..<values.count {
            builder.append(values[group] == Self.unknown ? nil : values[group] == 1)
        }
        return builder.finish()
    }

    func makeEmpty() -> any GroupsAccumulator { BooleanFold(isConjunction: isConjunction) }
    var arrays: [ArrayView] { [values.view] }
    var byteCount: Int { values.byteCount }
}

/// `bit_and`, `bit_or` and `bit_xor` of integers of one width.
final class BitFold<Input: FixedWidthInteger & BitwiseCopyable>: FixedWidthAccumulator {
    enum Kind { case and, or, xor }

    private var values: GroupArray<Input>
    private var isPresent = GroupArray<UInt8>(initial: 0)
    private let kind: Kind
    private let type: DataType

    init(_ kind: Kind, type: DataType) {
        self.kind = kind
        self.type = type
        values = GroupArray(initial: kind == .and ? ~0 : 0)
    }

    func resize(groupCount: Int) {
        values.resize(groupCount)
        isPresent.resize(groupCount)
    }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let values = values.pointer
        let isPresent = isPresent.pointer
        let input = arguments[0].pointer(Input.self)
        let mask = presentRows(arguments, filter)
        switch kind {
        case .and:
            forEachRow(rowCount, in: mask) { row in
                values[Int(groups[row])] &= input[row]
                isPresent[Int(groups[row])] = 1
            }
        case .or:
            forEachRow(rowCount, in: mask) { row in
                values[Int(groups[row])] |= input[row]
                isPresent[Int(groups[row])] = 1
            }
        case .xor:
            forEachRow(rowCount, in: mask) { row in
                values[Int(groups[row])] ^= input[row]
                isPresent[Int(groups[row])] = 1
            }
        }
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        try update(states, groups: groups, rowCount: rowCount, filter: nil)
    }

    func states() -> [Column] { [column()] }
    func finish() throws(KernelError) -> Column { column() }

    private func column() -> Column {
        let values = values.pointer
        let isPresent = isPresent.pointer
        return groupColumn(type, count: self.values.count, filler: Input(0)) {
            isPresent[$0] == 0 ? nil : values[$0]
        }
    }

    func makeEmpty() -> any GroupsAccumulator { BitFold(kind, type: type) }
    var arrays: [ArrayView] { [values.view, isPresent.view] }
    var byteCount: Int { values.byteCount + isPresent.byteCount }
}
