import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// What a query means, before anybody decides how it runs: a tree of relational operators over typed columns.
public indirect enum LogicalPlan: Hashable, Sendable {
    case scan(Scan)
    case values(Values)
    case watermark(Watermarking)
    case filter(Filter)
    case project(Project)
    case aggregate(Aggregate)
    case join(Join)
    case union(Union)
    case unnest(Unnest)
    case lookup(Lookup)
    case over(Over)
    case sort(Sort)
    case limit(Limit)

    /// Reads the physical columns of a connection table.
    public struct Scan: Hashable, Sendable {
        public var table: ConnectionTable
        /// The columns read; `positions` are their places in the table's physical schema.
        public var columns: [PlanColumn]
        public var positions: [Int]
        /// Says which rows are taken back, where the table holds changes and they are taken as such.
        public var retraction: PlanColumn?
        /// Whether it is read for the records that cannot be decoded, which are no changes of any row.
        public var isForBadRecords = false
    }

    /// Literal rows; a row of no columns is what `SELECT 1` reads from.
    public struct Values: Hashable, Sendable {
        public var columns: [PlanColumn]
        public var rows: [[ScalarValue]]
    }

    /// Gives rows their event time and the stream its watermarks.
    public struct Watermarking: Hashable, Sendable {
        public var input: LogicalPlan
        /// The column that is the event time; nil: the arrival time.
        public var eventTime: PlanColumn?
        /// The watermark of a row; nil: event time minus one second.
        public var watermark: BoundExpression?
        public var idleMillis: Int64?
        /// Rows in which this has a value stand for no record that could be read: they have no time, and say nothing
        /// of it.
        public var timeless: PlanColumn?
        /// The hidden event-time column that comes out.
        public var output: PlanColumn
    }

    public struct Filter: Hashable, Sendable {
        public var input: LogicalPlan
        public var predicate: BoundExpression
    }

    public struct Project: Hashable, Sendable {
        public var input: LogicalPlan
        public var columns: [ComputedColumn]
        /// The window that each row is put into, where the columns say it; its last moment is then the event time.
        public var window: RowWindow?

        /// The columns of a window: its start, its end, its last moment, and the event time, which is the same.
        public struct RowWindow: Hashable, Sendable {
            public var start: PlanColumn
            public var end: PlanColumn
            public var last: PlanColumn
            public var output: PlanColumn
            /// How wide windows are at most, in nanoseconds; nil where nothing bounds them.
            public var widest: Int64?
            /// Whether all are as wide.
            public var isFixed: Bool
        }
    }

    /// Grouping; with `window` also by windows of event time.
    public struct Aggregate: Hashable, Sendable {
        public var input: LogicalPlan
        public var keys: [ComputedColumn]
        public var aggregates: [AggregateColumn]
        public var window: Window?
        public var updating: Updating?

        public struct AggregateColumn: Hashable, Sendable {
            public var column: PlanColumn
            public var call: AggregateCall
        }

        public struct Window: Hashable, Sendable {
            public var kind: WindowKind
            /// The event time of the input.
            public var eventTime: PlanColumn
            /// The window as STRUCT<start, end>; nil for `instant`, whose window is one of the keys.
            public var column: PlanColumn?
            /// The event time of the output: the window's end − 1 ns.
            public var output: PlanColumn
        }
    }

    public struct Join: Hashable, Sendable {
        public var left: LogicalPlan
        public var right: LogicalPlan
        public var kind: JoinKind
        /// Pairs of expressions, over the left and over the right, that must be equal.
        public var keys: [KeyPair]
        /// What else must hold, over both sides.
        public var residual: BoundExpression?
        public var nullsAreEqual: Bool
        /// The boolean column that a `mark` join adds.
        public var mark: PlanColumn?
        /// The event times of both sides, where rows can only match when these are equal; nil where that is not known.
        public var eventTimes: EventTimes?

        public struct EventTimes: Hashable, Sendable {
            public var left: PlanColumn
            public var right: PlanColumn
        }

        public var updating: Updating?
        /// How near in event time rows must be to match, where the conditions say so; nil where they do not.
        public var interval: Interval?

        /// That each left row meets the right row that was valid at its event time; nil for other joins.
        public var versions: Versions?
        /// Whether the right side says of no row when it happened and is read before all else (`standsStill`): the rows
        /// that come out have the event time of the left one.
        public var ignoresRightTime = false

        /// Which right row is valid: of those with the left row's keys the latest that is not later than `asOf`.
        public struct Versions: Hashable, Sendable {
            public var asOf: BoundExpression
            /// Where the join stands in the text.
            public var span: SourceSpan
            /// The event times of both sides, once they are known.
            public var times: EventTimes?
            /// The columns that tell rows of the right side apart, as far as it says so itself.
            public var key: [PlanColumn] = []
        }

        /// The event time of the right minus that of the left lies in `lower...upper`, in nanoseconds.
        public struct Interval: Hashable, Sendable {
            public var times: EventTimes
            public var lower: Int64
            public var upper: Int64
        }

        public struct KeyPair: Hashable, Sendable {
            public var left: BoundExpression
            public var right: BoundExpression
        }
    }

    /// All rows of all inputs; column `i` comes from column `i` of each input.
    public struct Union: Hashable, Sendable {
        public var inputs: [LogicalPlan]
        public var columns: [PlanColumn]
    }

    /// One row per element of a list.
    public struct Unnest: Hashable, Sendable {
        public var input: LogicalPlan
        public var list: BoundExpression
        public var element: PlanColumn
        public var ordinality: PlanColumn?
        public var keepsEmpty: Bool
    }

    /// Rows with those of an outside table that are looked up by its key.
    public struct Lookup: Hashable, Sendable {
        public var input: LogicalPlan
        public var table: ConnectionTable
        /// The columns read; `positions` are their places in the table's physical schema.
        public var columns: [PlanColumn]
        public var positions: [Int]
        public var keys: [Key]
        /// What else must hold, over the input and `columns`.
        public var residual: BoundExpression?
        /// Whether rows without a match come out, with nulls.
        public var keepsUnmatched: Bool

        /// A key column of the table by its place, and the value it must have, over the input and of its type.
        public struct Key: Hashable, Sendable {
            public var position: Int
            public var value: BoundExpression
        }

        var outputs: [PlanColumn] { input.outputs + (keepsUnmatched ? columns.map(\.asNullable) : columns) }
    }

    /// Window functions that share partitions and order.
    public struct Over: Hashable, Sendable {
        public var input: LogicalPlan
        public var partitionBy: [BoundExpression]
        public var orderBy: [SortKey]
        public var calls: [OverColumn]
        /// The event time, where all rows of a partition have the same; nil where that is not known.
        public var eventTime: PlanColumn?
        /// The event time, where rows come out in its order; nil where they do not.
        public var orderTime: PlanColumn?
        public var updating: Updating?
        /// The most that a ROW_NUMBER among the calls may be, when a filter above says so.
        public var limit: UpdatingOverWindowSpec.Limit?

        public struct OverColumn: Hashable, Sendable {
            public var column: PlanColumn
            public var call: OverCall
        }
    }

    public struct Sort: Hashable, Sendable {
        public var input: LogicalPlan
        public var keys: [SortKey]
        public var offset: Int
        public var limit: Int?
    }

    public struct Limit: Hashable, Sendable {
        public var input: LogicalPlan
        public var offset: Int
        public var limit: Int?
    }
}

