import Columnar

/// One aggregate call of a query, as the planner hands it to an operator.
public struct AggregateCall: Hashable, Sendable, Codable {
    /// The canonical name in the registry; `count` without arguments counts rows.
    public var name: String
    /// Over the operator's input, already cast to the resolved argument types.
    public var arguments: [BoundExpression]
    public var isDistinct: Bool
    /// `FILTER (WHERE …)`.
    public var filter: BoundExpression?
    /// `ORDER BY` inside the call or `WITHIN GROUP`.
    public var ordering: [Ordering]
    public var type: DataType

    public struct Ordering: Hashable, Sendable, Codable {
        public var expression: BoundExpression
        public var isDescending: Bool
        public var nullsFirst: Bool

        public init(expression: BoundExpression, isDescending: Bool, nullsFirst: Bool) {
            self.expression = expression
            self.isDescending = isDescending
            self.nullsFirst = nullsFirst
        }
    }

    public init(
        name: String, arguments: [BoundExpression], isDistinct: Bool = false, filter: BoundExpression? = nil,
        ordering: [Ordering] = [], type: DataType
    ) {
        self.name = name
        self.arguments = arguments
        self.isDistinct = isDistinct
        self.filter = filter
        self.ordering = ordering
        self.type = type
    }
}

/// The running results of one aggregate for all groups of a table.
///
/// Groups are dense ids from a `GroupTable`; every call handles a whole batch. State can be given out as columns and
/// merged into another accumulator: so panes are combined, partial results shuffled and checkpoints written.
public protocol GroupsAccumulator: AnyObject {
    /// Makes room for `groupCount` groups; new ones start empty. Called before ids at or above the former count come.
    func resize(groupCount: Int)

    /// Adds rows: row `i` of the argument columns to group `groups[i]`. Rows outside `filter` are left out.
    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError)

    /// Adds states of another accumulator of the same call: row `i` of the state columns to group `groups[i]`.
    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError)

    /// The state of every group in id order; the types are the function's `stateTypes`.
    func states() -> [Column]

    /// The states of some groups, in the order given. By default costs as much as all of them.
    func states(_ groups: Selection) -> [Column]

    /// The result of every group in id order.
    func finish() throws(KernelError) -> Column

    /// The results of some groups, in the order given. By default costs as much as all of them.
    func finish(_ groups: Selection) throws(KernelError) -> Column

    /// The arrays by group that it keeps state in. Only `update` and `merge` write to groups that are there, and to
    /// none but those they are given.
    var arrays: [ArrayView] { get }

    /// The state as it is now, to be read while rows go on coming; the set takes care of `arrays`. By default they are
    /// all there is. `makeEmpty` makes another accumulator of the same call.
    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot

    /// The memory held, in bytes.
    var byteCount: Int { get }
}

extension GroupsAccumulator {
    public func states(_ groups: Selection) -> [Column] { states().map { $0.taking(groups).compacted() } }

    public func finish(_ groups: Selection) throws(KernelError) -> Column { try finish().taking(groups) }
}

/// An accumulator from which rows can be taken away again that were added before.
public protocol RetractableAccumulator: GroupsAccumulator {
    /// Takes rows away: row `i` of the argument columns from group `groups[i]`. Rows outside `filter` are left out.
    func retract(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError)
}

/// One aggregate function of the registry.
public struct AggregateFunction: Sendable {
    public typealias AccumulatorFactory =
        @Sendable (_ argumentTypes: [DataType], _ returnType: DataType) -> any GroupsAccumulator

    public let name: String
    public let aliases: [String]
    public let documentation: FunctionDocumentation
    public let resolve: ScalarFunction.Resolver
    /// Whether `ORDER BY` inside the call changes the result (`array_agg`, `first_value`, …).
    public let isOrderSensitive: Bool
    /// Whether the arguments of `WITHIN GROUP (ORDER BY x)` are the function's first arguments.
    public let takesWithinGroup: Bool
    public let makeAccumulator: AccumulatorFactory

    public init(
        _ name: String, aliases: [String] = [], documentation: FunctionDocumentation,
        isOrderSensitive: Bool = false, takesWithinGroup: Bool = false,
        resolve: @escaping ScalarFunction.Resolver, makeAccumulator: @escaping AccumulatorFactory
    ) {
        self.name = name
        self.aliases = aliases
        self.documentation = documentation
        self.isOrderSensitive = isOrderSensitive
        self.takesWithinGroup = takesWithinGroup
        self.resolve = resolve
        self.makeAccumulator = makeAccumulator
    }
}
