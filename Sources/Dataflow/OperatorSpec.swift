import Columnar
import Expressions

/// What one node of a dataflow graph does, as data: the planner writes it, the engine builds operators from it.
///
/// Expressions refer to columns by position in the node's input. Serialised graphs carry `DataflowGraph.version`.
public enum OperatorSpec: Hashable, Sendable, Codable {
    case source(ConnectorSpec)
    /// Literal rows, one batch, then end of data.
    case values(ValuesSpec)
    case watermark(WatermarkSpec)
    case filter(FilterSpec)
    case projection(ProjectionSpec)
    case unnest(UnnestSpec)
    case windowAggregate(WindowAggregateSpec)
    /// Aggregate over bounded input; results at its end.
    case aggregate(AggregateSpec)
    case sort(SortSpec)
    case limit(LimitSpec)
    case hashJoin(HashJoinSpec)
    case overWindow(OverWindowSpec)
    /// A join or window functions, over endless input, of rows with equal event times.
    case windowed(WindowedSpec)
    /// Aggregate over endless or changing input: results change as rows come.
    case updatingAggregate(UpdatingAggregateSpec)
    /// Join of endless or changing inputs: rows match whenever they come.
    case updatingJoin(UpdatingJoinSpec)
    /// Window functions over endless or changing input: a partition is computed anew when its rows change.
    case updatingOverWindow(UpdatingOverWindowSpec)
    /// Join of endless inputs by keys and nearness in event time.
    case intervalJoin(IntervalJoinSpec)
    /// Join with rows of an outside table, asked for by key.
    case lookupJoin(LookupJoinSpec)
    /// Join with the row that was valid at the event time.
    case temporalJoin(TemporalJoinSpec)
    /// Window functions over endless input in the order of event time.
    case eventTimeOver(EventTimeOverSpec)
    /// The rows left at the end of a bounded stream of changes.
    case finalRows(FinalRowsSpec)
    /// Merges its inputs, which have one schema.
    case union
    case sink(ConnectorSpec)
}

/// A connector with its options, checked, and the columns it gives or takes.
public struct ConnectorSpec: Hashable, Sendable, Codable {
    /// The connector's name, e.g. `single_file`.
    public var connector: String
    /// The table's name, for messages.
    public var table: String
    public var options: [String: OptionValue]
    /// All declared columns of the table, in order.
    public var schema: Schema
    /// The columns a source gives (positions in `schema`, ascending); the rest need not be decoded.
    /// Struct columns may be narrowed further by `schema` itself, whose struct types hold only the members read.
    public var projection: [Int]
    /// Whether a source gives changes: after the other columns comes `HiddenColumn.retraction`.
    public var givesChanges: Bool
    /// For a sink the columns that tell its rows apart, positions in `schema`: empty where there is but one row, nil
    /// where nothing does.
    public var key: [Int]?
    /// Columns, by their position in `schema`, that a source takes from a record's metadata, and under which key.
    public var metadata: [Int: String]
    /// The column of a sink, which no one declared, that has the event time of its rows (`TableTraits.wantsEventTime`).
    public var eventTime: Int?

    public init(
        connector: String, table: String, options: [String: OptionValue], schema: Schema, projection: [Int]? = nil,
        givesChanges: Bool = false, key: [Int]? = nil, metadata: [Int: String] = [:]
    ) {
        self.metadata = metadata
        self.givesChanges = givesChanges
        self.key = key
        self.connector = connector
        self.table = table
        self.options = options
        self.schema = schema
        self.projection = projection ?? Array(0..<schema.count)
    }

    /// The schema of the batches a source gives.
    public var outputSchema: Schema {
        let read = schema.selecting(projection)
        if !givesChanges { return read }
        return read.appending([Field(HiddenColumn.retraction, .boolean, isNullable: false)])
    }
}

public struct ValuesSpec: Hashable, Sendable, Codable {
    public var schema: Schema
    public var rows: [[ScalarValue]]

    public init(schema: Schema, rows: [[ScalarValue]]) {
        self.schema = schema
        self.rows = rows
    }
}

