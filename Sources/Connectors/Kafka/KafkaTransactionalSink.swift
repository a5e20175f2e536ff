import CRdKafka
import Columnar
import Dataflow
import HostSystem
import State
import Synchronization

/// Writes rows to a topic, exactly once for readers of committed records: one transaction for each checkpoint.
///
/// A transaction dies with its producer, so the records of an epoch are part of its checkpoint. `commit` commits the
/// transaction together with a note of the epoch, kept as the offset of a group that is named like the transactional
/// id. A sink that goes on takes the id over, which fences whoever had it, and reads the note: it says whether the
/// epoch of the checkpoint was committed; if not, its records are written again, in a transaction of their own.
final class KafkaTransactionalSink: SinkOperator {
    private static let ownerName = "sink"
    private static let attemptsMax = 3
    /// Records between two checkpoints take no more memory than this. Long before, one is asked for, and while it is
    /// under way half of this is enough.
    static let stagedBytesMax = 1 << 30

    private let spec: ConnectorSpec
    private let options: KafkaTableOptions
    private let context: OperatorContext
    private var encoder: KafkaRecordEncoder
    private let clock = SystemMonotonicClock()
    /// By subtask, drawn when it first starts: tells its transactions from those of other pipelines.
    private var owners: [Int: String]
    /// How many subtasks there were; nil at a first start.
    private var formerParallelism: Int?
    private var staged = StagedRecords()
    private var restored: [StagedRecords.Restored] = []
    private var producer: KafkaProducer?
    /// When the open transaction was begun.
    private var transactionStart: UInt64 = 0
    private var failure: (any Error)?
    /// Whether a checkpoint of this run names the subtask, or is about to.
    private var isPrepared = false

    /// Errors: `OptionError`, `FormatOptionError`.
    init(
        _ spec: ConnectorSpec, _ options: KafkaTableOptions, _ context: OperatorContext, _ random: any RandomSource
    ) throws {
        self.spec = spec
        self.options = options
        self.context = context
        encoder = try KafkaRecordEncoder(spec, options)
        var random = random
        owners = [context.subtask: String(random.next(), radix: 36)]
    }

    private func transactionalID(_ subtask: Int) -> String {
        "laminar-\(spec.table)-\(owners[subtask] ?? "")-\(subtask)"
    }

    private func makeProducer(_ subtask: Int) throws -> KafkaProducer {
        try KafkaProducer(
            options, table: spec.table, transactionalID: transactionalID(subtask), isRestored: context.isRestored,
            metrics: context.metrics)
    }

    func onStart() async throws {
        encoder = try await KafkaRecordEncoder.registered(spec, options) ?? encoder
        let producer = try makeProducer(context.subtask)
        self.producer = producer
        try await producer.connect()
        try await located(producer) { try await producer.takeOver() }
        // Ids of this run that no later one would know of hold nothing open before a checkpoint names them.
        staged.writesEarly = (formerParallelism ?? 0) >= context.parallelism
        for subtask in formerSubtasks where subtask != context.subtask {
            try await settle(subtask, with: makeProducer(subtask), writes: false)
        }
    }

    /// The former subtasks whose transactions are this one's to end.
    private var formerSubtasks: [Int] {
        (0..<(formerParallelism ?? 0)).filter { $0 % context.parallelism == context.subtask && owners[$0] != nil }
    }

    func write(_ batch: RecordBatch) async throws {
        if batch.rowCount == 0 { return }
        try await working { [self] producer in
            staged.add(try encoder.encode(batch))
            if staged.byteCount > Self.stagedBytesMax {
                throw producer.client.trouble.userError(
                    "more than \(Self.stagedBytesMax >> 20) MB of records wait for a checkpoint: see why none succeeds")
            }
            try await writeEarly(producer)
        }
    }

    func flush() async throws {
        if let producer {
            rd_kafka_poll(producer.client.handle, 0)
            try await working { [self] producer in try await giveUpWhenOld(producer) }
        }
    }

    /// A transaction that is open may grow too old while no rows come.
    var wantsFlush: Bool { staged.written != nil }

    var wantsCheckpoint: Bool { staged.byteCount > Self.stagedBytesMax / 4 }
    var isFull: Bool { staged.byteCount > Self.stagedBytesMax / 2 }

    func prepare(epoch: Int) async throws -> StateSnapshot {
        if let failure { throw failure }
        // The note of an epoch that is committed would be taken for this one's, and its records be lost.
        guard epoch > staged.waitingEpoch else {
            throw OperationalError(
                "table '\(spec.table)': epoch \(epoch) is prepared behind epoch \(staged.waitingEpoch)",
                domain: .internal)
        }
        staged.prepare(epoch: epoch)
        isPrepared = true
        return StateSnapshot([ownership] + [staged.table(subtask: context.subtask)].compactMap { $0 })
    }

