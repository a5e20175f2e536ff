import Columnar
import Expressions
import State

/// The groups of one pane and their running aggregates.
final class Pane {
    let start: Int64
    let groups: GroupTable
    let accumulators: AccumulatorSet
    /// The groups that have changed since the last snapshot.
    private var changes: ChangedRows
    /// What the pane adds to windows, kept until more rows come.
    private var partial: (keys: [Column], states: [[Column]])? {
        didSet { partialBytes = partial.map { Self.byteCount($0.keys + $0.states.joined()) } ?? 0 }
    }
    private var partialBytes = 0

    /// With `notesChanges` an `increment` will be asked for.
    init(start: Int64, plan: AggregatePlan, notesChanges: Bool = false) {
        self.start = start
        changes = ChangedRows(isKept: notesChanges)
        groups = GroupTable(keyTypes: plan.keyTypes)
        accumulators = plan.makeAccumulators()
    }

    var byteCount: Int { groups.byteCount + accumulators.byteCount + partialBytes }

    private static func byteCount(_ columns: [Column]) -> Int { columns.reduce(0) { $0 + $1.byteCount } }

    /// Adds rows; `columns` are those of the plan.
    func update(
        _ columns: [Column], rowCount: Int, ids: UnsafeMutablePointer<UInt32>
    ) throws(KernelError) {
        if partial != nil { partial = nil }
        groups.intern(Array(columns.prefix(groups.keyTypes.count)), rowCount: rowCount, into: ids)
        changes.note(ids, count: rowCount, rowCount: groups.groupCount)
        try accumulators.update(columns, groups: ids, rowCount: rowCount, groupCount: groups.groupCount)
    }

    /// Adds all that another pane of the same plan holds.
    func merge(_ other: Pane, ids: inout ScratchBuffer) throws(KernelError) {
        let count = other.groups.groupCount
        if count == 0 { return }
        let added = other.partial ?? (keys: other.groups.keys(), states: other.accumulators.states())
        if other.partial == nil { other.partial = added }
        let rows = ids.words(count)
        groups.intern(added.keys, rowCount: count, into: rows)
        try accumulators.merge(added.states, groups: rows, rowCount: count, groupCount: groups.groupCount)
    }

    /// To share fewer groups costs more than to copy them.
    private static let sharedCountMin = 256

    /// Keys, the pane's start, states of the aggregates: a row per group, of `schema`. Of many groups nothing is copied
    /// but what rows change while they are read.
    func snapshot(_ schema: Schema) -> DeferredRows? {
        changes.clear()
        let count = groups.groupCount
        if count < Self.sharedCountMin {
            return rows(groups.keys(), accumulators.states().flatMap { $0 }, count: count).map { DeferredRows([$0]) }
        }
        let (keys, content) = (groups.snapshot(), accumulators.snapshot())
        return DeferredRows(schema, rowCount: count) { [start] in
            let states = content.makeReader()
            return { range in
                keys.keys(range) + [Column.repeating(.timestamp(start), count: range.count)] + states(range)
            }
        }
    }

    /// The schema of what `snapshot` and `increment` give.
    var stateSchema: Schema { StateTable.schema(groups.keyTypes + [.timestamp] + accumulators.stateTypes) }

    /// The same of the groups that have changed since the last snapshot or increment.
    func increment() -> RecordBatch? {
        let changed = changes.rows
        changes.clear()
        return rows(groups.keys(of: changed), accumulators.states(changed), count: changed.count)
    }

    private func rows(_ keys: [Column], _ states: [Column], count: Int) -> RecordBatch? {
        if groups.groupCount == 0 { return nil }
        let columns = keys + [Column.repeating(.timestamp(start), count: count)] + states
        return RecordBatch(schema: StateTable.schema(columns.map(\.type)), columns: columns, rowCount: count)
    }

    /// Adds what `snapshot` gave.
    func restore(_ batch: RecordBatch, ids: inout ScratchBuffer) throws(KernelError) {
        let keyCount = groups.keyTypes.count
        let rows = ids.words(batch.rowCount)
        groups.intern(Array(batch.columns.prefix(keyCount)), rowCount: batch.rowCount, into: rows)
        try accumulators.merge(
            flat: Array(batch.columns.dropFirst(keyCount + 1)), groups: rows, rowCount: batch.rowCount,
            groupCount: groups.groupCount)
    }
}
