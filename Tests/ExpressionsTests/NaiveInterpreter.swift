import Columnar

@testable import Expressions

/// Evaluates an expression for one row at a time, straight from the definition of each node.
struct NaiveInterpreter {
    /// A row on which the expression fails.
    struct Failure: Error {}

    let row: [ScalarValue]

    func value(_ expression: BoundExpression) throws -> ScalarValue {
        switch expression {
        case .literal(let value): return value
        case .column(let reference): return row[reference.index]
        case .arithmetic(let op, let left, let right, let type): return try arithmetic(op, left, right, type)
        case .negate(let operand): return try negated(value(operand))
        case .comparison(let op, let left, let right): return try compared(op, value(left), value(right))
        case .and(let operands): return try junction(operands, decides: false)
        case .or(let operands): return try junction(operands, decides: true)
        case .not(let operand):
            return truth(try value(operand).booleanValue.map { !$0 })
        case .isNull(let operand): return .boolean(try value(operand).isNull)
        case .isTruth(let operand, let truth, let negated):
            let wanted: Bool? = truth == .isUnknown ? nil : truth == .isTrue
            return .boolean((try value(operand).booleanValue == wanted) != negated)
        case .cast(let operand, let type, let isTry): return try cast(value(operand), type, isTry)
        case .conditional(let branches, let otherwise, let type):
            for branch in branches where try value(branch.condition).booleanValue == true {
                return try value(branch.result)
            }
            return try otherwise.map { try value($0) } ?? .null(type)
        case .coalesce(let operands, let type):
            for operand in operands {
                let found = try value(operand)
                if !found.isNull { return found }
            }
            return .null(type)
        case .inList(let operand, let list, let negated):
            let found = try value(operand)
            if found.isNull { return .null(.boolean) }
            if list.contains(found) { return .boolean(!negated) }
            return list.contains { $0.isNull } ? .null(.boolean) : .boolean(negated)
        case .member(let operand, let index, _, let type):
            guard case .nested(let members) = try value(operand).storage else { return .null(type) }
            return members[index]
        case .call(let call): return try called(call)
        }
    }

    private func truth(_ value: Bool?) -> ScalarValue { value.map { .boolean($0) } ?? .null(.boolean) }

    private func junction(_ operands: [BoundExpression], decides: Bool) throws -> ScalarValue {
        var isUnknown = false
        for operand in operands {
            let found = try value(operand).booleanValue
            if found == decides { return .boolean(decides) }
            if found == nil { isUnknown = true }
        }
        return isUnknown ? .null(.boolean) : .boolean(!decides)
    }

    private func arithmetic(
        _ op: ArithmeticOperator, _ left: BoundExpression, _ right: BoundExpression, _ type: DataType
    ) throws -> ScalarValue {
        let one = try value(left)
        let other = try value(right)
        if one.isNull || other.isNull { return .null(type) }
        if let a = one.floatValue, let b = other.floatValue {
            switch op {
            case .add: return .float64(a + b)
            case .subtract: return .float64(a - b)
            case .multiply: return .float64(a * b)
            case .divide where b != 0: return .float64(a / b)
            case .remainder where b != 0: return .float64(fmodOf(a, b))
            default: throw Failure()
            }
        }
        guard let a = one.intValue, let b = other.intValue else { throw Failure() }
        let result: (partialValue: Int64, overflow: Bool) =
            switch op {
            case .add: a.addingReportingOverflow(b)
            case .subtract: a.subtractingReportingOverflow(b)
            case .multiply: a.multipliedReportingOverflow(by: b)
            case .divide: a.dividedReportingOverflow(by: b)
            case .remainder: b == -1 ? (0, false) : a.remainderReportingOverflow(dividingBy: b)
            case .bitwiseAnd: (a & b, false)
            case .bitwiseOr: (a | b, false)
            default: (a ^ b, false)
            }
        if result.overflow { throw Failure() }
        return .int64(result.partialValue)
    }

    private func fmodOf(_ a: Double, _ b: Double) -> Double { a.truncatingRemainder(dividingBy: b) }

    private func negated(_ value: ScalarValue) throws -> ScalarValue {
        if value.isNull { return value }
        if let number = value.floatValue { return .float64(-number) }
        guard let number = value.intValue, number != .min else { throw Failure() }
        return .int64(-number)
    }

