import Columnar
import Dataflow
import Expressions
import HostSystem

/// The expressions of one operator: evaluates them and tells failures in the operator's terms.
struct OperatorExpressions {
    private let failures: RowFailures
    private let compiled: CompiledExpression
    private var contexts: EvaluationContexts

    init(_ expressions: [BoundExpression], operatorName: String, context: OperatorContext) {
        failures = RowFailures(operatorName: operatorName)
        compiled = CompiledExpression(expressions)
        contexts = EvaluationContexts(context)
    }

    /// A column per expression. Errors: `OperatorError` that names the expression and the row.
    mutating func evaluate(_ batch: RecordBatch) throws -> [Column] {
        do {
            return try compiled.evaluate(batch, context: contexts.next())
        } catch {
            throw failures.describe(error, batch)
        }
    }
}

/// The condition of one operator.
struct OperatorPredicate {
    private let failures: RowFailures
    private let compiled: CompiledPredicate
    private var contexts: EvaluationContexts

    init(_ expression: BoundExpression, operatorName: String, context: OperatorContext) {
        failures = RowFailures(operatorName: operatorName)
        compiled = CompiledPredicate(expression)
        contexts = EvaluationContexts(context)
    }

    /// The rows that meet the condition; nil when all do. Errors: as of `OperatorExpressions.evaluate`.
    mutating func select(_ batch: RecordBatch) throws -> Bitmap? {
        do {
            return try compiled.select(batch, context: contexts.next())
        } catch {
            throw failures.describe(error, batch)
        }
    }
}

/// Gives every batch its time and its seed.
private struct EvaluationContexts {
    private let clock: any WallClock
    /// Different for every subtask of every operator, and from run to run.
    private var seed: UInt64

    init(_ context: OperatorContext) {
        clock = context.clock
        seed = Hashing.combine(
            Hashing.hash(word: UInt64(bitPattern: context.clock.nowNanoseconds())),
            UInt64(truncatingIfNeeded: context.nodeID << 20 | context.subtask))
    }

    mutating func next() -> EvaluationContext {
        seed = Hashing.hash(word: seed)
        return EvaluationContext(now: clock.nowNanoseconds(), seed: seed)
    }
}

/// Turns failures of rows into errors that name the operator, the expression and the row.
struct RowFailures {
    /// Rows are cut to about this many characters.
    static let rowTextLimit = 400

    let operatorName: String

    func describe(_ error: EvaluationError, _ batch: RecordBatch) -> OperatorError {
        OperatorError(
            operatorName: operatorName, expression: error.expression, row: error.row.flatMap { text($0, batch) },
            message: error.message)
    }

    /// An aggregate's failure; its row counts from the start of the batch, when the batch is known.
    func describe(_ error: KernelError, _ batch: RecordBatch? = nil) -> OperatorError {
        var row: String?
        if let batch, let number = error.row { row = text(number, batch) }
        return OperatorError(operatorName: operatorName, row: row, message: error.message)
    }

    /// A row as `name = value` pairs, hidden columns left out.
    func text(_ row: Int, _ batch: RecordBatch) -> String? {
        guard row >= 0, row < batch.rowCount else { return nil }
        var text = ""
        for (field, column) in zip(batch.schema.fields, batch.columns) where field.name != HiddenColumn.eventTime {
            if text.count > Self.rowTextLimit { return text + ", …" }
            if !text.isEmpty { text += ", " }
            text += "\(field.name) = \(Self.text(column.slice(row, 1)))"
        }
        return text
    }

    private static func text(_ value: Column) -> String {
        if value.isNull(0) { return "NULL" }
        let converted = try? Cast.evaluate(.column(value), to: .utf8, isTry: true, rowCount: 1)
        let text = converted?.column(count: 1).scalar(at: 0).stringValue ?? "(\(value.type.sqlName))"
        return text.count > 100 ? text.prefix(100) + "…" : text
    }
}