/// Appends the hidden event-time column when `eventTime` is given and emits watermarks.
public struct WatermarkSpec: Hashable, Sendable, Codable {
    /// Column of the input that is the event time, a timestamp; nil: the arrival time.
    public var eventTime: Int?
    /// The watermark of a row over the input columns; nil: event time minus one second.
    public var watermark: BoundExpression?
    /// After how long without rows the input counts as idle; nil: never.
    public var idleMillis: Int64?
    /// Rows in which this column has a value say nothing of the time; theirs is given as the epoch where it is null.
    public var timeless: Int?

    public init(eventTime: Int?, watermark: BoundExpression?, idleMillis: Int64?, timeless: Int? = nil) {
        self.eventTime = eventTime
        self.watermark = watermark
        self.idleMillis = idleMillis
        self.timeless = timeless
    }
}

public struct FilterSpec: Hashable, Sendable, Codable {
    public var predicate: BoundExpression

    public init(predicate: BoundExpression) { self.predicate = predicate }
}

public struct ProjectionSpec: Hashable, Sendable, Codable {
    public var expressions: [BoundExpression]
    public var schema: Schema

    public init(expressions: [BoundExpression], schema: Schema) {
        self.expressions = expressions
        self.schema = schema
    }
}

/// One output row per element of a list; other columns are repeated.
public struct UnnestSpec: Hashable, Sendable, Codable {
    /// The list over the input columns.
    public var list: BoundExpression
    /// Appends the 1-based position of the element, `int64`.
    public var withOrdinality: Bool
    /// Keeps a row whose list is empty or null, with a null element (LEFT JOIN UNNEST).
    public var keepsEmpty: Bool
    /// The input columns, then the element, then the ordinality if asked.
    public var schema: Schema

    public init(list: BoundExpression, withOrdinality: Bool, keepsEmpty: Bool, schema: Schema) {
        self.list = list
        self.withOrdinality = withOrdinality
        self.keepsEmpty = keepsEmpty
        self.schema = schema
    }
}

/// The windows of a windowed aggregate; all lengths in nanoseconds, aligned to the epoch.
public enum WindowKind: Hashable, Sendable, Codable {
    case tumble(width: Int64)
    case hop(slide: Int64, width: Int64)
    /// Windows that begin every `width` and come out after every `step` with all rows so far; `step` divides `width`.
    case cumulate(step: Int64, width: Int64)
    /// Rows of a key that are closer to one another than `gap`; a window ends `gap` after its last row.
    case session(gap: Int64)
    /// All rows with equal event time form one window: aggregates by a window column inherited from below.
    case instant
}

/// Aggregates rows per window and key; a window is emitted once, when the watermark passes its end.
public struct WindowAggregateSpec: Hashable, Sendable, Codable {
    public var window: WindowKind
    /// Column of the event time, a timestamp without nulls.
    public var eventTime: Int
    /// Key expressions over the input.
    public var keys: [BoundExpression]
    public var aggregates: [AggregateCall]
    /// Keys, aggregates, then the window as STRUCT<start, end> (not for `instant`), then the hidden event time
    /// (end − 1 ns; for `instant` the event time itself).
    public var schema: Schema

    public init(
        window: WindowKind, eventTime: Int, keys: [BoundExpression], aggregates: [AggregateCall], schema: Schema
    ) {
        self.window = window
        self.eventTime = eventTime
        self.keys = keys
        self.aggregates = aggregates
        self.schema = schema
    }
}

/// Aggregates all rows per key; without keys there is exactly one result row.
public struct AggregateSpec: Hashable, Sendable, Codable {
    public var keys: [BoundExpression]
    public var aggregates: [AggregateCall]
    /// Keys, then aggregates.
    public var schema: Schema

    public init(keys: [BoundExpression], aggregates: [AggregateCall], schema: Schema) {
        self.keys = keys
        self.aggregates = aggregates
        self.schema = schema
    }
}

public struct SortKey: Hashable, Sendable, Codable {
    public var expression: BoundExpression
    public var isDescending: Bool
    public var nullsFirst: Bool

    public init(expression: BoundExpression, isDescending: Bool, nullsFirst: Bool) {
        self.expression = expression
        self.isDescending = isDescending
        self.nullsFirst = nullsFirst
    }
}

/// Sorts bounded input; with `limit` keeps only the first `offset + limit` rows.
public struct SortSpec: Hashable, Sendable, Codable {
    public var keys: [SortKey]
    public var offset: Int
    public var limit: Int?

