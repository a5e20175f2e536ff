/// An operand of a kernel over fixed-width values: a value per row or one for all. Valid while its column lives.
enum Operand<Value: BitwiseCopyable> {
    case rows(UnsafePointer<Value>)
    case one(Value)

    @inline(__always)
    subscript(row: Int) -> Value {
        switch self {
        case .rows(let pointer): pointer[row]
        case .one(let value): value
        }
    }
}

extension ColumnarValue {
    /// Whether the value is null in every row, by type or as a scalar.
    var isAllNull: Bool {
        switch self {
        case .column(let column): column.type == .null
        case .scalar(let value): value.isNull
        }
    }

    /// The nulls of a column; nil for one without and for scalars.
    var validity: Bitmap? {
        if case .column(let column) = self { column.validity } else { nil }
    }

    func operand<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) -> Operand<Value> {
        switch self {
        case .column(let column): .rows(column.pointer(type))
        case .scalar(let value): .one(value.storage.integer(type))
        }
    }

    func operand<Value: BinaryFloatingPoint & BitwiseCopyable>(_ type: Value.Type) -> Operand<Value> {
        switch self {
        case .column(let column): .rows(column.pointer(type))
        case .scalar(let value): .one(Value(value.floatValue ?? 0))
        }
    }

    var intervals: Operand<Interval> {
        switch self {
        case .column(let column): .rows(column.pointer(Interval.self))
        case .scalar(let value): .one(value.intervalValue ?? Interval())
        }
    }
}

extension ScalarValue.Storage {
    /// The low bits of an integer of any width; zero for other storages.
    func integer<Value: FixedWidthInteger>(_ type: Value.Type) -> Value {
        switch self {
        case .int(let value): Value(truncatingIfNeeded: value)
        case .uint(let value): Value(truncatingIfNeeded: value)
        case .decimal(let value): Value(truncatingIfNeeded: value)
        default: 0
        }
    }
}

/// Writes `body(left, right)` for every row, in a loop of its own for each shape of the operands.
@inline(__always)
func mapRows<Left: BitwiseCopyable, Right: BitwiseCopyable, Result: BitwiseCopyable>(
    _ left: Operand<Left>, _ right: Operand<Right>, _ count: Int, into target: UnsafeMutablePointer<Result>,
    _ body: (Left, Right) -> Result
) {
    switch (left, right) {
    case (.rows(let left), .rows(let right)):
        for row in 0..<count { target[row] = body(left[row], right[row]) }
    case (.rows(let left), .one(let right)):
        for row in 0..<count { target[row] = body(left[row], right) }
    case (.one(let left), .rows(let right)):
        for row in 0..<count { target[row] = body(left, right[row]) }
    case (.one(let left), .one(let right)):
        for row in 0..<count { target[row] = body(left, right) }
    }
}

/// Writes `body(value)` for every row.
@inline(__always)
func mapRows<Source: BitwiseCopyable, Result: BitwiseCopyable>(
    _ source: UnsafePointer<Source>, _ count: Int, into target: UnsafeMutablePointer<Result>,
    _ body: (Source) -> Result
) {
    for row in 0..<count { target[row] = body(source[row]) }
}

/// The bits `test(0)`, `test(1)`, … as a bitmap, a word at a time without branches.
@inline(__always)
func packBits(_ count: Int, _ test: (Int) -> Bool) -> Bitmap {
    let wordCount = (count + 63) / 64
    let buffer = Buffer(byteCount: wordCount * 8)
    let words = buffer.assuming(UInt64.self)
    let whole = count / 64
    for index in 0..<whole {
        let start = index &* 64
        var word: UInt64 = 0
        for bit in 0..<64 { word |= (test(start &+ bit) ? 1 : 0) &<< UInt64(truncatingIfNeeded: bit) }
        words[index] = word
    }
    if whole < wordCount {
        let start = whole &* 64
        var word: UInt64 = 0
        for bit in 0..<(count &- start) {
            word |= (test(start &+ bit) ? 1 : 0) &<< UInt64(truncatingIfNeeded: bit)
        }
        words[whole] = word
    }
    return Bitmap(buffer: buffer, count: count)
}

/// Like `packBits` for tests without branches: their outcomes are first written as bytes, a loop that vectorises, and
/// then gathered eight at a time by a multiplication.
@inline(__always)
func packVectorBits(_ count: Int, _ test: (Int) -> Bool) -> Bitmap {
    let wordCount = (count + 63) / 64
    let buffer = Buffer(byteCount: wordCount * 8)
    let words = buffer.assuming(UInt64.self)
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 64) { bytes in
        guard let base = bytes.baseAddress else { return }
        let flags = base.assumingMemoryBound(to: UInt8.self)
        for index in 0..<wordCount {
            let start = index &* 64
            if count &- start >= 64 {
                for bit in 0..<64 { flags[bit] = test(start &+ bit) ? 1 : 0 }
            } else {
                for bit in 0..<(count &- start) { flags[bit] = test(start &+ bit) ? 1 : 0 }
            }
            var word: UInt64 = 0
            for group in 0..<8 {
                // Byte i of eight zeros and ones becomes bit i of the product's top byte.
                let eight = base.load(fromByteOffset: group &* 8, as: UInt64.self) & 0x0101_0101_0101_0101
                word |= ((eight &* 0x0102_0408_1020_4080) &>> 56) &<< UInt64(truncatingIfNeeded: group &* 8)
            }
            words[index] = word
        }
    }
    return Bitmap(buffer: buffer, count: count)
}
