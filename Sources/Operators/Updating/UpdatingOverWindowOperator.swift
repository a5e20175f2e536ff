import Columnar
import Dataflow
import Expressions
import HostSystem
import State

/// Window functions over endless or changing input: at every flush the partitions whose rows have changed are computed
/// anew, and where their rows differ from those given out, these are taken back and the new ones given.
///
/// With a limit on ROW_NUMBER only rows within it are given; where rows stay once they have come, the others are
/// forgotten at once, as nothing can bring them back, unless a call of a row within looks at rows behind it. A
/// partition that has had no row for the time to live is forgotten silently, with what was given of it.
final class UpdatingOverWindowOperator: Operator {
    private static let name = "UpdatingOverWindow"

    private let spec: UpdatingOverWindowSpec
    private let context: OperatorContext
    private var partitionBy: OperatorExpressions
    private var givenPartitionBy: OperatorExpressions
    private let rows: KeyedRowTable
    private let given: KeyedRowTable
    private let inputFields: [Field]
    /// Whether rows beyond the limit are of no use any more.
    private let dropsRows: Bool
    private var changed: [Int32] = []
    private var isChanged: [Bool] = []
    private var lastExpiry = 0 as Int64

    init(_ spec: UpdatingOverWindowSpec, context: OperatorContext) {
        self.spec = spec
        self.context = context
        let over = spec.over
        inputFields = Array(over.schema.fields.dropLast(over.calls.count))
        dropsRows = spec.retraction == nil && over.calls.allSatisfy(\.looksBack)
        partitionBy = OperatorExpressions(over.partitionBy, operatorName: Self.name, context: context)
        givenPartitionBy = OperatorExpressions(over.partitionBy, operatorName: Self.name, context: context)
        let keyTypes = over.partitionBy.map(\.type)
        rows = KeyedRowTable(
            keyTypes: keyTypes, rowTypes: inputFields.map(\.type), sharesEntries: spec.retraction != nil,
            nullsMatch: true, isCheckpointed: context.isCheckpointed)
        given = KeyedRowTable(
            keyTypes: keyTypes, rowTypes: over.schema.fields.map(\.type), sharesEntries: true, nullsMatch: true,
            isCheckpointed: context.isCheckpointed)
    }

