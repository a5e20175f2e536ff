import Columnar
import Expressions

// A stream of changes has a last column `HiddenColumn.retraction`: true where the row takes back one that was given
// before. A row is changed by taking the old one back and giving the new one behind it.

/// Aggregates all rows per key and gives every change of a result, by and by.
public struct UpdatingAggregateSpec: Hashable, Sendable, Codable {
    public var keys: [BoundExpression]
    public var aggregates: [AggregateCall]
    /// Column of the input that says which rows are taken back; nil: none ever is.
    public var retraction: Int?
    /// Whether results change; else a key comes out once and for all (DISTINCT over rows that stay).
    public var emitsChanges: Bool
    /// Keys without rows for so long are taken back and forgotten; nil: never.
    public var ttlMillis: Int64?
    /// Keys, then aggregates, then with `emitsChanges` the retraction.
    public var schema: Schema

    public init(
        keys: [BoundExpression], aggregates: [AggregateCall], retraction: Int?, emitsChanges: Bool,
        ttlMillis: Int64?, schema: Schema
    ) {
        self.keys = keys
        self.aggregates = aggregates
        self.retraction = retraction
        self.emitsChanges = emitsChanges
        self.ttlMillis = ttlMillis
        self.schema = schema
    }
}

/// Joins two inputs by equal keys as their rows come.
public struct UpdatingJoinSpec: Hashable, Sendable, Codable {
    /// Kind, keys and residual over the visible columns: those of each side without its retraction. The schema is that
    /// of the join, followed by the retraction with `emitsChanges`.
    public var join: HashJoinSpec
    /// The visible columns of each side.
    public var sides: [[Field]]
    /// For each input the column, its last, that says which rows are taken back; nil: none ever is.
    public var retractions: [Int?]
    public var emitsChanges: Bool
    /// Rows that came so long ago match nothing any more; nil: they always do.
    public var ttlMillis: Int64?

    public init(
        join: HashJoinSpec, sides: [[Field]], retractions: [Int?], emitsChanges: Bool, ttlMillis: Int64?
    ) {
        self.join = join
        self.sides = sides
        self.retractions = retractions
        self.emitsChanges = emitsChanges
        self.ttlMillis = ttlMillis
    }
}

/// Computes window functions as rows come, and gives every change of a row.
public struct UpdatingOverWindowSpec: Hashable, Sendable, Codable {
    /// Over the visible columns; its schema is the visible input columns, then one column per call.
    public var over: OverWindowSpec
    /// Column of the input, its last, that says which rows are taken back; nil: none ever is.
    public var retraction: Int?
    /// Only rows whose ROW_NUMBER is at most `count` are of interest: top-N, de-duplication.
    public var limit: Limit?
    public var ttlMillis: Int64?
    /// The columns of `over`, then the retraction.
    public var schema: Schema

    public struct Limit: Hashable, Sendable, Codable {
        /// Which of the calls is the row number.
        public var call: Int
        public var count: Int64

        public init(call: Int, count: Int64) {
            self.call = call
            self.count = count
        }
    }

    public init(over: OverWindowSpec, retraction: Int?, limit: Limit?, ttlMillis: Int64?, schema: Schema) {
        self.over = over
        self.retraction = retraction
        self.limit = limit
        self.ttlMillis = ttlMillis
        self.schema = schema
    }
}

/// Turns a bounded stream of changes into the rows that are left at its end.
public struct FinalRowsSpec: Hashable, Sendable, Codable {
    /// Column of the input, its last, that says which rows are taken back.
    public var retraction: Int
    /// The other columns.
    public var schema: Schema

    public init(retraction: Int, schema: Schema) {
        self.retraction = retraction
        self.schema = schema
    }
}
