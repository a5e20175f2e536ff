import Columnar
import Dataflow
import Expressions
import State
import Synchronization

/// Joins rows with the version of a right row that was valid at their event time.
///
/// A left row waits until the watermark has passed its time: then every version up to it is there. Versions that no
/// later left row can need are dropped, so that in the long run one stays of each key. A version that comes late is
/// kept all the same, for the left rows to come. A delete, which has no time of its own, counts for the left rows that
/// are not out yet; a version that was replaced stays valid until the time of the one that replaced it.
final class TemporalJoinOperator: Operator {
    private static let name = "TemporalJoin"
    /// Fewer versions than this are not looked through for superfluous ones.
    private static let leastCleaning = 64

    private let spec: TemporalJoinSpec
    private let context: OperatorContext
    private var keys: [OperatorExpressions]
    private var residual: OperatorPredicate?
    /// Marked versions are those taken back.
    private let versions: TimedRowTable
    private var waiting: WaitingRows
    private var watermark = Int64.min
    /// At so many versions the superfluous ones are looked for.
    private var cleaningCount = TemporalJoinOperator.leastCleaning

    init(_ spec: TemporalJoinSpec, context: OperatorContext) {
        self.spec = spec
        self.context = context
        keys = [spec.join.leftKeys, spec.join.rightKeys].map {
            OperatorExpressions($0, operatorName: Self.name, context: context)
        }
        residual = spec.join.residual.map { OperatorPredicate($0, operatorName: Self.name, context: context) }
        versions = TimedRowTable(
            keyTypes: spec.join.rightKeys.map(\.type), rowTypes: spec.sides[1].map(\.type),
            timeColumn: spec.eventTimes[1], nullsMatch: spec.join.nullsAreEqual,
            isCheckpointed: context.isCheckpointed)
        waiting = WaitingRows(
            timeColumn: spec.eventTimes[0], keys: spec.join.leftKeys, operatorName: Self.name, context: context)
    }

    var stateByteCount: Int { waiting.byteCount + versions.byteCount }
    var stateRowCount: Int { waiting.rowCount + versions.rowCount }
    var nextDueTime: Int64? { waiting.nextDueTime }
    /// Versions kept.
    var versionCount: Int { versions.rowCount }

