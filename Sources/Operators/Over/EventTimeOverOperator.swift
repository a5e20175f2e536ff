import Columnar
import Dataflow
import Expressions
import State
import Synchronization

/// Computes window functions over endless input in the order of event time.
///
/// Rows wait until the watermark has passed their time; then nothing can come before them any more. They are computed
/// together with the rows before them that their frames need, and come out, once, in order within their partition;
/// rows whose frames look ahead wait for those too, and hold the watermark back meanwhile. Rows that no later frame
/// needs go: frames without a start, and numbers of rows, remember what they were.
final class EventTimeOverOperator: Operator {
    static let name = "EventTimeOver"

    private let spec: EventTimeOverSpec
    private let context: OperatorContext
    private let computation: OverComputation
    private var partitionBy: OperatorExpressions
    private var orderBy: OperatorExpressions
    let partitions: OverPartitions
    private let inputSchema: Schema
    private var waiting: WaitingRows
    private var watermark = Int64.min
    /// Partitions with rows that are not out yet.
    private var open: Set<Int> = []
    private var lastSweep = Int64.min

    init(_ spec: EventTimeOverSpec, context: OperatorContext) throws {
        self.spec = spec
        self.context = context
        let over = spec.over
        computation = try OverComputation(over, context: context)
        partitionBy = OperatorExpressions(over.partitionBy, operatorName: Self.name, context: context)
        orderBy = OperatorExpressions(over.orderBy.map(\.expression), operatorName: Self.name, context: context)
        inputSchema = Schema(Array(over.schema.fields.dropLast(over.calls.count)))
        partitions = OverPartitions(
            keyTypes: over.partitionBy.map(\.type), rowTypes: inputSchema.fields.map(\.type),
            stateTypes: computation.stateTypes, keepsEmpty: spec.reach.isUnbounded,
            isCheckpointed: context.isCheckpointed)
        waiting = WaitingRows(
            timeColumn: spec.eventTime, keys: over.partitionBy, operatorName: Self.name, context: context)
    }

