import Columnar

/// A condition over the columns of a batch, compiled once: which rows does it keep?
///
/// The operands of an AND narrow one another: one that can fail or is costly is computed only for the rows
/// that the operands before it have left.
public struct CompiledPredicate: Sendable {
    public let expression: BoundExpression
    private let compiled: CompiledExpression

    /// Compiles a boolean expression; see `CompiledExpression`.
    public init(_ expression: BoundExpression, registry: FunctionRegistry = .builtin) {
        self.expression = expression
        compiled = CompiledExpression(expression, registry: registry)
    }

    /// The rows for which the condition is true; nil when it is true for all rows. Null counts as false.
    public func select(_ batch: RecordBatch, context: EvaluationContext) throws(EvaluationError) -> Bitmap? {
        try select(columns: batch.columns, rowCount: batch.rowCount, context: context)
    }

    /// Like `select(_:context:)` for columns without a schema, each `rowCount` long.
    public func select(
        columns: [Column], rowCount: Int, context: EvaluationContext
    ) throws(EvaluationError) -> Bitmap? {
        if rowCount == 0 { return nil }
        let value = try compiled.program.run(columns: columns, rowCount: rowCount, context: context)[0]
        if case .scalar(let scalar) = value {
            return scalar.booleanValue == true ? nil : Bitmap(repeating: false, count: rowCount)
        }
        let rows = BooleanLogic.trueBits(value, rowCount: rowCount)
        return rows.trueCount == rowCount ? nil : rows
    }
}
