import Columnar
import Dataflow
import Expressions
import State
import Synchronization

/// Aggregates rows per window and key; a window comes out once, when the watermark has passed its end.
///
/// Rows are aggregated per pane, each row once; a window of several panes is put together when it closes (`PaneTree`).
/// Windows come out in order of their end. Rows all of whose windows are closed are counted and dropped.
final class WindowAggregateOperator: Operator {
    private static let name = "WindowAggregate"

    private let spec: WindowAggregateSpec
    private let context: OperatorContext
    private let failures = RowFailures(operatorName: name)
    private let plan: AggregatePlan
    private let windows: WindowTimes
    private var expressions: OperatorExpressions
    private var panes: [Int64: Pane] = [:]
    /// The starts of the panes, ascending.
    private var order: [Int64] = []
    /// Panes merged for windows of many.
    private var tree: PaneTree
    private var watermark = Int64.min
    /// Windows whose origin lies before this are closed.
    private var openFrom = Int64.min
    private var ids = ScratchBuffer()
    /// Results of windows on their way out.
    private var closed = CollectedBatches()

    init(_ spec: WindowAggregateSpec, context: OperatorContext) throws {
        self.spec = spec
        self.context = context
        do {
            plan = try AggregatePlan(keys: spec.keys, calls: spec.aggregates)
        } catch {
            throw failures.describe(error)
        }
        guard let windows = WindowTimes(spec.window) else {
            throw OperatorError(operatorName: Self.name, message: "sessions have an operator of their own")
        }
        self.windows = windows
        tree = PaneTree(plan, paneWidth: windows.paneWidth)
        expressions = OperatorExpressions(plan.expressions, operatorName: Self.name, context: context)
    }

    var nextDueTime: Int64? {
        guard let earliest = order.first else { return .max }
        return windows.end(ofWindowAt: max(windows.firstOrigin(endingAfter: earliest), openFrom))
    }

