import Columnar

/// Functions that choose among their arguments. COALESCE and NULLIF are expressions of their own.
let conditionalFunctions: [ScalarFunction] = [
    ScalarFunction(
        "greatest", family: .conditional,
        documentation: FunctionDocumentation(
            "Gives the greatest of the values; nulls are left out.", syntax: "greatest(value, …)",
            examples: [("greatest(1, 3, 2)", "3"), ("greatest('a', NULL)", "a")]),
        nullRule: .custom, resolve: ConditionalKernels.commonType
    ) { ConditionalKernels.extreme($0, .greater) },
    ScalarFunction(
        "least", family: .conditional,
        documentation: FunctionDocumentation(
            "Gives the least of the values; nulls are left out.", syntax: "least(value, …)",
            examples: [("least(1, 3, 2)", "1"), ("least(NULL, 2.5)", "2.5")]),
        nullRule: .custom, resolve: ConditionalKernels.commonType
    ) { ConditionalKernels.extreme($0, .less) },
    ScalarFunction(
        "nvl2", family: .conditional,
        documentation: FunctionDocumentation(
            "Gives the second value where the first is not null, else the third.",
            syntax: "nvl2(condition, value, other)", examples: [("nvl2(1, 'yes', 'no')", "yes")]),
        nullRule: .custom, resolve: ConditionalKernels.choiceTypes, kernel: ConditionalKernels.choose),
]

/// Kernels of the functions that choose.
enum ConditionalKernels {
    static func commonType(_ types: [DataType]) throws(SignatureError) -> ResolvedSignature {
        guard var common = types.first else { throw SignatureError("takes 1 or more arguments, found 0") }
        for type in types.dropFirst() {
            guard let wider = Cast.commonType(common, type) else {
                throw SignatureError("expects values of one type, found \(common.sqlName) and \(type.sqlName)")
            }
            common = wider
        }
        return ResolvedSignature(types.map { _ in common }, returns: common)
    }

    static func choiceTypes(_ types: [DataType]) throws(SignatureError) -> ResolvedSignature {
        guard types.count == 3 else { throw SignatureError("takes 3 arguments, found \(types.count)") }
        let values = try commonType([types[1], types[2]])
        return ResolvedSignature([types[0]] + values.argumentTypes, returns: values.returnType)
    }

    /// The value for which `op` holds against all others.
    static func extreme(_ arguments: FunctionArguments, _ op: ComparisonOperator) -> ColumnarValue {
        var best = arguments.column(0)
        for index in 1..<max(1, arguments.count) {
            let next = arguments.column(index)
            if next.type == .null { continue }
            let isBetter = Comparison.evaluate(op, .column(next), .column(best), rowCount: arguments.rowCount)
            var takesNext = BooleanLogic.trueBits(isBetter, rowCount: arguments.rowCount)
            if let known = best.validity {
                let present = next.validity ?? Bitmap(repeating: true, count: arguments.rowCount)
                takesNext = takesNext.or(present.andNot(known))
            } else if best.type == .null {
                best = next
                continue
            }
            best = Column.selecting(mask: takesNext, next, best)
        }
        return .column(best)
    }

    static func choose(_ arguments: FunctionArguments) -> ColumnarValue {
        let isPresent = BooleanLogic.isNotNull(arguments.values[0])
        let mask = BooleanLogic.trueBits(isPresent, rowCount: arguments.rowCount)
        return .column(Column.selecting(mask: mask, arguments.column(1), arguments.column(2)))
    }
}
