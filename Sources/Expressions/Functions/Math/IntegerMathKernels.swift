import Columnar

/// Kernels of functions on whole numbers.
enum IntegerMathKernels {
    static func factorial(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let numbers = arguments.integer(0)
        return try arguments.makeValues(Int64.self) { (row) throws(KernelError) in
            let number = numbers[row]
            guard (0...20).contains(number) else {
                throw KernelError(row: row, message: "factorial: expected 0 to 20, found \(number)")
            }
            return number < 2 ? 1 : (2...number).reduce(1, *)
        }
    }

    static func divisor(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let (first, second) = (arguments.integer(0), arguments.integer(1))
        return try arguments.makeValues(Int64.self) { (row) throws(KernelError) in
            guard let result = Int64(exactly: divisor(first[row].magnitude, second[row].magnitude)) else {
                throw KernelError(row: row, message: "gcd: the result does not fit BIGINT")
            }
            return result
        }
    }

    static func multiple(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let (first, second) = (arguments.integer(0), arguments.integer(1))
        return try arguments.makeValues(Int64.self) { (row) throws(KernelError) in
            let (a, b) = (first[row].magnitude, second[row].magnitude)
            if a == 0 || b == 0 { return 0 }
            let (product, overflow) = (a / divisor(a, b)).multipliedReportingOverflow(by: b)
            guard !overflow, let result = Int64(exactly: product) else {
                throw KernelError(row: row, message: "lcm: the result does not fit BIGINT")
            }
            return result
        }
    }

    private static func divisor(_ left: UInt64, _ right: UInt64) -> UInt64 {
        var (a, b) = (left, right)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }

    static func remainderTypes(_ types: [DataType]) throws(SignatureError) -> ResolvedSignature {
        guard types.count == 2 else { throw SignatureError("takes 2 arguments, found \(types.count)") }
        guard let operands = Arithmetic.operandTypes(.remainder, types[0], types[1]),
            let result = Arithmetic.resultType(.remainder, operands.left, operands.right)
        else {
            throw SignatureError("expects two numbers, found \(types[0].sqlName) and \(types[1].sqlName)")
        }
        return ResolvedSignature([operands.left, operands.right], returns: result)
    }

    static func remainder(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        try Arithmetic.evaluate(
            .remainder, arguments.values[0], arguments.values[1], rowCount: arguments.rowCount,
            resultType: arguments.returnType)
    }

    static func bucket(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let value = ValueOperand<Double>(arguments.values[0])
        let (low, high) = (ValueOperand<Double>(arguments.values[1]), ValueOperand<Double>(arguments.values[2]))
        let counts = arguments.integer(3)
        return try arguments.makeValues(Int64.self) { (row) throws(KernelError) in
            let count = counts[row]
            guard (1...1_000_000_000).contains(count), low[row] != high[row], low[row].isFinite, high[row].isFinite,
                !value[row].isNaN
            else {
                throw KernelError(
                    row: row, message: "width_bucket: expected different finite bounds and a positive count")
            }
            let position = (value[row] - low[row]) / (high[row] - low[row])
            if position < 0 { return 0 }
            return position >= 1 ? count + 1 : Int64(position * Double(count)) + 1
        }
    }
}