    var stateByteCount: Int { waiting.byteCount + partitions.byteCount }
    var stateRowCount: Int { waiting.rowCount + partitions.rowCount }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let lateCount = waiting.append(batch, watermark: watermark)
        if lateCount > 0 { context.metrics.lateRows.wrappingAdd(lateCount, ordering: .relaxed) }
    }

    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        if watermark > self.watermark {
            self.watermark = watermark
            try advance(into: collector)
        }
        // Rows that still wait for others are not late when they come.
        return open.reduce(self.watermark) { least, partition in
            min(least, partitions.times[Int(partitions.entries[partition][partitions.givenCounts[partition]])])
        }
    }

    private func advance(into collector: any Collector) throws {
        var touched: Set<Int> = []
        if let closed = waiting.takeClosed(before: watermark) { touched = try append(closed) }
        if spec.reach.timeAhead != nil || watermark == .max { touched.formUnion(open) }
        if isSweepDue { touched.formUnion(partitions.entries.indices.filter { !partitions.entries[$0].isEmpty }) }
        if !touched.isEmpty { try compute(touched.sorted(), into: collector) }
        if partitions.compactIfDue() { open = partitions.open }
    }

    /// Rows of partitions that get no more rows are looked for from time to time.
    private var isSweepDue: Bool {
        guard let back = spec.reach.timeBack else { return watermark == .max }
        let due = WindowTimes.sum(lastSweep, max(1, back / 2))
        if watermark < due && watermark != .max && lastSweep != .min { return false }
        lastSweep = watermark
        return true
    }

    /// Puts rows behind those of their partitions, in order. Gives the partitions.
    private func append(_ batch: RecordBatch) throws -> Set<Int> {
        let numbers = partitions.intern(try partitionBy.evaluate(batch), rowCount: batch.rowCount)
        let numberColumn = Column(type: .int64, count: numbers.count, values: .copying(numbers.map { Int64($0) }))
        let orders =
            [SortOrder()]
            + spec.over.orderBy.map { SortOrder(isDescending: $0.isDescending, nullsFirst: $0.nullsFirst) }
        let order = Sorting.sortedIndices(
            [numberColumn] + (try orderBy.evaluate(batch)), orders: orders, rowCount: batch.rowCount)
        let sorted = batch.taking(order)
        let times = sorted.columns[spec.eventTime].pointer(Int64.self)
        partitions.append(
            sorted.columns, (0..<order.count).map { numbers[order[$0]] },
            times: (0..<order.count).map { times[$0] })
        return Set(numbers.map { Int($0) })
    }

    // MARK: - Computing

    /// Gives out what can be known of partitions, and lets go of rows that nothing needs any more.
    private func compute(_ touched: [Int], into collector: any Collector) throws {
        let touched = touched.filter { !partitions.entries[$0].isEmpty }
        let entries = touched.flatMap { partitions.entries[$0] }
        if entries.isEmpty { return }
        let rows = RecordBatch(schema: inputSchema, columns: partitions.rows(entries), rowCount: entries.count)
        let owners = touched.enumerated().flatMap { index, partition in
            repeatElement(Int64(index), count: partitions.entries[partition].count)
        }
        let keys = try orderBy.evaluate(rows)
        let layout = OverLayout(
            partitions: [Column(type: .int64, count: owners.count, values: .copying(owners))], keys: keys,
            rowCount: rows.rowCount)
        var edges = OverEdges(spec.reach, layout, entries.map { partitions.times[Int($0)] }, watermark)
        var wanted = Array(repeating: false, count: rows.rowCount)
        for (index, partition) in touched.enumerated() {
            let first = layout.partitions[index].lowerBound + partitions.givenCounts[partition]
            let end = edges.knownEnd(ofPartition: index, from: first)
            for row in first..<end { wanted[row] = true }
            partitions.setGiven(end - layout.partitions[index].lowerBound, of: partition)
            if end < layout.partitions[index].upperBound { open.insert(partition) } else { open.remove(partition) }
        }
        if wanted.contains(true) { try emit(rows, keys, layout, wanted, touched, into: collector) }
        try letGo(touched, rows, layout, &edges)
    }

    private func emit(
        _ rows: RecordBatch, _ keys: [Column], _ layout: OverLayout, _ wanted: [Bool], _ touched: [Int],
        into collector: any Collector
    ) throws {
        let gone = OverComputation.Gone(
            rows: touched.map { partitions.goneRows[$0] }, groups: touched.map { partitions.goneGroups[$0] },
            states: partitions.states(of: touched))
        let computed = try computation.evaluate(rows, keys, layout, wanted, gone)
        let selection = Selection(wanted.indices.filter { wanted[$0] })
        let result = RecordBatch(
            schema: spec.over.schema, columns: (rows.columns + computed).map { $0.taking(selection) },
            rowCount: selection.count)
        try collector.emit(result, inPiecesOf: context.batchSize)
    }

    private func letGo(
        _ touched: [Int], _ rows: RecordBatch, _ layout: OverLayout, _ edges: inout OverEdges
    ) throws {
        var going: [Int32] = []
        var goingOwners: [UInt32] = []
        var owners: [Int] = []
        for (index, partition) in touched.enumerated() {
            let range = layout.partitions[index]
            let keptFrom = edges.keptStart(
                ofPartition: index, firstOpen: range.lowerBound + partitions.givenCounts[partition])
            if keptFrom == range.lowerBound { continue }
            for row in range.lowerBound..<keptFrom {
                going.append(Int32(truncatingIfNeeded: row))
                goingOwners.append(UInt32(truncatingIfNeeded: owners.count))
            }
            owners.append(partition)
            // A group that is cut is counted with its last row.
            let isCut = keptFrom < range.upperBound && layout.peers(ofRow: keptFrom).lowerBound < keptFrom
            let last = Int(layout.peersOfRow[keptFrom - 1]) - (isCut ? 1 : 0)
            let groups = last - Int(layout.peersOfRow[range.lowerBound]) + 1
            partitions.remove(first: keptFrom - range.lowerBound, groups: groups, of: partition)
        }
        if owners.isEmpty || computation.stateTypes.isEmpty { return }
        let former = partitions.states(of: owners)
        let selection = Selection(buffer: .copying(going), count: going.count)
        partitions.setStates(
            try computation.fold(rows.taking(selection), goingOwners, former, count: owners.count), of: owners)
    }

    // MARK: - State

    func snapshot() throws -> StateSnapshot { snapshot(try waiting.snapshot("waiting"), isIncrement: false) }

    func increment() throws -> StateSnapshot {
        snapshot(try waiting.increment("waiting", watermark: watermark), isIncrement: true)
    }

    private func snapshot(_ waiting: StateTable?, isIncrement: Bool) -> StateSnapshot {
        let tables = [
            waiting, partitions.rowTable("rows", isIncrement: isIncrement),
            partitions.goneTable("gone", isIncrement: isIncrement),
        ]
        return StateSnapshot([StateTable("progress", numbers: [watermark])] + tables.compactMap { $0 })
    }

    func restore(_ state: RestoredState) throws {
        watermark = state.numbers("progress").map { $0[0] }.max() ?? .min
        waiting.restore(state, "waiting")
        partitions.restore(state, rows: "rows", gone: "gone", timeColumn: spec.eventTime)
        open = partitions.open
    }
}
