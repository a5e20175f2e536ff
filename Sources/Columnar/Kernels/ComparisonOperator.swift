/// An operator that compares two operands of one type and gives a boolean.
public enum ComparisonOperator: String, Hashable, Sendable, Codable, CaseIterable {
    case equal
    case notEqual
    case less
    case lessOrEqual
    case greater
    case greaterOrEqual
    /// Like `notEqual`, but two nulls are the same and a null differs from every value; never null.
    case isDistinctFrom
    /// The opposite of `isDistinctFrom`.
    case isNotDistinctFrom

    /// How the operator is written in SQL.
    public var symbol: String {
        switch self {
        case .equal: "="
        case .notEqual: "<>"
        case .less: "<"
        case .lessOrEqual: "<="
        case .greater: ">"
        case .greaterOrEqual: ">="
        case .isDistinctFrom: "IS DISTINCT FROM"
        case .isNotDistinctFrom: "IS NOT DISTINCT FROM"
        }
    }

    /// The operator that gives the same result with the operands exchanged.
    public var flipped: ComparisonOperator {
        switch self {
        case .less: .greater
        case .lessOrEqual: .greaterOrEqual
        case .greater: .less
        case .greaterOrEqual: .lessOrEqual
        case .equal, .notEqual, .isDistinctFrom, .isNotDistinctFrom: self
        }
    }

    /// The operator that is true where this one is false; nulls stay nulls.
    public var negated: ComparisonOperator {
        switch self {
        case .equal: .notEqual
        case .notEqual: .equal
        case .less: .greaterOrEqual
        case .lessOrEqual: .greater
        case .greater: .lessOrEqual
        case .greaterOrEqual: .less
        case .isDistinctFrom: .isNotDistinctFrom
        case .isNotDistinctFrom: .isDistinctFrom
        }
    }
}
