/// Compares two operands of one type row by row; none of it can fail.
///
/// A null on either side gives null, except for the `IS [NOT] DISTINCT FROM` operators. As in PostgreSQL NaN equals NaN
/// and is greater than every number, text and binary compare by bytes, intervals by their length with 30-day
/// months, lists and structs element by element with nulls inside them equal to one another and greatest.
public enum Comparison {
    /// A boolean column, or a scalar when both operands are scalars or one is a null scalar. Decimals may differ in
    /// precision and scale; every other pair of operands must be of one type (or one of them of type `null`).
    public static func evaluate(
        _ op: ComparisonOperator, _ left: ColumnarValue, _ right: ColumnarValue, rowCount: Int
    ) -> ColumnarValue {
        if case .scalar = left, case .scalar = right {
            let one = evaluate(op, .column(left.column(count: 1)), right, rowCount: 1)
            return .scalar(one.column(count: 1).scalar(at: 0))
        }
        switch op {
        case .isDistinctFrom: return distinct(left, right, rowCount)
        case .isNotDistinctFrom: return BooleanLogic.not(distinct(left, right, rowCount))
        default: break
        }
        if left.isAllNull || right.isAllNull { return .scalar(.null(.boolean)) }
        let bits = compare(op, left, right, rowCount)
        return .column(.booleans(bits, validity: .intersect(left.validity, right.validity)))
    }

    private static func distinct(_ left: ColumnarValue, _ right: ColumnarValue, _ count: Int) -> ColumnarValue {
        if left.isAllNull { return BooleanLogic.isNotNull(right) }
        if right.isAllNull { return BooleanLogic.isNotNull(left) }
        let differs = compare(.notEqual, left, right, count)
        let bits: Bitmap =
            switch (left.validity, right.validity) {
            case (nil, nil): differs
            case (let one?, nil), (nil, let one?): differs.combineWords(one) { $0 | ~$1 }
            case (let one?, let other?): differs.and(one).and(other).or(one.xor(other))
            }
        return .column(.booleans(bits, validity: nil))
    }

    /// The outcome of every row, nulls ignored. Only `equal`, `less` and, against a scalar, `greater` have loops.
    private static func compare(
        _ op: ComparisonOperator, _ left: ColumnarValue, _ right: ColumnarValue, _ count: Int
    ) -> Bitmap {
        if left.isScalar { return compare(op.flipped, right, left, count) }
        switch op {
        case .equal, .isNotDistinctFrom: return order(.equal, left, right, count)
        case .notEqual, .isDistinctFrom: return order(.equal, left, right, count).inverted()
        case .less: return order(.less, left, right, count)
        case .greaterOrEqual: return order(.less, left, right, count).inverted()
        case .greater: return order(.greater, left, right, count)
        case .lessOrEqual: return order(.greater, left, right, count).inverted()
        }
    }

    enum Order { case equal, less, greater }

    private static func order(
        _ order: Order, _ left: ColumnarValue, _ right: ColumnarValue, _ count: Int
    ) -> Bitmap {
        switch left.type {
        case .int8: return integers(Int8.self, order, left, right, count)
        case .int16: return integers(Int16.self, order, left, right, count)
        case .int32, .date: return integers(Int32.self, order, left, right, count)
        case .int64, .time, .timestamp, .timestampTZ: return integers(Int64.self, order, left, right, count)
        case .uint8: return integers(UInt8.self, order, left, right, count)
        case .uint16: return integers(UInt16.self, order, left, right, count)
        case .uint32: return integers(UInt32.self, order, left, right, count)
        case .uint64: return integers(UInt64.self, order, left, right, count)
        case .float32: return floats(Float.self, order, left, right, count)
        case .float64: return floats(Double.self, order, left, right, count)
        case .boolean: return booleans(order, left, right, count)
        case .utf8, .binary, .json: return views(order, left, right, count)
        case .decimal(_, let scale):
            if case .decimal(_, let other) = right.type, other == scale {
                return integers(Int128.self, order, left, right, count)
            }
            return rowByRow(order, left, right, count)
        case .interval, .null, .list, .structure, .map: return rowByRow(order, left, right, count)
        }
    }

