import Columnar
import Expressions

/// Joins two endless inputs whose event times lie near one another: right minus left is at least `lower` and at most
/// `upper`, in nanoseconds. Rows are given once and never taken back.
public struct IntervalJoinSpec: Hashable, Sendable, Codable {
    /// Kind (inner, left, right, full, leftSemi, leftAnti), keys, what else must hold, and the schema that comes out.
    public var join: HashJoinSpec
    /// The columns of each side.
    public var sides: [[Field]]
    /// Column of the event time in each input, a timestamp without nulls.
    public var eventTimes: [Int]
    public var lower: Int64
    public var upper: Int64

    public init(join: HashJoinSpec, sides: [[Field]], eventTimes: [Int], lower: Int64, upper: Int64) {
        self.join = join
        self.sides = sides
        self.eventTimes = eventTimes
        self.lower = lower
        self.upper = upper
    }
}

/// Joins rows with those of an outside table, looked up by its key as they come.
public struct LookupJoinSpec: Hashable, Sendable, Codable {
    /// The table; its projection says which columns come out.
    public var table: ConnectorSpec
    /// Positions of the key columns in the table's schema, and for each the value looked up, over the input, of its
    /// type. A row with a null among them matches nothing.
    public var tableKeys: [Int]
    public var keys: [BoundExpression]
    /// Whether rows without a match come out, with nulls.
    public var keepsUnmatched: Bool
    /// What else must hold, over the input columns followed by the table's.
    public var residual: BoundExpression?
    /// The input columns, then the table's.
    public var schema: Schema

    public init(
        table: ConnectorSpec, tableKeys: [Int], keys: [BoundExpression], keepsUnmatched: Bool,
        residual: BoundExpression?, schema: Schema
    ) {
        self.table = table
        self.tableKeys = tableKeys
        self.keys = keys
        self.keepsUnmatched = keepsUnmatched
        self.residual = residual
        self.schema = schema
    }
}

/// Joins rows with the row of the right side that was valid at their event time: of those with their keys the latest
/// that is not later.
public struct TemporalJoinSpec: Hashable, Sendable, Codable {
    /// Kind (inner, left), keys, what else must hold of the row that was valid, and the schema that comes out.
    public var join: HashJoinSpec
    /// The visible columns of each side.
    public var sides: [[Field]]
    /// Column of the event time in each input, a timestamp without nulls.
    public var eventTimes: [Int]
    /// Column of the right input, its last, that says which rows are taken back; nil: none ever is.
    public var retraction: Int?

    public init(join: HashJoinSpec, sides: [[Field]], eventTimes: [Int], retraction: Int?) {
        self.join = join
        self.sides = sides
        self.eventTimes = eventTimes
        self.retraction = retraction
    }
}