    var stateByteCount: Int { rows.byteCount + given.byteCount }
    var stateRowCount: Int { rows.entryCount + given.entryCount }
    var hasUnflushedChanges: Bool { !changed.isEmpty || spec.ttlMillis != nil && rows.entryCount > 0 }
    private var now: Int64 { context.clock.nowNanoseconds() / 1_000_000 }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let keys = try partitionBy.evaluate(batch)
        let entries = rows.change(
            keys, Array(batch.columns.prefix(inputFields.count)), rowCount: batch.rowCount,
            retractions: retractions(of: batch, column: spec.retraction), at: now)
        for entry in entries where entry >= 0 {
            let key = rows.key(of: Int(entry))
            if isChanged.count <= key { isChanged += repeatElement(false, count: key + 1 - isChanged.count) }
            if isChanged[key] { continue }
            isChanged[key] = true
            changed.append(Int32(truncatingIfNeeded: key))
        }
    }

    func flush(into collector: any Collector) throws {
        if !changed.isEmpty { try giveChanges(into: collector) }
        rows.compactIfDue()
        given.compactIfDue()
        guard let ttl = spec.ttlMillis else { return }
        let now = now
        if lastExpiry == 0 { lastExpiry = now }
        if now - lastExpiry < max(1, ttl / 8) { return }
        lastExpiry = now
        rows.expire(before: now - ttl, byKey: true)
        given.expire(before: now - ttl, byKey: true)
    }

    private func giveChanges(into collector: any Collector) throws {
        let keys = rows.keys(Selection(buffer: .copying(changed), count: changed.count))
        let computed = try computeChanged()
        var affected = given.find(keys, rowCount: changed.count)
        var wanted: [Int32] = []
        if let computed {
            let entries = given.entries(
                of: try givenPartitionBy.evaluate(computed), computed.columns, computed.rowCount)
            wanted = Array(repeating: 0, count: given.entryCount)
            for entry in entries { wanted[Int(entry)] += 1 }
            affected = given.find(keys, rowCount: changed.count)
            for entry in Set(entries) where given.count(of: Int(entry)) == 0 {
                // Entries that nothing stands for yet are not found by their key.
                difference(Int(entry), wanted)
            }
        }
        for key in affected where key >= 0 {
            given.forEachEntry(ofKey: Int(key)) { difference($0, wanted) }
        }
        let partitions = changed
        changed.removeAll(keepingCapacity: true)
        isChanged = []
        try emitDifferences(into: collector)
        if spec.ttlMillis != nil { keepAlive(partitions, keys) }
    }

    /// What was given of a partition is remembered as long as its rows are, also when these change nothing.
    private func keepAlive(_ partitions: [Int32], _ keys: [Column]) {
        for (partition, key) in zip(partitions, given.find(keys, rowCount: partitions.count)) {
            let time = rows.time(ofKey: Int(partition))
            rows.setTime(time, ofKey: Int(partition))
            if key >= 0 { given.setTime(time, ofKey: Int(key)) }
        }
    }

    /// Entries of `given` to take back and to give, each as often as it stands there.
    private var takenBack: [Int32] = []
    private var added: [(entry: Int32, count: Int32)] = []

    private func difference(_ entry: Int, _ wanted: [Int32]) {
        let target = entry < wanted.count ? wanted[entry] : 0
        let count = given.count(of: entry)
        if target < count {
            takenBack += repeatElement(Int32(truncatingIfNeeded: entry), count: Int(count - target))
        } else if target > count {
            added.append((Int32(truncatingIfNeeded: entry), target - count))
        }
    }

    private func emitDifferences(into collector: any Collector) throws {
        let new = added.sorted { $0.entry < $1.entry }.flatMap { repeatElement($0.entry, count: Int($0.count)) }
        var changes = ChangeBatchBuilder(spec.schema, hasRetraction: true)
        for (entries, isRetraction) in [(takenBack, true), (new, false)] where !entries.isEmpty {
            let selection = Selection(buffer: .copying(entries), count: entries.count)
            changes.append(given.rows(selection), count: entries.count, isRetraction: isRetraction)
        }
        let time = now
        for entry in takenBack { given.setCount(given.count(of: Int(entry)) - 1, of: Int(entry), at: time) }
        for (entry, count) in added { given.setCount(given.count(of: Int(entry)) + count, of: Int(entry), at: time) }
        takenBack = []
        added = []
        guard let all = changes.finish() else { return }
        try collector.emit(all, inPiecesOf: context.batchSize)
    }

    // MARK: - Computing

    /// The rows of the changed partitions with their window functions; nil when none is left.
    private func computeChanged() throws -> RecordBatch? {
        var entries: [Int32] = []
        for key in changed {
            rows.forEachEntry(ofKey: Int(key)) { entry in
                entries += repeatElement(Int32(truncatingIfNeeded: entry), count: Int(rows.count(of: entry)))
            }
        }
        if entries.isEmpty { return nil }
        // The entry goes through the computation beside its row, to tell which rows are beyond the limit.
        let entryField = Field("entry", .int32, isNullable: false)
        var over = spec.over
        over.schema = Schema(inputFields + [entryField] + spec.over.schema.fields.suffix(over.calls.count))
        let columns =
            rows.rows(Selection(buffer: .copying(entries), count: entries.count))
            + [Column(type: .int32, count: entries.count, values: .copying(entries))]
        let batch = RecordBatch(
            schema: Schema(inputFields + [entryField]), columns: columns, rowCount: entries.count)
        let collected = RowCollector()
        let body = try OverWindowOperator(over, context: context)
        try body.process(batch, input: 0, into: collected)
        try body.onEnd(into: collected)
        guard var result = collected.rows.concatenated() else { return nil }
        if let limit = spec.limit { result = withinLimit(result, limit) }
        let kept = Array(0..<inputFields.count) + Array((inputFields.count + 1)..<result.columns.count)
        let visible = RecordBatch(
            schema: spec.over.schema, columns: kept.map { result.columns[$0] }, rowCount: result.rowCount)
        return visible.rowCount > 0 ? visible : nil
    }

    private func withinLimit(_ batch: RecordBatch, _ limit: UpdatingOverWindowSpec.Limit) -> RecordBatch {
        let numbers = batch.columns[inputFields.count + 1 + limit.call]
        let entryColumn = batch.columns[inputFields.count]
        let number = numbers.pointer(Int64.self)
        let entry = entryColumn.pointer(Int32.self)
        var kept: [Int32] = []
        for row in 0..<batch.rowCount {
            if number[row] <= limit.count {
                kept.append(Int32(truncatingIfNeeded: row))
            } else if dropsRows {
                rows.setCount(0, of: Int(entry[row]), at: now)
            }
        }
        return batch.taking(Selection(buffer: .copying(kept), count: kept.count))
    }

    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? { watermark }

    func onEnd(into collector: any Collector) throws { try flush(into: collector) }

    // MARK: - State

    func snapshot() throws -> StateSnapshot {
        StateSnapshot([rows.snapshot("rows"), given.snapshot("given")].compactMap { $0 })
    }

    func increment() throws -> StateSnapshot {
        StateSnapshot([rows.increment("rows"), given.increment("given")].compactMap { $0 })
    }

    func restore(_ state: RestoredState) throws {
        rows.restore(state, "rows")
        given.restore(state, "given")
    }
}

extension OverCall {
    /// Whether its value for a row is that of the row and those before it in the order, whichever come behind.
    fileprivate var looksBack: Bool {
        switch call.name {
        case "row_number", "rank", "dense_rank": return true
        case "percent_rank", "cume_dist", "ntile", "lead": return false
        case "lag":
            guard call.arguments.count > 1 else { return true }
            guard case .literal(let offset) = call.arguments[1] else { return false }
            return offset.isNull || offset.intValue.map { $0 >= 0 } ?? false
        default: break
        }
        // The first row of a partition is always there.
        if call.name == "first_value", frame.map({ $0.start == .unboundedPreceding }) ?? true { return true }
        // Frames that are not of rows hold rows of equal order behind their own.
        guard let frame, frame.unit == .rows else { return false }
        switch frame.end {
        case .unboundedPreceding, .preceding, .currentRow: return true
        case .following, .unboundedFollowing: return false
        }
    }
}

/// Keeps what an inner operator gives out.
final class RowCollector: Collector {
    private(set) var rows = CollectedBatches()

    func emit(_ batch: RecordBatch) throws { rows.append(batch) }
}
