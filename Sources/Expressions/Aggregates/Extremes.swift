import Columnar
import Glibc

/// A fixed-width value with a total order.
protocol OrderedValue: BitwiseCopyable {
    static func precedes(_ left: Self, _ right: Self) -> Bool
    static var zero: Self { get }
}

extension OrderedValue where Self: FixedWidthInteger {
    @inline(__always)
    static func precedes(_ left: Self, _ right: Self) -> Bool { left < right }
}

extension OrderedValue where Self: BinaryFloatingPoint {
    /// NaN is greater than every number, as in PostgreSQL.
    @inline(__always)
    static func precedes(_ left: Self, _ right: Self) -> Bool { left < right || (right.isNaN && !left.isNaN) }
}

extension Int8: OrderedValue {}
extension Int16: OrderedValue {}
extension Int32: OrderedValue {}
extension Int64: OrderedValue {}
extension Int128: OrderedValue {}
extension UInt8: OrderedValue {}
extension UInt16: OrderedValue {}
extension UInt32: OrderedValue {}
extension UInt64: OrderedValue {}
extension Float: OrderedValue {}
extension Double: OrderedValue {}

/// `min` and `max` of numbers, dates and times.
final class FixedExtremes<Input: OrderedValue>: GroupsAccumulator {
    private var values = GroupArray<Input>(initial: Input.zero)
    private var isPresent = GroupArray<UInt8>(initial: 0)
    private let isMaximum: Bool
    private let type: DataType

    init(isMaximum: Bool, type: DataType) {
        self.isMaximum = isMaximum
        self.type = type
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
        if isMaximum {
            forEachRow(rowCount, in: mask) { row in
                let group = Int(groups[row])
                let value = input[row]
                if isPresent[group] == 0 || Input.precedes(values[group], value) {
                    values[group] = value
                    isPresent[group] = 1
                }
            }
        } else {
            forEachRow(rowCount, in: mask) { row in
                let group = Int(groups[row])
                let value = input[row]
                if isPresent[group] == 0 || Input.precedes(value, values[group]) {
                    values[group] = value
                    isPresent[group] = 1
                }
            }
        }
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        try update(states, groups: groups, rowCount: rowCount, filter: nil)
    }

    func states() -> [Column] { [column()] }
    func finish() throws(KernelError) -> Column { column() }
    func states(_ groups: Selection) -> [Column] { [column(groups)] }
    func finish(_ groups: Selection) throws(KernelError) -> Column { column(groups) }

    private func column(_ groups: Selection) -> Column {
        let values = values.pointer
        let isPresent = isPresent.pointer
        return groupColumn(type, of: groups, filler: Input.zero) { isPresent[$0] == 0 ? nil : values[$0] }
    }

    private func column() -> Column {
        let values = values.pointer
        let isPresent = isPresent.pointer
        return groupColumn(type, count: self.values.count, filler: Input.zero) {
            isPresent[$0] == 0 ? nil : values[$0]
        }
    }

    var arrays: [ArrayView] { [values.view, isPresent.view] }
    var byteCount: Int { values.byteCount + isPresent.byteCount }
}

/// `min` and `max` of text and binary values, in byte order.
final class TextExtremes: GroupsAccumulator {
    private var slots = ByteSlots()
    private let isMaximum: Bool
    private let type: DataType

    init(isMaximum: Bool, type: DataType) {
        self.isMaximum = isMaximum
        self.type = type
    }

    func resize(groupCount: Int) { slots.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let reader = arguments[0].viewReader
        let wantsGreater = isMaximum
        forEachRow(rowCount, in: presentRows(arguments, filter)) { row in
            let group = Int(groups[row])
            let candidate = reader[row]
            guard let best = slots[group] else { return slots.set(group, candidate) }
            let order = compareBytes(candidate, best)
            if wantsGreater ? order > 0 : order < 0 { slots.set(group, candidate) }
        }
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        try update(states, groups: groups, rowCount: rowCount, filter: nil)
    }

    func states() -> [Column] { [slots.column(type)] }
    func finish() throws(KernelError) -> Column { slots.column(type) }
    func states(_ groups: Selection) -> [Column] { [slots.column(type, of: groups)] }
    func finish(_ groups: Selection) throws(KernelError) -> Column { slots.column(type, of: groups) }

    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot {
        let retired = slots.share()
        return AccumulatorSnapshot { [type] arrays in
            { groups in
                let buffer = Buffer(byteCount: groups.count * MemoryLayout<ByteSlots.Slot>.stride)
                arrays.read(0, groups, into: buffer.pointer)
                return withExtendedLifetime(retired) {
                    let slots = buffer.assuming(ByteSlots.Slot.self)
                    return [ByteSlots.column(type, groups.count) { slots[$0] }]
                }
            }
        }
    }

    var arrays: [ArrayView] { [slots.view] }
    var byteCount: Int { slots.byteCount }
}

/// The order of two byte strings: negative, zero or positive.
@inline(__always)
func compareBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    if let leftBase = left.baseAddress, let rightBase = right.baseAddress {
        let order = memcmp(leftBase, rightBase, min(left.count, right.count))
        if order != 0 { return Int(order) }
    }
    return left.count - right.count
}
