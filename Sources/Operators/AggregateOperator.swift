import Columnar
import Dataflow
import Expressions
import State

/// Aggregates all rows per key; the results come when the input has ended.
final class AggregateOperator: Operator {
    private let spec: AggregateSpec
    private let failures = RowFailures(operatorName: "Aggregate")
    private let plan: AggregatePlan
    private let groups: GroupTable
    private let accumulators: AccumulatorSet
    private let batchSize: Int
    private var expressions: OperatorExpressions
    private var ids = ScratchBuffer()

    init(_ spec: AggregateSpec, context: OperatorContext) throws {
        self.spec = spec
        do {
            plan = try AggregatePlan(keys: spec.keys, calls: spec.aggregates)
        } catch {
            throw failures.describe(error)
        }
        groups = GroupTable(keyTypes: plan.keyTypes)
        accumulators = plan.makeAccumulators()
        batchSize = max(1, context.batchSize)
        expressions = OperatorExpressions(plan.expressions, operatorName: "Aggregate", context: context)
    }

    var stateByteCount: Int { groups.byteCount + accumulators.byteCount }
    var stateRowCount: Int { groups.groupCount }

    func snapshot() throws -> StateSnapshot {
        let count = accumulators.groupCount
        if count == 0 { return StateSnapshot() }
        let (keys, content) = (groups.snapshot(), accumulators.snapshot())
        let rows = DeferredRows(StateTable.schema(plan.keyTypes + accumulators.stateTypes), rowCount: count) {
            let states = content.makeReader()
            return { keys.keys($0) + states($0) }
        }
        return StateSnapshot([StateTable("groups", .keyed(columnCount: plan.keyCount), rows)])
    }

    func restore(_ state: RestoredState) throws {
        for batch in state.batches("groups") {
            let rows = ids.words(batch.rowCount)
            groups.intern(Array(batch.columns.prefix(plan.keyCount)), rowCount: batch.rowCount, into: rows)
            do {
                try accumulators.merge(
                    flat: Array(batch.columns.dropFirst(plan.keyCount)), groups: rows, rowCount: batch.rowCount,
                    groupCount: groups.groupCount)
            } catch {
                throw failures.describe(error)
            }
        }
    }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let columns = try expressions.evaluate(batch)
        let rows = ids.words(batch.rowCount)
        groups.intern(Array(columns.prefix(plan.keyCount)), rowCount: batch.rowCount, into: rows)
        do {
            try accumulators.update(columns, groups: rows, rowCount: batch.rowCount, groupCount: groups.groupCount)
        } catch {
            throw failures.describe(error, batch)
        }
    }

    /// Results come at the end, so no watermark may go before them.
    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        watermark == .max ? watermark : nil
    }

    func onEnd(into collector: any Collector) throws {
        // Without keys the one group exists even when no row has come.
        if spec.keys.isEmpty { accumulators.resize(1) }
        let results: [Column]
        do {
            results = try accumulators.finish()
        } catch {
            throw failures.describe(error)
        }
        let count = accumulators.groupCount
        let all = RecordBatch(schema: spec.schema, columns: groups.keys() + results, rowCount: count)
        for start in stride(from: 0, to: count, by: batchSize) {
            try collector.emit(all.slice(start, min(batchSize, count - start)))
        }
    }
}

/// Memory for row numbers that is used again for every batch.
struct ScratchBuffer {
    private var buffer = Buffer.empty

    /// Room for `count` 32-bit words, valid until the next call.
    mutating func words(_ count: Int) -> UnsafeMutablePointer<UInt32> {
        if buffer.byteCount < count * 4 { buffer = Buffer(byteCount: count * 4) }
        return buffer.assuming(UInt32.self)
    }
}
