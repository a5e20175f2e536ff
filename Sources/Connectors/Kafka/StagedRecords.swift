import Columnar
import State

/// Which records wait for which checkpoint, and how many of them the open transaction holds. Decides and remembers,
/// speaks to nobody.
///
/// The records are kept until their transaction is committed, and every snapshot holds them: whatever becomes of the
/// transaction, they can be written again. The open transaction always holds a beginning of what waits: once a
/// checkpoint has been prepared, nothing that came behind its barrier may go into it.
struct StagedRecords {
    private static let tableName = "records"

    /// Records of a former subtask, which a checkpoint holds.
    struct Restored {
        var subtask: Int
        /// What the transaction's note says when it was committed.
        var epoch: Int
        var records: KafkaRecords
    }

    /// Before the last `prepare`, not committed.
    private var waiting: [KafkaRecords] = []
    /// The epoch of the last `prepare`, also of a former process.
    private(set) var waitingEpoch = 0
    /// Since the last `prepare`.
    private var fresh: [KafkaRecords] = []
    /// How many batches the open transaction holds, of those that wait and then of the fresh ones; nil: none is open.
    private(set) var written: Int?
    private(set) var byteCount = 0
    /// Whether records may go into a transaction before their checkpoint stands.
    var writesEarly = false

    mutating func add(_ records: KafkaRecords) {
        if records.count == 0 { return }
        fresh.append(records)
        byteCount += records.byteCount
    }

    /// The batches that are to be written now, ahead of their checkpoint.
    var early: ArraySlice<KafkaRecords> {
        guard writesEarly, waiting.isEmpty else { return [] }
        return fresh[(written ?? 0)...]
    }

    /// Notes that epochs up to this one were prepared before.
    mutating func noteFormer(epoch: Int) { waitingEpoch = max(waitingEpoch, epoch) }

    /// Everything so far belongs to `epoch`, which is later than all before; what an epoch that failed held goes with
    /// it.
    mutating func prepare(epoch: Int) {
        waiting += fresh
        fresh = []
        waitingEpoch = epoch
    }

    /// The batches that must be written before the transaction can be committed; nil: there is nothing to commit.
    var missing: ArraySlice<KafkaRecords>? { waiting.isEmpty ? nil : waiting[min(written ?? 0, waiting.count)...] }

    /// What the transaction's note is to say.
    var epoch: Int { waitingEpoch }

    mutating func noteBegin() { written = 0 }
    mutating func noteWritten() { written = (written ?? 0) + 1 }

    /// The transaction is gone, with all it held.
    mutating func noteAbort() { written = nil }

    /// What waited is committed.
    mutating func noteCommit() {
        waiting = []
        written = nil
        byteCount = fresh.reduce(0) { $0 + $1.byteCount }
    }

    // MARK: State

    /// The state of a checkpoint. At another parallelism every subtask gets all rows, and takes those of its share.
    func table(subtask: Int) -> StateTable? {
        if waiting.isEmpty { return nil }
        let records = KafkaRecords.concatenating(waiting)
        let numbers = [Int64(subtask), Int64(waitingEpoch)].map { Column.repeating(.int64($0), count: records.count) }
        let columns = [records.keys, records.values, records.millis] + (records.headers.map { [$0] } ?? [])
        return StateTable(Self.tableName, .everywhere, numbers + columns, rowCount: records.count)
    }

    /// The records a checkpoint holds, by former subtask.
    static func restored(_ state: RestoredState) -> [Restored] {
        state.batches(tableName).compactMap { batch in
            let columns = batch.columns
            guard batch.rowCount > 0, columns.count >= 5 else { return nil }
            return Restored(
                subtask: Int(columns[0].pointer(Int64.self)[0]), epoch: Int(columns[1].pointer(Int64.self)[0]),
                records: KafkaRecords(
                    keys: columns[2], values: columns[3], millis: columns[4],
                    headers: columns.count > 5 ? columns[5] : nil))
        }
    }
}
