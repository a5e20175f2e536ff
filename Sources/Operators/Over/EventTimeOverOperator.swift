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
    private var waiting = CollectedBatches()
    private var earliest = Int64.max
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
            stateTypes: computation.stateTypes, keepsEmpty: spec.reach.isUnbounded)
    }

    var stateByteCount: Int { waiting.byteCount + partitions.byteCount }
    var stateRowCount: Int { waiting.rowCount + partitions.rowCount }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let (late, onTime, earliest) = WindowedOperator.split(batch.columns[spec.eventTime], at: watermark)
        if late.count > 0 { context.metrics.lateRows.wrappingAdd(late.count, ordering: .relaxed) }
        waiting.append(late.count == 0 ? batch : batch.taking(onTime))
        self.earliest = min(self.earliest, earliest)
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
        if earliest < watermark, let all = waiting.concatenated() {
            let (closed, open, earliest) = WindowedOperator.split(all.columns[spec.eventTime], at: watermark)
            waiting.removeAll()
            self.earliest = earliest
            if open.count > 0 { waiting.append(all.taking(open)) }
            touched = try append(open.count == 0 ? all : all.taking(closed))
        }
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
            partitions.givenCounts[partition] = end - layout.partitions[index].lowerBound
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
        let size = max(1, context.batchSize)
        for start in stride(from: 0, to: result.rowCount, by: size) {
            try collector.emit(result.slice(start, min(size, result.rowCount - start)))
        }
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

    func snapshot() throws -> StateSnapshot {
        var tables = [StateTable("progress", numbers: [watermark])]
        if let rows = waiting.concatenated() {
            tables.append(KeyedRows.table("waiting", keys: try partitionBy.evaluate(rows), rows: rows))
        }
        let keyCount = spec.over.partitionBy.count
        var owners: [Int] = []
        var isGiven: [Bool] = []
        for (partition, entries) in partitions.entries.enumerated() {
            owners += repeatElement(partition, count: entries.count)
            isGiven += entries.indices.map { $0 < partitions.givenCounts[partition] }
        }
        if !owners.isEmpty {
            let columns =
                partitions.keys.keys(of: Selection(owners)) + partitions.rows(partitions.entries.flatMap { $0 })
                + [Column.booleans(Bitmap(isGiven), validity: nil)]
            tables.append(StateTable("rows", .keyed(columnCount: keyCount), columns, rowCount: owners.count))
        }
        let known = spec.reach.isUnbounded ? (0..<partitions.count).filter { partitions.goneRows[$0] > 0 } : []
        if !known.isEmpty {
            let numbers = [partitions.goneRows, partitions.goneGroups].map { all in
                Column(type: .int64, count: known.count, values: .copying(known.map { all[$0] }))
            }
            let columns =
                partitions.keys.keys(of: Selection(known)) + numbers + partitions.states(of: known).columns
            tables.append(StateTable("gone", .keyed(columnCount: keyCount), columns, rowCount: known.count))
        }
        return StateSnapshot(tables)
    }

    func restore(_ state: RestoredState) throws {
        watermark = state.numbers("progress").map { $0[0] }.max() ?? .min
        let keyCount = spec.over.partitionBy.count
        for rows in KeyedRows.rows(state, "waiting", keyCount: keyCount) {
            waiting.append(rows)
            earliest = min(earliest, WindowedOperator.split(rows.columns[spec.eventTime], at: .min).earliest)
        }
        for batch in state.batches("gone") {
            let owners = partitions.intern(Array(batch.columns.prefix(keyCount)), rowCount: batch.rowCount)
            let numbers = batch.columns[keyCount..<(keyCount + 2)].map { $0.pointer(Int64.self) }
            for (row, partition) in owners.enumerated() {
                partitions.setGone(rows: numbers[0][row], groups: numbers[1][row], of: Int(partition))
            }
            let columns = Array(batch.columns.dropFirst(keyCount + 2))
            if !columns.isEmpty { partitions.setStates(columns, of: owners.map { Int($0) }) }
        }
        for batch in state.batches("rows") {
            let owners = partitions.intern(Array(batch.columns.prefix(keyCount)), rowCount: batch.rowCount)
            let rows = Array(batch.columns[keyCount..<(keyCount + inputSchema.count)])
            let times = rows[spec.eventTime].pointer(Int64.self)
            partitions.append(rows, owners, times: (0..<batch.rowCount).map { times[$0] })
            let isGiven = batch.columns[keyCount + inputSchema.count].bits
            for (row, partition) in owners.enumerated() {
                if isGiven[row] { partitions.givenCounts[Int(partition)] += 1 } else { open.insert(Int(partition)) }
            }
        }
    }
}
