/// Computes `+ - * / %` and bit operations row by row.
///
/// A null operand gives null and never an error. Integers and decimals are checked for overflow; dividing by zero is an
/// error for floats too, as in PostgreSQL; other float operations follow IEEE 754.
public enum Arithmetic {
    /// The result as a column, or as a scalar when both operands are scalars or one is null in every row.
    ///
    /// The operands must have the types that `operandTypes` gives (decimals of any precision and scale), `resultType`
    /// must be what `resultType(_:_:_:)` gives. Throws at the first row that cannot be computed.
    public static func evaluate(
        _ op: ArithmeticOperator, _ left: ColumnarValue, _ right: ColumnarValue, rowCount: Int, resultType: DataType
    ) throws(KernelError) -> ColumnarValue {
        if left.isAllNull || right.isAllNull { return .scalar(.null(resultType)) }
        if case .scalar = left, case .scalar = right {
            do {
                let one = try compute(op, .column(left.column(count: 1)), right, 1, resultType)
                return .scalar(one.scalar(at: 0))
            } catch {
                throw KernelError(message: error.message)
            }
        }
        return .column(try compute(op, left, right, rowCount, resultType))
    }

    private static func compute(
        _ op: ArithmeticOperator, _ left: ColumnarValue, _ right: ColumnarValue, _ count: Int, _ type: DataType
    ) throws(KernelError) -> Column {
        let rows = RowPair(op: op, left: left, right: right, count: count, type: type)
        guard left.type == type && right.type == type || type.isDecimal else { return try temporal(rows) }
        switch type {
        case .int8: return try integers(Int8.self, rows)
        case .int16: return try integers(Int16.self, rows)
        case .int32: return try integers(Int32.self, rows)
        case .int64: return try integers(Int64.self, rows)
        case .uint8: return try integers(UInt8.self, rows)
        case .uint16: return try integers(UInt16.self, rows)
        case .uint32: return try integers(UInt32.self, rows)
        case .uint64: return try integers(UInt64.self, rows)
        case .float32: return try floats(Float.self, rows)
        case .float64: return try floats(Double.self, rows)
        case .decimal: return try decimals(rows)
        default: return try temporal(rows)
        }
    }

    /// The operands of one call.
    struct RowPair {
        let op: ArithmeticOperator
        let left: ColumnarValue
        let right: ColumnarValue
        let count: Int
        let type: DataType

        init(op: ArithmeticOperator, left: ColumnarValue, right: ColumnarValue, count: Int, type: DataType) {
            self.op = op
            self.left = left
            self.right = right
            self.count = count
            self.type = type
            validity = .intersect(left.validity, right.validity)
        }

        /// Where both operands are present; nil when everywhere.
        let validity: Bitmap?

        @inline(__always)
        func isNull(_ row: Int) -> Bool { validity.map { !$0[row] } ?? false }

        func result(_ values: Buffer) -> Column {
            Column(type: type, count: count, validity: validity, values: values)
        }

        /// What happened when the operator has no kernel for its operands, which the binder must not let through.
        var unsupported: KernelError {
            KernelError(message: "no operator \(left.type.sqlName) \(op.symbol) \(right.type.sqlName)")
        }
    }

    static let divisionByZero = "division by zero"
}
