import Columnar
import Dataflow

/// Computes new columns from each batch.
final class ProjectionOperator: Operator {
    private let schema: Schema
    private var expressions: OperatorExpressions

    init(_ spec: ProjectionSpec, context: OperatorContext) {
        schema = spec.schema
        expressions = OperatorExpressions(spec.expressions, operatorName: "Projection", context: context)
    }

    var passesEveryRow: Bool { true }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let columns = try expressions.evaluate(batch)
        try collector.emit(RecordBatch(schema: schema, columns: columns, rowCount: batch.rowCount))
    }
}
