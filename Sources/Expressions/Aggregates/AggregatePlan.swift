import Columnar

/// What an operator has to compute for its keys and aggregate calls, planned once.
///
/// `expressions` are evaluated once per batch; the columns they give drive any number of `AccumulatorSet`s, e.g. one
/// per window.
public struct AggregatePlan: Sendable {
    /// One call and where its inputs stand among the evaluated columns.
    struct Call: Sendable {
        var function: AggregateFunction
        var arguments: [Int]
        var argumentTypes: [DataType]
        /// A boolean column.
        var filter: Int?
        /// Ordering columns, for calls whose result depends on the order.
        var orderings: [Int]
        var orderingTypes: [DataType]
        var directions: [OrderDirection]
        var isDistinct: Bool
        var type: DataType
    }

    /// Keys first, then arguments, filters and orderings, each different expression once.
    public let expressions: [BoundExpression]
    /// How many of the expressions are keys.
    public let keyCount: Int
    let calls: [Call]

    /// Plans calls whose arguments already have the resolved types. Fails on a name the registry does not know.
    public init(
        keys: [BoundExpression], calls: [AggregateCall], registry: FunctionRegistry = .builtin
    ) throws(KernelError) {
        var expressions = keys
        var positions: [BoundExpression: Int] = [:]
        for (index, key) in keys.enumerated() where positions[key] == nil { positions[key] = index }
        func place(_ expression: BoundExpression) -> Int {
            if let position = positions[expression] { return position }
            expressions.append(expression)
            positions[expression] = expressions.count - 1
            return expressions.count - 1
        }
        var planned: [Call] = []
        for call in calls {
            guard let function = registry.aggregate(call.name) else {
                throw KernelError(message: "there is no aggregate function called \(call.name)")
            }
            let arguments = call.arguments
            let ordering = function.isOrderSensitive ? call.ordering : []
            planned.append(
                Call(
                    function: function, arguments: arguments.map { place($0) }, argumentTypes: arguments.map(\.type),
                    filter: call.filter.map { place($0) }, orderings: ordering.map { place($0.expression) },
                    orderingTypes: ordering.map(\.expression.type),
                    directions: ordering.map {
                        OrderDirection(isDescending: $0.isDescending, nullsFirst: $0.nullsFirst)
                    },
                    isDistinct: call.isDistinct && !function.ignoresDuplicates, type: call.type))
        }
        self.expressions = expressions
        self.keyCount = keys.count
        self.calls = planned
    }

    /// The types of the keys.
    public var keyTypes: [DataType] { expressions.prefix(keyCount).map(\.type) }

    /// Fresh accumulators without groups; with `isRetractable` rows can be taken away from them again.
    public func makeAccumulators(isRetractable: Bool = false) -> AccumulatorSet {
        AccumulatorSet(self, isRetractable: isRetractable)
    }

    /// One that rows can be taken away from: the function's own if it can, else one that keeps all rows.
    func makeRetractable(_ call: Call) -> any RetractableAccumulator {
        let plain = makeAccumulator(call)
        if let retractable = plain as? any RetractableAccumulator { return retractable }
        return MultisetAccumulator(types: call.argumentTypes + call.orderingTypes) { makeAccumulator(call) }
    }

    func makeAccumulator(_ call: Call) -> any GroupsAccumulator {
        let makePlain = { @Sendable in call.function.makeAccumulator(call.argumentTypes, call.type) }
        let makeInner: @Sendable () -> any GroupsAccumulator =
            call.isDistinct
            ? { @Sendable in DistinctAccumulator(types: call.argumentTypes, inner: makePlain()) } : makePlain
        if call.orderings.isEmpty { return makeInner() }
        return OrderedAccumulator(
            types: call.argumentTypes + call.orderingTypes, argumentCount: call.arguments.count,
            directions: call.directions, makeInner: makeInner)
    }
}

extension AggregateFunction {
    /// Whether equal rows change nothing, so that `DISTINCT` needs no work.
    var ignoresDuplicates: Bool {
        switch name {
        case "min", "max", "bool_and", "bool_or", "bit_and", "bit_or", "any_value", "approx_distinct": true
        default: false
        }
    }
}
