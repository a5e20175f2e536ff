import Columnar
import Glibc

/// Functions of numbers. Floats follow IEEE 754: `sqrt(-1)` is NaN, not an error.
let mathFunctions: [ScalarFunction] = floatFunctions + roundingFunctions + integerFunctions + otherMathFunctions

/// A function of one float; the body is inlined into the row loop of its kernel.
private func float(
    _ name: String, aliases: [String] = [], _ summary: String, _ example: (sql: String, result: String),
    kernel: @escaping @Sendable (FunctionArguments) -> ColumnarValue
) -> ScalarFunction {
    ScalarFunction(
        name, aliases: aliases, family: .math, "\(name)(number)", summary, examples: [example],
        takes: ParameterList(.number), returns: .float64, kernel: kernel)
}

private let floatFunctions: [ScalarFunction] = [
    float("sqrt", "Gives the square root.", ("sqrt(16)", "4")) { MathKernels.map($0) { $0.squareRoot() } },
    float("cbrt", "Gives the cube root.", ("cbrt(8)", "2")) { MathKernels.map($0) { Glibc.cbrt($0) } },
    float("exp", "Gives e to a power.", ("exp(0)", "1")) { MathKernels.map($0) { Glibc.exp($0) } },
    float("ln", "Gives the natural logarithm.", ("ln(1)", "0")) { MathKernels.map($0) { Glibc.log($0) } },
    float("log2", "Gives the logarithm to base 2.", ("log2(8)", "3")) { MathKernels.map($0) { Glibc.log2($0) } },
    float("log10", "Gives the logarithm to base 10.", ("log10(1000)", "3")) { MathKernels.map($0) { Glibc.log10($0) } },
    float("sin", "Gives the sine of radians.", ("sin(0)", "0")) { MathKernels.map($0) { Glibc.sin($0) } },
    float("cos", "Gives the cosine of radians.", ("cos(0)", "1")) { MathKernels.map($0) { Glibc.cos($0) } },
    float("tan", "Gives the tangent of radians.", ("tan(0)", "0")) { MathKernels.map($0) { Glibc.tan($0) } },
    float("cot", "Gives the cotangent of radians.", ("round(cot(1) * tan(1))", "1")) {
        MathKernels.map($0) { 1 / Glibc.tan($0) }
    },
    float("asin", "Gives the arc sine.", ("asin(0)", "0")) { MathKernels.map($0) { Glibc.asin($0) } },
    float("acos", "Gives the arc cosine.", ("acos(1)", "0")) { MathKernels.map($0) { Glibc.acos($0) } },
    float("atan", "Gives the arc tangent.", ("atan(0)", "0")) { MathKernels.map($0) { Glibc.atan($0) } },
    float("sinh", "Gives the hyperbolic sine.", ("sinh(0)", "0")) { MathKernels.map($0) { Glibc.sinh($0) } },
    float("cosh", "Gives the hyperbolic cosine.", ("cosh(0)", "1")) { MathKernels.map($0) { Glibc.cosh($0) } },
    float("tanh", "Gives the hyperbolic tangent.", ("tanh(0)", "0")) { MathKernels.map($0) { Glibc.tanh($0) } },
    float("asinh", "Gives the inverse hyperbolic sine.", ("asinh(0)", "0")) {
        MathKernels.map($0) { Glibc.asinh($0) }
    },
    float("acosh", "Gives the inverse hyperbolic cosine.", ("acosh(1)", "0")) {
        MathKernels.map($0) { Glibc.acosh($0) }
    },
    float("atanh", "Gives the inverse hyperbolic tangent.", ("atanh(0)", "0")) {
        MathKernels.map($0) { Glibc.atanh($0) }
    },
    float("degrees", "Turns radians into degrees.", ("degrees(pi())", "180")) {
        MathKernels.map($0) { $0 * (180 / Double.pi) }
    },
    float("radians", "Turns degrees into radians.", ("radians(180) = pi()", "true")) {
        MathKernels.map($0) { $0 * (Double.pi / 180) }
    },
    ScalarFunction(
        "power", aliases: ["pow"], family: .math, "power(base, exponent)", "Raises a number to a power.",
        examples: [("power(2, 10)", "1024")], takes: ParameterList(.number, .number), returns: .float64
    ) { MathKernels.map2($0) { Glibc.pow($0, $1) } },
    ScalarFunction(
        "atan2", family: .math, "atan2(y, x)", "Gives the angle of a point in radians.",
        examples: [("atan2(0, 1)", "0")], takes: ParameterList(.number, .number), returns: .float64
    ) { MathKernels.map2($0) { Glibc.atan2($0, $1) } },
    ScalarFunction(
        "log", family: .math, "log([base,] number)", "Gives the logarithm to a base, 10 if none is given.",
        examples: [("log(100)", "2"), ("log(2, 64)", "6")], takes: ParameterList(.number, optional: [.number]),
        returns: .float64, kernel: MathKernels.logarithm),
    ScalarFunction(
        "nanvl", family: .math, "nanvl(number, other)", "Gives the other number where the first is NaN.",
        examples: [("nanvl(CAST('NaN' AS DOUBLE), 1)", "1")], takes: ParameterList(.number, .number),
        returns: .float64
    ) { MathKernels.map2($0) { $0.isNaN ? $1 : $0 } },
]

