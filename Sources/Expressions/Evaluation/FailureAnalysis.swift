import Columnar

/// Tells which expressions can fail on some row, and which cost so much that rows which do not need them are left out.
struct FailureAnalysis {
    let registry: FunctionRegistry

    /// Whether evaluating the expression over arbitrary rows may throw.
    func canFail(_ expression: BoundExpression) -> Bool {
        switch expression {
        case .arithmetic(let op, let left, let right, let type):
            if canFail(op, left, right, type) { return true }
        case .negate(let operand):
            if !operand.type.isFloat { return true }
        case .cast(let operand, let type, let isTry):
            if !isTry && canFailCasting(operand.type, to: type) { return true }
        case .call(let call):
            if registry.scalar(call.name)?.canFail ?? true { return true }
        default: break
        }
        return expression.children.contains(where: canFail)
    }

    private func canFail(
        _ op: ArithmeticOperator, _ left: BoundExpression, _ right: BoundExpression, _ type: DataType
    ) -> Bool {
        guard type.isInteger || type.isFloat, left.type == type, right.type == type else { return true }
        switch op {
        case .add, .subtract, .multiply: return type.isInteger
        case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight: return false
        case .divide, .remainder:
            guard case .literal(let divisor) = right else { return true }
            switch divisor.storage {
            case .null: return false
            case .int(let value): return value == 0 || (value == -1 && op == .divide)
            case .uint(let value): return value == 0
            case .float(let value): return value == 0
            default: return true
            }
        }
    }

    private func canFailCasting(_ source: DataType, to target: DataType) -> Bool {
        if source == target || source == .null { return false }
        switch target {
        case .utf8: return source == .binary || source.isNested
        case .float64, .float32: return !source.isInteger && source != .float32 && source != .boolean
        default: break
        }
        if source.isTimestamp { return target != .date && target != .time && !target.isTimestamp }
        if source.isInteger && target.isInteger {
            guard case .fixed(let from) = source.layout, case .fixed(let to) = target.layout else { return true }
            if source.isSignedInteger { return !target.isSignedInteger || to < from }
            return target.isSignedInteger ? to <= from : to < from
        }
        return true
    }

    /// Whether a row of the expression costs much more than picking it out of a batch.
    func isCostly(_ expression: BoundExpression) -> Bool {
        switch expression {
        case .call(let call):
            switch registry.scalar(call.name)?.family {
            case .string, .regex, .json, .hash, .binary, .array, .structure: return true
            default: break
            }
        case .cast(let operand, let type, _):
            if operand.type.isText != type.isText || type.isNested { return true }
        case .comparison(_, let left, _):
            if left.type.isNested { return true }
        default: break
        }
        return expression.children.contains(where: isCostly)
    }
}
