import Columnar

/// The accumulators of all aggregate calls of an operator for one table of groups.
public final class AccumulatorSet {
    private let plan: AggregatePlan
    private let accumulators: [any GroupsAccumulator]
    private let isRetractable: Bool
    private var snapshots = LiveSnapshots()
    /// Groups so far.
    public private(set) var groupCount = 0

    init(_ plan: AggregatePlan, isRetractable: Bool = false) {
        self.plan = plan
        self.isRetractable = isRetractable
        accumulators = plan.calls.map { isRetractable ? plan.makeRetractable($0) : plan.makeAccumulator($0) }
    }

    /// Adds rows to groups.
    ///
    /// `columns` are the evaluated expressions of the plan, or slices of them; row `i` goes to group `groups[i]`, and
    /// ids are below `groupCount`, which never shrinks. An error's row counts from the start of the columns.
    public func update(
        _ columns: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, groupCount: Int
    ) throws(KernelError) {
        willWrite(groups, rowCount: rowCount)
        resize(groupCount)
        for (call, accumulator) in zip(plan.calls, accumulators) {
            let filter = call.filter.map { Self.truths(columns[$0]) }
            let inputs = (call.arguments + call.orderings).map { columns[$0] }
            try accumulator.update(inputs, groups: groups, rowCount: rowCount, filter: filter)
        }
    }

    /// Adds rows to groups, and takes away those whose bit of `retractions` is set; otherwise as `update`. Only for
    /// sets made retractable.
    public func update(
        _ columns: [Column], retractions: Bitmap, groups: UnsafePointer<UInt32>, rowCount: Int, groupCount: Int
    ) throws(KernelError) {
        willWrite(groups, rowCount: rowCount)
        resize(groupCount)
        let additions = retractions.inverted()
        for (call, accumulator) in zip(plan.calls, accumulators) {
            guard let accumulator = accumulator as? any RetractableAccumulator else {
                preconditionFailure("rows are taken from accumulators that were not made for it")
            }
            let filter = call.filter.map { Self.truths(columns[$0]) }
            let inputs = (call.arguments + call.orderings).map { columns[$0] }
            try accumulator.update(
                inputs, groups: groups, rowCount: rowCount, filter: Bitmap.intersect(filter, additions))
            try accumulator.retract(
                inputs, groups: groups, rowCount: rowCount, filter: Bitmap.intersect(filter, retractions))
        }
    }

    /// Makes room for groups that rows may not have reached yet.
    public func resize(_ newGroupCount: Int) {
        guard newGroupCount > groupCount else { return }
        groupCount = newGroupCount
        for accumulator in accumulators { accumulator.resize(groupCount: newGroupCount) }
    }

    /// Adds the states of another set of the same plan: its group `i` to group `groups[i]` here.
    public func merge(
        _ states: [[Column]], groups: UnsafePointer<UInt32>, rowCount: Int, groupCount: Int
    ) throws(KernelError) {
        willWrite(groups, rowCount: rowCount)
        resize(groupCount)
        for (state, accumulator) in zip(states, accumulators) {
            try accumulator.merge(state, groups: groups, rowCount: rowCount)
        }
    }

    /// The same, of states whose columns stand one after another.
    public func merge(
        flat columns: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, groupCount: Int
    ) throws(KernelError) {
        var rest = columns[...]
        var states: [[Column]] = []
        for state in AccumulatorSet(plan, isRetractable: isRetractable).states() {
            states.append(Array(rest.prefix(state.count)))
            rest = rest.dropFirst(state.count)
        }
        try merge(states, groups: groups, rowCount: rowCount, groupCount: groupCount)
    }

    // MARK: - Snapshots

    /// The state of all groups as it is now, by reference: rows that come later copy what they change before. `others`
    /// are arrays by the same groups, whose owner tells `willWrite` what `update` and `merge` are not given.
    public func snapshot(with others: [ArrayView] = []) -> GroupsSnapshot {
        var views: [ArrayView] = []
        var firsts: [Int] = []
        for accumulator in accumulators {
            firsts.append(views.count)
            views += accumulator.arrays
        }
        let content = snapshots.take(views + others, count: groupCount)
        let (plan, isRetractable) = (plan, isRetractable)
        let parts = zip(plan.calls, accumulators).map { call, accumulator in
            accumulator.snapshot { isRetractable ? plan.makeRetractable(call) : plan.makeAccumulator(call) }
        }
        return GroupsSnapshot(
            groupCount: groupCount, parts: parts, arrays: firsts.map { .init(content: content, first: $0) },
            others: .init(content: content, first: views.count))
    }

    /// Values of these groups are about to be written in arrays that were given to `snapshot`.
    public func willWrite(_ groups: UnsafePointer<UInt32>, rowCount: Int) {
        snapshots.willWrite(groups, count: rowCount)
    }

    /// The same of one group.
    public func willWrite(_ group: Int) { snapshots.willWrite(group) }

    /// The types of `states`, those of all calls one after another.
    public var stateTypes: [DataType] {
        AccumulatorSet(plan, isRetractable: isRetractable).states().flatMap { $0.map(\.type) }
    }

    // MARK: - Results

    /// The states of every call, in group order.
    public func states() -> [[Column]] { accumulators.map { $0.states() } }

    /// The states of some groups, those of all calls one after another, in the order given.
    public func states(_ groups: Selection) -> [Column] { accumulators.flatMap { $0.states(groups) } }

    /// The results, a column per call, in group order.
    public func finish() throws(KernelError) -> [Column] {
        var columns: [Column] = []
        for accumulator in accumulators { columns.append(try accumulator.finish()) }
        return columns
    }

    /// The results of some groups, a column per call, in the order given.
    public func finish(_ groups: Selection) throws(KernelError) -> [Column] {
        var columns: [Column] = []
        for accumulator in accumulators { columns.append(try accumulator.finish(groups)) }
        return columns
    }

    /// The memory held, in bytes.
    public var byteCount: Int { accumulators.reduce(0) { $0 + $1.byteCount } }

    /// The rows in which a condition is true; null is not.
    private static func truths(_ condition: Column) -> Bitmap {
        guard condition.type == .boolean else { return Bitmap(repeating: false, count: condition.count) }
        return condition.validity.map { condition.bits.and($0) } ?? condition.bits
    }
}