extension LogicalPlan {
    /// That an operator gives results as rows come, without knowing an end.
    public struct Updating: Hashable, Sendable {
        /// Says which results are taken back; nil where none ever is.
        public var output: PlanColumn?
        /// After how many milliseconds state is forgotten; nil: never.
        public var ttlMillis: Int64?
    }
}

/// Where a pipeline's rows go.
public struct SinkPlan: Hashable, Sendable {
    public var table: ConnectionTable
    /// Its outputs are in the order of the sink's columns.
    public var input: LogicalPlan
    /// The columns of `input` in the sink's order.
    public var columns: [PlanColumn]
    /// Whether the last of them is the event time, which the table does not declare.
    public var isTimed = false

    /// Positions of the columns declared as PRIMARY KEY; nil without any.
    var declaredKey: [Int]? {
        let positions = table.columns.indices.filter { table.columns[$0].isPrimaryKey }
        return positions.isEmpty ? nil : positions
    }

    /// Positions of the columns that tell rows apart, as declared or as the query says; nil when nothing does.
    public var key: [Int]? {
        if let declaredKey { return declaredKey }
        guard let ids = input.uniqueKey else { return nil }
        let positions = columns.indices.filter { ids.contains(columns[$0].id) }
        return positions.count == ids.count ? positions : nil
    }
}
