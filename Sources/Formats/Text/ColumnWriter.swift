import Columnar

/// A column of a batch ready to be written row by row: only pointers, so that a loop over rows counts no references.
/// Valid while its batch is alive.
struct ColumnWriter {
    /// How the values are written; temporal and numeric types apart.
    enum Kind: UInt8 {
        case null, boolean, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64
        case decimal, text, binary, json, date, time, timestamp, timestampTZ, interval, list, structure, map
    }

    let kind: Kind
    let scale: Int
    /// Row 0.
    let values: UnsafeRawPointer
    let views: ViewReader?
    let hasNulls: Bool
    let validity: UnsafePointer<UInt8>?
    let validityOffset: Int
    /// The writers of the children in the plan's list.
    var firstChild = 0
    var childCount = 0
    /// Where the field's key lies in the plan's key text.
    var keyStart = 0
    var keyCount = 0

    init(_ column: Column) {
        kind = Self.kind(of: column.type)
        if case .decimal(_, let scale) = column.type { self.scale = scale } else { scale = 0 }
        switch column.type.layout {
        case .fixed(let width): values = UnsafeRawPointer(column.values.pointer) + column.offset * width
        case .list: values = UnsafeRawPointer(column.listOffsets)
        default: values = UnsafeRawPointer(column.values.pointer)
        }
        views = column.type.layout == .view ? column.viewReader : nil
        if column.type.layout == .bits {
            bitOffset = column.offset
        } else {
            bitOffset = 0
        }
        hasNulls = column.validity != nil
        validity = column.validity.map { UnsafePointer($0.buffer.assuming(UInt8.self)) }
        validityOffset = column.validity?.offset ?? 0
    }

    /// Where row 0 of a boolean column lies.
    let bitOffset: Int

    @inline(__always)
    func isNull(_ row: Int) -> Bool {
        guard hasNulls, let validity else { return kind == .null }
        let position = validityOffset &+ row
        return (validity[position &>> 3] &>> UInt8(truncatingIfNeeded: position & 7)) & 1 == 0
    }

    @inline(__always)
    func value<Value: BitwiseCopyable>(_ row: Int, as type: Value.Type) -> Value {
        values.load(fromByteOffset: row &* MemoryLayout<Value>.stride, as: type)
    }

    @inline(__always)
    func bit(_ row: Int) -> Bool {
        let position = bitOffset &+ row
        let byte = values.load(fromByteOffset: position &>> 3, as: UInt8.self)
        return (byte &>> UInt8(truncatingIfNeeded: position & 7)) & 1 != 0
    }

    private static func kind(of type: DataType) -> Kind {
        switch type {
        case .null: .null
        case .boolean: .boolean
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .uint8: .uint8
        case .uint16: .uint16
        case .uint32: .uint32
        case .uint64: .uint64
        case .float32: .float32
        case .float64: .float64
        case .decimal: .decimal
        case .utf8: .text
        case .binary: .binary
        case .json: .json
        case .date: .date
        case .time: .time
        case .timestamp: .timestamp
        case .timestampTZ: .timestampTZ
        case .interval: .interval
        case .list: .list
        case .structure: .structure
        case .map: .map
        }
    }
}
