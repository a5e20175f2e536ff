import Columnar

/// Groups of functions, as the documentation lists them.
public enum FunctionFamily: String, CaseIterable, Sendable, Codable {
    case math, conditional, string, regex, binary, hash, time, array, structure, json, other, aggregate, window
}

/// What a user reads about a function.
public struct FunctionDocumentation: Sendable {
    /// One sentence that begins with a verb.
    public var summary: String
    /// How it is called, e.g. `left(text, count)`.
    public var syntax: String
    /// A constant expression and its result as text, checked by the tests, e.g. `("left('abc', 2)", "ab")`.
    public var examples: [(sql: String, result: String)]

    public init(_ summary: String, syntax: String, examples: [(sql: String, result: String)] = []) {
        self.summary = summary
        self.syntax = syntax
        self.examples = examples
    }
}

/// How a function treats null arguments.
public enum NullRule: Sendable {
    /// Any null argument gives null; the evaluator merges validities, and the kernel may compute garbage for null rows
    /// but must not fail on them.
    case propagates
    /// The kernel decides.
    case custom
}

/// When equal arguments give equal results.
public enum Volatility: Sendable {
    case immutable
    /// Constant within a batch (`now()`).
    case stable
    /// Different for every row (`random()`).
    case volatile
}

/// Which concrete types a call has after overload resolution.
public struct ResolvedSignature: Hashable, Sendable {
    /// One type per argument; the binder casts to them.
    public var argumentTypes: [DataType]
    public var returnType: DataType

    public init(_ argumentTypes: [DataType], returns returnType: DataType) {
        self.argumentTypes = argumentTypes
        self.returnType = returnType
    }
}

/// Why no overload takes the arguments given; the text completes "function f …".
public struct SignatureError: Error, Sendable {
    public var message: String

    public init(_ message: String) {
        self.message = message
    }
}

/// What a kernel is given for one batch.
public struct FunctionArguments: Sendable {
    /// The evaluated arguments, of the resolved types; literals stay scalar.
    public let values: [ColumnarValue]
    /// How many rows the batch has; a result column must be as long.
    public let rowCount: Int
    public let returnType: DataType
    public let context: EvaluationContext

    public init(values: [ColumnarValue], rowCount: Int, returnType: DataType, context: EvaluationContext) {
        self.values = values
        self.rowCount = rowCount
        self.returnType = returnType
        self.context = context
    }

    public var count: Int { values.count }

    /// Argument `index` as a column; a scalar is repeated.
    public func column(_ index: Int) -> Column { values[index].column(count: rowCount) }

    /// Argument `index` if it is one value for all rows.
    public func scalar(_ index: Int) -> ScalarValue? {
        if case .scalar(let value) = values[index] { value } else { nil }
    }
}

/// What is fixed while one batch is evaluated.
public struct EvaluationContext: Sendable {
    /// The processing time, nanoseconds since the epoch.
    public var now: Int64
    /// The seed of volatile functions for this batch.
    public var seed: UInt64

    public init(now: Int64 = 0, seed: UInt64 = 0) {
        self.now = now
        self.seed = seed
    }
}

/// One scalar function: signature, null rule, kernel and documentation in one place.
public struct ScalarFunction: Sendable {
    public typealias Resolver = @Sendable ([DataType]) throws(SignatureError) -> ResolvedSignature
    public typealias Kernel = @Sendable (FunctionArguments) throws(KernelError) -> ColumnarValue

    public let name: String
    public let aliases: [String]
    public let family: FunctionFamily
    public let documentation: FunctionDocumentation
    public let nullRule: NullRule
    public let volatility: Volatility
    /// Whether the kernel can fail on a row; what cannot fail is also computed for rows nobody asks for.
    public let canFail: Bool
    public let resolve: Resolver
    public let kernel: Kernel

    public init(
        _ name: String, aliases: [String] = [], family: FunctionFamily, documentation: FunctionDocumentation,
        nullRule: NullRule = .propagates, volatility: Volatility = .immutable, canFail: Bool = false,
        resolve: @escaping Resolver, kernel: @escaping Kernel
    ) {
        self.name = name
        self.aliases = aliases
        self.family = family
        self.documentation = documentation
        self.nullRule = nullRule
        self.volatility = volatility
        self.canFail = canFail
        self.resolve = resolve
        self.kernel = kernel
    }
}
