import Columnar
import Dataflow
import Expressions
import HostSystem
import State

/// Aggregates endless or changing input: at every flush each key whose result has changed is given anew, the old row
/// taken back before it.
///
/// What was given out is kept, so that exactly that is taken back. A key all of whose rows are gone, or that has had
/// none for the time to live, is taken back and forgotten; without keys the one row stays.
final class UpdatingAggregateOperator: Operator {
    private static let name = "UpdatingAggregate"

    private let spec: UpdatingAggregateSpec
    private let failures = RowFailures(operatorName: UpdatingAggregateOperator.name)
    private let context: OperatorContext
    private let plan: AggregatePlan
    private var expressions: OperatorExpressions
    private var ids = ScratchBuffer()
    private var groups: UpdatingGroups
    private var lastExpiry = 0 as Int64

    init(_ spec: UpdatingAggregateSpec, context: OperatorContext) throws {
        self.spec = spec
        self.context = context
        do {
            plan = try AggregatePlan(keys: spec.keys, calls: spec.aggregates)
        } catch {
            throw failures.describe(error)
        }
        expressions = OperatorExpressions(plan.expressions, operatorName: Self.name, context: context)
        groups = UpdatingGroups(
            plan, isRetractable: spec.retraction != nil, notesChanges: spec.emitsChanges,
            isCheckpointed: context.isCheckpointed)
    }

    var stateByteCount: Int { groups.byteCount }
    var stateRowCount: Int { groups.count }
    var hasUnflushedChanges: Bool { !groups.changed.isEmpty || isWaitingToShowNothing || hasExpiry }

    /// Without keys there is a row even when nothing has come.
    private var isWaitingToShowNothing: Bool { spec.keys.isEmpty && spec.emitsChanges && groups.count == 0 }
    /// With a time to live a look at the clock may always be due.
    private var hasExpiry: Bool { spec.ttlMillis != nil && groups.count > 0 }
    private var now: Int64 { context.clock.nowNanoseconds() / 1_000_000 }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let columns = try expressions.evaluate(batch)
        let known = groups.count
        do {
            try groups.add(
                columns, retractions: retractions(of: batch, column: spec.retraction), rowCount: batch.rowCount,
                at: now, ids: ids.words(batch.rowCount))
        } catch {
            throw failures.describe(error, batch)
        }
        if !spec.emitsChanges, groups.count > known {
            let fresh = groups.keys(from: known)
            try collector.emit(RecordBatch(schema: spec.schema, columns: fresh, rowCount: groups.count - known))
        }
    }

    func flush(into collector: any Collector) throws {
        if isWaitingToShowNothing { groups.addEmptyGroup(at: now) }
        if let ttl = spec.ttlMillis {
            // Looked for eight times in a life: a key lives at most an eighth longer.
            let now = now
            if lastExpiry == 0 { lastExpiry = now }
            if now - lastExpiry >= max(1, ttl / 8) {
                lastExpiry = now
                groups.expire(before: now - ttl)
            }
        }
        guard spec.emitsChanges else {
            groups.forgetDead()
            return
        }
        do {
            var changes = ChangeBatchBuilder(spec.schema, hasRetraction: true)
            try groups.takeChanges(keepsEmpty: spec.keys.isEmpty, into: &changes)
            guard let all = changes.finish() else { return }
            // An even number of rows keeps the old and the new row of a key in one batch.
            try collector.emit(all, inPiecesOf: max(2, context.batchSize & ~1))
        } catch let error as KernelError {
            throw failures.describe(error)
        }
    }

    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? { watermark }

    func onEnd(into collector: any Collector) throws { try flush(into: collector) }

    // MARK: - State

    /// Keys, how many rows they have, when the last one came, states of the aggregates. Taken after a flush, so that
    /// what was given out is what the states say.
    func snapshot() throws -> StateSnapshot {
        guard let rows = groups.snapshot() else { return StateSnapshot() }
        return StateSnapshot([StateTable("groups", .keyed(columnCount: plan.keyCount), rows)])
    }

    func increment() throws -> StateSnapshot {
        if spec.keys.isEmpty { return try snapshot() }
        guard let columns = groups.increment(keepsEmpty: spec.keys.isEmpty) else { return StateSnapshot() }
        return StateSnapshot([
            StateTable(
                "groups", .keyed(columnCount: plan.keyCount), columns, rowCount: columns[0].count,
                increment: .init(identity: Array(0..<plan.keyCount), marksRemovals: true))
        ])
    }

    func restore(_ state: RestoredState) throws {
        do {
            for batch in state.batches("groups") {
                try groups.restore(batch, ids: ids.words(batch.rowCount), emitsChanges: spec.emitsChanges)
            }
        } catch let error as KernelError {
            throw failures.describe(error)
        }
    }
}
