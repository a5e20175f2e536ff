import Columnar
import Expressions

/// PostgreSQL's implicit conversions: which type two operands meet in, and what an assignment may narrow.
enum TypeCoercion {
    /// The type both can become without losing anything a user would miss; nil when they have none in common.
    ///
    /// A text literal is no type of its own here: the binder converts literals to the other side's type first.
    static func common(_ left: DataType, _ right: DataType) -> DataType? {
        if left == right { return left }
        switch (left, right) {
        case (.null, let other), (let other, .null): return other
        case (.json, .utf8), (.utf8, .json): return .utf8
        case (.date, let other) where other.isTimestamp: return other
        case (let other, .date) where other.isTimestamp: return other
        case (.timestamp, .timestampTZ), (.timestampTZ, .timestamp): return .timestampTZ
        case (.list(let a), .list(let b)): return common(a, b).map { .list($0) }
        case (.map(let ak, let av), .map(let bk, let bv)):
            guard let key = common(ak, bk), let value = common(av, bv) else { return nil }
            return .map(key: key, value: value)
        case (.structure(let a), .structure(let b)): return commonStructure(a, b)
        default: return commonNumber(left, right)
        }
    }

    private static func commonStructure(_ left: [Field], _ right: [Field]) -> DataType? {
        guard left.count == right.count else { return nil }
        var fields: [Field] = []
        for (a, b) in zip(left, right) {
            guard let type = common(a.type, b.type) else { return nil }
            fields.append(Field(a.name, type))
        }
        return .structure(fields)
    }

    private static func commonNumber(_ left: DataType, _ right: DataType) -> DataType? {
        guard left.isNumeric && right.isNumeric else { return nil }
        if left == .float64 || right == .float64 { return .float64 }
        if left.isFloat || right.isFloat {
            // A 32-bit float cannot hold wider integers or decimals.
            let other = left.isFloat ? right : left
            return [.int8, .int16, .uint8, .uint16].contains(other) ? .float32 : .float64
        }
        if left.isDecimal || right.isDecimal { return commonDecimal(left, right) }
        return commonInteger(left, right)
    }

    private static func commonDecimal(_ left: DataType, _ right: DataType) -> DataType? {
        guard case .decimal(let lp, let ls) = decimal(of: left), case .decimal(let rp, let rs) = decimal(of: right)
        else { return nil }
        let scale = max(ls, rs)
        let whole = max(lp - ls, rp - rs)
        return .decimal(precision: min(38, max(1, whole + scale)), scale: min(scale, 38))
    }

    /// The decimal that holds every value of an integer type; the type itself if it is a decimal.
    static func decimal(of type: DataType) -> DataType {
        switch type {
        case .int8, .uint8: .decimal(precision: 3, scale: 0)
        case .int16, .uint16: .decimal(precision: 5, scale: 0)
        case .int32, .uint32: .decimal(precision: 10, scale: 0)
        case .int64: .decimal(precision: 19, scale: 0)
        case .uint64: .decimal(precision: 20, scale: 0)
        default: type
        }
    }

    private static func commonInteger(_ left: DataType, _ right: DataType) -> DataType? {
        guard let a = width(left), let b = width(right) else { return nil }
        if left.isSignedInteger == right.isSignedInteger {
            return integer(bits: max(a, b), signed: left.isSignedInteger)
        }
        let unsigned = left.isUnsignedInteger ? a : b
        let signed = left.isUnsignedInteger ? b : a
        // BIGINT UNSIGNED with a signed type meets in BIGINT: a value that does not fit is a run-time error.
        return integer(bits: min(64, max(signed, unsigned * 2)), signed: true)
    }

    private static func width(_ type: DataType) -> Int? {
        switch type {
        case .int8, .uint8: 8
        case .int16, .uint16: 16
        case .int32, .uint32: 32
        case .int64, .uint64: 64
        default: nil
        }
    }

    private static func integer(bits: Int, signed: Bool) -> DataType {
        switch (bits, signed) {
        case (8, true): .int8
        case (16, true): .int16
        case (32, true): .int32
        case (_, true): .int64
        case (8, false): .uint8
        case (16, false): .uint16
        case (32, false): .uint32
        case (_, false): .uint64
        }
    }

    /// The type several operands meet in (CASE branches, COALESCE, UNION, IN lists).
    static func common(_ types: [DataType]) -> DataType? {
        var result = DataType.null
        for type in types {
            guard let next = common(result, type) else { return nil }
            result = next
        }
        return result
    }

    /// Whether a value may be given to a column of another type on INSERT: any cast that can be checked at run time.
    static func isAssignable(_ source: DataType, to target: DataType) -> Bool {
        source == target || Cast.isSupported(from: source, to: target)
    }

    /// The expression as `type`; a literal is converted at once when that cannot fail.
    static func cast(_ expression: BoundExpression, to type: DataType) -> BoundExpression {
        if expression.type == type { return expression }
        if case .literal(let value) = expression, value.isNull { return .literal(.null(type)) }
        return .cast(expression, to: type, isTry: false)
    }
}
