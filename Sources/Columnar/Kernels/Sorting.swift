import Glibc

/// Sorts rows by columns.
public enum Sorting {
    /// The rows in sorted order, equal ones in their original order; with `limit` only the first so many.
    public static func sortedIndices(
        _ columns: [Column], orders: [SortOrder], rowCount: Int, limit: Int? = nil
    ) -> Selection {
        let count = min(limit ?? rowCount, rowCount)
        let order: [Int32]
        if columns.count == 1, let keys = integerKeys(columns[0], orders[0], rowCount) {
            order = sorted(keys, count)
        } else {
            order = sorted(RowEncoder(columns.map(\.type), orders: orders).encode(columns, rowCount: rowCount), count)
        }
        return Selection(buffer: .copying(order), count: order.count)
    }

    /// One fixed-width column as numbers whose order is the rows'; nil for other types and with nulls.
    private static func integerKeys(_ column: Column, _ order: SortOrder, _ count: Int) -> [Int64]? {
        guard column.validity == nil else { return nil }
        var keys = [Int64](repeating: 0, count: count)
        switch column.type {
        case .int32, .date:
            let values = column.pointer(Int32.self)
            for row in 0..<count { keys[row] = Int64(values[row]) }
        case .int64, .time, .timestamp, .timestampTZ:
            let values = column.pointer(Int64.self)
            for row in 0..<count { keys[row] = values[row] }
        default: return nil
        }
        // ~x reverses the order without overflow.
        if order.isDescending { for row in 0..<count { keys[row] = ~keys[row] } }
        return keys
    }

    private static func sorted(_ keys: [Int64], _ limit: Int) -> [Int32] {
        var order = (0..<Int32(keys.count)).map { $0 }
        keys.withUnsafeBufferPointer { keys in
            order.sort { left, right in
                let (a, b) = (keys[Int(left)], keys[Int(right)])
                return a < b || (a == b && left < right)
            }
        }
        return Array(order.prefix(limit))
    }

    private static func sorted(_ rows: RowEncoder.Rows, _ limit: Int) -> [Int32] {
        var order = (0..<Int32(rows.count)).map { $0 }
        rows.bytes.withUnsafeBytes { bytes in
            rows.starts.withUnsafeBufferPointer { starts in
                order.sort { left, right in
                    let difference = compare(bytes, starts, Int(left), Int(right))
                    return difference < 0 || (difference == 0 && left < right)
                }
            }
        }
        return Array(order.prefix(limit))
    }

    @inline(__always)
    private static func compare(
        _ bytes: UnsafeRawBufferPointer, _ starts: UnsafeBufferPointer<Int>, _ left: Int, _ right: Int
    ) -> Int {
        let leftCount = starts[left + 1] - starts[left]
        let rightCount = starts[right + 1] - starts[right]
        guard let base = bytes.baseAddress else { return 0 }
        let result = memcmp(base + starts[left], base + starts[right], min(leftCount, rightCount))
        return result != 0 ? Int(result) : leftCount - rightCount
    }
}