    private func compared(_ op: ComparisonOperator, _ left: ScalarValue, _ right: ScalarValue) -> ScalarValue {
        switch op {
        case .isDistinctFrom:
            return .boolean(left.isNull || right.isNull ? left.isNull != right.isNull : order(left, right) != 0)
        case .isNotDistinctFrom:
            return .boolean(left.isNull || right.isNull ? left.isNull == right.isNull : order(left, right) == 0)
        default: break
        }
        if left.isNull || right.isNull { return .null(.boolean) }
        let order = order(left, right)
        switch op {
        case .equal: return .boolean(order == 0)
        case .notEqual: return .boolean(order != 0)
        case .less: return .boolean(order < 0)
        case .lessOrEqual: return .boolean(order <= 0)
        case .greater: return .boolean(order > 0)
        default: return .boolean(order >= 0)
        }
    }

    private func order(_ left: ScalarValue, _ right: ScalarValue) -> Int {
        if let a = left.floatValue, let b = right.floatValue {
            if a.isNaN || b.isNaN { return a.isNaN == b.isNaN ? 0 : (a.isNaN ? 1 : -1) }
            return a < b ? -1 : (a == b ? 0 : 1)
        }
        if let a = left.intValue, let b = right.intValue { return a < b ? -1 : (a == b ? 0 : 1) }
        if let a = left.booleanValue, let b = right.booleanValue { return (a ? 1 : 0) - (b ? 1 : 0) }
        let a = Array((left.stringValue ?? "").utf8)
        let b = Array((right.stringValue ?? "").utf8)
        return a == b ? 0 : (a.lexicographicallyPrecedes(b) ? -1 : 1)
    }

    private func cast(_ value: ScalarValue, _ type: DataType, _ isTry: Bool) throws -> ScalarValue {
        if value.isNull { return .null(type) }
        switch (value.storage, type) {
        case (.int(let number), .utf8): return .utf8("\(number)")
        case (.int(let number), .float64): return .float64(Double(number))
        case (.bytes, .int64):
            if let number = Int64(value.stringValue ?? "") { return .int64(number) }
            if isTry { return .null(type) }
            throw Failure()
        default: throw Failure()
        }
    }

    private func called(_ call: BoundExpression.FunctionCall) throws -> ScalarValue {
        let arguments = try call.arguments.map { try value($0) }
        switch call.name {
        case "halve":
            guard let number = arguments[0].intValue else { return .null(.int64) }
            if number % 2 != 0 { throw Failure() }
            return .int64(number / 2)
        case "flip":
            guard let number = arguments[0].intValue, !arguments[1].isNull else { return .null(.int64) }
            return .int64(~number)
        default:
            return .int64(arguments[0].isNull ? -1 : 1)
        }
    }
}

/// Functions that show each way a kernel can treat nulls and errors.
let sampleRegistry = FunctionRegistry(
    scalars: [
        ScalarFunction(
            "halve", family: .math, documentation: .init("Halves an even number.", syntax: "halve(x)"), canFail: true,
            resolve: { _ throws(SignatureError) in ResolvedSignature([.int64], returns: .int64) },
            kernel: { arguments throws(KernelError) in
                // Looks at values under nulls on purpose.
                let column = arguments.column(0)
                let values = column.pointer(Int64.self)
                var builder = FixedWidthBuilder<Int64>()
                for row in 0..<column.count {
                    if values[row] % 2 != 0 { throw KernelError(row: row, message: "odd number \(values[row])") }
                    builder.append(values[row] / 2)
                }
                return .column(builder.finish(.int64))
            }),
        ScalarFunction(
            "flip", family: .string, documentation: .init("Inverts the bits.", syntax: "flip(x, y)"),
            resolve: { _ throws(SignatureError) in ResolvedSignature([.int64, .int64], returns: .int64) },
            kernel: { arguments throws(KernelError) in
                let column = arguments.column(0)
                let values = column.pointer(Int64.self)
                var builder = FixedWidthBuilder<Int64>()
                for row in 0..<column.count { builder.append(~values[row]) }
                return .column(builder.finish(.int64))
            }),
        ScalarFunction(
            "presence", family: .other, documentation: .init("Gives -1 for null, else 1.", syntax: "presence(x)"),
            nullRule: .custom,
            resolve: { types throws(SignatureError) in ResolvedSignature(types, returns: .int64) },
            kernel: { arguments throws(KernelError) in
                let column = arguments.column(0)
                var builder = FixedWidthBuilder<Int64>()
                for row in 0..<column.count { builder.append(column.isNull(row) ? -1 : 1) }
                return .column(builder.finish(.int64))
            }),
    ], aggregates: [])
