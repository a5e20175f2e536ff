/// An operator of two operands whose result is computed, as opposed to compared.
public enum ArithmeticOperator: String, Hashable, Sendable, Codable, CaseIterable {
    case add
    case subtract
    case multiply
    case divide
    case remainder
    case bitwiseAnd
    case bitwiseOr
    case bitwiseXor
    case shiftLeft
    case shiftRight

    /// How the operator is written in SQL.
    public var symbol: String {
        switch self {
        case .add: "+"
        case .subtract: "-"
        case .multiply: "*"
        case .divide: "/"
        case .remainder: "%"
        case .bitwiseAnd: "&"
        case .bitwiseOr: "|"
        case .bitwiseXor: "#"
        case .shiftLeft: "<<"
        case .shiftRight: ">>"
        }
    }

    /// Whether the operator works on the bits of integers.
    public var isBitwise: Bool {
        switch self {
        case .add, .subtract, .multiply, .divide, .remainder: false
        case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight: true
        }
    }
}
