import Glibc

/// In which direction a column is sorted.
public struct SortOrder: Hashable, Sendable {
    public var isDescending: Bool
    public var nullsFirst: Bool

    public init(isDescending: Bool = false, nullsFirst: Bool = false) {
        self.isDescending = isDescending
        self.nullsFirst = nullsFirst
    }
}

/// Encodes rows as bytes that compare (`memcmp`) as the rows do: equal bytes for equal keys, smaller for smaller.
///
/// A value begins with a byte that places nulls; integers follow big-endian with the sign flipped, floats likewise with
/// NaN greatest, text with zero bytes escaped and a terminator, lists element by element. Descending columns have
/// their bytes inverted.
public struct RowEncoder: Sendable {
    private let types: [DataType]
    private let orders: [SortOrder]

    public init(_ types: [DataType], orders: [SortOrder]? = nil) {
        self.types = types
        self.orders = orders ?? types.map { _ in SortOrder() }
    }

    /// Encoded rows, one after another.
    public struct Rows {
        var bytes: [UInt8]
        /// Where each row begins; one more than there are rows.
        var starts: [Int]

        public var count: Int { starts.count - 1 }

        /// Calls `body` with the bytes of every row in order.
        public func withRows(_ body: (_ row: Int, _ bytes: UnsafeRawBufferPointer) -> Void) {
            bytes.withUnsafeBytes { all in
                for row in 0..<count { body(row, UnsafeRawBufferPointer(rebasing: all[starts[row]..<starts[row + 1]])) }
            }
        }
    }

    public func encode(_ columns: [Column], rowCount: Int) -> Rows {
        var rows = Rows(bytes: [], starts: [0])
        rows.bytes.reserveCapacity(rowCount * 16)
        rows.starts.reserveCapacity(rowCount + 1)
        for row in 0..<rowCount {
            for (column, order) in zip(columns, orders) { append(column, row, order, to: &rows.bytes) }
            rows.starts.append(rows.bytes.count)
        }
        return rows
    }

    private func append(_ column: Column, _ row: Int, _ order: SortOrder, to bytes: inout [UInt8]) {
        if column.isNull(row) {
            bytes.append(order.nullsFirst ? 0 : 2)
            return
        }
        bytes.append(1)
        let start = bytes.count
        appendValue(column, row, to: &bytes)
        if order.isDescending {
            for index in start..<bytes.count { bytes[index] = ~bytes[index] }
        }
    }

    private func appendValue(_ column: Column, _ row: Int, to bytes: inout [UInt8]) {
        switch column.type {
        case .null: break
        case .boolean: bytes.append(column.bits[row] ? 1 : 0)
        case .int8: appendSigned(column.pointer(Int8.self)[row], to: &bytes)
        case .int16: appendSigned(column.pointer(Int16.self)[row], to: &bytes)
        case .int32, .date: appendSigned(column.pointer(Int32.self)[row], to: &bytes)
        case .int64, .time, .timestamp, .timestampTZ: appendSigned(column.pointer(Int64.self)[row], to: &bytes)
        case .uint8: appendBigEndian(column.pointer(UInt8.self)[row], to: &bytes)
        case .uint16: appendBigEndian(column.pointer(UInt16.self)[row], to: &bytes)
        case .uint32: appendBigEndian(column.pointer(UInt32.self)[row], to: &bytes)
        case .uint64: appendBigEndian(column.pointer(UInt64.self)[row], to: &bytes)
        case .float32: appendFloat(Double(column.pointer(Float.self)[row]), to: &bytes)
        case .float64: appendFloat(column.pointer(Double.self)[row], to: &bytes)
        case .decimal: appendSigned(column.pointer(Int128.self)[row], to: &bytes)
        case .interval: appendInterval(column.pointer(Interval.self)[row], to: &bytes)
        case .utf8, .binary, .json: appendBytes(column.viewReader[row], to: &bytes)
        case .structure: for child in column.children { append(child, row, SortOrder(), to: &bytes) }
        case .list, .map:
            for index in Int(column.listOffsets[row])..<Int(column.listOffsets[row + 1]) {
                bytes.append(1)
                append(column.children[0], index, SortOrder(), to: &bytes)
            }
            bytes.append(0)
        }
    }

    private func appendBigEndian<Value: FixedWidthInteger>(_ value: Value, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    private func appendSigned<Value: FixedWidthInteger & SignedInteger>(_ value: Value, to bytes: inout [UInt8]) {
        appendBigEndian(value ^ Value.min, to: &bytes)
    }

    private func appendFloat(_ value: Double, to bytes: inout [UInt8]) {
        let bits = Hashing.canonical(value)
        appendBigEndian(bits >> 63 == 1 ? ~bits : bits | 1 << 63, to: &bytes)
    }

    /// Intervals compare by length, a month taken as thirty days; equal lengths are equal.
    private func appendInterval(_ value: Interval, to bytes: inout [UInt8]) {
        let days = Int128(value.months) * 30 + Int128(value.days)
        appendSigned(days * 86_400_000_000_000 + Int128(value.nanoseconds), to: &bytes)
    }

    private func appendBytes(_ value: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        if let base = value.baseAddress, memchr(base, 0, value.count) == nil {
            bytes.append(contentsOf: value)
        } else {
            for byte in value {
                bytes.append(byte)
                if byte == 0 { bytes.append(0xFF) }
            }
        }
        bytes.append(0)
        bytes.append(0)
    }
}
