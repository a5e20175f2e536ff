import Testing

@testable import Columnar

@Suite struct ArithmeticTests {
    static let integerTypes: [DataType] = [.int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64]

    private static func range(_ type: DataType) -> ClosedRange<Int128> {
        guard case .fixed(let width) = type.layout else { return 0...0 }
        let half = Int128(1) << Int128(width * 8 - 1)
        return type.isSignedInteger ? -half...(half - 1) : 0...(half * 2 - 1)
    }

    private static func exact(_ value: ScalarValue) -> Int128 {
        switch value.storage {
        case .int(let number): Int128(number)
        case .uint(let number): Int128(number)
        default: 0
        }
    }

    /// The exact result; nil where it is an error.
    private static func naive(_ op: ArithmeticOperator, _ a: Int128, _ b: Int128, _ type: DataType) -> Int128? {
        let wide: Int128
        switch op {
        case .add: wide = a + b
        case .subtract: wide = a - b
        case .multiply: wide = a * b
        case .divide:
            if b == 0 { return nil }
            wide = a / b
        case .remainder:
            if b == 0 { return nil }
            wide = a % b
        case .bitwiseAnd: wide = a & b
        case .bitwiseOr: wide = a | b
        case .bitwiseXor: wide = a ^ b
        case .shiftLeft, .shiftRight: return nil
        }
        return range(type).contains(wide) ? wide : nil
    }

    @Test(arguments: integerTypes) func `Integers are exact or raise an error at the first bad row`(type: DataType) {
        var random = Seeded(41)
        let operators: [ArithmeticOperator] = [
            .add, .subtract, .multiply, .divide, .remainder, .bitwiseAnd, .bitwiseOr, .bitwiseXor,
        ]
        for round in 0..<40 {
            let count = [1, 7, 65][round % 3]
            let nullRate = [0, 0.3, 0.9][round / 3 % 3]
            var sides: [ColumnarValue] = []
            for _ in 0..<2 {
                let isScalar = random.below(3) == 0
                sides.append(
                    isScalar
                        ? .scalar(randomScalar(type, nullRate: 0.05, using: &random))
                        : .column(Self.bounded(type, count, nullRate, &random)))
            }
            for op in operators { Self.check(op, sides[0], sides[1], count, type) }
        }
    }

    /// Mostly values whose products fit, some extremes.
    private static func bounded(_ type: DataType, _ count: Int, _ nullRate: Double, _ random: inout Seeded) -> Column {
        let limits = range(type)
        let extremes = random.below(3) == 0
        let values = (0..<count + 3).map { _ -> ScalarValue in
            if Double.random(in: 0..<1, using: &random) < nullRate { return .null(type) }
            var value = Int128(random.below(7)) - (type.isSignedInteger ? 3 : 0)
            if extremes { value = [limits.lowerBound, limits.upperBound, value][random.below(3)] }
            let storage: ScalarValue.Storage =
                type.isSignedInteger ? .int(Int64(truncatingIfNeeded: value)) : .uint(UInt64(truncatingIfNeeded: value))
            return ScalarValue(type: type, storage: storage)
        }
        return Column.of(type, values).slice(3, count)
    }

    private static func check(
        _ op: ArithmeticOperator, _ left: ColumnarValue, _ right: ColumnarValue, _ count: Int, _ type: DataType
    ) {
        let a = left.column(count: count).scalars
        let b = right.column(count: count).scalars
        var expected: [ScalarValue] = []
        var failure: Int?
        for row in 0..<count {
            if a[row].isNull || b[row].isNull {
                expected.append(.null(type))
            } else if let value = naive(op, exact(a[row]), exact(b[row]), type) {
                expected.append(
                    ScalarValue(
                        type: type,
                        storage: type.isSignedInteger
                            ? .int(Int64(truncatingIfNeeded: value)) : .uint(UInt64(truncatingIfNeeded: value))))
            } else {
                failure = row
                break
            }
        }
        do {
            let result = try Arithmetic.evaluate(op, left, right, rowCount: count, resultType: type)
            #expect(failure == nil, "\(op) should fail")
            #expect(same(result.column(count: count), expected), "\(op) \(type.sqlName)")
        } catch {
            #expect(failure != nil, "\(op) failed: \(error.message)")
            if !left.isScalar || !right.isScalar { #expect(error.row == failure) }
        }
    }

    private func int(_ op: ArithmeticOperator, _ a: Int64, _ b: Int64) throws(KernelError) -> Int64? {
        let result = try Arithmetic.evaluate(
            op, .scalar(.int64(a)), .scalar(.int64(b)), rowCount: 1, resultType: .int64)
        return result.column(count: 1).scalar(at: 0).intValue
    }

    @Test func `Integer errors name the operands and the type`() throws {
        #expect(throws: KernelError(message: "integer overflow: 9223372036854775807 + 1 is out of range for BIGINT")) {
            try int(.add, .max, 1)
        }
        #expect(throws: KernelError(message: "division by zero")) { try int(.divide, 1, 0) }
        #expect(throws: KernelError(message: "division by zero")) { try int(.remainder, 1, 0) }
        #expect(throws: KernelError.self) { try int(.divide, .min, -1) }
        #expect(try int(.remainder, .min, -1) == 0)
        #expect(try int(.divide, -7, 2) == -3)
        #expect(try int(.remainder, -7, 2) == -1)
        #expect(try int(.remainder, 7, -2) == 1)
        #expect(try int(.shiftLeft, 3, 4) == 48)
        #expect(try int(.shiftRight, -16, 2) == -4)
    }

