import Columnar
import Dataflow
import Expressions
import State

/// Computes window functions over bounded input: sorts all rows by partition and order, then adds a column per call.
final class OverWindowOperator: Operator {
    static let name = "OverWindow"

    private let spec: OverWindowSpec
    private let context: OperatorContext
    private let batchSize: Int
    private var rows = CollectedBatches()
    private var partitionBy: OperatorExpressions
    private var orderBy: OperatorExpressions

    init(_ spec: OverWindowSpec, context: OperatorContext) throws {
        self.spec = spec
        self.context = context
        batchSize = max(1, context.batchSize)
        partitionBy = OperatorExpressions(spec.partitionBy, operatorName: Self.name, context: context)
        orderBy = OperatorExpressions(spec.orderBy.map(\.expression), operatorName: Self.name, context: context)
    }

    var stateByteCount: Int { rows.byteCount }
    var stateRowCount: Int { rows.rowCount }

    func snapshot() throws -> StateSnapshot {
        guard let all = rows.concatenated() else { return StateSnapshot() }
        return StateSnapshot([KeyedRows.table("rows", keys: try partitionBy.evaluate(all), rows: all)])
    }

    func restore(_ state: RestoredState) throws {
        for batch in KeyedRows.rows(state, "rows", keyCount: spec.partitionBy.count) { rows.append(batch) }
    }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws { rows.append(batch) }

    /// Rows come at the end, so no watermark may go before them.
    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        watermark == .max ? watermark : nil
    }

    func onEnd(into collector: any Collector) throws {
        guard let all = rows.concatenated() else { return }
        rows.removeAll()
        let partitions = try partitionBy.evaluate(all)
        let keys = try orderBy.evaluate(all)
        let orders =
            partitions.map { _ in SortOrder() }
            + spec.orderBy.map { SortOrder(isDescending: $0.isDescending, nullsFirst: $0.nullsFirst) }
        var sorted = all
        var sortedPartitions = partitions
        var sortedKeys = keys
        if !orders.isEmpty {
            let order = Sorting.sortedIndices(partitions + keys, orders: orders, rowCount: all.rowCount)
            sorted = all.taking(order)
            sortedPartitions = partitions.map { $0.taking(order) }
            sortedKeys = keys.map { $0.taking(order) }
        }
        let layout = OverLayout(partitions: sortedPartitions, keys: sortedKeys, rowCount: all.rowCount)
        var columns = sorted.columns
        for call in spec.calls { columns.append(try evaluate(call, sorted, sortedKeys, layout)) }
        let result = RecordBatch(schema: spec.schema, columns: columns, rowCount: all.rowCount)
        for start in stride(from: 0, to: result.rowCount, by: batchSize) {
            try collector.emit(result.slice(start, min(batchSize, result.rowCount - start)))
        }
    }

    private func evaluate(
        _ call: OverCall, _ batch: RecordBatch, _ keys: [Column], _ layout: OverLayout
    ) throws -> Column {
        if let ranking = RankingFunction(rawValue: call.call.name) { return ranking.evaluate(layout) }
        var arguments = OperatorExpressions(call.call.arguments, operatorName: Self.name, context: context)
        do {
            switch call.call.name {
            case "ntile": return try PositionFunctions.buckets(try arguments.evaluate(batch)[0], layout)
            case "lag", "lead":
                return try PositionFunctions.shifted(
                    try arguments.evaluate(batch), isForward: call.call.name == "lead", layout)
            default: break
            }
            let frames = try OverFrames(call.frame, keys, spec.orderBy, layout)
            switch call.call.name {
            case "first_value", "last_value", "nth_value":
                return try PositionFunctions.picked(call.call.name, try arguments.evaluate(batch), frames)
            default:
                let plan = try AggregatePlan(keys: [], calls: [call.call])
                var inputs = OperatorExpressions(plan.expressions, operatorName: Self.name, context: context)
                return try FrameAggregation.evaluate(plan, try inputs.evaluate(batch), frames, layout)
            }
        } catch let error as KernelError {
            throw RowFailures(operatorName: Self.name).describe(error, batch)
        }
    }
}
