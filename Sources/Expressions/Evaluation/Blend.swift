import Columnar

/// Puts one column together from several values, of which each counts in some rows.
enum Blend {
    /// Row by row the first value whose rows hold the row; nil stands for all rows, as the last one must have.
    static func together(
        _ pieces: [(rows: Bitmap?, value: ColumnarValue)], _ count: Int, _ type: DataType
    ) -> ColumnarValue {
        guard var result = pieces.last?.value else { return .scalar(.null(type)) }
        for piece in pieces.dropLast().reversed() {
            guard let rows = piece.rows else {
                result = piece.value
                continue
            }
            result = .column(select(rows, piece.value, result, count, type))
        }
        return result
    }

    /// Row by row `whenTrue` where the bit is set and `whenFalse` where not.
    static func select(
        _ mask: Bitmap, _ whenTrue: ColumnarValue, _ whenFalse: ColumnarValue, _ count: Int, _ type: DataType
    ) -> Column {
        if case .fixed(let width) = type.layout, whenTrue.isScalar || whenFalse.isScalar {
            switch width {
            case 4: return fixed(UInt32.self, mask, whenTrue, whenFalse, count, type)
            case 8: return fixed(UInt64.self, mask, whenTrue, whenFalse, count, type)
            default: break
            }
        }
        return Column.selecting(
            mask: mask, whenTrue.column(count: count, type: type), whenFalse.column(count: count, type: type))
    }

    /// With at least one scalar, which is not made a column.
    private static func fixed<Value: FixedWidthInteger & BitwiseCopyable>(
        _ width: Value.Type, _ mask: Bitmap, _ whenTrue: ColumnarValue, _ whenFalse: ColumnarValue, _ count: Int,
        _ type: DataType
    ) -> Column {
        let buffer = Buffer(byteCount: count * MemoryLayout<Value>.stride)
        let target = buffer.assuming(width)
        switch (rows(whenTrue, width), rows(whenFalse, width)) {
        case (nil, nil): fill(mask, count, target, constant(whenTrue, type), constant(whenFalse, type))
        case (let left?, nil): fill(mask, count, target, left, constant(whenFalse, type))
        case (nil, let right?): fill(mask.inverted(), count, target, right, constant(whenTrue, type))
        case (let left?, let right?):
            for row in 0..<count { target[row] = mask[row] ? left[row] : right[row] }
        }
        return Column(
            type: type, count: count, validity: validity(mask, whenTrue, whenFalse, count), values: buffer)
    }

    private static func rows<Value: BitwiseCopyable>(
        _ value: ColumnarValue, _ type: Value.Type
    ) -> UnsafePointer<Value>? {
        if case .column(let column) = value, column.type != .null { column.pointer(type) } else { nil }
    }

    private static func constant<Value: FixedWidthInteger & BitwiseCopyable>(
        _ value: ColumnarValue, _ type: DataType
    ) -> Value {
        guard case .scalar(let scalar) = value, !scalar.isNull else { return 0 }
        let one = Column.of(type, [scalar])
        return one.pointer(Value.self)[0]
    }

    @inline(__always)
    private static func fill<Value: FixedWidthInteger & BitwiseCopyable>(
        _ mask: Bitmap, _ count: Int, _ target: UnsafeMutablePointer<Value>, _ whenTrue: Value, _ whenFalse: Value
    ) {
        for index in 0..<mask.wordCount {
            let word = mask.word(index)
            let start = index &* 64
            for bit in 0..<min(64, count &- start) {
                target[start &+ bit] = (word &>> UInt64(truncatingIfNeeded: bit)) & 1 != 0 ? whenTrue : whenFalse
            }
        }
    }

    @inline(__always)
    private static func fill<Value: FixedWidthInteger & BitwiseCopyable>(
        _ mask: Bitmap, _ count: Int, _ target: UnsafeMutablePointer<Value>, _ rows: UnsafePointer<Value>,
        _ constant: Value
    ) {
        for index in 0..<mask.wordCount {
            let word = mask.word(index)
            let start = index &* 64
            for bit in 0..<min(64, count &- start) {
                let row = start &+ bit
                target[row] = (word &>> UInt64(truncatingIfNeeded: bit)) & 1 != 0 ? rows[row] : constant
            }
        }
    }

    private static func validity(
        _ mask: Bitmap, _ whenTrue: ColumnarValue, _ whenFalse: ColumnarValue, _ count: Int
    ) -> Bitmap? {
        func present(_ value: ColumnarValue) -> Bitmap? {
            value.isNullEverywhere ? Bitmap(repeating: false, count: count) : value.columnValidity
        }
        return switch (present(whenTrue), present(whenFalse)) {
        case (nil, nil): nil
        case (let left?, nil): left.combineWords(mask) { $0 | ~$1 }
        case (nil, let right?): right.combineWords(mask) { $0 | $1 }
        case (let left?, let right?): left.and(mask).or(right.andNot(mask))
        }
    }
}