    @Test func `Floats follow IEEE except for division by zero`() throws {
        let left = Column.of(.float64, [.float64(1), .float64(-5.5), .null(.float64), .float64(.infinity)])
        let right = Column.of(.float64, [.float64(0.5), .float64(2), .float64(0), .float64(3)])
        func run(_ op: ArithmeticOperator) throws -> [Double?] {
            try Arithmetic.evaluate(op, .column(left), .column(right), rowCount: 4, resultType: .float64)
                .column(count: 4).scalars.map(\.floatValue)
        }
        #expect(try run(.add) == [1.5, -3.5, nil, .infinity])
        #expect(try run(.divide) == [2, -2.75, nil, .infinity])
        #expect(try run(.remainder).prefix(3) == [0, -1.5, nil])
        #expect(throws: KernelError(row: 1, message: "division by zero")) {
            try Arithmetic.evaluate(
                .divide, .column(right.slice(1, 3)), .column(right.slice(1, 3)), rowCount: 3, resultType: .float64)
        }
    }

    private func decimal(_ units: Int128, _ precision: Int, _ scale: Int) -> ColumnarValue {
        .scalar(ScalarValue(type: .decimal(precision: precision, scale: scale), storage: .decimal(units)))
    }

    private func units(_ op: ArithmeticOperator, _ a: ColumnarValue, _ b: ColumnarValue) throws -> Int128? {
        guard let type = Arithmetic.resultType(op, a.type, b.type) else { return nil }
        let result = try Arithmetic.evaluate(op, a, b, rowCount: 1, resultType: type)
        if case .decimal(let units) = result.column(count: 1).scalar(at: 0).storage { return units }
        return nil
    }

    @Test func `Decimals keep exact scales`() throws {
        #expect(
            Arithmetic.resultType(.add, .decimal(precision: 10, scale: 2), .int32) == .decimal(precision: 13, scale: 2))
        #expect(try units(.add, decimal(150, 10, 2), decimal(25, 10, 1)) == 400)
        #expect(try units(.subtract, decimal(150, 10, 2), decimal(25, 10, 1)) == -100)
        #expect(try units(.multiply, decimal(150, 10, 2), decimal(-25, 10, 1)) == -3750)
        // 1 / 3 at scale 11 + 2.
        #expect(try units(.divide, decimal(100, 10, 2), decimal(300, 10, 2)) == 3_333_333_333_333)
        #expect(try units(.divide, decimal(-200, 10, 2), decimal(300, 10, 2)) == -6_666_666_666_667)
        #expect(try units(.remainder, decimal(-750, 10, 2), decimal(20, 10, 1)) == -150)
        #expect(throws: KernelError(message: "division by zero")) {
            try units(.divide, decimal(1, 10, 2), decimal(0, 10, 2))
        }
        let largest = DecimalMath.power(38) - 1
        #expect(throws: KernelError.self) { try units(.add, decimal(largest, 38, 0), decimal(1, 38, 0)) }
        #expect(throws: KernelError.self) { try units(.multiply, decimal(largest, 38, 0), decimal(largest, 38, 0)) }
        // 38 digits times 0.5 at scale 19: the product needs 256 bits on the way.
        #expect(
            DecimalMath.multiply(largest, DecimalMath.power(19), productScale: 19, scale: 0) == largest)
    }

    @Test func `Decimal multiplication and division agree with exact integers`() {
        var random = Seeded(43)
        for _ in 0..<2000 {
            let a = Int128.random(in: -1_000_000_000_000...1_000_000_000_000, using: &random)
            let b = Int128.random(in: 1...1_000_000_000, using: &random) * (random.below(2) == 0 ? 1 : -1)
            let scale = random.below(9)
            func rounded(_ numerator: Int128, _ denominator: Int128) -> Int128 {
                let twice = numerator.magnitude * 2 + denominator.magnitude
                let magnitude = Int128(twice / (denominator.magnitude * 2))
                return (numerator < 0) != (denominator < 0) ? -magnitude : magnitude
            }
            #expect(
                DecimalMath.multiply(a, b, productScale: 8, scale: scale)
                    == rounded(a * b, DecimalMath.power(8 - scale)))
            #expect(DecimalMath.divide(a, b, exponent: scale) == rounded(a * DecimalMath.power(scale), b))
            #expect(DecimalMath.divide(a, b, exponent: -scale) == rounded(a, b * DecimalMath.power(scale)))
        }
        let third = DecimalMath.divide(1, DecimalMath.power(37) * 3, exponent: 74)
        #expect(third == DecimalMath.power(37) / 3)
    }

    @Test(arguments: integerTypes) func `Negation and magnitude are checked`(type: DataType) {
        var random = Seeded(44)
        for nullRate in [0, 0.5] {
            let column = Self.bounded(type, 20, nullRate, &random)
            let limits = Self.range(type)
            let values = column.scalars
            let failure = values.firstIndex { !$0.isNull && !limits.contains(-Self.exact($0)) }
            do {
                let result = try Arithmetic.negate(.column(column), rowCount: 20).column(count: 20)
                #expect(failure == nil)
                for row in 0..<20 where !values[row].isNull {
                    #expect(Self.exact(result.scalar(at: row)) == -Self.exact(values[row]))
                }
            } catch {
                #expect(error.row == failure)
            }
        }
    }
}
