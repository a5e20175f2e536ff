/// Conversions between types: which there are, which happen by themselves, and the kernels that do them.
public enum Cast {
    /// The narrowest numeric type that both operands widen to; decimals cover integers, doubles cover everything.
    public static func commonNumeric(_ left: DataType, _ right: DataType) -> DataType? {
        if left == right { return left.isNumeric ? left : nil }
        guard left.isNumeric, right.isNumeric else { return nil }
        if left.isFloat || right.isFloat { return .float64 }
        if left.isDecimal || right.isDecimal { return commonDecimal(left, right) }
        let leftWidth = width(left)
        let rightWidth = width(right)
        if left.isSignedInteger == right.isSignedInteger { return leftWidth >= rightWidth ? left : right }
        let (signed, unsignedWidth) = left.isSignedInteger ? (leftWidth, rightWidth) : (rightWidth, leftWidth)
        switch max(signed, unsignedWidth * 2) {
        case 2: return .int16
        case 4: return .int32
        case 8: return .int64
        default: return .decimal(precision: 20, scale: 0)
        }
    }

    /// The decimal type that holds every value of an integer or decimal type; nil for others.
    public static func decimal(holding type: DataType) -> DataType? {
        switch type {
        case .decimal: type
        case .int8, .uint8: .decimal(precision: 3, scale: 0)
        case .int16, .uint16: .decimal(precision: 5, scale: 0)
        case .int32, .uint32: .decimal(precision: 10, scale: 0)
        case .int64: .decimal(precision: 19, scale: 0)
        case .uint64: .decimal(precision: 20, scale: 0)
        default: nil
        }
    }

    private static func width(_ type: DataType) -> Int {
        if case .fixed(let width) = type.layout { width } else { 0 }
    }

    private static func commonDecimal(_ left: DataType, _ right: DataType) -> DataType? {
        guard case .decimal(let p1, let s1)? = decimal(holding: left),
            case .decimal(let p2, let s2)? = decimal(holding: right)
        else { return nil }
        let scale = max(s1, s2)
        let whole = max(p1 - s1, p2 - s2)
        return .decimal(precision: min(38, whole + scale), scale: whole + scale > 38 ? max(0, 38 - whole) : scale)
    }

    /// The type that values of both types widen to by themselves (branches of CASE, sides of UNION and of comparisons);
    /// nil when there is none. NULL takes any type; structs match by position and keep the left names.
    public static func commonType(_ left: DataType, _ right: DataType) -> DataType? {
        if left == right { return left }
        if left == .null { return right }
        if right == .null { return left }
        if let common = commonNumeric(left, right) { return common }
        switch (left, right) {
        case (.utf8, .json), (.json, .utf8): return .utf8
        case (.date, .timestamp), (.timestamp, .date): return .timestamp
        case (_, .timestampTZ) where left == .date || left == .timestamp: return .timestampTZ
        case (.timestampTZ, _) where right == .date || right == .timestamp: return .timestampTZ
        case (.list(let a), .list(let b)): return commonType(a, b).map { .list($0) }
        case (.map(let k1, let v1), .map(let k2, let v2)):
            guard let key = commonType(k1, k2), let value = commonType(v1, v2) else { return nil }
            return .map(key: key, value: value)
        case (.structure(let a), .structure(let b)):
            guard a.count == b.count else { return nil }
            var fields: [Field] = []
            for (one, other) in zip(a, b) {
                guard let type = commonType(one.type, other.type) else { return nil }
                fields.append(Field(one.name, type, isNullable: one.isNullable || other.isNullable))
            }
            return .structure(fields)
        default: return nil
        }
    }
}