    var stateByteCount: Int { panes.values.reduce(tree.byteCount) { $0 + $1.byteCount } }
    var stateRowCount: Int { panes.values.reduce(0) { $0 + $1.groups.groupCount } }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let columns = try expressions.evaluate(batch)
        let times = batch.columns[spec.eventTime].pointer(Int64.self)
        let assignment = PaneAssignment(times, rowCount: batch.rowCount, windows: windows, watermark: watermark)
        if let row = assignment.invalidRow {
            throw OperatorError(
                operatorName: Self.name, row: failures.text(row, batch),
                message: "an event time so far out that its window has no end: \(times[row]) ns since 1970")
        }
        if assignment.lateCount > 0 {
            context.metrics.lateRows.wrappingAdd(assignment.lateCount, ordering: .relaxed)
        }
        if assignment.isWhole(rowCount: batch.rowCount) {
            return try update(assignment.starts[0], columns, batch.rowCount) { failures.describe($0, batch) }
        }
        let selection = assignment.selection(rowCount: batch.rowCount)
        let picked = columns.map { $0.taking(selection) }
        var first = 0
        for (start, count) in zip(assignment.starts, assignment.counts) {
            try update(start, picked.map { $0.slice(first, count) }, count) { error in
                var located = error
                located.row = error.row.map { selection[first + $0] }
                return failures.describe(located, batch)
            }
            first += count
        }
    }

    /// `describe` makes an error of a row of `columns` tell the row of the batch.
    private func update(
        _ start: Int64, _ columns: [Column], _ rowCount: Int, describe: (KernelError) -> OperatorError
    ) throws {
        do {
            try pane(start).update(columns, rowCount: rowCount, ids: ids.words(rowCount))
        } catch {
            throw describe(error)
        }
    }

    /// The pane that is about to change.
    private func pane(_ start: Int64) -> Pane {
        tree.invalidate(start)
        if let pane = panes[start] { return pane }
        let pane = Pane(start: start, plan: plan, notesChanges: context.isCheckpointed)
        panes[start] = pane
        // New panes are nearly always the latest.
        let position = order.lastIndex { $0 < start }.map { $0 + 1 } ?? 0
        order.insert(start, at: position)
        return pane
    }

    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        guard watermark > self.watermark else { return watermark }
        while let earliest = order.first {
            let origin = max(windows.firstOrigin(endingAfter: earliest), openFrom)
            let start = windows.start(ofWindowAt: origin)
            if start > earliest {
                removePanes(before: start)
                continue
            }
            let end = windows.end(ofWindowAt: origin)
            if end > watermark { break }
            try close(windowAt: start, end: end)
            if closed.rowCount >= context.batchSize { try emitClosed(into: collector) }
            openFrom = WindowTimes.sum(origin, windows.slide)
            removePanes(before: windows.start(ofWindowAt: openFrom))
        }
        try emitClosed(into: collector)
        self.watermark = watermark
        openFrom = max(openFrom, windows.firstOrigin(endingAfter: watermark))
        return watermark
    }

    // MARK: - State

    /// Panes one after another, earliest first: keys, the pane's start, states of the aggregates.
    func snapshot() throws -> StateSnapshot {
        guard let first = order.first, let schema = panes[first]?.stateSchema else { return StateSnapshot([progress]) }
        let parts = order.compactMap { panes[$0]?.snapshot(schema) }
        if parts.isEmpty { return StateSnapshot([progress]) }
        let table = StateTable("panes", .keyed(columnCount: plan.keyCount), DeferredRows(joining: parts))
        return StateSnapshot([progress, table])
    }

    private var progress: StateTable { StateTable("progress", numbers: [watermark, openFrom]) }

    /// The groups that have changed; a pane goes when its last window has closed.
    func increment() throws -> StateSnapshot {
        // Not the first pane there is: an earlier one may still come.
        let expiry =
            openFrom == .min
            ? nil : StateTable.Expiry(column: plan.keyCount, bound: windows.start(ofWindowAt: openFrom))
        let batches = order.compactMap { panes[$0]?.increment() }
        if batches.isEmpty { return StateSnapshot([progress]) }
        let table = StateTable(
            name: "panes", distribution: .keyed(columnCount: plan.keyCount),
            batch: RecordBatch.concatenating(batches),
            increment: .init(identity: Array(0...plan.keyCount), expiry: expiry))
        return StateSnapshot([progress, table])
    }

    func restore(_ state: RestoredState) throws {
        // At a barrier all subtasks have seen the same watermarks; parts that were put aside before may know less.
        if let progress = state.numbers("progress").max(by: { $0[0] < $1[0] }) {
            watermark = progress[0]
            openFrom = progress[1]
        }
        for batch in state.batches("panes") {
            let startColumn = batch.columns[plan.keyCount]
            let starts = startColumn.pointer(Int64.self)
            var first = 0
            while first < batch.rowCount {
                var end = first + 1
                while end < batch.rowCount && starts[end] == starts[first] { end += 1 }
                try restore(batch.slice(first, end - first), startingAt: starts[first])
                first = end
            }
        }
    }

    private func restore(_ rows: RecordBatch, startingAt start: Int64) throws {
        let pane = pane(start)
        do {
            try pane.restore(rows, ids: &ids)
        } catch {
            throw failures.describe(error)
        }
    }

    /// Panes that no open window holds.
    private func removePanes(before start: Int64) {
        let count = order.prefix { $0 < start }.count
        for pane in order.prefix(count) { panes[pane] = nil }
        order.removeFirst(count)
        if count > 0 { tree.removeNodes(before: start) }
    }

    private func close(windowAt start: Int64, end: Int64) throws {
        do {
            let content = try content(start, end)
            let count = content.groups.groupCount
            guard count > 0 else { return }
            let columns = content.groups.keys() + (try content.accumulators.finish()) + timeColumns(start, end, count)
            closed.append(RecordBatch(schema: spec.schema, columns: columns, rowCount: count))
        } catch let error as KernelError {
            throw failures.describe(error)
        }
    }

    /// Gives out what closed windows hold. Small windows share a batch.
    private func emitClosed(into collector: any Collector) throws {
        guard let all = closed.concatenated() else { return }
        closed.removeAll()
        try collector.emit(all, inPiecesOf: context.batchSize)
    }

    /// The aggregates of a whole window.
    private func content(_ start: Int64, _ end: Int64) throws(KernelError) -> Pane {
        if windows.isTumbling, let pane = panes[start] { return pane }
        return try tree.content(start, end, of: panes, order, ids: &ids)
    }

    /// The window as STRUCT<start, end>, where the schema has it, and the event time of the results.
    private func timeColumns(_ start: Int64, _ end: Int64, _ count: Int) -> [Column] {
        let eventTime = Column.repeating(.timestamp(end - 1), count: count)
        if spec.window == .instant { return [eventTime] }
        let window = spec.schema[spec.schema.count - 2]
        let bounds = [start, end].map { Column.repeating(.timestamp($0), count: count) }
        return [Column(type: window.type, count: count, children: bounds), eventTime]
    }
}
