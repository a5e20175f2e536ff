import Columnar
import Dataflow

/// Keeps the rows for which a condition is true.
final class FilterOperator: Operator {
    private var predicate: OperatorPredicate

    init(_ spec: FilterSpec, context: OperatorContext) {
        predicate = OperatorPredicate(spec.predicate, operatorName: "Filter", context: context)
    }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        guard let kept = try predicate.select(batch) else { return try collector.emit(batch) }
        try collector.emit(batch.filtered(by: kept))
    }
}