private let roundingFunctions: [ScalarFunction] = [
    ScalarFunction(
        "abs", family: .math,
        documentation: FunctionDocumentation(
            "Gives the magnitude; the type stays.", syntax: "abs(number)", examples: [("abs(-3)", "3")]),
        canFail: true, resolve: MathKernels.sameNumber
    ) { (arguments) throws(KernelError) in
        try Arithmetic.absolute(arguments.values[0], rowCount: arguments.rowCount)
    },
    rounding("ceil", aliases: ["ceiling"], "Rounds up to a whole number.", ("ceil(1.2)", "2"), .up),
    rounding("floor", "Rounds down to a whole number.", ("floor(-1.2)", "-2"), .down),
    ScalarFunction(
        "round", family: .math,
        documentation: FunctionDocumentation(
            "Rounds to so many places after the point (0 if not given, negative ones before it), halves away from 0.",
            syntax: "round(number [, places])",
            examples: [("round(2.5)", "3"), ("round(CAST(1234.567 AS DOUBLE), -2)", "1200")]),
        resolve: MathKernels.rounded
    ) { RoundingKernels.round($0, .toNearestOrAwayFromZero) },
    ScalarFunction(
        "trunc", family: .math,
        documentation: FunctionDocumentation(
            "Cuts to so many places after the point, towards zero.", syntax: "trunc(number [, places])",
            examples: [("trunc(-1.9)", "-1"), ("trunc(CAST(1.987 AS DOUBLE), 2)", "1.98")]),
        resolve: MathKernels.rounded
    ) { RoundingKernels.round($0, .towardZero) },
]

private func rounding(
    _ name: String, aliases: [String] = [], _ summary: String, _ example: (sql: String, result: String),
    _ rule: FloatingPointRoundingRule
) -> ScalarFunction {
    ScalarFunction(
        name, aliases: aliases, family: .math,
        documentation: FunctionDocumentation(summary, syntax: "\(name)(number)", examples: [example]),
        resolve: MathKernels.sameNumber
    ) { RoundingKernels.round($0, rule) }
}

private let integerFunctions: [ScalarFunction] = [
    ScalarFunction(
        "factorial", family: .math, "factorial(n)", "Multiplies the numbers from 1 to n; n is at most 20.",
        examples: [("factorial(5)", "120")], takes: ParameterList(.integer), returns: .int64, canFail: true,
        kernel: IntegerMathKernels.factorial),
    ScalarFunction(
        "gcd", family: .math, "gcd(a, b)", "Gives the greatest common divisor.", examples: [("gcd(48, 18)", "6")],
        takes: ParameterList(.integer, .integer), returns: .int64, canFail: true, kernel: IntegerMathKernels.divisor),
    ScalarFunction(
        "lcm", family: .math, "lcm(a, b)", "Gives the least common multiple.", examples: [("lcm(4, 6)", "12")],
        takes: ParameterList(.integer, .integer), returns: .int64, canFail: true, kernel: IntegerMathKernels.multiple),
    ScalarFunction(
        "mod", family: .math,
        documentation: FunctionDocumentation(
            "Gives the remainder of a division, like %.", syntax: "mod(a, b)", examples: [("mod(7, 4)", "3")]),
        canFail: true, resolve: IntegerMathKernels.remainderTypes, kernel: IntegerMathKernels.remainder),
    ScalarFunction(
        "width_bucket", family: .math, "width_bucket(value, low, high, count)",
        "Gives the number of the bucket, counted from 1, that a value falls into; 0 below and count + 1 above.",
        examples: [("width_bucket(5.35, 0.024, 10.06, 5)", "3")],
        takes: ParameterList(.number, .number, .number, .integer), returns: .int64, canFail: true,
        kernel: IntegerMathKernels.bucket),
]

private let otherMathFunctions: [ScalarFunction] = [
    ScalarFunction(
        "sign", aliases: ["signum"], family: .math, "sign(number)", "Gives -1, 0 or 1.",
        examples: [("sign(-8.4)", "-1")], takes: ParameterList(.number), returns: .float64
    ) { MathKernels.map($0) { $0 > 0 ? 1 : ($0 < 0 ? -1 : $0) } },
    ScalarFunction(
        "isnan", family: .math, "isnan(number)", "Tells whether a float is NaN.", examples: [("isnan(1)", "false")],
        takes: ParameterList(.number), returns: .boolean
    ) { arguments in
        let values = ValueOperand<Double>(arguments.values[0])
        return arguments.makeBooleans { row in values[row].isNaN }
    },
    ScalarFunction(
        "iszero", family: .math, "iszero(number)", "Tells whether a number is zero.", examples: [("iszero(0)", "true")],
        takes: ParameterList(.number), returns: .boolean
    ) { arguments in
        let values = ValueOperand<Double>(arguments.values[0])
        return arguments.makeBooleans { row in values[row] == 0 }
    },
    ScalarFunction(
        "pi", family: .math, "pi()", "Gives π.", examples: [("pi()", "3.141592653589793")], takes: ParameterList(),
        returns: .float64
    ) { _ in .scalar(.float64(.pi)) },
    ScalarFunction(
        "random", family: .math,
        documentation: FunctionDocumentation(
            "Gives a random float from 0 to below 1, another for every row.", syntax: "random()"),
        nullRule: .custom, volatility: .volatile, resolve: ParameterList().returning(.float64),
        kernel: MathKernels.random),
]
