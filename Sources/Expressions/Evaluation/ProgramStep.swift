import Columnar

/// One step of an `EvaluationProgram`; operands are registers.
enum ProgramStep: Sendable {
    /// The program's input at a position.
    case input(Int)
    case literal(ScalarValue)
    case arithmetic(ArithmeticOperator, Int, Int, DataType)
    case negate(Int)
    case comparison(ComparisonOperator, Int, Int)
    case not(Int)
    case isNull(Int)
    case isTruth(Int, BoundExpression.Truth, negated: Bool)
    case cast(Int, to: DataType, isTry: Bool)
    case membership(Int, Membership)
    case member(Int, index: Int, DataType)
    /// `occurrence` tells calls of volatile functions apart.
    case call(ScalarFunction, [Int], DataType, occurrence: Int)
    /// AND or OR.
    case junction(isAnd: Bool, [ConditionalOperand])
    case conditional([ConditionalBranch], otherwise: ConditionalOperand?, DataType)
    case coalesce([ConditionalOperand], DataType)

    /// The registers the step reads.
    var operands: [Int] {
        switch self {
        case .input, .literal: []
        case .arithmetic(_, let left, let right, _), .comparison(_, let left, let right): [left, right]
        case .negate(let operand), .not(let operand), .isNull(let operand), .isTruth(let operand, _, _),
            .cast(let operand, _, _), .membership(let operand, _), .member(let operand, _, _):
            [operand]
        case .call(_, let arguments, _, _): arguments
        case .junction(_, let operands), .coalesce(let operands, _): operands.flatMap(\.registers)
        case .conditional(let branches, let otherwise, _):
            branches.flatMap { $0.condition.registers + $0.result.registers } + (otherwise?.registers ?? [])
        }
    }
}

/// An operand that only some rows need.
enum ConditionalOperand: Sendable {
    /// Computed for every row, as it cannot fail and costs little.
    case register(Int)
    /// Computed by a program of its own for the rows that reach it; the program's inputs are registers.
    case nested(EvaluationProgram)

    var registers: [Int] {
        switch self {
        case .register(let register): [register]
        case .nested(let program): program.inputs
        }
    }
}

/// One WHEN … THEN ….
struct ConditionalBranch: Sendable {
    var condition: ConditionalOperand
    var result: ConditionalOperand
}
