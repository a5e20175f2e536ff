import Columnar

/// Expressions over the columns of a batch, compiled once and evaluated for every batch.
///
/// All expressions become one flat program of vectorised steps over registers: equal sub-expressions are computed
/// once, literals stay scalar, constant parts are folded, each intermediate result is dropped after its last use.
/// Parts of AND, OR, CASE and COALESCE that can fail are computed only for rows that reach them. Immutable, so any
/// number of tasks may share it.
public struct CompiledExpression: Sendable {
    /// The expressions as given.
    public let expressions: [BoundExpression]
    /// The type of each result.
    public let types: [DataType]
    let program: EvaluationProgram

    /// Compiles; `column` nodes refer to the batch's columns by position. Traps when a function is not in the registry,
    /// which the binder has checked.
    public init(_ expressions: [BoundExpression], registry: FunctionRegistry = .builtin) {
        self.init(expressions, registry: registry, isFolding: true)
    }

    /// Compiles a single expression.
    public init(_ expression: BoundExpression, registry: FunctionRegistry = .builtin) {
        self.init([expression], registry: registry)
    }

    init(_ expressions: [BoundExpression], registry: FunctionRegistry, isFolding: Bool) {
        self.expressions = expressions
        types = expressions.map(\.type)
        let folded =
            isFolding ? expressions.map { ConstantFolding.foldingParts(of: $0, registry: registry) } : expressions
        program = EvaluationProgram(folded, registry: registry)
    }

    /// The result of each expression, as long as the batch. An expression that is just a column gives that column
    /// itself. Throws for the first row that cannot be computed.
    public func evaluate(
        _ batch: RecordBatch, context: EvaluationContext
    ) throws(EvaluationError) -> [Column] {
        try evaluate(columns: batch.columns, rowCount: batch.rowCount, context: context)
    }

    /// Like `evaluate(_:context:)` for columns without a schema, each `rowCount` long.
    public func evaluate(
        columns: [Column], rowCount: Int, context: EvaluationContext
    ) throws(EvaluationError) -> [Column] {
        if rowCount == 0 { return types.map { Column.empty($0) } }
        let values = try program.run(columns: columns, rowCount: rowCount, context: context)
        return zip(values, types).map { value, type in value.column(count: rowCount, type: type) }
    }

    /// Like `evaluate`, with results that are the same in every row left as scalars. The batch must not be empty.
    public func evaluateValues(
        _ batch: RecordBatch, context: EvaluationContext
    ) throws(EvaluationError) -> [ColumnarValue] {
        try program.run(columns: batch.columns, rowCount: batch.rowCount, context: context)
    }

    /// The result of the first expression.
    public func evaluateSingle(
        _ batch: RecordBatch, context: EvaluationContext
    ) throws(EvaluationError) -> Column {
        try evaluate(batch, context: context)[0]
    }
}

extension ColumnarValue {
    /// Whether the value is null in every row, by type or as a scalar.
    var isNullEverywhere: Bool {
        switch self {
        case .column(let column): column.type == .null
        case .scalar(let value): value.isNull
        }
    }

    /// The nulls of a column; nil for one without and for scalars.
    var columnValidity: Bitmap? {
        if case .column(let column) = self { column.validity } else { nil }
    }

    /// The value as a column of `type`, which a bare NULL takes on.
    func column(count: Int, type: DataType) -> Column {
        switch self {
        case .column(let column):
            column.type == .null && type != .null ? .nulls(type, count: count) : column
        case .scalar(let value):
            value.isNull ? .nulls(type, count: count) : .repeating(value, count: count)
        }
    }

    /// The rows at the positions of a selection; a scalar stands for any rows.
    func taking(_ rows: Selection) -> ColumnarValue {
        switch self {
        case .column(let column): .column(column.taking(rows))
        case .scalar: self
        }
    }

    /// The first `count` rows.
    func prefix(_ count: Int) -> ColumnarValue {
        switch self {
        case .column(let column): .column(column.slice(0, count))
        case .scalar: self
        }
    }
}
