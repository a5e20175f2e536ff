/// All functions by name and alias; built once from the lists in `BuiltinFunctions` and `BuiltinAggregates`.
public struct FunctionRegistry: Sendable {
    private let scalarsByName: [String: ScalarFunction]
    private let aggregatesByName: [String: AggregateFunction]
    /// In the order of the lists.
    public let scalars: [ScalarFunction]
    public let aggregates: [AggregateFunction]

    /// Traps when two functions share a name, which is a mistake in the lists.
    public init(scalars: [ScalarFunction], aggregates: [AggregateFunction]) {
        var scalarsByName: [String: ScalarFunction] = [:]
        var aggregatesByName: [String: AggregateFunction] = [:]
        for function in scalars {
            for name in [function.name] + function.aliases {
                precondition(scalarsByName.updateValue(function, forKey: name) == nil, "two functions called \(name)")
            }
        }
        for function in aggregates {
            for name in [function.name] + function.aliases {
                precondition(
                    aggregatesByName.updateValue(function, forKey: name) == nil, "two aggregates called \(name)")
            }
        }
        self.scalars = scalars
        self.aggregates = aggregates
        self.scalarsByName = scalarsByName
        self.aggregatesByName = aggregatesByName
    }

    /// Every built-in function.
    public static let builtin = FunctionRegistry(scalars: builtinScalarFunctions, aggregates: builtinAggregates)

    /// The scalar function called `name` (lower case), by name or alias.
    public func scalar(_ name: String) -> ScalarFunction? { scalarsByName[name] }

    /// The aggregate called `name` (lower case), by name or alias.
    public func aggregate(_ name: String) -> AggregateFunction? { aggregatesByName[name] }

    /// Every name a user may write, for "did you mean".
    public var names: [String] { Array(scalarsByName.keys) + Array(aggregatesByName.keys) }
}
