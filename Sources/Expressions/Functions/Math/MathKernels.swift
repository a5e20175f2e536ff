import Columnar
import Glibc

/// Kernels of functions on floats.
enum MathKernels {
    /// One float in, one out.
    @inline(__always)
    static func map(_ arguments: FunctionArguments, _ body: (Double) -> Double) -> ColumnarValue {
        let values = ValueOperand<Double>(arguments.values[0])
        return arguments.makeValues(Double.self) { row in body(values[row]) }
    }

    /// Two floats in, one out.
    @inline(__always)
    static func map2(_ arguments: FunctionArguments, _ body: (Double, Double) -> Double) -> ColumnarValue {
        let first = ValueOperand<Double>(arguments.values[0])
        let second = ValueOperand<Double>(arguments.values[1])
        return arguments.makeValues(Double.self) { row in body(first[row], second[row]) }
    }

    static func logarithm(_ arguments: FunctionArguments) -> ColumnarValue {
        if arguments.count == 1 { return map(arguments) { Glibc.log10($0) } }
        return map2(arguments) { base, value in
            // Exact where the library is.
            base == 2 ? Glibc.log2(value) : (base == 10 ? Glibc.log10(value) : Glibc.log(value) / Glibc.log(base))
        }
    }

    static func random(_ arguments: FunctionArguments) -> ColumnarValue {
        let buffer = Buffer(byteCount: arguments.rowCount * 8)
        let values = buffer.assuming(Double.self)
        let seed = arguments.context.seed
        for row in 0..<arguments.rowCount {
            let word = Hashing.hash(word: seed &+ UInt64(truncatingIfNeeded: row))
            values[row] = Double(word >> 11) * 0x1p-53
        }
        return .column(Column(type: .float64, count: arguments.rowCount, values: buffer))
    }

    /// One number whose type stays.
    static func sameNumber(_ types: [DataType]) throws(SignatureError) -> ResolvedSignature {
        guard types.count == 1 else { throw SignatureError("takes 1 argument, found \(types.count)") }
        guard types[0].isNumeric || types[0] == .null else {
            throw SignatureError("expects a number, found \(types[0].sqlName)")
        }
        let type = types[0] == .null ? DataType.float64 : types[0]
        return ResolvedSignature([type], returns: type)
    }

    /// A number whose type stays, and maybe a count of places.
    static func rounded(_ types: [DataType]) throws(SignatureError) -> ResolvedSignature {
        guard types.count == 2 else { return try sameNumber(types) }
        let number = try sameNumber([types[0]])
        guard let places = Parameter.integer.accepting(types[1]) else {
            throw SignatureError("expects an integer as argument 2, found \(types[1].sqlName)")
        }
        return ResolvedSignature(number.argumentTypes + [places], returns: number.returnType)
    }
}

/// Kernels that round numbers of any type.
enum RoundingKernels {
    static func round(_ arguments: FunctionArguments, _ rule: FloatingPointRoundingRule) -> ColumnarValue {
        switch arguments.returnType {
        case .float64: return float(arguments, Double.self, rule)
        case .float32: return float(arguments, Float.self, rule)
        case .decimal(_, let scale): return decimal(arguments, Int(scale), rule)
        default: return arguments.count == 1 ? arguments.values[0] : integer(arguments, rule)
        }
    }

    private static func float<Value: BinaryFloatingPoint & BitwiseCopyable>(
        _ arguments: FunctionArguments, _ type: Value.Type, _ rule: FloatingPointRoundingRule
    ) -> ColumnarValue {
        let values = ValueOperand<Value>(arguments.values[0])
        let places = arguments.count > 1 ? arguments.integer(1) : nil
        return arguments.makeValues(Value.self) { row in
            guard let places else { return values[row].rounded(rule) }
            return Value(rounded(Double(values[row]), places[row], rule))
        }
    }

    private static func rounded(_ value: Double, _ places: Int64, _ rule: FloatingPointRoundingRule) -> Double {
        if places > 300 || !value.isFinite { return value }
        if places < -300 { return 0 }
        let scale = Glibc.pow(10, Double(abs(places)))
        let result = places >= 0 ? (value * scale).rounded(rule) / scale : (value / scale).rounded(rule) * scale
        return result.isFinite ? result : value
    }

    private static func decimal(
        _ arguments: FunctionArguments, _ scale: Int, _ rule: FloatingPointRoundingRule
    ) -> ColumnarValue {
        let values = ValueOperand<Int128>(arguments.values[0])
        let places = arguments.count > 1 ? arguments.integer(1) : nil
        return arguments.makeValues(Int128.self) { row in
            let kept = places?[row] ?? 0
            if kept >= Int64(scale) { return values[row] }
            let dropped = Int64(scale) - kept
            if dropped > 38 { return 0 }
            return whole(values[row], DecimalMath.power(Int(dropped)), rule)
        }
    }

    private static func integer(_ arguments: FunctionArguments, _ rule: FloatingPointRoundingRule) -> ColumnarValue {
        guard let wide = try? Cast.evaluate(arguments.values[0], to: .int64, isTry: true, rowCount: arguments.rowCount)
        else { return arguments.values[0] }
        let values = ValueOperand<Int64>(wide)
        let places = arguments.integer(1)
        let rounded = arguments.makeValues(Int64.self) { row in
            if places[row] >= 0 { return values[row] }
            if places[row] < -18 { return 0 }
            return Int64(exactly: whole(Int128(values[row]), DecimalMath.power(Int(-places[row])), rule))
        }
        let result = try? Cast.evaluate(rounded, to: arguments.returnType, isTry: true, rowCount: arguments.rowCount)
        return result ?? .scalar(.null(arguments.returnType))
    }

    /// The multiple of `unit` next to a value by a rule.
    private static func whole(_ value: Int128, _ unit: Int128, _ rule: FloatingPointRoundingRule) -> Int128 {
        let remainder = value % unit
        if remainder == 0 { return value }
        let truncated = value - remainder
        switch rule {
        case .up: return remainder > 0 ? truncated + unit : truncated
        case .down: return remainder < 0 ? truncated - unit : truncated
        case .towardZero: return truncated
        default:
            if remainder.magnitude * 2 < unit.magnitude { return truncated }
            return value > 0 ? truncated + unit : truncated - unit
        }
    }
}