    public init(keys: [SortKey], offset: Int = 0, limit: Int? = nil) {
        self.keys = keys
        self.offset = offset
        self.limit = limit
    }
}

public struct LimitSpec: Hashable, Sendable, Codable {
    public var offset: Int
    public var limit: Int?

    public init(offset: Int, limit: Int?) {
        self.offset = offset
        self.limit = limit
    }
}

public enum JoinKind: String, Hashable, Sendable, Codable {
    case inner, left, right, full
    /// Left rows with at least one match; only the left columns come out.
    case leftSemi
    /// Left rows without a match; only the left columns come out.
    case leftAnti
    /// `NOT IN`: like `leftAnti`, but a null key on either side makes the row unknown, unless the right is empty.
    case nullAwareAnti
    /// Left join that fails when a left row has more than one match: scalar sub-queries.
    case leftSingle
    /// Every left row, then a boolean: whether it has a match (null as `IN` would give, when `nullAware`).
    case mark
}

/// Joins two bounded inputs by equal keys; input 1 is built, input 0 probes.
public struct HashJoinSpec: Hashable, Sendable, Codable {
    public var kind: JoinKind
    /// Over input 0 and input 1; pairs have one type. Empty: every pair of rows is a candidate.
    public var leftKeys: [BoundExpression]
    public var rightKeys: [BoundExpression]
    /// Over the left columns followed by the right ones.
    public var residual: BoundExpression?
    /// Null keys match each other (`IS NOT DISTINCT FROM`, INTERSECT, EXCEPT).
    public var nullsAreEqual: Bool
    public var schema: Schema

    public init(
        kind: JoinKind, leftKeys: [BoundExpression], rightKeys: [BoundExpression], residual: BoundExpression?,
        nullsAreEqual: Bool = false, schema: Schema
    ) {
        self.kind = kind
        self.leftKeys = leftKeys
        self.rightKeys = rightKeys
        self.residual = residual
        self.nullsAreEqual = nullsAreEqual
        self.schema = schema
    }
}

/// An operator for bounded input, run anew over the rows of each event time once the watermark has passed it.
public struct WindowedSpec: Hashable, Sendable, Codable {
    /// What is done with the rows of a window; it never brings rows of different event times together.
    public var body: Body
    /// Column of the event time in each input, a timestamp without nulls.
    public var eventTimes: [Int]

    public enum Body: Hashable, Sendable, Codable {
        case hashJoin(HashJoinSpec)
        case overWindow(OverWindowSpec)
    }

    public init(_ body: Body, eventTimes: [Int]) {
        self.body = body
        self.eventTimes = eventTimes
    }

    /// The same as a node of its own, for bounded input.
    public var bounded: OperatorSpec {
        switch body {
        case .hashJoin(let spec): .hashJoin(spec)
        case .overWindow(let spec): .overWindow(spec)
        }
    }
}

/// One `function(…) OVER (…)` call.
public struct OverCall: Hashable, Sendable, Codable {
    /// A window function (`row_number`, `lag`, …) or an aggregate.
    public var call: AggregateCall
    public var frame: Frame?

    public init(call: AggregateCall, frame: Frame?) {
        self.call = call
        self.frame = frame
    }

    public struct Frame: Hashable, Sendable, Codable {
        public enum Unit: String, Hashable, Sendable, Codable { case rows, range, groups }
        public enum Bound: Hashable, Sendable, Codable {
            case unboundedPreceding
            case preceding(ScalarValue)
            case currentRow
            case following(ScalarValue)
            case unboundedFollowing
        }

        public var unit: Unit
        public var start: Bound
        public var end: Bound

        public init(unit: Unit, start: Bound, end: Bound) {
            self.unit = unit
            self.start = start
            self.end = end
        }
    }
}

/// Computes window functions over bounded input; all calls share partitions and order.
public struct OverWindowSpec: Hashable, Sendable, Codable {
    public var partitionBy: [BoundExpression]
    public var orderBy: [SortKey]
    public var calls: [OverCall]
    /// The input columns, then one column per call.
    public var schema: Schema

    public init(partitionBy: [BoundExpression], orderBy: [SortKey], calls: [OverCall], schema: Schema) {
        self.partitionBy = partitionBy
        self.orderBy = orderBy
        self.calls = calls
        self.schema = schema
    }
}
