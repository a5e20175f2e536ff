/// Hashes of rows: the same on every machine and in every run, as they decide which subtask a key belongs to.
///
/// Equal values hash equal, whatever their place in a buffer: −0.0 and 0.0, all NaNs, and slices of every offset.
/// (Multiply-and-fold mixing as in wyhash, Wang Yi, public domain.)
public enum Hashing {
    @usableFromInline static let key0: UInt64 = 0xA076_1D64_78BD_642F
    @usableFromInline static let key1: UInt64 = 0xE703_7ED1_A0B4_28DB
    @usableFromInline static let nullHash: UInt64 = 0x9E37_79B9_7F4A_7C15

    @inlinable @inline(__always)
    static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    /// The hash of one 64-bit word.
    @inlinable @inline(__always)
    public static func hash(word: UInt64) -> UInt64 { fold(word ^ key0, key1) }

    /// The hash of a row from its hash so far and the next column's.
    @inlinable @inline(__always)
    public static func combine(_ row: UInt64, _ value: UInt64) -> UInt64 {
        // Turned, so that (a, b) differs from (b, a) and equal values do not cancel out.
        fold((row &<< 23 | row &>> 41) ^ value, key1)
    }

    /// The hash of bytes.
    @inlinable
    public static func hash(bytes: UnsafeRawBufferPointer) -> UInt64 {
        guard let base = bytes.baseAddress else { return fold(key0, key1) }
        let count = bytes.count
        if count <= 16 {
            var a: UInt64 = 0
            var b: UInt64 = 0
            if count >= 8 {
                a = base.loadUnaligned(as: UInt64.self)
                b = (base + (count - 8)).loadUnaligned(as: UInt64.self)
            } else if count >= 4 {
                a = UInt64(base.loadUnaligned(as: UInt32.self))
                b = UInt64((base + (count - 4)).loadUnaligned(as: UInt32.self))
            } else if count > 0 {
                a = UInt64(base.load(as: UInt8.self)) | UInt64((base + count / 2).load(as: UInt8.self)) &<< 8
                b = UInt64((base + (count - 1)).load(as: UInt8.self))
            }
            return fold(fold(a ^ key0, b ^ key1), UInt64(truncatingIfNeeded: count) ^ key1)
        }
        var seed = key0
        var position = 0
        while position + 16 < count {
            let a = (base + position).loadUnaligned(as: UInt64.self)
            let b = (base + (position + 8)).loadUnaligned(as: UInt64.self)
            seed = fold(a ^ key1, b ^ seed)
            position &+= 16
        }
        let a = (base + (count - 16)).loadUnaligned(as: UInt64.self)
        let b = (base + (count - 8)).loadUnaligned(as: UInt64.self)
        return fold(fold(a ^ key1, b ^ seed), UInt64(truncatingIfNeeded: count) ^ key1)
    }

    /// One 64-bit hash per row over all columns; without columns all rows hash alike.
    public static func hash(_ columns: [Column], rowCount: Int) -> Buffer {
        let result = Buffer(byteCount: rowCount * 8)
        let hashes = result.assuming(UInt64.self)
        guard let first = columns.first else {
            for row in 0..<rowCount { hashes[row] = key0 }
            return result
        }
        fill(first, rowCount, hashes)
        if columns.count == 1 { return result }
        let next = Buffer(byteCount: rowCount * 8)
        let others = next.assuming(UInt64.self)
        for column in columns.dropFirst() {
            fill(column, rowCount, others)
            for row in 0..<rowCount { hashes[row] = combine(hashes[row], others[row]) }
        }
        return result
    }

    /// Writes the hash of every value of a column.
    private static func fill(_ column: Column, _ rowCount: Int, _ hashes: UnsafeMutablePointer<UInt64>) {
        switch column.type {
        case .null: for row in 0..<rowCount { hashes[row] = nullHash }
        case .boolean:
            let bits = column.bits
            for row in 0..<rowCount { hashes[row] = hash(word: bits[row] ? 1 : 0) }
        case .int8: integers(column.pointer(Int8.self), rowCount, hashes)
        case .int16: integers(column.pointer(Int16.self), rowCount, hashes)
        case .int32, .date: integers(column.pointer(Int32.self), rowCount, hashes)
        case .int64, .time, .timestamp, .timestampTZ: integers(column.pointer(Int64.self), rowCount, hashes)
        case .uint8: integers(column.pointer(UInt8.self), rowCount, hashes)
        case .uint16: integers(column.pointer(UInt16.self), rowCount, hashes)
        case .uint32: integers(column.pointer(UInt32.self), rowCount, hashes)
        case .uint64: integers(column.pointer(UInt64.self), rowCount, hashes)
        case .float32:
            let values = column.pointer(Float.self)
            for row in 0..<rowCount { hashes[row] = hash(word: canonical(Double(values[row]))) }
        case .float64:
            let values = column.pointer(Double.self)
            for row in 0..<rowCount { hashes[row] = hash(word: canonical(values[row])) }
        case .decimal, .interval:
            let words = UnsafeRawPointer(column.pointer(Interval.self)).assumingMemoryBound(to: UInt64.self)
            for row in 0..<rowCount { hashes[row] = combine(hash(word: words[2 * row]), words[2 * row + 1]) }
        case .utf8, .binary, .json:
            let reader = column.viewReader
            for row in 0..<rowCount { hashes[row] = hash(bytes: reader[row]) }
        case .structure:
            let members = hash(column.children, rowCount: rowCount)
            hashes.update(from: members.assuming(UInt64.self), count: rowCount)
        case .list, .map: lists(column, rowCount, hashes)
        }
        guard let validity = column.validity else { return }
        for row in 0..<rowCount where !validity[row] { hashes[row] = nullHash }
    }

    private static func integers<Value: FixedWidthInteger>(
        _ values: UnsafePointer<Value>, _ count: Int, _ hashes: UnsafeMutablePointer<UInt64>
    ) {
        for row in 0..<count { hashes[row] = hash(word: UInt64(truncatingIfNeeded: values[row])) }
    }

    /// The bits of a float with one zero and one NaN.
    @inlinable
    public static func canonical(_ value: Double) -> UInt64 {
        if value == 0 { return 0 }
        return value.isNaN ? Double.nan.bitPattern : value.bitPattern
    }

    private static func lists(_ column: Column, _ rowCount: Int, _ hashes: UnsafeMutablePointer<UInt64>) {
        let offsets = column.listOffsets
        let child = column.children[0]
        let inner = hash([child], rowCount: child.count)
        let elements = inner.assuming(UInt64.self)
        for row in 0..<rowCount {
            var value = key0
            for index in Int(offsets[row])..<Int(offsets[row + 1]) { value = combine(value, elements[index]) }
            hashes[row] = value
        }
    }
}
