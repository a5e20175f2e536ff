/// The `IN` test against constants, prepared once and used for every batch.
///
/// As in SQL: a null operand gives null; a value found gives true; a value not found gives null when the list holds a
/// null, else false.
public struct Membership: Sendable {
    private let type: DataType
    private let set: MemberSet
    private let hasNull: Bool
    private let isNegated: Bool

    /// `list` holds values of the operand's type and nulls of any type.
    public init(_ list: [ScalarValue], type: DataType, isNegated: Bool = false) {
        let present = list.filter { !$0.isNull }
        self.type = type
        self.isNegated = isNegated
        hasNull = present.count < list.count
        set = MemberSet(present, type)
    }

    /// One call without preparation.
    public static func evaluate(
        _ value: ColumnarValue, list: [ScalarValue], isNegated: Bool = false, rowCount: Int
    ) -> ColumnarValue {
        Membership(list, type: value.type, isNegated: isNegated).evaluate(value, rowCount: rowCount)
    }

    /// A boolean for every row of a value of the prepared type.
    public func evaluate(_ value: ColumnarValue, rowCount: Int) -> ColumnarValue {
        if value.isAllNull { return .scalar(.null(.boolean)) }
        if value.isScalar {
            let one = evaluate(.column(value.column(count: 1)), rowCount: 1)
            return .scalar(one.column(count: 1).scalar(at: 0))
        }
        let column = value.column(count: rowCount)
        let found = withExtendedLifetime(column) { set.found(column) }
        var validity = column.validity
        if hasNull { validity = .intersect(validity, found) }
        return .column(.booleans(isNegated ? found.inverted() : found, validity: validity))
    }
}

private enum MemberSet: Sendable {
    case none
    /// Few values or types without a hash: one comparison each.
    case each([ScalarValue])
    case integers(IntegerSet, width: Int)
    case texts(TextSet)

    init(_ values: [ScalarValue], _ type: DataType) {
        if values.isEmpty {
            self = .none
        } else if values.count <= 4 {
            self = .each(values)
        } else if type.isText || type == .binary {
            self = .texts(TextSet(Column.of(type, values.map { $0.retyped(type) })))
        } else if case .fixed(let width) = type.layout, width <= 8, !type.isFloat {
            self = .integers(IntegerSet(values.map { $0.storage.integer(UInt64.self) }, width: width), width: width)
        } else {
            self = .each(values)
        }
    }

    func found(_ column: Column) -> Bitmap {
        switch self {
        case .none: return Bitmap(repeating: false, count: column.count)
        case .each(let values):
            var bits = Bitmap(repeating: false, count: column.count)
            for value in values {
                let hit = Comparison.evaluate(
                    .equal, .column(column), .scalar(value), rowCount: column.count)
                bits = bits.or(hit.column(count: column.count).bits)
            }
            return bits
        case .integers(let set, let width):
            switch width {
            case 1: return set.found(column.pointer(UInt8.self), column.count)
            case 2: return set.found(column.pointer(UInt16.self), column.count)
            case 4: return set.found(column.pointer(UInt32.self), column.count)
            default: return set.found(column.pointer(UInt64.self), column.count)
            }
        case .texts(let set): return set.found(column)
        }
    }
}

/// Open addressing over integers; zero stands for an empty slot and is remembered apart.
private struct IntegerSet: Sendable {
    private let slots: [UInt64]
    private let shift: UInt64
    private let hasZero: Bool

    init(_ values: [UInt64], width: Int) {
        let mask = width == 8 ? UInt64.max : (1 << UInt64(width * 8)) - 1
        var bits: UInt64 = 3
        while (1 << bits) < values.count * 2 { bits += 1 }
        shift = 64 - bits
        var slots = [UInt64](repeating: 0, count: 1 << Int(bits))
        for value in values {
            let value = value & mask
            var slot = Int(truncatingIfNeeded: (value &* 0x9E37_79B9_7F4A_7C15) &>> shift)
            while slots[slot] != 0 && slots[slot] != value { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = value
        }
        self.slots = slots
        hasZero = values.contains { $0 & mask == 0 }
    }

    func found<Value: FixedWidthInteger & BitwiseCopyable>(_ source: UnsafePointer<Value>, _ count: Int) -> Bitmap {
        slots.withUnsafeBufferPointer { slots in
            let last = slots.count &- 1
            return packBits(count) { row in
                let value = UInt64(truncatingIfNeeded: source[row])
                if value == 0 { return hasZero }
                var slot = Int(truncatingIfNeeded: (value &* 0x9E37_79B9_7F4A_7C15) &>> shift)
                while slots[slot] != 0 {
                    if slots[slot] == value { return true }
                    slot = (slot &+ 1) & last
                }
                return false
            }
        }
    }
}

/// Open addressing over the rows of a text column.
private struct TextSet: Sendable {
    private let members: Column
    private let slots: [Int32]

    init(_ members: Column) {
        var size = 8
        while size < members.count * 2 { size *= 2 }
        var slots = [Int32](repeating: -1, count: size)
        let reader = members.viewReader
        for row in 0..<members.count {
            var slot = Int(truncatingIfNeeded: TextSet.hash(reader, row)) & (size - 1)
            while slots[slot] >= 0 && !viewsEqual(reader, Int(slots[slot]), reader, row) {
                slot = (slot + 1) & (size - 1)
            }
            slots[slot] = Int32(row)
        }
        self.members = members
        self.slots = slots
    }

    func found(_ column: Column) -> Bitmap {
        let reader = column.viewReader
        let known = members.viewReader
        return slots.withUnsafeBufferPointer { slots in
            let last = slots.count &- 1
            return packBits(column.count) { row in
                var slot = Int(truncatingIfNeeded: TextSet.hash(reader, row)) & last
                while slots[slot] >= 0 {
                    if viewsEqual(known, Int(slots[slot]), reader, row) { return true }
                    slot = (slot &+ 1) & last
                }
                return false
            }
        }
    }

    private static func hash(_ reader: ViewReader, _ row: Int) -> UInt64 {
        let view = reader.views[row]
        var mixed = view.head &* 0x9E37_79B9_7F4A_7C15
        if view.isInline {
            mixed ^= view.tail
        } else {
            let bytes = reader[row]
            var offset = 0
            while offset &+ 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                mixed = ((mixed ^ word) &* 0xFF51_AFD7_ED55_8CCD)
                mixed ^= mixed &>> 29
                offset &+= 8
            }
            mixed ^= bytes.loadUnaligned(fromByteOffset: bytes.count &- 8, as: UInt64.self)
        }
        mixed = (mixed ^ (mixed &>> 33)) &* 0xC4CE_B9FE_1A85_EC53
        return mixed ^ (mixed &>> 32)
    }
}