    func commit(epoch: Int) async throws {
        let start = clock.elapsedNanoseconds()
        let isEmpty = staged.missing == nil && restored.isEmpty
        try await working { [self] producer in
            for subtask in Set(restored.map(\.subtask)).sorted() {
                let writer = subtask == context.subtask ? producer : try makeProducer(subtask)
                try await settle(subtask, with: writer, writes: true)
            }
            restored = []
            try await commitStaged(producer)
            // The first commit of a sink may be of a checkpoint that does not name all its subtasks.
            if isPrepared { staged.writesEarly = true }
            try await writeEarly(producer)
        }
        if isEmpty { return }
        let nanos = clock.elapsedNanoseconds() &- start
        context.metrics.commitNanos.store(max(1, Int(clamping: nanos)), ordering: .relaxed)
    }

    // MARK: Transactions

    /// Writes what may go into the open transaction already; what fails is left to `commit`.
    private func writeEarly(_ producer: KafkaProducer) async throws {
        try await giveUpWhenOld(producer)
        do {
            for records in staged.early { try await write(records, producer) }
        } catch let failure as KafkaFailure {
            staged.writesEarly = false
            try await abort(producer, after: failure)
        }
    }

    /// A transaction that waits for its checkpoint for half of the time that brokers allow is given up before they
    /// end it and the producer with it; its records are written again when the checkpoint stands.
    private func giveUpWhenOld(_ producer: KafkaProducer) async throws {
        guard staged.written != nil, clock.elapsedNanoseconds() &- transactionStart > producer.transactionNanos / 2
        else { return }
        staged.writesEarly = false
        try await producer.abort()
        staged.noteAbort()
    }

    private func write(_ records: KafkaRecords, _ producer: KafkaProducer) async throws {
        if staged.written == nil {
            try producer.begin()
            transactionStart = clock.elapsedNanoseconds()
            staged.noteBegin()
        }
        try await producer.produce(records)
        staged.noteWritten()
    }

    private func commitStaged(_ producer: KafkaProducer) async throws {
        try await giveUpWhenOld(producer)
        var attempts = 0
        while let missing = staged.missing {
            do {
                for records in missing { try await write(records, producer) }
                try await producer.commit(epoch: staged.epoch)
                staged.noteCommit()
            } catch let failure as KafkaFailure {
                attempts += 1
                if attempts >= Self.attemptsMax || !failure.requiresAbort { throw failure }
                try await abort(producer, after: failure)
            }
        }
    }

    /// Gives the open transaction up, unless nothing helps any more.
    private func abort(_ producer: KafkaProducer, after failure: KafkaFailure) async throws {
        if failure.isFatal { throw failure }
        if let fatal = producer.client.fatal { throw fatal }
        try await producer.abort()
        staged.noteAbort()
    }

    /// Ends what a former subtask has left: with `writes` its records of the checkpoint gone on from are committed if
    /// they were not.
    private func settle(_ subtask: Int, with writer: KafkaProducer, writes: Bool) async throws {
        try await located(writer) {
            if writer !== producer { try await writer.takeOver() }
            let records = restored.filter { $0.subtask == subtask }
            guard writes, let epoch = records.map(\.epoch).max() else { return }
            if try await committedEpoch(subtask) >= epoch { return }
            try writer.begin()
            for part in records { try await writer.produce(part.records) }
            try await writer.commit(epoch: epoch)
        }
    }

    /// The newest epoch whose transaction was committed under the id of a subtask; 0 for none.
    private func committedEpoch(_ subtask: Int) async throws -> Int {
        let name = transactionalID(subtask)
        let trouble = options.trouble(table: spec.table, isRestored: context.isRestored)
        let client = try KafkaClient(.consumer, options.markerConfiguration(name), trouble)
        let topic = options.topic
        return try await client.waiting { _ in Int(clamping: try client.committed(topic, [0])[0] ?? 0) }
    }

    /// Does what may fail only once: what a failed step has left is not known, and a restored sink finds out.
    private func working(_ body: (KafkaProducer) async throws -> Void) async throws {
        if let failure { throw failure }
        guard let producer else { return }
        do {
            try await located(producer) { try await body(producer) }
        } catch {
            failure = error
            throw error
        }
    }

    private func located(_ producer: KafkaProducer, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let failure as KafkaFailure {
            throw producer.client.error(failure, "cannot write to it in a transaction")
        }
    }

    // MARK: State

    private var ownership: StateTable {
        var names = ViewBuilder(capacity: 1)
        names.append(owners[context.subtask] ?? "")
        let numbers = [context.subtask, context.parallelism].map { Column.repeating(.int64(Int64($0)), count: 1) }
        return StateTable(Self.ownerName, .everywhere, [names.finish()] + numbers, rowCount: 1)
    }

    func restore(_ state: RestoredState) throws {
        for batch in state.batches(Self.ownerName) {
            for row in 0..<batch.rowCount {
                let subtask = Int(batch.columns[1].pointer(Int64.self)[row])
                owners[subtask] = String(decoding: batch.columns[0].viewReader[row], as: UTF8.self)
                formerParallelism = Int(batch.columns[2].pointer(Int64.self)[row])
            }
        }
        let former = StagedRecords.restored(state)
        staged.noteFormer(epoch: former.map(\.epoch).max() ?? 0)
        if state.isCommitted { return }
        restored = former.filter { $0.subtask % context.parallelism == context.subtask }
    }
}