    private static func integers<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, _ order: Order, _ left: ColumnarValue, _ right: ColumnarValue, _ count: Int
    ) -> Bitmap {
        guard case .rows(let left) = left.operand(type) else { return Bitmap(repeating: false, count: count) }
        switch (order, right.operand(type)) {
        case (.equal, .rows(let right)): return packVectorBits(count) { left[$0] == right[$0] }
        case (.equal, .one(let right)): return packVectorBits(count) { left[$0] == right }
        case (.less, .rows(let right)): return packVectorBits(count) { integerLess(left[$0], right[$0]) }
        case (.less, .one(let right)): return packVectorBits(count) { integerLess(left[$0], right) }
        case (.greater, .rows(let right)): return packVectorBits(count) { integerLess(right[$0], left[$0]) }
        case (.greater, .one(let right)): return packVectorBits(count) { integerLess(right, left[$0]) }
        }
    }

    private static func floats<Value: BinaryFloatingPoint & BitwiseCopyable>(
        _ type: Value.Type, _ order: Order, _ left: ColumnarValue, _ right: ColumnarValue, _ count: Int
    ) -> Bitmap {
        guard case .rows(let left) = left.operand(type) else { return Bitmap(repeating: false, count: count) }
        switch (order, right.operand(type)) {
        case (.equal, .rows(let right)): return packVectorBits(count) { floatsEqual(left[$0], right[$0]) }
        case (.less, .rows(let right)): return packVectorBits(count) { floatLess(left[$0], right[$0]) }
        case (.greater, .rows(let right)): return packVectorBits(count) { floatLess(right[$0], left[$0]) }
        // NaN is the greatest value: against it and against a number one plain comparison each is enough.
        case (.equal, .one(let right)):
            if right.isNaN { return packVectorBits(count) { left[$0] != left[$0] } }
            return packVectorBits(count) { left[$0] == right }
        case (.less, .one(let right)):
            if right.isNaN { return packVectorBits(count) { left[$0] == left[$0] } }
            return packVectorBits(count) { left[$0] < right }
        case (.greater, .one(let right)):
            if right.isNaN { return Bitmap(repeating: false, count: count) }
            return packVectorBits(count) { !(left[$0] <= right) }
        }
    }

    private static func booleans(
        _ order: Order, _ left: ColumnarValue, _ right: ColumnarValue, _ count: Int
    ) -> Bitmap {
        let left = BooleanLogic.trueBits(left.ignoringNulls, rowCount: count)
        let right = BooleanLogic.trueBits(right.ignoringNulls, rowCount: count)
        switch order {
        case .equal: return left.combineWords(right) { ~($0 ^ $1) }
        case .less: return right.andNot(left)
        case .greater: return left.andNot(right)
        }
    }

    private static func rowByRow(
        _ order: Order, _ left: ColumnarValue, _ right: ColumnarValue, _ count: Int
    ) -> Bitmap {
        let leftColumn = left.column(count: 1)
        let rightColumn = right.column(count: 1)
        let step = right.isScalar ? 0 : 1
        return packBits(count) { row in
            if leftColumn.isNull(row) || rightColumn.isNull(row &* step) { return false }
            let result = ValueOrder.compare(leftColumn, row, rightColumn, row &* step)
            switch order {
            case .equal: return result == 0
            case .less: return result < 0
            case .greater: return result > 0
            }
        }
    }
}

extension ColumnarValue {
    fileprivate var ignoringNulls: ColumnarValue {
        if case .column(let column) = self, column.validity != nil { .column(column.withValidity(nil)) } else { self }
    }
}

// Of 64 bits the least processors compare only for equality at once, so the order is taken from the sign of the
// difference, corrected where that overflows.
@inline(__always)
func integerLess<Value: FixedWidthInteger>(_ left: Value, _ right: Value) -> Bool {
    if Value.bitWidth != 64 { return left < right }
    let difference = left &- right
    let borrow =
        Value.isSigned
        ? difference ^ ((left ^ right) & (difference ^ left))
        : (~left & right) | (~(left ^ right) & difference)
    return UInt64(truncatingIfNeeded: borrow) &>> 63 != 0
}

@inline(__always)
func floatsEqual<Value: BinaryFloatingPoint>(_ left: Value, _ right: Value) -> Bool {
    let bothNaN = (left != left) && (right != right)
    return left == right || bothNaN
}

// Without branches: false when the left is NaN, true when only the right is.
@inline(__always)
func floatLess<Value: BinaryFloatingPoint>(_ left: Value, _ right: Value) -> Bool {
    let notAbove = !(left >= right)
    return notAbove && left == left
}