    // MARK: - Rows

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let lateCount: Int
        if input == 1 {
            let times = batch.columns[spec.eventTimes[1]].pointer(Int64.self)
            lateCount = (0..<batch.rowCount).count { times[$0] < watermark }
            try keep(batch)
        } else {
            lateCount = waiting.append(batch, watermark: watermark)
        }
        if lateCount > 0 { context.metrics.lateRows.wrappingAdd(lateCount, ordering: .relaxed) }
    }

    private func keep(_ batch: RecordBatch) throws {
        let keyColumns = try keys[1].evaluate(batch)
        let rows = Array(batch.columns.prefix(spec.sides[1].count))
        let taken = retractions(of: batch, column: spec.retraction)
        let hasKey = versions.hasKeys(keyColumns, rowCount: batch.rowCount)
        var given: [Int] = []
        var takenBack: [Int] = []
        for row in 0..<batch.rowCount where hasKey[row] {
            if taken?[row] ?? false { takenBack.append(row) } else { given.append(row) }
        }
        let selection = Selection(given)
        versions.append(
            keyColumns.map { $0.taking(selection) }, rows.map { $0.taking(selection) }, rowCount: given.count,
            marks: given.map { _ in false })
        if takenBack.isEmpty { return }
        let found = versions.find(keyColumns, rowCount: batch.rowCount)
        let times = rows[spec.eventTimes[1]].pointer(Int64.self)
        for row in takenBack where found[row] >= 0 { takeBack(key: Int(found[row]), time: times[row]) }
    }

    /// Marks the version of a time, of several the first: one given behind it in the same batch stays.
    private func takeBack(key: Int, time: Int64) {
        var oldest: Int32 = -1
        var entry = versions.latest(ofKey: key, through: time)
        while entry >= 0, versions.times[Int(entry)] == time {
            if !versions.isMarked[Int(entry)] { oldest = entry }
            entry = versions.before(entry)
        }
        if oldest >= 0 { versions.mark(Int(oldest)) }
    }

    // MARK: - Time

    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        guard watermark > self.watermark else { return watermark }
        self.watermark = watermark
        if let closed = waiting.takeClosed(before: watermark) { try join(closed, into: collector) }
        if versions.rowCount >= cleaningCount || watermark == .max { dropVersions() }
        return watermark
    }

    private func join(_ rows: RecordBatch, into collector: any Collector) throws {
        let size = max(1, context.batchSize)
        for start in stride(from: 0, to: rows.rowCount, by: size) {
            try joinBatch(rows.slice(start, min(size, rows.rowCount - start)), into: collector)
        }
    }

    private func joinBatch(_ batch: RecordBatch, into collector: any Collector) throws {
        let found = versions.find(try keys[0].evaluate(batch), rowCount: batch.rowCount)
        let times = batch.columns[spec.eventTimes[0]].pointer(Int64.self)
        var valid = (0..<batch.rowCount).map { row in
            found[row] < 0 ? -1 : version(ofKey: Int(found[row]), at: times[row])
        }
        if residual != nil {
            let rows = valid.indices.filter { valid[$0] >= 0 }
            let pairs = pairs(batch, rows, rows.map { valid[$0] })
            if !rows.isEmpty, let kept = try residual?.select(pairs) {
                for (index, row) in rows.enumerated() where !kept[index] { valid[row] = -1 }
            }
        }
        let keepsAll = spec.join.kind == .left
        let rows = valid.indices.filter { keepsAll || valid[$0] >= 0 }
        try collector.emit(pairs(batch, rows, rows.map { valid[$0] }))
    }

    /// Rows with their versions; nulls where the version is negative.
    private func pairs(_ batch: RecordBatch, _ rows: [Int], _ entries: [Int32]) -> RecordBatch {
        let selection = Selection(rows)
        let known = entries.filter { $0 >= 0 }
        let columns = versions.rows(Selection(buffer: .copying(known), count: known.count))
        var next: Int32 = -1
        let places = entries.map { entry -> Int32 in
            if entry < 0 { return -1 }
            next += 1
            return next
        }
        let taken = Selection(buffer: .copying(places), count: places.count)
        return RecordBatch(
            schema: spec.join.schema,
            columns: batch.columns.map { $0.taking(selection) } + columns.map { $0.takingOrNull(taken) },
            rowCount: rows.count)
    }

    /// The version of a key that is valid at a time; −1 for none.
    private func version(ofKey key: Int, at time: Int64) -> Int32 {
        let latest = versions.latest(ofKey: key, through: time)
        if latest < 0 || !versions.isMarked[Int(latest)] { return latest }
        // It was taken back: replaced by a later one, until whose time it is valid, or deleted.
        if versions.latest(ofKey: key, through: .max) != latest { return latest }
        return unmarked(before: latest)
    }

    private func unmarked(before entry: Int32) -> Int32 {
        var entry = versions.before(entry)
        while entry >= 0, versions.isMarked[Int(entry)] { entry = versions.before(entry) }
        return entry
    }

    /// Drops the versions that no left row from the watermark on can need.
    private func dropVersions() {
        for key in 0..<versions.keyCount {
            let latest = versions.latest(ofKey: key, through: watermark)
            if latest < 0 { continue }
            let kept = version(ofKey: key, at: watermark)
            var entry = latest
            while entry >= 0 {
                let next = versions.before(entry)
                if entry != kept || watermark == .max { versions.drop(Int(entry)) }
                entry = next
            }
        }
        versions.compactIfDue()
        cleaningCount = max(Self.leastCleaning, 2 * versions.rowCount)
    }

    // MARK: - State

    func snapshot() throws -> StateSnapshot {
        let tables = [versions.snapshot("versions"), try waiting.snapshot("waiting")]
        return StateSnapshot([StateTable("progress", numbers: [watermark])] + tables.compactMap { $0 })
    }

    /// Versions that have come, were taken back or dropped; left rows that have come.
    func increment() throws -> StateSnapshot {
        let tables = [versions.increment("versions"), try waiting.increment("waiting", watermark: watermark)]
        return StateSnapshot([StateTable("progress", numbers: [watermark])] + tables.compactMap { $0 })
    }

    func restore(_ state: RestoredState) throws {
        watermark = state.numbers("progress").map { $0[0] }.max() ?? .min
        versions.restore(state, "versions")
        waiting.restore(state, "waiting")
    }
}
