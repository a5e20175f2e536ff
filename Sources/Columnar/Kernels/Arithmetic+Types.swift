extension Arithmetic {
    /// The types that operands must be cast to before `evaluate`; nil when the operator does not take them.
    ///
    /// Numbers widen to their common type (decimals keep their own precision and scale), a bare NULL takes the type of
    /// the other operand.
    public static func operandTypes(
        _ op: ArithmeticOperator, _ left: DataType, _ right: DataType
    ) -> (left: DataType, right: DataType)? {
        if left == .null && right == .null { return (.int64, .int64) }
        if left == .null { return operandTypes(op, nullPartner(op, right, isLeft: true), right) }
        if right == .null { return operandTypes(op, left, nullPartner(op, left, isLeft: false)) }
        if op.isBitwise {
            guard left.isInteger, right.isInteger else { return nil }
            if op == .shiftLeft || op == .shiftRight { return (left, left) }
            guard let common = Cast.commonNumeric(left, right), common.isInteger else { return nil }
            return (common, common)
        }
        if left.isNumeric && right.isNumeric { return numericOperands(left, right) }
        return temporalOperands(op, left, right)
    }

    /// The type of the result, for operands of any types that `operandTypes` accepts; nil when it does not.
    public static func resultType(_ op: ArithmeticOperator, _ left: DataType, _ right: DataType) -> DataType? {
        guard let operands = operandTypes(op, left, right) else { return nil }
        switch operands {
        case (.decimal(let p1, let s1), .decimal(let p2, let s2)): return decimalResult(op, p1, s1, p2, s2)
        case (let left, _) where left.isNumeric && operands.left == operands.right: return left
        default: return temporalResult(op, operands.left, operands.right)
        }
    }

    private static func nullPartner(_ op: ArithmeticOperator, _ other: DataType, isLeft: Bool) -> DataType {
        switch other {
        case .interval where op == .divide && !isLeft: .int64
        case .interval: op == .multiply ? .int64 : .interval
        case .timestamp, .timestampTZ, .date, .time: isLeft && op == .subtract ? other : .interval
        default: other
        }
    }

    private static func numericOperands(_ left: DataType, _ right: DataType) -> (left: DataType, right: DataType)? {
        if left.isFloat || right.isFloat || (left.isInteger && right.isInteger) {
            guard let common = Cast.commonNumeric(left, right) else { return nil }
            if common.isInteger || common.isFloat { return (common, common) }
        }
        guard let left = Cast.decimal(holding: left), let right = Cast.decimal(holding: right) else { return nil }
        return (left, right)
    }

    private static func temporalOperands(
        _ op: ArithmeticOperator, _ left: DataType, _ right: DataType
    ) -> (left: DataType, right: DataType)? {
        switch (op, left, right) {
        case (.add, .timestamp, .interval), (.subtract, .timestamp, .interval), (.add, .interval, .timestamp),
            (.add, .timestampTZ, .interval), (.subtract, .timestampTZ, .interval), (.add, .interval, .timestampTZ),
            (.add, .date, .interval), (.subtract, .date, .interval), (.add, .interval, .date),
            (.add, .time, .interval), (.subtract, .time, .interval), (.add, .interval, .time),
            (.add, .interval, .interval), (.subtract, .interval, .interval), (.subtract, .date, .date),
            (.subtract, .time, .time), (.add, .date, .time), (.add, .time, .date):
            return (left, right)
        case (.add, .date, _) where right.isInteger, (.subtract, .date, _) where right.isInteger:
            return (.date, .int64)
        case (.add, _, .date) where left.isInteger: return (.int64, .date)
        case (.subtract, _, _) where left.isTimestamp && right.isTimestamp,
            (.subtract, _, .date) where left.isTimestamp:
            return (left, left)
        case (.subtract, .date, _) where right.isTimestamp: return (right, right)
        case (.multiply, .interval, _) where right.isNumeric, (.divide, .interval, _) where right.isNumeric:
            return (.interval, right.isInteger && right != .uint64 ? .int64 : .float64)
        case (.multiply, _, .interval) where left.isNumeric:
            return (left.isInteger && left != .uint64 ? .int64 : .float64, .interval)
        default: return nil
        }
    }

    private static func temporalResult(_ op: ArithmeticOperator, _ left: DataType, _ right: DataType) -> DataType? {
        switch (left, right) {
        case (.interval, .interval), (.time, .time): .interval
        case (_, .interval) where left.isTimestamp || left == .time: left
        case (.interval, _) where right.isTimestamp || right == .time: right
        case (.date, .interval), (.interval, .date), (.date, .time), (.time, .date): .timestamp
        case (.date, .date): .int64
        case (.date, .int64), (.int64, .date): .date
        case (.interval, _), (_, .interval): .interval
        case (_, _) where left.isTimestamp && left == right: op == .subtract ? .interval : nil
        default: nil
        }
    }

    /// Exact as long as 38 digits suffice; beyond that the fraction gives way, but not below six digits.
    private static func decimalResult(
        _ op: ArithmeticOperator, _ p1: Int, _ s1: Int, _ p2: Int, _ s2: Int
    ) -> DataType? {
        switch op {
        case .add, .subtract:
            let scale = max(s1, s2)
            return bounded(max(p1 - s1, p2 - s2) + scale + 1, scale)
        case .multiply: return bounded(p1 + p2, s1 + s2)
        case .divide:
            let scale = max(6, s1 + p2 + 1)
            return bounded(p1 - s1 + s2 + scale, scale)
        case .remainder:
            let scale = max(s1, s2)
            return bounded(min(p1 - s1, p2 - s2) + scale, scale)
        default: return nil
        }
    }

    private static func bounded(_ precision: Int, _ scale: Int) -> DataType {
        if precision <= 38 { return .decimal(precision: max(precision, 1), scale: scale) }
        let kept = max(scale - (precision - 38), min(scale, 6))
        return .decimal(precision: 38, scale: min(kept, 38))
    }
}
